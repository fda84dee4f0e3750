/* Payloads of all encodings, good and hostile, to rows of cells. One fixture for three encodings:
 * that is why the file is longer than others. */
#include "wire/payload.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <msgpack.h>

#include "base/memory.h"
#include "csv/chunk.h"
#include "csv/source.h"
#include "made.h"
#include "wire/codec.h"

enum { MOST = 1 << 20 };

static odd_schema *schema;
static odd_decoder *decoder;
static odd_decoded decoded;

static int setup(void **state)
{
    (void)state;
    schema = made_schema();
    return odd_decoder_new(schema, MOST, &decoder, NULL);
}

static int teardown(void **state)
{
    (void)state;
    odd_decoder_free(&decoder);
    odd_decoder_free(&decoder);
    odd_schema_free(&schema);
    return 0;
}

static int reset(void **state)
{
    (void)state;
    odd_decoder_clear(decoder);
    return 0;
}

static void decode_bytes(const void *payload, size_t size)
{
    oddrow_error err = {0};
    if (odd_decode(decoder, (odd_span){payload, size}, &decoded, &err))
        fail_msg("%s", err.message);
    assert_true((decoded.reject == ODD_REJECT_NONE) == (decoded.reason == NULL));
    if (decoded.reject != ODD_REJECT_NONE)
        assert_int_equal(decoded.rows, 0);
}

static void decode(const char *payload)
{
    decode_bytes(payload, strlen(payload));
}

static const odd_row *row(size_t i)
{
    size_t count;
    const odd_row *rows = odd_decoder_rows(decoder, &count);
    assert_true(i < count);
    return rows + i;
}

static void same_text(odd_span got, const char *expected)
{
    if (got.size != strlen(expected) || memcmp(got.data, expected, got.size) != 0)
        fail_msg("'%.*s' is not '%s'", (int)got.size, got.data, expected);
}

/* Row i is good, its text is `text` (NULL: not looked at) and its cells joined by | are `cells`. */
static void good(size_t i, const char *text, const char *cells)
{
    odd_bytes joined = {0};
    size_t count;
    const odd_row *r = row(i);
    if (r->reject != ODD_REJECT_NONE)
        fail_msg("row %zu: %s", i, r->reason);
    assert_null(r->reason);
    const odd_span *all = odd_decoder_cells(decoder, &count);
    assert_true(r->good < count);
    for (size_t k = 0; k < MADE_COLUMNS; k++) {
        odd_span cell = all[r->good * MADE_COLUMNS + k];
        odd_bytes_print(&joined, "%s", k ? "|" : "");
        assert_int_equal(odd_bytes_check(&joined, NULL), 0);
        odd_bytes_add(&joined, cell.data, cell.size);
        assert_int_equal(odd_bytes_check(&joined, NULL), 0);
    }
    same_text((odd_span){joined.data, joined.size}, cells);
    odd_bytes_free(&joined);
    if (text)
        same_text(r->text, text);
}

static void bad(size_t i, odd_reject reject, const char *text, const char *reason)
{
    const odd_row *r = row(i);
    assert_string_equal(odd_reject_name(r->reject), odd_reject_name(reject));
    assert_string_equal(r->reason, reason);
    if (text)
        same_text(r->text, text);
}

static void refused(const char *payload, odd_reject reject, const char *reason)
{
    decode(payload);
    assert_string_equal(odd_reject_name(decoded.reject), odd_reject_name(reject));
    assert_string_equal(decoded.reason, reason);
}

static void csv_lines_become_rows(void **state)
{
    (void)state;
    decode("Rome, 5 ,1e3,u1,x\r\n\n  \t\n,,,,\rOslo\t,6,7,u2,y");
    assert_int_equal(decoded.encoding, ODD_ENCODING_CSV);
    assert_int_equal(decoded.rows, 3);
    good(0, "Rome, 5 ,1e3,u1,x", "Rome|5|1e3|u1|x");
    good(1, ",,,,", "||||");
    good(2, "Oslo\t,6,7,u2,y", "Oslo|6|7|u2|y");
    assert_int_equal(row(0)->id.size, 0);
    decode("\"a,b\",\"say \"\"so\"\"\",1,\" two\nlines \",\n\nRome,1,2,3,4\n");
    assert_int_equal(decoded.first, 3);
    assert_int_equal(decoded.rows, 2);
    good(3, "\"a,b\",\"say \"\"so\"\"\",1,\" two\nlines \",", "a,b|say \"so\"|1| two\nlines |");
    good(4, "Rome,1,2,3,4", "Rome|1|2|3|4");
    good(0, NULL, "Rome|5|1e3|u1|x"); /* still there */
}

