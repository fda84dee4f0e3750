/* Numbers: parsing against strtod, writing against reading. */
#include "base/number.h"

#include "base/random.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static odd_number_status parse(const char *text, double *value)
{
    return odd_number_parse(text, strlen(text), value);
}

static void knows_what_is_missing(void **state)
{
    (void)state;
    static const char *const missing[] = {"",    " ",    "\t ",  "NA",   "N/A",  "NaN",
                                          "nan", "null", "NULL", "None", " NA ", "?"};
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        double value = 42;
        assert_int_equal(parse(missing[i], &value), ODD_NUMBER_MISSING);
        assert_true(value == 42);
    }
}

static void refuses_what_is_no_number(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "abc",  "1a",       "a1",    "1 2",    "1,5",  "--1",   "+-1",   "+",    "-",
        ".",    "-.",       "e5",    "1e",     "1e+",  "1e5.",  "1.2.3", "0x10", "inf",
        "-inf", "Infinity", "1e999", "-1e400", "1e5x", "1_000", "N",     "none", "nanx",
        "??",   "1\n",      "\n1",   "1d5",    "-nan", "-NA"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        double value = 42;
        if (parse(bad[i], &value) != ODD_NUMBER_BAD)
            fail_msg("took %s", bad[i]);
        assert_true(value == 42);
    }
    double value;
    assert_int_equal(odd_number_parse("1\0", 2, &value), ODD_NUMBER_BAD);
}

static void check(const char *text)
{
    double value = 42, expected = strtod(text, NULL);
    odd_number_status status = parse(text, &value);
    if (isinf(expected) ? status != ODD_NUMBER_BAD
                        : status != ODD_NUMBER_OK || memcmp(&value, &expected, sizeof value))
        fail_msg("%s: %d, %.17g instead of %.17g", text, (int)status, value, expected);
}

