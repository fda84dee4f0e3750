/* Dates and times; the seconds are `date -u -d ... +%s`. */
#include "cases.h"

#include <math.h>
#include <stdio.h>

#include "column/timestamp.h"

static void reads_iso_8601(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double seconds;
    } good[] = {
        {"1970-01-01", 0},
        {"1970-01-01T00:00Z", 0},
        {"2000-02-29", 951782400},
        {"2024-02-29T12:34:56Z", 1709210096},
        {"2024-02-29 12:34:56", 1709210096},
        {"2024-02-29t12:34:56z", 1709210096},
        {" 2024-02-29T12:34:56.25 ", 1709210096.25},
        {"2024-02-29T12:34:56,5+01:00", 1709206496.5},
        {"2024-02-29T12:34:56+0100", 1709206496},
        {"2024-02-29T12:34-05", 1709228040},
        {"2024-02-29T12:34:56.123456789012345678Z", 1709210096.1234567},
        {"1969-12-31T23:59:59Z", -1},
        {"2016-12-31T23:59:60Z", 1483228800},
        {"0001-01-01", -62135596800},
        {"9999-12-31T23:59:59Z", 253402300799},
        {"1900-03-01", -2203891200},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        double seconds = NAN;
        if (!odd_timestamp_iso(good[i].text, strlen(good[i].text), &seconds) ||
            fabs(seconds - good[i].seconds) > 1e-6)
            fail_msg("%s: %.9g", good[i].text, seconds);
    }
}

static void refuses_what_does_not_exist(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "2023-02-29",
                                      "1900-02-29",
                                      "2024-04-31",
                                      "2024-00-01",
                                      "2024-13-01",
                                      "2024-01-00",
                                      "0000-01-01",
                                      "2024-1-1",
                                      "24-01-01",
                                      "2024/01/01",
                                      "2024-01-01T",
                                      "20240101",
                                      "2024-01-01T24:00",
                                      "2024-01-01T12",
                                      "2024-01-01T12:60",
                                      "2024-01",
                                      "2024-01-01X12:00",
                                      "2024-01-01T12:00:61",
                                      "2024-01-01T12:00:00.",
                                      "2024-01-01T12:00:00+24:00",
                                      "2024-01-01T12:00:00+1",
                                      "2024-01-01T12:00:00+01:",
                                      "2024-01-01T12:00:00Zx",
                                      "2024-01-01Z",
                                      "0001-01-01T00:00:00+01:00",
                                      "-024-01-01",
                                      "2024-01-01T-1:00",
                                      "2024-01-01  12:00",
                                      "today"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        double seconds;
        if (odd_timestamp_iso(bad[i], strlen(bad[i]), &seconds))
            fail_msg("'%s' is no date", bad[i]);
    }
    /* every prefix of a date is read within its bounds (under the address sanitizer) */
    const char *whole = "2024-02-29T12:34:56.25+01:00";
    for (size_t n = 0; n < strlen(whole); n++) {
        char *part = odd_alloc(1, n + 1);
        double seconds;
        memcpy(part, whole, n);
        odd_timestamp_iso(part, n, &seconds);
        odd_free(part);
    }
}

static void reads_epoch_seconds(void **state)
{
    (void)state;
    double seconds;
    assert_int_equal(odd_timestamp_parse("1709210096.5", 12, &seconds), ODD_NUMBER_OK);
    assert_true(seconds == 1709210096.5);
    assert_int_equal(odd_timestamp_parse("2024-02-29", 10, &seconds), ODD_NUMBER_OK);
    assert_int_equal(odd_timestamp_parse("1709210096000", 13, &seconds), ODD_NUMBER_BAD);
    assert_int_equal(odd_timestamp_parse("2024-02-30", 10, &seconds), ODD_NUMBER_BAD);
    assert_int_equal(odd_timestamp_parse("NA", 2, &seconds), ODD_NUMBER_MISSING);
    assert_int_equal(odd_timestamp_parse(NULL, 0, &seconds), ODD_NUMBER_MISSING);
}

/* Formatting is the inverse of reading, over every day of 800 years. */
static void formats_what_it_reads(void **state)
{
    (void)state;
    char text[ODD_TIMESTAMP_SIZE];
    for (double day = -200000; day < 100000; day++) {
        double seconds = day * 86400 + fmod(fabs(day) * 7919, 86400), back;
        size_t n = odd_timestamp_format(text, seconds);
        assert_int_equal(n, 20);
        assert_true(odd_timestamp_iso(text, n, &back));
        assert_true(back == seconds);
    }
    odd_timestamp_format(text, -1e300);
    assert_string_equal(text, "0001-01-01T00:00:00Z");
    odd_timestamp_format(text, 1e300);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
}

static void features_turn_with_the_clock(void **state)
{
    (void)state;
    double q[ODD_QUANTILES], seconds;
    float f[ODD_TIMESTAMP_FEATURES];
    odd_scaler trend;
    for (size_t i = 0; i < ODD_QUANTILES; i++)
        q[i] = 1e9 + 1e6 * (double)i;
    assert_int_equal(odd_scaler_from(&trend, ODD_STANDARD, q, 1.1e9, 1e8, NULL), 0);
    /* Thursday 2024-07-04, 06:00: a quarter of the day, 3.25 days into the week, day 185.25 of 366
     */
    assert_true(odd_timestamp_iso("2024-07-04T06:00:00Z", 20, &seconds));
    odd_timestamp_features(&trend, seconds, f);
    const double turn = 2 * acos(-1);
    const double expected[7] = {(1e9 + 256e6 - 1.1e9) / 1e8, /* kept within training */
                                1,
                                0,
                                sin(turn * 3.25 / 7),
                                cos(turn * 3.25 / 7),
                                sin(turn * 185.25 / 366),
                                cos(turn * 185.25 / 366)};
    for (size_t i = 0; i < 7; i++)
        assert_true(fabs((double)f[i] - expected[i]) < 1e-6);
    odd_timestamp_features(&trend, -86400.5, f); /* before 1970: Tuesday 30 December */
    assert_true(f[1] < 0 && f[2] > 0.99f);
    assert_true(fabs((double)f[0] - (1e9 - 1.1e9) / 1e8) < 1e-6);
    odd_timestamp_features(&trend, 1.2e9, f);
    assert_true(fabs((double)f[0] - 1) < 1e-6);
    odd_scaler_free(&trend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_iso_8601),
        cmocka_unit_test(refuses_what_does_not_exist),
        cmocka_unit_test(reads_epoch_seconds),
        cmocka_unit_test(formats_what_it_reads),
        cmocka_unit_test(features_turn_with_the_clock),
    };
    return cmocka_run_group_tests_name("column/timestamp", tests, NULL, NULL);
}