static void csv_lines_are_rejected_one_by_one(void **state)
{
    (void)state;
    decode("a,b\n1,2,3,4,5\nx\n1,2,3,4,5,6,7\n");
    assert_int_equal(decoded.rows, 4);
    bad(0, ODD_REJECT_COLUMNS, "a,b", "2 fields, expected 5");
    good(1, NULL, "1|2|3|4|5");
    bad(2, ODD_REJECT_COLUMNS, "x", "1 field, expected 5");
    bad(3, ODD_REJECT_COLUMNS, NULL, "7 fields, expected 5");
    decode("\"a\"b,2,3,4,5\n1,\"2\",3,4,5\n1,\"2,3,4,5\nx,y\n");
    bad(4, ODD_REJECT_CSV, "\"a\"b,2,3,4,5", "invalid quoting");
    good(5, NULL, "1|2|3|4|5");
    bad(6, ODD_REJECT_CSV, "1,\"2,3,4,5", "unterminated quote");
    bad(7, ODD_REJECT_COLUMNS, "x,y", "2 fields, expected 5");
    decode("1,2,3,4,5"); /* a quote open in one payload is not open in the next */
    good(8, NULL, "1|2|3|4|5");
    decode_bytes("1,\0,3,4,5\n1,2,3,4,6", 19);
    bad(9, ODD_REJECT_CSV, NULL, "NUL byte");
    good(10, NULL, "1|2|3|4|6");
    decode("\xc3\xa9,2,3,4,5\nx\xff,2,3,4,5\n1,2\xc3");
    good(11, NULL, "\xc3\xa9|2|3|4|5");
    bad(12, ODD_REJECT_UTF8, "x\xff,2,3,4,5", "not UTF-8");
    bad(13, ODD_REJECT_UTF8, "1,2\xc3", "not UTF-8");
}

/* The splitters here and libcsv see the same. */
static void csv_is_what_libcsv_reads(void **state)
{
    (void)state;
    static const char bytes[] = "a, ,\t\n\r,,,b\"\"\"";
    uint64_t seed = 7;
    char text[64];
    for (size_t round = 0; round < 20000; round++) {
        odd_csv_chunk chunk = {.marked = true};
        size_t size = 1 + (size_t)(round % sizeof text), good_rows, kinds = round % 2 ? 11 : 15;
        for (size_t i = 0; i < size; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[i] = bytes[(seed >> 33) % kinds];
        }
        odd_decoder_clear(decoder);
        decode_bytes(text, size);
        odd_bytes_add(&chunk.raw, text, size);
        assert_int_equal(odd_bytes_check(&chunk.raw, NULL), 0);
        assert_int_equal(odd_csv_chunk_split(&chunk, MADE_COLUMNS, ',', MOST, NULL), 0);
        const odd_span *cells = odd_decoder_cells(decoder, &good_rows);
        assert_int_equal(decoded.rows, chunk.records);
        assert_int_equal(good_rows, chunk.rows);
        for (size_t i = 0; i < good_rows * MADE_COLUMNS; i++) {
            assert_int_equal(cells[i].size, chunk.cells[i].size);
            assert_memory_equal(cells[i].data, chunk.cells[i].data, cells[i].size);
        }
        for (size_t i = 0; i < chunk.rows; i++)
            assert_int_equal(row(chunk.record_of_row[i])->reject, ODD_REJECT_NONE);
        odd_csv_chunk_free(&chunk);
    }
}