static void takes_the_usual_forms(void **state)
{
    (void)state;
    static const char *const good[] = {"0",
                                       "-0",
                                       "+5",
                                       "007",
                                       "1.",
                                       ".5",
                                       "-.5",
                                       "1e5",
                                       "1E-5",
                                       "1e+22",
                                       "1e23",
                                       "9007199254740993",
                                       "18446744073709551615",
                                       "18446744073709551616",
                                       "123456789012345678901234567890",
                                       "0.000000000000000000000000000001",
                                       "1.7976931348623157e308",
                                       "5e-324",
                                       "1e-400",
                                       "2.2250738585072011e-308",
                                       "0e999999999999999",
                                       "1e-99999999999999999999",
                                       "100000000000000000000000000e-26",
                                       "0.1e1",
                                       "000000000000000000000000000000000001.5"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        check(good[i]);
    double value;
    assert_int_equal(odd_number_parse(" \t12.5 \t", 8, &value), ODD_NUMBER_OK);
    assert_true(value == 12.5);
    assert_int_equal(odd_number_parse("12345", 2, &value), ODD_NUMBER_OK);
    assert_true(value == 12);
    char longest[3000];
    memset(longest, '7', sizeof longest);
    longest[1] = '.';
    longest[sizeof longest - 1] = 0;
    check(longest);
}

static void agrees_with_strtod(void **state)
{
    (void)state;
    odd_random r;
    odd_random_start(&r, 4, 0);
    for (int i = 0; i < 400000; i++) {
        char text[80];
        uint64_t bits = odd_random_next(&r);
        double x;
        memcpy(&x, &bits, sizeof x);
        if (i % 4 == 0) {
            if (!isfinite(x))
                continue;
            snprintf(text, sizeof text, "%.*e", (int)odd_random_below(&r, 20), x);
        } else if (i % 4 == 1) {
            snprintf(text, sizeof text, "%.*f", (int)odd_random_below(&r, 12),
                     odd_random_normal(&r) * pow(10, (double)odd_random_below(&r, 12)));
        } else if (i % 4 == 2) {
            snprintf(text, sizeof text, "%llue%d", (unsigned long long)(bits >> (bits & 63)),
                     (int)odd_random_below(&r, 60) - 30);
        } else { /* digits and a point anywhere */
            size_t n = 1 + odd_random_below(&r, 40), point = odd_random_below(&r, 42);
            for (size_t k = 0; k < n; k++)
                text[k] = (char)('0' + odd_random_below(&r, 10));
            text[n] = 0;
            if (point < n && n > 1)
                text[point] = '.';
        }
        check(text);
    }
}

/* Where a decimal comma reigns nothing changes. */
static void ignores_the_locale(void **state)
{
    (void)state;
    static const char *const comma[] = {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "pl_PL.UTF-8"};
    for (size_t i = 0; i < 4; i++)
        if (setlocale(LC_ALL, comma[i]))
            break;
    double value;
    char text[ODD_NUMBER_SIZE];
    assert_int_equal(parse("1.2345678901234567890123", &value), ODD_NUMBER_OK);
    odd_number_format(text, 1.5);
    setlocale(LC_ALL, "C");
    assert_true(value == 1.2345678901234567890123);
    assert_string_equal(text, "1.5");
}

static void writes_the_documented_forms(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0, "0"},
                 {-0.0, "0"},
                 {1, "1"},
                 {-17, "-17"},
                 {0.1, "0.1"},
                 {-2.5, "-2.5"},
                 {123456.789, "123456.789"},
                 {0.30000000000000004, "0.3"},
                 {99999999.95, "100000000"},
                 {1.0 / 3, "0.333333333"},
                 {2.0 / 3e5, "6.66666667e-06"},
                 {1e-5, "0.00001"},
                 {1.25e-5, "0.0000125"},
                 {1.5e-7, "1.5e-07"},
                 {999999999999999, "999999999999999"},
                 {1e15, "1e+15"},
                 {-1.25e20, "-1.25e+20"},
                 {1e300, "1e+300"},
                 {1e-300, "1e-300"},
                 {5e-324, "4.94065646e-324"},
                 {1.7976931348623157e308, "1.79769313e+308"},
                 {INFINITY, "inf"},
                 {-INFINITY, "-inf"},
                 {NAN, ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[ODD_NUMBER_SIZE];
        size_t n = odd_number_format(text, cases[i].value);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(n, strlen(text));
    }
}

static void reads_back_what_it_wrote(void **state)
{
    (void)state;
    odd_random r;
    odd_random_start(&r, 5, 0);
    for (int i = 0; i < 1000000; i++) {
        uint64_t bits = odd_random_next(&r);
        double x;
        memcpy(&x, &bits, sizeof x);
        if (i % 2)
            x = odd_random_normal(&r) * pow(10, (double)odd_random_below(&r, 30) - 15);
        if (!isfinite(x))
            continue;
        char text[ODD_NUMBER_SIZE];
        size_t n = odd_number_format(text, x);
        double back = strtod(text, NULL), own;
        if (n != strlen(text) || n > ODD_NUMBER_SIZE - 2 || fabs(back - x) > 5e-9 * fabs(x))
            fail_msg("%.17g became %s", x, text);
        assert_int_equal(odd_number_parse(text, n, &own), ODD_NUMBER_OK);
        assert_true(own == back);
    }
}

static void groups_digits(void **state)
{
    (void)state;
    char out[ODD_NUMBER_SIZE];
    assert_string_equal(odd_grouped(0, out), "0");
    assert_string_equal(odd_grouped(999, out), "999");
    assert_string_equal(odd_grouped(1000, out), "1,000");
    assert_string_equal(odd_grouped(UINT64_MAX, out), "18,446,744,073,709,551,615");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_is_missing),       cmocka_unit_test(refuses_what_is_no_number),
        cmocka_unit_test(takes_the_usual_forms),       cmocka_unit_test(agrees_with_strtod),
        cmocka_unit_test(ignores_the_locale),          cmocka_unit_test(reads_back_what_it_wrote),
        cmocka_unit_test(writes_the_documented_forms), cmocka_unit_test(groups_digits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
