/* fuzz_wire: any bytes as a payload. Whatever they are: cells can be read, counts agree, texts of
 * good rows and ids are what the header says, and a decoder that was cleared sees the same. */
#include "../wire/made.h"

#include <jansson.h>

#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 4096 };

static unsigned sum(odd_span text)
{
    unsigned total = 0;
    for (size_t i = 0; i < text.size; i++)
        total += (unsigned char)text.data[i];
    return total;
}

static void check_json(odd_span text)
{
    json_error_t error;
    json_t *value = json_loadb(text.data, text.size,
                               JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    /* What JSON allows and jansson does not: numbers beyond a double, names with a NUL. */
    made_must(value || json_error_code(&error) == json_error_numeric_overflow ||
              json_error_code(&error) == json_error_null_byte_in_key);
    json_decref(value);
}

static void check_row(const odd_row *row, odd_encoding encoding, size_t size)
{
    made_must((row->reject == ODD_REJECT_NONE) == (row->reason == NULL));
    made_must(!row->reason || (row->reason[0] && odd_utf8_valid(row->reason, strlen(row->reason))));
    made_must(row->text.size <= 16 * size + 64);
    (void)sum(row->text);
    if (row->reject == ODD_REJECT_NONE) {
        made_must(odd_utf8_valid(row->text.data, row->text.size));
        if (encoding != ODD_ENCODING_CSV)
            check_json(row->text);
        if (row->id.size)
            check_json(row->id);
    } else if (encoding == ODD_ENCODING_MSGPACK) {
        check_json(row->text);
    }
}

/* Returns a number that stands for all that was decoded. */
static unsigned look(odd_decoder *d, const uint8_t *data, size_t size)
{
    odd_decoded decoded;
    size_t count, before, good_before, good, seen = 0;
    (void)odd_decoder_rows(d, &before);
    (void)odd_decoder_cells(d, &good_before);
    made_must(odd_decode(d, (odd_span){(const char *)data, size}, &decoded, NULL) == 0);
    const odd_row *rows = odd_decoder_rows(d, &count);
    const odd_span *cells = odd_decoder_cells(d, &good);
    made_must(decoded.first == before && decoded.first + decoded.rows == count);
    made_must((decoded.reject == ODD_REJECT_NONE) == (decoded.reason == NULL));
    made_must(decoded.reject == ODD_REJECT_NONE || decoded.rows == 0);
    unsigned total = (unsigned)decoded.reject * 31 + (unsigned)decoded.rows;
    for (size_t i = decoded.first; i < count; i++) {
        check_row(rows + i, decoded.encoding, size);
        total = total * 31 + (unsigned)rows[i].reject + sum(rows[i].text) + sum(rows[i].id);
        if (rows[i].reject == ODD_REJECT_NONE)
            made_must(rows[i].good == good_before + seen++);
    }
    made_must(good == good_before + seen);
    for (size_t i = good_before * MADE_COLUMNS; i < good * MADE_COLUMNS; i++)
        total = total * 31 + sum(cells[i]);
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char before[] = "Rome,1,2,\"x\",y\n";
    static odd_schema *schema; /* one for all runs: it is dear to make */
    odd_decoder *d = NULL;
    if (!schema)
        schema = made_schema();
    /* A copy, so that a byte too far is seen. */
    uint8_t *copy = malloc(size ? size : 1);
    made_must(copy && odd_decoder_new(schema, MOST, &d, NULL) == 0);
    if (size)
        memcpy(copy, data, size);
    unsigned first = look(d, copy, size);
    odd_decoder_clear(d);
    (void)look(d, (const uint8_t *)before, sizeof before - 1);
    made_must(look(d, copy, size) == first);
    odd_decoder_clear(d);
    made_must(look(d, copy, size) == first);
    free(copy);
    odd_decoder_free(&d);
    return 0;
}