static void json_objects_become_rows(void **state)
{
    (void)state;
    decode(
        " \n{\"city\":\"Rome\",\"n\":-1.50e2,\"x\":null,\"user\":true,\"note\":\"q\\\"\\u00e9\"} ");
    assert_int_equal(decoded.encoding, ODD_ENCODING_JSON);
    good(0, "{\"city\":\"Rome\",\"n\":-1.50e2,\"x\":null,\"user\":true,\"note\":\"q\\\"\\u00e9\"}",
         "Rome|-1.50e2||true|q\"\xc3\xa9");
    decode(
        "[{\"x\":1e999,\"n\":\" 5\\t\",\"city\":\" Oslo\",\"more\":{\"a\":[1]},\"_id\":\"k\\n1\"} ,"
        "\n{\"n\":3,\"city\":\" Rome \", \"_id\" : 12345678901234567890123,\"x\":\"\"}]");
    assert_int_equal(decoded.rows, 2);
    good(1, NULL, " Oslo|5|1e999||");
    same_text(row(1)->id, "\"k\\n1\"");
    good(2, "{\"n\":3,\"city\":\" Rome \", \"_id\" : 12345678901234567890123,\"x\":\"\"}",
         "Rome|3|||");
    same_text(row(2)->id, "12345678901234567890123");
    decode("[]");
    assert_int_equal(decoded.rows, 0);
    assert_int_equal(decoded.reject, ODD_REJECT_EMPTY);
    decode("{\"city\":\"\\ud83d\\ude00\",\"n\":1,\"x\":2,\"_id\":-7}");
    good(3, NULL, "\xf0\x9f\x98\x80|1|2||");
    same_text(row(3)->id, "-7");
    /* More names than there are columns. */
    decode(
        "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"\":1,\"k\":1,"
        "\"l\":1,\"x\":1,\"n\":2,\"city\":3,\"cit\":4,\"note\":\"\"}");
    good(4, NULL, "3|2|1||");
}

static void json_rows_are_rejected_one_by_one(void **state)
{
    (void)state;
    decode("[{\"city\":1,\"n\":2},[1,{\"n\":2}], \"\\u0041\" ,7,"
           "{\"city\":1,\"n\":2,\"x\":3,\"n\":4},{\"city\":[1],\"n\":2,\"x\":3},null,"
           "{\"city\":1,\"n\":2,\"x\":3,\"_id\":1.5},{\"city\":1,\"n\":2,\"x\":3,\"_id\":[1]},"
           "{\"city\":1,\"n\":2,\"x\":3},{\"city\":\"\\udc00\",\"n\":2,\"x\":3},"
           "{\"city\":\"\\ud800\\ud800\\udc00\",\"n\":2,\"x\":3},"
           "{\"_id\":1,\"city\":\"\\\\ud800\",\"n\":2,\"x\":3,\"_id\":1},"
           "{\"n\":2,\"x\":3,\"city\":\"\\\\ud800\"}]");
    assert_int_equal(decoded.rows, 14);
    bad(0, ODD_REJECT_COLUMNS, "{\"city\":1,\"n\":2}", "column 'x' is absent");
    bad(1, ODD_REJECT_TYPE, "[1,{\"n\":2}]", "row is no object");
    bad(2, ODD_REJECT_TYPE, "\"\\u0041\"", "row is no object");
    bad(3, ODD_REJECT_TYPE, "7", "row is no object");
    bad(4, ODD_REJECT_COLUMNS, NULL, "column 'n' is there twice");
    bad(5, ODD_REJECT_DEPTH, NULL, "column 'city' holds an object or array");
    bad(6, ODD_REJECT_TYPE, "null", "row is no object");
    bad(7, ODD_REJECT_TYPE, NULL, "_id is no short text or integer");
    bad(8, ODD_REJECT_TYPE, NULL, "_id is no short text or integer");
    good(9, NULL, "1|2|3||");
    bad(10, ODD_REJECT_UTF8, NULL, "half a surrogate pair");
    bad(11, ODD_REJECT_UTF8, NULL, "half a surrogate pair");
    bad(12, ODD_REJECT_COLUMNS, NULL, "_id is there twice");
    good(13, NULL, "\\ud800|2|3||");
}

static void long_ids_are_rejected(void **state)
{
    (void)state;
    odd_bytes payload = {0};
    for (size_t size = ODD_ID_TEXT_MAX; size <= ODD_ID_TEXT_MAX + 1; size++) {
        payload.size = 0;
        odd_bytes_print(&payload, "{\"city\":1,\"n\":2,\"x\":3,\"_id\":\"%0*d\"}", (int)size, 0);
        assert_int_equal(odd_bytes_check(&payload, NULL), 0);
        decode_bytes(payload.data, payload.size);
    }
    for (size_t size = ODD_ID_DIGITS_MAX; size <= ODD_ID_DIGITS_MAX + 1; size++) {
        payload.size = 0;
        odd_bytes_print(&payload, "{\"city\":1,\"n\":2,\"x\":3,\"_id\":1%0*d}", (int)size - 1, 0);
        assert_int_equal(odd_bytes_check(&payload, NULL), 0);
        decode_bytes(payload.data, payload.size);
        assert_int_equal(row(decoded.first)->reject,
                         size > ODD_ID_DIGITS_MAX ? ODD_REJECT_TYPE : ODD_REJECT_NONE);
    }
    assert_int_equal(row(0)->id.size, ODD_ID_TEXT_MAX + 2);
    bad(1, ODD_REJECT_TYPE, NULL, "_id is no short text or integer");
    odd_bytes_free(&payload);
}

