/* csv/header.c: tries delimiters on the first records, and splits the first one into names. */
#include "csv/header.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "csv/chunk.h"
#include "csv/record.h"

#include <csv.h>
#include <stdio.h>
#include <string.h>

static void count_field(void *data, size_t size, void *context)
{
    (void)data;
    (void)size;
    ++*(size_t *)context;
}

/* Fields of one good record; scratch has room for more bytes than it has. */
static size_t count_fields(const char *record, size_t size, char delimiter, char *scratch)
{
    struct csv_parser parser;
    size_t fields = 0;
    if (csv_init(&parser, 0))
        return 0;
    csv_set_delim(&parser, (unsigned char)delimiter);
    parser.entry_buf = (unsigned char *)scratch;
    parser.entry_size = size + 1;
    csv_parse(&parser, record, size, count_field, NULL, &fields);
    csv_fini(&parser, count_field, NULL, &fields);
    return fields;
}

/* How well a delimiter splits the first records. */
typedef struct fit {
    size_t fields; /* of the header */
    double share;  /* of the other records that have as many; 1 when there is none */
} fit;

static fit try_delimiter(const char *data, size_t size, bool end, char delimiter, char *scratch)
{
    enum { RECORDS = 50 };
    odd_record_scanner scanner;
    odd_record_start(&scanner, delimiter, size + 1);
    size_t at = 0, others = 0, equal = 0;
    fit result = {0, 1};
    while (at < size && others < RECORDS) {
        odd_record record;
        odd_record_status status = odd_record_scan(&scanner, data + at, size - at, end, &record);
        bool cut_off = status == ODD_RECORD_MORE;
        if (cut_off && result.fields)
            break;
        if (cut_off) /* a header longer than the bytes at hand */
            record.size = size - at;
        if (cut_off || status == ODD_RECORD_GOOD) {
            size_t fields = count_fields(data + at, record.size, delimiter, scratch);
            others += result.fields != 0;
            equal += result.fields == fields;
            if (!result.fields)
                result.fields = fields;
        } else if (status == ODD_RECORD_BAD) {
            others++;
        }
        at += record.size;
    }
    if (others)
        result.share = (double)equal / (double)others;
    return result;
}

char odd_csv_detect(const char *data, size_t size, bool end)
{
    static const char candidates[] = ",;\t|";
    char best = ',', *scratch = odd_alloc(size + 1, 1);
    fit found = {1, 0};
    if (!scratch)
        return 0;
    for (const char *c = candidates; *c; c++) {
        fit f = try_delimiter(data, size, end, *c, scratch);
        if (f.fields >= 2 && f.share > 0 &&
            (f.share > found.share || (f.share == found.share && f.fields > found.fields))) {
            found = f;
            best = *c;
        }
    }
    odd_free(scratch);
    return best;
}

static int copy_names(odd_csv_header *h, const odd_csv_chunk *c, oddrow_error *err)
{
    enum { NUMBERED = 32 }; /* room for column_N */
    size_t room = 0, at = 0;
    for (size_t i = 0; i < c->columns; i++)
        room += c->cells[i].size ? c->cells[i].size + 1 : NUMBERED;
    h->names = odd_alloc(c->columns, sizeof *h->names);
    h->text = odd_alloc(room, 1);
    if (!h->names || !h->text)
        return odd_no_memory(err);
    for (size_t i = 0; i < c->columns; i++) {
        odd_span cell = c->cells[i];
        h->names[i] = h->text + at;
        if (cell.size) {
            memcpy(h->text + at, cell.data, cell.size);
            at += cell.size + 1;
        } else {
            at += (size_t)snprintf(h->text + at, NUMBERED, "column_%zu", i + 1) + 1;
        }
    }
    h->columns = c->columns;
    return 0;
}

/* By a hash table: a million columns are fine. */
static int check_names(const odd_csv_header *h, const char *path, size_t line, oddrow_error *err)
{
    size_t slots = 16;
    while (slots < 2 * h->columns)
        slots *= 2;
    uint32_t *table = odd_alloc(slots, sizeof *table); /* index + 1, 0 where free */
    if (!table)
        return odd_no_memory(err);
    int rc = 0;
    for (size_t i = 0; i < h->columns && !rc; i++) {
        size_t slot = odd_hash(h->names[i], strlen(h->names[i]), 0) & (slots - 1);
        for (; table[slot] && !rc; slot = (slot + 1) & (slots - 1))
            if (!strcmp(h->names[table[slot] - 1], h->names[i]))
                rc = odd_fail(err, ODDROW_EFORMAT,
                              "%s: line %zu: column %zu: the name \"%.200s\" is that of column "
                              "%u too",
                              path, line, i + 1, h->names[i], table[slot]);
        table[slot] = (uint32_t)i + 1;
    }
    odd_free(table);
    return rc;
}

int odd_csv_header_read(odd_csv_header *out, const char *record, size_t size, char delimiter,
                        const char *path, size_t line, oddrow_error *err)
{
    odd_csv_chunk chunk = {0};
    char *scratch = odd_alloc(size + 1, 1);
    *out = (odd_csv_header){0};
    odd_bytes_add(&chunk.raw, record, size);
    int rc = scratch ? odd_bytes_check(&chunk.raw, err) : odd_no_memory(err);
    if (!rc)
        rc = odd_csv_chunk_split(&chunk, count_fields(record, size, delimiter, scratch), delimiter,
                                 size + 1, err);
    if (!rc)
        rc = copy_names(out, &chunk, err);
    if (!rc)
        rc = check_names(out, path, line, err);
    odd_free(scratch);
    odd_csv_chunk_free(&chunk);
    if (rc)
        odd_csv_header_free(out);
    return rc;
}

int odd_csv_header_compare(const odd_csv_header *first, const odd_csv_header *other,
                           const char *path, size_t line, oddrow_error *err)
{
    for (size_t i = 0; i < first->columns && i < other->columns; i++)
        if (strcmp(first->names[i], other->names[i]))
            return odd_fail(err, ODDROW_ESCHEMA,
                            "%s: line %zu: column %zu is \"%.200s\", in the first file \"%.200s\"",
                            path, line, i + 1, other->names[i], first->names[i]);
    if (first->columns == other->columns)
        return 0;
    bool longer = other->columns > first->columns;
    size_t i = longer ? first->columns : other->columns;
    return odd_fail(err, ODDROW_ESCHEMA, "%s: line %zu: column %zu \"%.200s\" is only in %s", path,
                    line, i + 1, longer ? other->names[i] : first->names[i],
                    longer ? "this file, not in the first" : "the first file");
}

void odd_csv_header_free(odd_csv_header *h)
{
    if (!h)
        return;
    odd_free(h->names);
    odd_free(h->text);
    *h = (odd_csv_header){0};
}
