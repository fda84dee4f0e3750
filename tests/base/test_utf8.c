/* UTF-8: the borders of table 3-7 of the Unicode standard. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool valid(const char *text)
{
    return odd_utf8_valid(text, strlen(text));
}

static void takes_what_is_well_formed(void **state)
{
    (void)state;
    assert_true(odd_utf8_valid("", 0));
    assert_true(valid("plain ASCII that is longer than a word"));
    assert_true(odd_utf8_valid("a\0b", 3));
    assert_true(valid("\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf"));
    assert_true(valid("\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"));
    assert_true(valid("caf\xc3\xa9 na\xc3\xafve \xe2\x82\xac 100"));
}

static void refuses_what_is_not(void **state)
{
    (void)state;
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2\x61",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xe2\x82",
                                      "\xe2\x28\xa1",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xf0\x90\x80",
                                      "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[64];
        assert_false(valid(bad[i]));
        /* At any place, so also behind the words that are skipped eight bytes at a time. */
        for (size_t front = 0; front < 20; front++) {
            memset(text, 'x', front);
            strcpy(text + front, bad[i]);
            assert_false(valid(text));
        }
    }
}

static void measures_one_character(void **state)
{
    (void)state;
    assert_int_equal(odd_utf8_size("a\xff", 2), 1);
    assert_int_equal(odd_utf8_size("\0", 1), 1);
    assert_int_equal(odd_utf8_size("\xc3\xa9x", 3), 2);
    assert_int_equal(odd_utf8_size("\xe2\x82\xac", 3), 3);
    assert_int_equal(odd_utf8_size("\xf0\x90\x80\x80", 4), 4);
    assert_int_equal(odd_utf8_size("\xf0\x90\x80\x80", 3), 0);
    assert_int_equal(odd_utf8_size("\xff", 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(takes_what_is_well_formed),
                                       cmocka_unit_test(refuses_what_is_not),
                                       cmocka_unit_test(measures_one_character)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
