/* Fields written are the fields read. */
#include "csv/write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *text, char delimiter, const char *expected)
{
    odd_bytes out = {0};
    odd_csv_write_field(&out, text, strlen(text), delimiter);
    assert_int_equal(odd_bytes_check(&out, NULL), 0);
    assert_int_equal(out.size, strlen(expected));
    assert_memory_equal(out.data ? out.data : "", expected, out.size);
    odd_bytes_free(&out);
}

static void quotes_only_when_needed(void **state)
{
    (void)state;
    check("", ',', "");
    check("plain text", ',', "plain text");
    check("a,b", ',', "\"a,b\"");
    check("a,b", ';', "a,b");
    check("a;b", ';', "\"a;b\"");
    check("5\" pipe", ',', "\"5\"\" pipe\"");
    check("\"", ',', "\"\"\"\"");
    check("two\nlines", ',', "\"two\nlines\"");
    check("cr\r", ',', "\"cr\r\"");
    check(" lead", ',', "\" lead\"");
    check("trail\t", ',', "\"trail\t\"");
}

static void writes_rejects(void **state)
{
    (void)state;
    odd_bytes out = {0};
    odd_csv_reject rejects[] = {
        {.record = 2, .offset = 99, .reason = "7 fields, expected 15", .line = {"a,\"b", 4}},
        {.record = 5, .offset = 1ull << 40, .reason = "NUL byte", .line = {"", 0}}};
    odd_csv_chunk chunk = {.records = 6, .rejects = rejects};
    odd_csv_write_rejects(&out, &chunk, 10);
    assert_int_equal(odd_bytes_check(&out, NULL), 0);
    assert_int_equal(out.size, 0);
    chunk.reject_count = 2;
    odd_csv_write_rejects(&out, &chunk, 10);
    assert_int_equal(odd_bytes_check(&out, NULL), 0);
    odd_bytes_add(&out, "", 1);
    assert_int_equal(odd_bytes_check(&out, NULL), 0);
    assert_string_equal(out.data, "12,99,\"7 fields, expected 15\",\"a,\"\"b\"\n"
                                  "15,1099511627776,NUL byte,\n");
    odd_bytes_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quotes_only_when_needed),
                                       cmocka_unit_test(writes_rejects)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