static void broken_payloads_are_refused_whole(void **state)
{
    (void)state;
    static const char *const json[] = {"{",
                                       "[",
                                       "[1",
                                       "[1.",
                                       "[true",
                                       "{}{}",
                                       "{} x",
                                       "[{},",
                                       "[{}]]",
                                       "{\"a\":}",
                                       "{\"a\"}",
                                       "{\"a\":\"\\x\"}",
                                       "{\"a\":\"\\u12\"}",
                                       "/* */ {}",
                                       "{/* */}",
                                       "{\"a\":01}",
                                       "{\"a\":1e}",
                                       "{\"a\":\"\n\"}",
                                       "{\"a\":tru}",
                                       "{\"a\":'b'}",
                                       "{\"a",
                                       "{\"a\":\"b",
                                       "[{}]\n[{}]",
                                       "{,}",
                                       "[{\"a\":1,}]",
                                       "{\"a\":NaN}",
                                       "{\"a\":1\v}",
                                       "[\f]"};
    for (size_t i = 0; i < sizeof json / sizeof *json; i++) {
        decode(json[i]);
        if (json[i][0] == '/')
            assert_int_equal(decoded.encoding, ODD_ENCODING_CSV);
        else if (decoded.reject != ODD_REJECT_JSON)
            fail_msg("%s is taken", json[i]);
        else
            assert_memory_equal(decoded.reason, "JSON: ", 6);
    }
    odd_decoder_clear(decoder);
    refused("{\"city\":\"a\" \"n\"}", ODD_REJECT_JSON,
            "JSON: after key and value, inside map, I expect ',' or '}' at byte 14");
    refused("[{\"city\"", ODD_REJECT_JSON, "JSON: premature EOF at byte 8");
    refused("{\"city\":\"\xff\"}", ODD_REJECT_UTF8, "not UTF-8");
    refused("", ODD_REJECT_EMPTY, "no rows");
    refused(" \r\n\t", ODD_REJECT_EMPTY, "no rows");
    refused("{\"a\":[[[[[[[[]]]]]]]]}", ODD_REJECT_DEPTH, "JSON: more than 8 levels at byte 13");
    size_t count;
    (void)odd_decoder_rows(decoder, &count);
    assert_int_equal(count, 0);
    /* Deep nesting stops early, and size is looked at first. */
    char *deep = odd_alloc(MOST + 1, 1);
    memset(deep, '[', MOST + 1);
    decode_bytes(deep, MOST);
    assert_int_equal(decoded.reject, ODD_REJECT_DEPTH);
    decode_bytes(deep, MOST + 1);
    assert_int_equal(decoded.reject, ODD_REJECT_SIZE);
    assert_string_equal(decoded.reason, "longer than 1048576 bytes");
    memset(deep, 0x91, MOST);
    decode_bytes(deep, MOST);
    assert_int_equal(decoded.reject, ODD_REJECT_DEPTH);
    odd_free(deep);
}

static void a_refused_payload_leaves_no_rows(void **state)
{
    (void)state;
    size_t count, good_rows;
    decode("Rome,1,2,3,4\nx");
    decode("[{\"city\":1,\"n\":2,\"x\":3},{\"city\":1,\"n\":2,\"x\":3},{]");
    assert_int_equal(decoded.reject, ODD_REJECT_JSON);
    (void)odd_decoder_rows(decoder, &count);
    (void)odd_decoder_cells(decoder, &good_rows);
    assert_int_equal(count, 2);
    assert_int_equal(good_rows, 1);
    decode("{\"city\":1,\"n\":2,\"x\":3}");
    assert_int_equal(decoded.first, 2);
    assert_int_equal(row(2)->good, 1);
    good(2, NULL, "1|2|3||");
    good(0, NULL, "Rome|1|2|3|4");
}

static void key(msgpack_packer *p, const char *text)
{
    msgpack_pack_str(p, strlen(text));
    msgpack_pack_str_body(p, text, strlen(text));
}

