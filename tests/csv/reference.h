/* tests/csv/reference.h: the record rules of csv/record.h once more, written as plainly as possible
 * over a whole file in memory, and a log of results that reference and source can be compared by.
 * Shared by test_source.c and tests/fuzz/fuzz_csv.c. */
#ifndef ODD_TESTS_CSV_REFERENCE_H
#define ODD_TESTS_CSV_REFERENCE_H

#include "csv/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reference {
    const char *data;
    size_t size, max_record, columns;
    char delimiter;
    odd_bytes fields; /* of the record under way, as log entries */
    size_t count;     /* of them */
} reference;

static inline void put(odd_bytes *log, const void *data, size_t size)
{
    odd_bytes_add(log, data, size);
    if (log->failed)
        abort();
}

static inline void put_cell(odd_bytes *log, const char *data, size_t size)
{
    odd_bytes_print(log, "[%zu:", size);
    if (log->failed)
        abort();
    put(log, data, size);
    put(log, "]", 1);
}

static inline void put_row(odd_bytes *log, size_t record)
{
    odd_bytes_print(log, "\nrow %zu ", record);
    if (log->failed)
        abort();
}

static inline void put_reject(odd_bytes *log, size_t record, size_t offset, const char *reason,
                              const char *line, size_t size)
{
    odd_bytes_print(log, "\nreject %zu at %zu: %s ", record, offset, reason);
    if (log->failed)
        abort();
    put_cell(log, line, size);
}

static inline bool is_blank(const reference *r, char c)
{
    return (c == ' ' || c == '\t') && c != r->delimiter;
}

static inline bool is_end(char c)
{
    return c == '\n' || c == '\r';
}

/* The first line end from i on, or the end of the data. */
static inline size_t line_stop(const reference *r, size_t i)
{
    while (i < r->size && !is_end(r->data[i]))
        i++;
    return i;
}

/* Behind the line end at i, if one is there. */
static inline size_t behind(const reference *r, size_t i)
{
    if (i == r->size)
        return i;
    return r->data[i] == '\r' && i + 1 < r->size && r->data[i + 1] == '\n' ? i + 2 : i + 1;
}

/* What happened while reading a record as if there were no longest one. */
typedef struct reading {
    size_t stop; /* end of its text */
    bool invalid, open, /* quotes */ inside /* in quotes at the longest record's end */, empty;
} reading;

/* A quoted field from the quote at i on; returns where the next delimiter or end must be. */
static inline size_t read_quoted(reference *r, size_t start, size_t i, reading *x)
{
    odd_bytes text = {0};
    i++;
    for (;;) {
        if (i == start + r->max_record)
            x->inside = true;
        if (i == r->size) {
            x->open = true;
            break;
        }
        if (r->data[i] == '"') {
            if (i + 1 < r->size && r->data[i + 1] == '"') {
                put(&text, "\"", 1);
                i += 2;
                continue;
            }
            i++;
            break;
        }
        put(&text, r->data + i++, 1);
    }
    put_cell(&r->fields, text.data, text.size);
    odd_bytes_free(&text);
    while (i < r->size && is_blank(r, r->data[i]))
        i++;
    return i;
}

static inline size_t read_unquoted(reference *r, size_t i)
{
    size_t start = i;
    while (i < r->size && !is_end(r->data[i]) && r->data[i] != r->delimiter)
        i++;
    size_t stop = i;
    while (stop > start && (r->data[stop - 1] == ' ' || r->data[stop - 1] == '\t'))
        stop--;
    put_cell(&r->fields, r->data + start, stop - start);
    return i;
}

static inline reading read_record(reference *r, size_t start)
{
    reading x = {0};
    size_t i = start;
    r->fields.size = r->count = 0;
    for (;;) {
        while (i < r->size && is_blank(r, r->data[i]))
            i++;
        bool quoted = i < r->size && r->data[i] == '"';
        x.empty = !r->count && !quoted && (i == r->size || is_end(r->data[i]));
        i = quoted ? read_quoted(r, start, i, &x) : read_unquoted(r, i);
        r->count++;
        if (i == r->size || is_end(r->data[i]))
            break;
        if (r->data[i] != r->delimiter) {
            x.invalid = true;
            i = line_stop(r, i);
            break;
        }
        i++;
    }
    x.stop = i;
    return x;
}

