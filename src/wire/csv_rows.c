/* wire/csv_rows.c: CSV lines to rows. Payloads are read apart from each other, so that a stray
 * quote in one swallows nothing of the next. The rules are those of csv/record.h; cells stay where
 * they stand, which setting up libcsv for each payload would not allow, and a test holds every cell
 * against what libcsv makes of the same bytes. */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "csv/record.h"
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

/* The text between quotes with "" made ", in the arena. False: no memory. */
static bool unescape(odd_arena *texts, odd_span *cell)
{
    char *copy = odd_arena_take(texts, cell->size);
    size_t size = 0;
    if (!copy)
        return false;
    for (size_t i = 0; i < cell->size; i++) {
        copy[size++] = cell->data[i];
        i += cell->data[i] == '"';
    }
    *cell = (odd_span){copy, size};
    return true;
}

/* The same of a record with quotes, which the scanner has found good: a quote that opens a field is
 * closed, and only blanks follow it. SIZE_MAX: no memory. */
static size_t split_quoted(odd_arena *texts, odd_span record, odd_span *cells, size_t K)
{
    const char *at = record.data, *end = at + record.size;
    for (size_t fields = 0;; at++) { /* behind the comma */
        odd_span cell = {at, 0};
        bool doubled = false;
        while (at < end && blank(*at))
            at++;
        if (at < end && *at == '"') {
            cell.data = ++at;
            while (at < end && (*at != '"' || (at + 1 < end && at[1] == '"'))) {
                doubled |= *at == '"';
                at += *at == '"' ? 2 : 1;
            }
            cell.size = (size_t)(at - cell.data);
            while (at < end && *at != ',')
                at++;
        } else {
            cell.data = at;
            while (at < end && *at != ',')
                at++;
            cell.size = (size_t)(at - cell.data);
            while (cell.size && blank(cell.data[cell.size - 1]))
                cell.size--;
        }
        if (fields < K) {
            if (doubled && !unescape(texts, &cell))
                return SIZE_MAX;
            cells[fields] = cell;
        }
        fields++;
        if (at == end)
            return fields;
    }
}

static bool take_line(csv_rows *r, odd_span line, bool quoted)
{
    size_t K = r->d->schema->K;
    odd_span *cells = odd_row_begin(r->d);
    if (!cells)
        return false;
    size_t fields =
        quoted ? split_quoted(&r->d->texts, line, cells, K) : split(line.data, line.size, cells, K);
    if (fields == SIZE_MAX)
        return false;
    if (!quoted && fields == 1 && !cells[0].size) /* a blank line is no row */
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

/* Nothing but lines and commas: no scanner. */
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
        if (stop > at && !take_line(r, (odd_span){at, (size_t)(stop - at)}, false))
            return false;
        at = next;
    }
    return true;
}

/* Quotes or NUL bytes: the scanner says where records end and which are good. */
static bool quoted_rows(csv_rows *r, const char *payload, size_t size)
{
    odd_record_scanner scanner;
    odd_record_start(&scanner, ',', size);
    for (size_t at = 0; at < size;) {
        odd_record record;
        odd_record_status status =
            odd_record_scan(&scanner, payload + at, size - at, true, &record);
        odd_span text = {payload + at, record.text};
        at += record.size;
        if (status == ODD_RECORD_BLANK)
            continue;
        if (status == ODD_RECORD_GOOD) {
            if (!take_line(r, text, memchr(text.data, '"', text.size)))
                return false;
        } else {
            if (!odd_row_begin(r->d))
                return false;
            add(r, ODD_REJECT_CSV, record.reason, text);
        }
    }
    return true;
}

int odd_csv_rows(odd_decoder *d, const char *payload, size_t size, odd_decoded *out)
{
    (void)out;
    csv_rows r = {.d = d, .utf8 = odd_utf8_valid(payload, size)};
    bool plain = !memchr(payload, '"', size) && !memchr(payload, 0, size);
    bool done = plain ? plain_rows(&r, payload, size) : quoted_rows(&r, payload, size);
    return done ? 0 : ODDROW_ENOMEM;
}
