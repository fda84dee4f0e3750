/* Payloads as clients write them, and that the decoder reads the same cells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/utf8.h"
#include "made.h"

static const char *const names[MADE_COLUMNS] = {"city", "n", "x", "user", "note"};

static odd_span span(const char *text)
{
    return (odd_span){text, strlen(text)};
}

static void same(const odd_bytes *got, const char *expected)
{
    assert_int_equal(got->size, strlen(expected));
    assert_memory_equal(got->data, expected, got->size);
}

static void texts_become_json(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"a\"\\/\b\f\n\r\t\x01\x7f", "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7f\""},
        {"\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\""},
        {"\xc3", "\"\xef\xbf\xbd\""},
        {"x\xff\xc3\xa9\xed\xa0\x80y", "\"x\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                                       "y\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        odd_bytes out = {0};
        odd_json_string(&(odd_json){.out = &out}, NULL, cases[i][0]);
        same(&out, cases[i][1]);
        odd_bytes_free(&out);
    }
}

static void payloads_have_their_form(void **state)
{
    (void)state;
    const odd_span cells[] = {span("[x"), span("-1.5e+3"), span(""),     span("01"), span("a,b"),
                              span(""),   span("1."),      span("1e"),   span("-"),  span("0"),
                              span("."),  span("1.5"),     span("null"), span("+1"), span(" x")};
    odd_bytes out = {0};
    assert_int_equal(odd_payload_write(ODD_ENCODING_CSV, NULL, 5, cells, 3, &out), 0);
    same(&out, "\"[x\",-1.5e+3,,01,\"a,b\"\n,1.,1e,-,0\n.,1.5,null,+1,\" x\"\n");
    out.size = 0;
    assert_int_equal(odd_payload_write(ODD_ENCODING_CSV, NULL, 1, cells + 2, 1, &out), 0);
    same(&out, "\"\"\n");
    out.size = 0;
    assert_int_equal(odd_payload_write(ODD_ENCODING_JSON, names, 5, cells, 1, &out), 0);
    same(&out, "{\"city\":\"[x\",\"n\":-1.5e+3,\"x\":null,\"user\":\"01\",\"note\":\"a,b\"}");
    out.size = 0;
    assert_int_equal(odd_payload_write(ODD_ENCODING_JSON, names, 5, cells + 5, 2, &out), 0);
    same(&out, "[{\"city\":null,\"n\":\"1.\",\"x\":\"1e\",\"user\":\"-\",\"note\":0},"
               "{\"city\":\".\",\"n\":1.5,\"x\":\"null\",\"user\":\"+1\",\"note\":\" x\"}]");
    out.size = 0;
    assert_int_equal(odd_payload_write(ODD_ENCODING_JSON, names, 5, cells, 0, &out), 0);
    assert_int_equal(odd_payload_write(ODD_ENCODING_MSGPACK, names, 2, cells + 1, 1, &out), 0);
    same(&out, "[]\x82\xa4"
               "city\xa7-1.5e+3\xa1n\xc0");
    odd_bytes_free(&out);
}

/* Cells of UTF-8 without NUL and without blanks at their ends. */
static odd_span random_cell(odd_random *r, char *out)
{
    static const char *const pieces[] = {
        "a", "7", ".",  "-",  ",",  "\"",   "\n",       "\\",       "{",
        "[", " ", "\t", "\r", "e1", "\x01", "\xc3\xa9", "\xdc\x90", "\xf0\x9f\x98\x80"};
    size_t size = 0;
    for (uint64_t n = odd_random_below(r, 6); n; n--) {
        const char *piece = pieces[odd_random_below(r, sizeof pieces / sizeof *pieces)];
        memcpy(out + size, piece, strlen(piece));
        size += strlen(piece);
    }
    while (size && (out[size - 1] == ' ' || out[size - 1] == '\t'))
        size--;
    while (size && (out[0] == ' ' || out[0] == '\t'))
        out++, size--;
    return (odd_span){out, size};
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    enum { ROWS = 4, CELLS = ROWS * MADE_COLUMNS };
    odd_schema *schema = made_schema();
    odd_decoder *decoder = NULL;
    odd_bytes out = {0};
    odd_random random;
    odd_random_start(&random, 1, 2);
    assert_int_equal(odd_decoder_new(schema, 1 << 20, &decoder, NULL), 0);
    for (size_t round = 0; round < 6000; round++) {
        char texts[CELLS][32];
        odd_span cells[CELLS];
        odd_decoded decoded;
        odd_encoding encoding = (odd_encoding)(round % 3);
        size_t rows = 1 + round / 3 % ROWS, good;
        for (size_t i = 0; i < CELLS; i++)
            cells[i] = random_cell(&random, texts[i]);
        out.size = 0;
        odd_decoder_clear(decoder);
        assert_int_equal(odd_payload_write(encoding, names, MADE_COLUMNS, cells, rows, &out), 0);
        assert_true(odd_utf8_valid(out.data, out.size) || encoding == ODD_ENCODING_MSGPACK);
        assert_int_equal(odd_decode(decoder, (odd_span){out.data, out.size}, &decoded, NULL), 0);
        assert_int_equal(decoded.encoding, encoding);
        assert_int_equal(decoded.reject, ODD_REJECT_NONE);
        assert_int_equal(decoded.rows, rows);
        const odd_span *got = odd_decoder_cells(decoder, &good);
        assert_int_equal(good, rows);
        for (size_t i = 0; i < rows * MADE_COLUMNS; i++) {
            assert_int_equal(got[i].size, cells[i].size);
            assert_memory_equal(got[i].data, cells[i].data, got[i].size);
        }
    }
    odd_bytes_free(&out);
    odd_decoder_free(&decoder);
    odd_schema_free(&schema);
}

static bool fails(void *context, size_t size)
{
    size_t *left = context;
    (void)size;
    if (!*left)
        return true;
    --*left;
    return false;
}

/* What stood in the bytes before stays. */
static void out_of_memory_leaves_the_bytes(void **state)
{
    (void)state;
    char text[300];
    odd_span cells[2] = {{text, sizeof text}, {text, sizeof text}};
    memset(text, '\n', sizeof text);
    for (int encoding = 0; encoding < 3; encoding++) {
        int code = -1;
        for (size_t n = 0; code; n++) {
            odd_bytes out = {0};
            size_t left = n;
            odd_bytes_add(&out, "before", 6);
            assert_int_equal(odd_bytes_check(&out, NULL), 0);
            odd_memory_hook(fails, &left);
            code = odd_payload_write((odd_encoding)encoding, names, 1, cells, 2, &out);
            odd_memory_hook(NULL, NULL);
            if (n == 0 || code) {
                assert_int_equal(code, ODDROW_ENOMEM);
                assert_int_equal(out.size, 6);
                assert_memory_equal(out.data, "before", 6);
            }
            odd_bytes_free(&out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_json),
        cmocka_unit_test(payloads_have_their_form),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(out_of_memory_leaves_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
