/* wire/csv.c: the encoding CSV. Payloads are read apart from each other, so that a stray quote in
 * one swallows nothing of the next. The rules are those of csv/record.h; cells stay where they
 * stand, which setting up libcsv for each payload would not allow, and a test holds every cell
 * against what libcsv makes of the same bytes. */
#include <string.h>

#include "base/utf8.h"
#include "csv/record.h"
#include "csv/write.h"
#include "wire/codec.h"

/* ---- decode ---- */

/* One payload. */
typedef struct reader {
    odd_decoder *d;
    bool utf8;            /* all of it is UTF-8 */
    size_t fields;        /* of the last line with a wrong number of them */
    const char *miscount; /* its reason */
} reader;

/* Adds a row without good cells, or with. */
static void add(reader *r, odd_reject reject, const char *reason, odd_span text)
{
    if (!r->utf8 && !odd_utf8_valid(text.data, text.size)) {
        reject = ODD_REJECT_UTF8;
        reason = "not UTF-8";
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
        if (fields < K)
            cells[fields] = odd_trimmed((odd_span){line, (size_t)((comma ? comma : end) - line)});
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
        bool doubled = false;
        while (at < end && odd_is_blank(*at))
            at++;
        bool quoted = at < end && *at == '"';
        at += quoted;
        const char *from = at;
        while (quoted && at < end && (*at != '"' || (at + 1 < end && at[1] == '"'))) {
            doubled |= *at == '"';
            at += *at == '"' ? 2 : 1;
        }
        odd_span cell = {from, (size_t)(at - from)};
        while (at < end && *at != ',')
            at++;
        if (!quoted)
            cell = odd_trimmed((odd_span){from, (size_t)(at - from)});
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

static bool take_line(reader *r, odd_span line, bool quoted)
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
        r->miscount =
            odd_reason_text(r->d, "%zu field%s, expected %zu", fields, fields == 1 ? "" : "s", K);
        r->fields = fields;
    }
    if (r->miscount)
        add(r, ODD_REJECT_COLUMNS, r->miscount, line);
    return r->miscount;
}

/* Nothing but lines and commas: no scanner. */
static bool take_plain(reader *r, odd_span payload)
{
    const char *at = payload.data, *end = at + payload.size;
    bool returns = memchr(at, '\r', payload.size);
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
static bool take_quoted(reader *r, odd_span payload)
{
    odd_record_scanner scanner;
    odd_record_start(&scanner, ',', payload.size);
    for (size_t at = 0; at < payload.size;) {
        odd_record record;
        odd_record_status status =
            odd_record_scan(&scanner, payload.data + at, payload.size - at, true, &record);
        odd_span text = {payload.data + at, record.text};
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

static int decode(odd_decoder *d, odd_span payload, odd_decoded *out)
{
    (void)out;
    reader r = {.d = d, .utf8 = odd_utf8_valid(payload.data, payload.size)};
    bool plain = !memchr(payload.data, '"', payload.size) && !memchr(payload.data, 0, payload.size);
    return (plain ? take_plain(&r, payload) : take_quoted(&r, payload)) ? 0 : ODDROW_ENOMEM;
}

/* ---- write ---- */

/* The first cell of a payload must not look like the beginning of another encoding. */
static bool is_misleading(odd_span cell)
{
    return cell.size &&
           ((unsigned char)cell.data[0] >= 0x80 || odd_encoding_of(cell) != ODD_ENCODING_CSV);
}

static void write_rows(const char *const *names, size_t columns, const odd_span *cells, size_t rows,
                       odd_bytes *out)
{
    (void)names;
    for (size_t i = 0; i < rows * columns; i++) {
        if (i % columns)
            odd_bytes_char(out, ',');
        if ((i == 0 && is_misleading(cells[i])) || (columns == 1 && !cells[i].size))
            odd_csv_write_quoted(out, cells[i].data, cells[i].size);
        else
            odd_csv_write_field(out, cells[i].data, cells[i].size, ',');
        if (i % columns == columns - 1)
            odd_bytes_char(out, '\n');
    }
}

const odd_codec odd_csv_codec = {.name = "csv", .decode = decode, .write = write_rows};
