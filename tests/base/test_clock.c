/* The clock goes forward, at about the right speed, and its text is RFC 3339. */
#include "base/clock.h"

#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void goes_forward(void **state)
{
    (void)state;
    double start = odd_clock(), last = start;
    for (int i = 0; i < 1000; i++) {
        double now = odd_clock();
        assert_true(now >= last);
        last = now;
    }
    usleep(20000);
    assert_true(odd_clock() - start >= 0.02);
}

static void writes_the_time(void **state)
{
    (void)state;
    static const struct {
        int64_t microseconds;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {1, "1970-01-01T00:00:00.000001Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {-1000000, "1969-12-31T23:59:59.000000Z"},
        {951782400 * INT64_C(1000000), "2000-02-29T00:00:00.000000Z"},
        {1795251600123456, "2026-11-21T09:00:00.123456Z"},
        {253402300799999999, "9999-12-31T23:59:59.999999Z"}, /* the last with four digits */
        {-30610224000000000, "1000-01-01T00:00:00.000000Z"},
        {-30610224000000001, "0999-12-31T23:59:59.999999Z"},
        {-62135596800000000, "0001-01-01T00:00:00.000000Z"},
        {-62167219200000000, "0000-01-01T00:00:00.000000Z"}, /* the first with four digits */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[ODD_CLOCK_TEXT];
        odd_clock_text(text, cases[i].microseconds);
        assert_string_equal(text, cases[i].text);
    }
}

/* What is no year of four digits still fits, and ends. */
static void writes_any_time(void **state)
{
    (void)state;
    static const int64_t cases[] = {INT64_MIN, INT64_MAX, 253402300800000000, -62167219200000001};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[ODD_CLOCK_TEXT];
        memset(text, '#', sizeof text);
        odd_clock_text(text, cases[i]);
        assert_int_equal(strlen(text), ODD_CLOCK_TEXT - 1);
        assert_int_equal(text[ODD_CLOCK_TEXT - 2], 'Z');
    }
}

static void tells_the_time(void **state)
{
    (void)state;
    int64_t now = odd_clock_utc(), seconds = (int64_t)time(NULL);
    assert_true(now / 1000000 - seconds <= 0 && seconds - now / 1000000 <= 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_forward), cmocka_unit_test(writes_the_time),
        cmocka_unit_test(writes_any_time), cmocka_unit_test(tells_the_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
