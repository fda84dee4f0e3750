/* wire/csv_rows.c: CSV lines to rows. Payloads are read apart from each other, so that a stray
 * quote in one swallows nothing of the next. */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "csv/record.h"
#include "csv/split.h"
#include "wire/rows.h"

static const char not_utf8[] = "not UTF-8";

/* Bytes that "N fields, expected K" takes. */
enum { REASON = 64 };

/* One payload. */
typedef struct csv_rows {
    odd_decoder *d;
    bool utf8;            /* all of it is UTF-8 */
    size_t fields;        /* of the last line with a wrong number of them */
    const char *miscount; /* its reason */
} csv_rows;

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Adds a row without good cells, or with. */
static void add(csv_rows *r, odd_reject reject, const char *reason, odd_span text)
{
    if (!r->utf8 && !odd_utf8_valid(text.data, text.size)) {
        reject = ODD_REJECT_UTF8;
        reason = not_utf8;
    }
    odd_row_add(r->d, reject, reason, text, (odd_span){"", 0});
}

/* A line without quotes: the cells are where they stand, without the blanks around them. Up to K
 * go to cells; returns how many there are. */
static size_t split(const char *line, size_t size, odd_span *cells, size_t K)
{
    const char *end = line + size, *comma;
    size_t fields = 0;
    do {
        comma = memchr(line, ',', (size_t)(end - line));
        const char *from = line, *to = comma ? comma : end;
        while (from < to && blank(*from))
            from++;
        while (from < to && blank(to[-1]))
            to--;
        if (fields < K)
            cells[fields] = (odd_span){from, (size_t)(to - from)};
        fields++;
        line = comma ? comma + 1 : end;
    } while (comma);
    return fields;
}

static bool take_line(csv_rows *r, odd_span line)
{
    size_t K = r->d->schema->K;
    odd_span *cells = odd_row_begin(r->d);
    if (!cells)
        return false;
    size_t fields = split(line.data, line.size, cells, K);
    if (fields == 1 && !cells[0].size) /* a blank line is no row */
        return true;
    if (fields == K) {
        add(r, ODD_REJECT_NONE, NULL, line);
        return true;
    }
    if (fields != r->fields) { /* worded once for lines that follow each other */
        char text[REASON];
        int size = snprintf(text, sizeof text, "%zu field%s, expected %zu", fields,
                            fields == 1 ? "" : "s", K);
        r->miscount = odd_arena_copy(&r->d->texts, text, (size_t)size);
        r->fields = fields;
    }
    if (!r->miscount)
        return false;
    add(r, ODD_REJECT_COLUMNS, r->miscount, line);
    return true;
}

/* Nothing but lines and commas: no copy, no parser. The same rules as those of csv/record.h where
 * there are no quotes, and a test holds the two together. */
static bool plain_rows(csv_rows *r, const char *payload, size_t size)
{
    const char *at = payload, *end = payload + size;
    bool returns = memchr(payload, '\r', size);
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const char *next = stop ? stop + 1 : end;
        if (!stop)
            stop = end;
        const char *cr = returns ? memchr(at, '\r', (size_t)(stop - at)) : NULL;
        if (cr) {
            next = cr + 1 == stop ? next : cr + 1;
            stop = cr;
        }
        if (stop > at && !take_line(r, (odd_span){at, (size_t)(stop - at)}))
            return false;
        at = next;
    }
    return true;
}

/* Walks the records once more, beside what libcsv made of them, for their text and their order. */
static bool merge(csv_rows *r, const char *payload, size_t size, const char *texts)
{
    const odd_csv_chunk *c = &r->d->chunk;
    size_t row = 0, reject = 0, K = c->columns;
    odd_record_scanner scanner;
    odd_record_start(&scanner, ',', size);
    for (size_t at = 0, index = 0; at < size;) {
        odd_record record;
        odd_record_status status =
            odd_record_scan(&scanner, payload + at, size - at, true, &record);
        odd_span text = {payload + at, record.text};
        at += record.size;
        if (status == ODD_RECORD_BLANK)
            continue;
        odd_span *cells = odd_row_begin(r->d);
        if (!cells)
            return false;
        if (row < c->rows && c->record_of_row[row] == index) {
            for (size_t k = 0; k < K; k++) {
                odd_span cell = c->cells[row * K + k];
                cells[k] = (odd_span){texts + (cell.data - c->text.data), cell.size};
            }
            row++;
            add(r, ODD_REJECT_NONE, NULL, text);
        } else if (status == ODD_RECORD_GOOD) {
            const char *reason = c->rejects[reject++].reason;
            reason = odd_arena_copy(&r->d->texts, reason, strlen(reason));
            if (!reason)
                return false;
            add(r, ODD_REJECT_COLUMNS, reason, text);
        } else {
            reject++;
            add(r, ODD_REJECT_CSV, record.reason, text);
        }
        index++;
    }
    return true;
}

/* Quotes or NUL bytes: libcsv's. Its texts are the chunk's, which the next payload needs. */
static bool quoted_rows(csv_rows *r, const char *payload, size_t size)
{
    odd_csv_chunk *c = &r->d->chunk;
    size_t used = 0;
    c->raw.size = 0;
    c->marked = true;
    if (odd_bytes_add(&c->raw, payload, size) ||
        odd_csv_split_raw(c, r->d->schema->K, ',', size, NULL))
        return false;
    if (c->rows) {
        odd_span last = c->cells[c->rows * c->columns - 1];
        used = (size_t)(last.data - c->text.data) + last.size;
    }
    const char *texts = odd_arena_copy(&r->d->texts, c->text.data, used);
    return texts && merge(r, payload, size, texts);
}

int odd_csv_rows(odd_decoder *d, const char *payload, size_t size, odd_decoded *out)
{
    (void)out;
    csv_rows r = {.d = d, .utf8 = odd_utf8_valid(payload, size)};
    bool plain = !memchr(payload, '"', size) && !memchr(payload, 0, size);
    bool done = plain ? plain_rows(&r, payload, size) : quoted_rows(&r, payload, size);
    return done ? 0 : ODDROW_ENOMEM;
}
