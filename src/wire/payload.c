/* wire/payload.c: the table of encodings, the life of a decoder, and which codec takes a payload.
 */
#include "wire/payload.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "wire/codec.h"

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
            d->reason_at[k * ODD_PROBLEMS + i] = d->reasons.size;
            odd_bytes_print(&d->reasons, formats[i], d->schema->columns[k].name);
            odd_bytes_char(&d->reasons, '\0');
        }
    return !d->reasons.failed;
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

/* ---- encodings ---- */

static const odd_codec *const codecs[ODD_ENCODINGS] = {
    [ODD_ENCODING_CSV] = &odd_csv_codec,
    [ODD_ENCODING_JSON] = &odd_json_codec,
    [ODD_ENCODING_MSGPACK] = &odd_msgpack_codec,
};

const char *odd_encoding_name(odd_encoding encoding)
{
    return (unsigned)encoding < ODD_ENCODINGS ? codecs[encoding]->name : "?";
}

bool odd_encoding_is_json(odd_encoding encoding)
{
    return codecs[encoding]->json;
}

odd_encoding odd_encoding_of(odd_span payload)
{
    for (unsigned e = 0; payload.size && e < ODD_ENCODINGS; e++)
        if (codecs[e]->recognise && codecs[e]->recognise(payload))
            return (odd_encoding)e;
    return ODD_ENCODING_CSV;
}

int odd_payload_write(odd_encoding encoding, const char *const *names, size_t columns,
                      const odd_span *cells, size_t rows, odd_bytes *out)
{
    size_t before = out->size;
    codecs[encoding]->write(names, columns, cells, rows, out);
    if (out->failed)
        out->size = before;
    return odd_bytes_check(out, NULL);
}

int odd_decode(odd_decoder *d, odd_span payload, odd_decoded *out, oddrow_error *err)
{
    size_t rows = d->row_count, good = d->good;
    int rc = 0;
    *out = (odd_decoded){.encoding = odd_encoding_of(payload), .first = rows};
    d->first = rows;
    d->too_many = false;
    if (payload.size > d->max_payload)
        rc = odd_refuse(out, ODD_REJECT_SIZE, d->too_long);
    else if (odd_blank_size(payload) < payload.size)
        rc = codecs[out->encoding]->decode(d, payload, out);
    if (rc && d->too_many)
        rc = odd_refuse(out, ODD_REJECT_SIZE, "more than 65536 rows");
    else if (!rc && !out->reject && d->row_count == rows)
        rc = odd_refuse(out, ODD_REJECT_EMPTY, "no rows");
    if (rc || out->reject) {
        d->row_count = rows;
        d->good = good;
    }
    out->rows = d->row_count - rows;
    if (!rc)
        return 0;
    *out = (odd_decoded){.first = rows};
    return odd_fail(err, rc, "out of memory for the rows of %zu bytes", payload.size);
}