static void msgpack_maps_become_rows(void **state)
{
    (void)state;
    msgpack_sbuffer b;
    msgpack_packer p;
    msgpack_sbuffer_init(&b);
    msgpack_packer_init(&p, &b, msgpack_sbuffer_write);
    msgpack_pack_array(&p, 3);
    msgpack_pack_map(&p, 6);
    key(&p, "city"), key(&p, " Oslo");
    key(&p, "n"), msgpack_pack_double(&p, 0.1);
    key(&p, "x"), msgpack_pack_float(&p, 0.1f);
    key(&p, "user"), msgpack_pack_int64(&p, INT64_MIN);
    key(&p, "note"), msgpack_pack_true(&p);
    key(&p, "_id"), key(&p, "q\"\n");
    msgpack_pack_map(&p, 5);
    key(&p, "_id"), msgpack_pack_int(&p, -5);
    key(&p, "x"), msgpack_pack_nil(&p);
    key(&p, "city"), key(&p, " Rome ");
    key(&p, "more"), msgpack_pack_array(&p, 2), msgpack_pack_int(&p, 1), msgpack_pack_map(&p, 0);
    key(&p, "n"), msgpack_pack_uint64(&p, UINT64_MAX);
    msgpack_pack_map(&p, 3);
    key(&p, "city"), msgpack_pack_double(&p, 1e22);
    key(&p, "n"), msgpack_pack_double(&p, (double)NAN);
    key(&p, "x"), msgpack_pack_double(&p, -5e-324);
    decode_bytes(b.data, b.size);
    assert_int_equal(decoded.encoding, ODD_ENCODING_MSGPACK);
    assert_int_equal(decoded.rows, 3);
    good(0,
         "{\"city\":\" Oslo\",\"n\":0.1,\"x\":0.1,\"user\":-9223372036854775808,\"note\":true,"
         "\"_id\":\"q\\\"\\n\"}",
         " Oslo|0.1|0.1|-9223372036854775808|true");
    same_text(row(0)->id, "\"q\\\"\\n\"");
    good(1,
         "{\"_id\":-5,\"x\":null,\"city\":\" Rome \",\"more\":[1,{}],\"n\":18446744073709551615}",
         "Rome|18446744073709551615|||");
    same_text(row(1)->id, "-5");
    good(2, NULL, "1e+22||-4.94065645841247e-324||");
    msgpack_sbuffer_destroy(&b);
}

static void msgpack_rows_are_rejected_one_by_one(void **state)
{
    (void)state;
    static const char payload[] = "\x98"
                                  "\x05"     /* 0: no map */
                                  "\x91\x01" /* 1: no map */
                                  "\x82\xa4"
                                  "city"
                                  "\x01\xa1"
                                  "n\x02" /* 2: x is absent */
                                  "\x83\xa4"
                                  "city"
                                  "\xc4\x01z\xa1n\x02\xa1x\x03" /* 3: binary */
                                  "\x83\xa4"
                                  "city"
                                  "\x81\x01\x02\xa1n\x02\xa1x\x03" /* 4: nested */
                                  "\x83\xa4"
                                  "city"
                                  "\xa1\xff\xa1n\x02\xa1x\x03" /* 5: not UTF-8 */
                                  "\x81\x01\x02"               /* 6: a name that is no text */
                                  "\x83\xa4"
                                  "city"
                                  "\xd4\x01z\xa1n\x02\xa1x\x03"; /* 7: extension */
    decode_bytes(payload, sizeof payload - 1);
    assert_int_equal(decoded.rows, 8);
    bad(0, ODD_REJECT_TYPE, "5", "row is no object");
    bad(1, ODD_REJECT_TYPE, "[1]", "row is no object");
    bad(2, ODD_REJECT_COLUMNS, "{\"city\":1,\"n\":2}", "column 'x' is absent");
    bad(3, ODD_REJECT_TYPE, "{\"city\":\"1 bytes\",\"n\":2,\"x\":3}",
        "column 'city' is no text or number");
    bad(4, ODD_REJECT_DEPTH, "{\"city\":{\"?\":2},\"n\":2,\"x\":3}",
        "column 'city' holds an object or array");
    bad(5, ODD_REJECT_UTF8, "{\"city\":\"\xef\xbf\xbd\",\"n\":2,\"x\":3}",
        "column 'city' is not UTF-8");
    bad(6, ODD_REJECT_TYPE, "{\"?\":2}", "a name is no text");
    bad(7, ODD_REJECT_TYPE, NULL, "column 'city' is no text or number");
}

