/* wire/payload.c: the decoder's life, and which reader takes a payload. */
#include "wire/payload.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "wire/rows.h"

/* Bytes that a cleared decoder keeps: those of a usual batch. */
enum { KEPT = 4 * 1024 * 1024 };

const char *odd_reject_name(odd_reject reject)
{
    static const char *const names[ODD_REJECTS] = {
        [ODD_REJECT_NONE] = "none",       [ODD_REJECT_EMPTY] = "empty",
        [ODD_REJECT_SIZE] = "size",       [ODD_REJECT_UTF8] = "utf8",
        [ODD_REJECT_JSON] = "json",       [ODD_REJECT_MSGPACK] = "msgpack",
        [ODD_REJECT_CSV] = "csv",         [ODD_REJECT_DEPTH] = "depth",
        [ODD_REJECT_COLUMNS] = "columns", [ODD_REJECT_TYPE] = "type",
        [ODD_REJECT_FRAMES] = "frames",
    };
    return (unsigned)reject < ODD_REJECTS ? names[reject] : "?";
}

/* Words what may be wrong with each column. */
static bool word_reasons(odd_decoder *d)
{
    static const char *const formats[ODD_PROBLEMS] = {
        [ODD_PROBLEM_ABSENT] = "column '%s' is absent",
        [ODD_PROBLEM_TWICE] = "column '%s' is there twice",
        [ODD_PROBLEM_NESTED] = "column '%s' holds an object or array",
        [ODD_PROBLEM_TYPE] = "column '%s' is no text or number",
        [ODD_PROBLEM_UTF8] = "column '%s' is not UTF-8",
    };
    for (size_t k = 0; k < d->schema->K; k++)
        for (size_t i = 0; i < ODD_PROBLEMS; i++) {
            const char *format = formats[i], *gap = strstr(format, "%s");
            d->reason_at[k * ODD_PROBLEMS + i] = d->reasons.size;
            if (odd_bytes_add(&d->reasons, format, (size_t)(gap - format)) ||
                odd_bytes_add(&d->reasons, d->schema->columns[k].name, d->name_size[k]) ||
                odd_bytes_add(&d->reasons, gap + 2, strlen(gap + 2) + 1))
                return false;
        }
    return true;
}

static bool name_columns(odd_decoder *d)
{
    const odd_schema *s = d->schema;
    d->names = odd_vocabulary_new();
    d->name_size = odd_alloc(s->K, sizeof *d->name_size);
    d->guess = odd_alloc(2 * s->K, sizeof *d->guess);
    d->seen = odd_alloc(s->K, sizeof *d->seen);
    d->reason_at = odd_alloc(s->K, ODD_PROBLEMS * sizeof *d->reason_at);
    if (!d->names || !d->name_size || !d->guess || !d->seen || !d->reason_at)
        return false;
    for (size_t k = 0; k < s->K; k++) { /* names are distinct: column k has id k + 1 */
        d->name_size[k] = strlen(s->columns[k].name);
        d->guess[k] = k;
        d->guess[s->K + k] = ODD_UNKNOWN_NAME;
        if (odd_vocabulary_add(d->names, s->columns[k].name, d->name_size[k], SIZE_MAX, SIZE_MAX) !=
            k + 1)
            return false;
    }
    return word_reasons(d);
}

int odd_decoder_new(const odd_schema *schema, size_t max_payload, odd_decoder **out,
                    oddrow_error *err)
{
    *out = NULL;
    if (!schema->K)
        return odd_fail(err, ODDROW_EINVAL, "a schema without columns decodes nothing");
    odd_decoder *d = odd_alloc(1, sizeof *d);
    if (!d)
        return odd_fail(err, ODDROW_ENOMEM, "no memory for a decoder");
    d->schema = schema;
    d->max_payload = max_payload;
    snprintf(d->too_long, sizeof d->too_long, "longer than %zu bytes", max_payload);
    d->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (d->c_locale == (locale_t)0 || !name_columns(d)) {
        odd_decoder_free(&d);
        return odd_fail(err, ODDROW_ENOMEM, "no memory for a decoder of %zu columns", schema->K);
    }
    *out = d;
    return 0;
}