/* Logs all records from `at` on. */
static inline void log_reference(reference *r, size_t at, odd_bytes *log)
{
    for (size_t record = 0; at < r->size;) {
        char wrong[64], too_long[64];
        reading x = read_record(r, at);
        const char *reason = NULL;
        size_t stop = x.stop, next, most = at + r->max_record, first = line_stop(r, at);
        bool over = x.stop > most;
        snprintf(wrong, sizeof wrong, "%zu field%s, expected %zu", r->count,
                 r->count == 1 ? "" : "s", r->columns);
        snprintf(too_long, sizeof too_long, "longer than %zu bytes", r->max_record);
        if (over ? x.inside && first <= most : x.open) {
            reason = "unterminated quote";
            stop = first;
        } else if (over) {
            reason = too_long;
            stop = most;
        } else if (x.invalid) {
            reason = "invalid quoting";
        } else if (memchr(r->data + at, 0, stop - at)) {
            reason = "NUL byte";
        } else if (!x.empty && r->count != r->columns) {
            reason = wrong;
        }
        next = behind(r, over ? line_stop(r, stop) : stop);
        if (reason) {
            size_t size = stop - at < 65536 ? stop - at : 65536;
            put_reject(log, record, at, reason, r->data + at, size);
        } else if (!x.empty) {
            put_row(log, record);
            put(log, r->fields.data, r->fields.size);
        }
        record += reason || !x.empty;
        at = next;
    }
    odd_bytes_free(&r->fields);
}

/* Logs what a chunk was split into and returns false when it contradicts itself. `before` counts
 * the records of the chunks before it. */
static inline bool log_chunk(const odd_csv_chunk *c, size_t before, odd_bytes *log)
{
    size_t row = 0, reject = 0;
    if (c->rows + c->reject_count != c->records)
        return false;
    for (size_t record = 0; record < c->records; record++) {
        if (row < c->rows && c->record_of_row[row] == record) {
            put_row(log, before + record);
            for (size_t k = 0; k < c->columns; k++) {
                odd_span cell = c->cells[row * c->columns + k];
                put_cell(log, cell.data, cell.size);
            }
            row++;
        } else if (reject < c->reject_count && c->rejects[reject].record == record) {
            const odd_csv_reject *bad = &c->rejects[reject++];
            put_reject(log, before + record, (size_t)bad->offset, bad->reason, bad->line.data,
                       bad->line.size);
        } else {
            return false;
        }
    }
    return true;
}

/* Logs everything behind the header; *body is where that begins. Aborts on an error other than that
 * of opening, which is returned. */
static inline int log_memory(const char *data, size_t size, const odd_csv_options *options,
                             odd_bytes *log, reference *r, size_t *body)
{
    odd_csv_source *s;
    odd_csv_chunk chunk = {0};
    size_t records = 0;
    int status = odd_csv_open_memory("memory", data, size, options, &s, NULL);
    if (status)
        return status;
    *body = size;
    while ((status = odd_csv_next(s, &chunk, NULL)) > 0) {
        if (*body == size)
            *body = (size_t)chunk.offset;
        if (odd_csv_split(s, &chunk, NULL) || !log_chunk(&chunk, records, log))
            abort();
        records += chunk.records;
    }
    if (status)
        abort();
    *r = (reference){.data = data,
                     .size = size,
                     .max_record = options->max_record,
                     .columns = odd_csv_columns(s),
                     .delimiter = odd_csv_delimiter(s)};
    odd_csv_chunk_free(&chunk);
    odd_csv_close(&s);
    return 0;
}

static inline bool same_log(const odd_bytes *a, const odd_bytes *b)
{
    return a->size == b->size && (!a->size || !memcmp(a->data, b->data, a->size));
}

#endif