static void broken_msgpack_is_refused_whole(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *reason;
    } cases[] = {
        {"\x81", 1, "MessagePack: ends within an array or map at byte 1"},
        {"\xdd\xff\xff\xff\xff", 5, "MessagePack: ends within an array or map at byte 5"},
        {"\xdf\xff\xff\xff\xff"
         "a",
         6, "MessagePack: ends within an array or map at byte 5"},
        {"\xdd\xff\xff", 3, "MessagePack: ends within a value at byte 1"},
        {"\x90\x90", 2, "MessagePack: more bytes behind the value at byte 1"},
        {"\x91\xc1", 2, "MessagePack: byte 0xc1 is no value at byte 2"},
        {"\x81\xa1"
         "a",
         3, "MessagePack: ends within a value at byte 3"},
        {"\x81\xdb\xff\xff\xff\xff", 6, "MessagePack: ends within a value at byte 6"},
        {"\x81\xa1"
         "a\xc9\xff\xff\xff\xff",
         8, "MessagePack: ends within a value at byte 8"},
        {"\x81\xa1"
         "a\xcf\xff",
         5, "MessagePack: ends within a value at byte 4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        decode_bytes(cases[i].bytes, cases[i].size);
        assert_int_equal(decoded.reject, ODD_REJECT_MSGPACK);
        assert_string_equal(decoded.reason, cases[i].reason);
    }
    decode_bytes("\x90", 1);
    assert_int_equal(decoded.reject, ODD_REJECT_EMPTY);
    assert_int_equal(decoded.rows, 0);
}

/* Fails each allocation from the `left`-th on. */
static bool fails(void *context, size_t size)
{
    size_t *left = context;
    (void)size;
    if (!*left)
        return true;
    --*left;
    return false;
}

/* Whatever fails, what was decoded before is untouched, and the same payload is decoded after. */
static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    static const char packed[] =
        "\x92\x81\xa1\x61\x02\x83\xa4\x63\x69\x74\x79\x05\xa1n\xa1q\xa1x\xcb"
        "\x3f\xf1\x00\x00\x00\x00\x00\x00";
    static const char *const payloads[] = {
        "Rome,1,2,3,4\nx\n\n5,6",
        "\"Ro\"\"me\",1,2,3,4\nx,y\n\"",
        "[{\"city\":\"\\n1\",\"n\":2,\"x\":3},{},4,{\"_id\":\"\\n\",\"a\":[]}]",
        "{\"a\":[}",
        "[",
        "{\"a",
        packed,
        "\x91"};
    odd_decoder *shared = decoder;
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
        size_t size = payloads[i] == packed ? sizeof packed - 1 : strlen(payloads[i]);
        size_t failures = 0;
        int code = -1;
        for (size_t n = 0; code; n++) {
            size_t left = n, count = 0;
            odd_memory_hook(fails, &left);
            code = odd_decoder_new(schema, MOST, &decoder, NULL);
            odd_memory_hook(NULL, NULL);
            if (code) {
                assert_int_equal(code, ODDROW_ENOMEM);
                assert_null(decoder);
                failures++;
                continue;
            }
            decode("Oslo,1,2,3,4");
            for (size_t m = 0; m < 70; m++) /* so that the next row has to grow */
                decode("Oslo,1,2,3,4");
            odd_memory_hook(fails, &left);
            code = odd_decode(decoder, (odd_span){payloads[i], size}, &decoded, NULL);
            odd_memory_hook(NULL, NULL);
            (void)odd_decoder_rows(decoder, &count);
            good(70, "Oslo,1,2,3,4", "Oslo|1|2|3|4");
            if (code) {
                assert_int_equal(code, ODDROW_ENOMEM);
                assert_int_equal(decoded.rows, 0);
                assert_int_equal(count, 71);
                failures++;
                decode_bytes(payloads[i], size);
                if (decoded.rows)
                    assert_int_equal(decoded.first, 71);
            }
            odd_decoder_free(&decoder);
        }
        assert_true(failures > 5);
    }
    decoder = shared;
}

static bool count_allocations(void *context, size_t size)
{
    (void)size;
    ++*(size_t *)context;
    return false;
}