/* All that grows with payloads. */
static void drop(odd_decoder *d)
{
    odd_free(d->rows);
    odd_free(d->cells);
    d->rows = NULL;
    d->cells = NULL;
    d->row_capacity = d->cell_capacity = 0;
    odd_arena_free(&d->texts);
    odd_arena_free(&d->parser);
    odd_bytes_free(&d->json);
}

void odd_decoder_free(odd_decoder **d)
{
    if (!d || !*d)
        return;
    drop(*d);
    odd_vocabulary_free(&(*d)->names);
    odd_free((*d)->name_size);
    odd_free((*d)->guess);
    odd_free((*d)->seen);
    odd_free((*d)->reason_at);
    odd_bytes_free(&(*d)->reasons);
    if ((*d)->c_locale != (locale_t)0)
        freelocale((*d)->c_locale);
    odd_free(*d);
    *d = NULL;
}

void odd_decoder_clear(odd_decoder *d)
{
    size_t held = d->row_capacity * sizeof *d->rows + d->cell_capacity * sizeof *d->cells +
                  d->texts.total + d->parser.total + d->json.capacity;
    d->row_count = d->good = 0;
    if (held > KEPT)
        drop(d);
    else
        odd_arena_rewind(&d->texts);
}

const odd_row *odd_decoder_rows(const odd_decoder *d, size_t *count)
{
    *count = d->row_count;
    return d->rows;
}

const odd_span *odd_decoder_cells(const odd_decoder *d, size_t *good)
{
    *good = d->good;
    return d->cells;
}

/* Place of the first byte that is no blank and no line end; size when there is none. */
static size_t first_byte(const char *payload, size_t size)
{
    size_t at = 0;
    while (at < size && (payload[at] == ' ' || payload[at] == '\t' || payload[at] == '\n' ||
                         payload[at] == '\r'))
        at++;
    return at;
}

static odd_encoding sniff(const char *payload, size_t size, size_t first)
{
    unsigned char c = size ? (unsigned char)payload[0] : 0;
    if (first < size && (payload[first] == '{' || payload[first] == '['))
        return ODD_ENCODING_JSON;
    return (c >= 0x80 && c <= 0x9f) || (c >= 0xdc && c <= 0xdf) ? ODD_ENCODING_MSGPACK
                                                                : ODD_ENCODING_CSV;
}

int odd_decode(odd_decoder *d, const void *payload, size_t size, odd_decoded *out,
               oddrow_error *err)
{
    size_t rows = d->row_count, good = d->good, first = first_byte(payload, size);
    int code = 0;
    *out = (odd_decoded){.encoding = sniff(payload, size, first), .first = rows};
    d->first = rows;
    d->too_many = false;
    if (size > d->max_payload) {
        out->reject = ODD_REJECT_SIZE;
        out->reason = d->too_long;
    } else if (first == size) {
        out->reject = ODD_REJECT_EMPTY;
        out->reason = "no rows";
    } else if (out->encoding == ODD_ENCODING_JSON) {
        code = odd_json_rows(d, payload, size, out);
    } else if (out->encoding == ODD_ENCODING_MSGPACK) {
        code = odd_msgpack_rows(d, payload, size, out);
    } else {
        code = odd_csv_rows(d, payload, size, out);
    }
    if (!code && out->reject == ODD_REJECT_NONE && d->row_count == rows) {
        out->reject = ODD_REJECT_EMPTY;
        out->reason = "no rows";
    }
    if (code && d->too_many) {
        code = 0;
        out->reject = ODD_REJECT_SIZE;
        out->reason = "more than 65536 rows";
    }
    if (code) {
        d->row_count = rows;
        d->good = good;
        *out = (odd_decoded){.first = rows};
        return odd_fail(err, code, "no memory for the rows of %zu bytes", size);
    }
    if (out->reject != ODD_REJECT_NONE) {
        d->row_count = rows;
        d->good = good;
    }
    out->rows = d->row_count - rows;
    return 0;
}
