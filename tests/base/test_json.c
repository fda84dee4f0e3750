/* The JSON writer: commas, escapes, numbers, and a failure that stays. */
#include "base/json.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <jansson.h>
#include <math.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(odd_bytes *b, const char *text)
{
    odd_bytes_char(b, '\0');
    assert_int_equal(odd_bytes_check(b, NULL), 0);
    assert_string_equal(b->data, text);
    odd_bytes_free(b);
}

static void puts_commas(void **state)
{
    (void)state;
    odd_bytes b = {0};
    odd_json j = {.out = &b};
    odd_json_open(&j, NULL, '[');
    odd_json_open(&j, NULL, '{');
    odd_json_close(&j, '}');
    odd_json_open(&j, NULL, '{');
    odd_json_whole(&j, "a", 1);
    odd_json_open(&j, "b", '[');
    odd_json_close(&j, ']');
    odd_json_open(&j, "c", '[');
    odd_json_bool(&j, NULL, true);
    odd_json_bool(&j, NULL, false);
    odd_json_close(&j, ']');
    odd_json_raw(&j, "d", (odd_span){"{\"x\":1}", 7});
    odd_json_raw(&j, "e", (odd_span){0});
    odd_json_name(&j, (odd_span){"\"f\"", 3});
    odd_json_string(&j, NULL, "g");
    odd_json_name(&j, (odd_span){"", 0});
    odd_json_string(&j, NULL, NULL);
    odd_json_close(&j, '}');
    odd_json_text(&j, NULL, (odd_span){0});
    odd_json_close(&j, ']');
    expect(&b, "[{},{\"a\":1,\"b\":[],\"c\":[true,false],\"d\":{\"x\":1},\"e\":null,"
               "\"\\\"f\\\"\":\"g\",\"\":null},\"\"]");
}

static void goes_on_within_an_object(void **state)
{
    (void)state;
    odd_bytes b = {0};
    odd_bytes_text(&b, "{\"a\":1");
    odd_json j = {.out = &b, .comma = true};
    odd_json_whole(&j, "b", 2);
    odd_bytes_text(&b, ",");
    j = (odd_json){.out = &b};
    odd_json_whole(&j, "c", 3);
    odd_json_close(&j, '}');
    expect(&b, "{\"a\":1,\"b\":2,\"c\":3}");
}

static void writes_numbers(void **state)
{
    (void)state;
    odd_bytes b = {0};
    odd_json j = {.out = &b};
    const double values[] = {0, -1.5, 1e-7, 123456789.125, 1e300, NAN, INFINITY, -INFINITY};
    odd_json_open(&j, NULL, '[');
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        odd_json_number(&j, NULL, values[i]);
    odd_json_whole(&j, NULL, UINT64_MAX);
    odd_json_close(&j, ']');
    expect(&b, "[0,-1.5,1e-07,123456789,1e+300,null,null,null,18446744073709551615]");
}

static void escapes(void **state)
{
    (void)state;
    const odd_span hostile = {
        "\"\\/\b\f\n\r\t\x1f\x7f\0é\xe2\x80\xa8\xff\xc0\xafz\xed\xa0\x80\xe2\x82", 25};
    odd_bytes b = {0};
    odd_json j = {.out = &b};
    odd_json_text(&j, NULL, hostile);
    j.capitals = true;
    odd_json_text(&j, NULL, hostile);
#define COMMON "\x7f\\u0000é\xe2\x80\xa8" BAD BAD BAD "z" BAD BAD BAD BAD BAD "\""
#define BAD ODD_UTF8_REPLACEMENT
    expect(&b, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u001f" COMMON ","
               "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u001F" COMMON);
#undef COMMON
#undef BAD
}

/* Every text of two bytes, and every text in front of one that is escaped, comes back from a
 * reader; with capitals the text is jansson's to the byte. */
static void agrees_with_jansson(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 65536; i++) {
        const char text[] = {(char)(i >> 8), (char)(i & 0xff)};
        odd_bytes b = {0};
        odd_json j = {.out = &b, .capitals = true};
        odd_json_text(&j, NULL, (odd_span){text, 2});
        json_t *read = json_loadb(b.data, b.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(read);
        if (odd_utf8_valid(text, 2)) {
            char *dumped = json_dumps(read, JSON_ENCODE_ANY);
            assert_int_equal(json_string_length(read), 2);
            assert_memory_equal(json_string_value(read), text, 2);
            assert_int_equal(strlen(dumped), b.size);
            assert_memory_equal(dumped, b.data, b.size);
            free(dumped);
        }
        json_decref(read);
        odd_bytes_free(&b);
    }
}

static bool fail_at(void *context, size_t size)
{
    (void)size;
    return (*(int *)context)-- == 0;
}

static void keeps_a_failure(void **state)
{
    (void)state;
    for (int at = 0;; at++) {
        int left = at;
        char text[200];
        odd_bytes b = {0};
        odd_json j = {.out = &b};
        memset(text, '\n', sizeof text);
        odd_memory_hook(fail_at, &left);
        odd_json_open(&j, NULL, '{');
        odd_json_text(&j, "a", (odd_span){text, sizeof text});
        odd_json_number(&j, "b", 1);
        odd_json_close(&j, '}');
        odd_memory_hook(NULL, NULL);
        if (left >= 0) {
            assert_true(at > 1);
            assert_int_equal(odd_bytes_check(&b, NULL), 0);
            assert_int_equal(b.size, 5 + 2 + 2 * sizeof text + 6 + 1);
            odd_bytes_free(&b);
            return;
        }
        assert_int_equal(odd_bytes_check(&b, NULL), ODDROW_ENOMEM);
        odd_bytes_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_commas),         cmocka_unit_test(goes_on_within_an_object),
        cmocka_unit_test(writes_numbers),      cmocka_unit_test(escapes),
        cmocka_unit_test(agrees_with_jansson), cmocka_unit_test(keeps_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
