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
    assert_int_equal(odd_csv_write_field(&out, text, strlen(text), delimiter), 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quotes_only_when_needed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