static void nothing_is_allocated_in_the_long_run(void **state)
{
    (void)state;
    static const char *const payloads[] = {"Rome,1,2,3,4\n",
                                           "\"a,b\",1,2,3,4\nx\n",
                                           "{\"city\":\"a\\n\",\"n\":2,\"x\":3,\"_id\":\"1\"}",
                                           "[{\"city\":\"a\"},7]",
                                           "\x81\xa4\x63ity\x05",
                                           "[{"};
    size_t count = 0;
    for (size_t round = 0; round < 8; round++) {
        if (round == 4)
            odd_memory_hook(count_allocations, &count);
        odd_decoder_clear(decoder);
        for (size_t i = 0; i < 600; i++)
            decode(payloads[i % 6]);
    }
    odd_memory_hook(NULL, NULL);
    assert_int_equal(count, 0);
}

/* One row too many refuses the payload, in every encoding; the limit itself does not. */
static void rows_are_bounded(void **state)
{
    (void)state;
    for (size_t rows = ODD_ROWS_MAX; rows <= ODD_ROWS_MAX + 1; rows++) {
        bool fits = rows == ODD_ROWS_MAX;
        char *text = odd_alloc(2 * rows + 8, 1);
        for (int encoding = ODD_ENCODING_CSV; encoding <= ODD_ENCODING_MSGPACK; encoding++) {
            size_t size = 0;
            if (encoding == ODD_ENCODING_JSON)
                text[size++] = '[';
            if (encoding == ODD_ENCODING_MSGPACK) {
                const unsigned char head[] = {0xdd, 0, 1, 0, (unsigned char)(fits ? 0 : 1)};
                memcpy(text, head, sizeof head);
                size = sizeof head;
            }
            for (size_t i = 0; i < rows; i++) {
                text[size++] = '1';
                if (encoding != ODD_ENCODING_MSGPACK)
                    text[size++] = encoding == ODD_ENCODING_CSV ? '\n' : ',';
            }
            if (encoding == ODD_ENCODING_JSON)
                text[size - 1] = ']';
            decode_bytes(text, size);
            assert_int_equal(decoded.encoding, encoding);
            assert_int_equal(decoded.reject, fits ? ODD_REJECT_NONE : ODD_REJECT_SIZE);
            assert_int_equal(decoded.rows, fits ? rows : 0);
            odd_decoder_clear(decoder);
        }
        odd_free(text);
    }
}

static void memory_goes_back(void **state)
{
    (void)state;
    char *lines = odd_alloc(MOST, 1);
    memset(lines, ',', MOST);
    for (size_t i = 4; i < MOST; i += 5)
        lines[i] = '\n';
    decode_bytes(lines, MOST);
    assert_true(decoder->cell_capacity * sizeof(odd_span) > 8 << 20);
    odd_decoder_clear(decoder);
    assert_true(!decoder->rows && !decoder->cells && !decoder->texts.total);
    decode("Rome,1,2,3,4");
    good(0, NULL, "Rome|1|2|3|4");
    odd_free(lines);
}

static void names_of_rejects(void **state)
{
    (void)state;
    assert_string_equal(odd_reject_name(ODD_REJECT_MSGPACK), "msgpack");
    assert_string_equal(odd_reject_name(ODD_REJECT_FRAMES), "frames");
    assert_string_equal(odd_reject_name((odd_reject)99), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(csv_lines_become_rows, reset),
        cmocka_unit_test_setup(csv_lines_are_rejected_one_by_one, reset),
        cmocka_unit_test_setup(csv_is_what_libcsv_reads, reset),
        cmocka_unit_test_setup(json_objects_become_rows, reset),
        cmocka_unit_test_setup(json_rows_are_rejected_one_by_one, reset),
        cmocka_unit_test_setup(long_ids_are_rejected, reset),
        cmocka_unit_test_setup(broken_payloads_are_refused_whole, reset),
        cmocka_unit_test_setup(a_refused_payload_leaves_no_rows, reset),
        cmocka_unit_test_setup(msgpack_maps_become_rows, reset),
        cmocka_unit_test_setup(msgpack_rows_are_rejected_one_by_one, reset),
        cmocka_unit_test_setup(broken_msgpack_is_refused_whole, reset),
        cmocka_unit_test_setup(out_of_memory_is_an_error, reset),
        cmocka_unit_test_setup(nothing_is_allocated_in_the_long_run, reset),
        cmocka_unit_test_setup(rows_are_bounded, reset),
        cmocka_unit_test_setup(memory_goes_back, reset),
        cmocka_unit_test(names_of_rejects),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
