/* The record scanner: where records end, which are bad, in any number of steps. */
#include "csv/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct expected {
    odd_record_status status;
    size_t size, text;
    const char *reason;
} expected;

/* Gives the scanner one byte more at a time, or all at once. */
static void check(const char *data, size_t size, char delimiter, size_t most, const expected *want)
{
    for (int slowly = 0; slowly < 2; slowly++) {
        odd_record_scanner s;
        odd_record_start(&s, delimiter, most);
        size_t at = 0, i = 0;
        for (; at < size; i++) {
            odd_record record;
            odd_record_status status = ODD_RECORD_MORE;
            size_t seen = slowly ? 1 : size - at;
            for (; status == ODD_RECORD_MORE; seen++)
                status = odd_record_scan(&s, data + at, seen, at + seen == size, &record);
            if (slowly && want[i].size > record.size && data[at + record.size] == '\n')
                record.size++; /* the LF behind a CR that came last */
            assert_int_equal(status, want[i].status);
            assert_int_equal(record.size, want[i].size);
            assert_int_equal(record.text, want[i].text);
            if (want[i].reason)
                assert_string_equal(record.reason, want[i].reason);
            else
                assert_null(record.reason);
            at += record.size;
        }
        assert_int_equal(want[i].size, 0);
    }
}

#define CHECK(data, delimiter, most, ...)                                                          \
    check(data, sizeof data - 1, delimiter, most, (const expected[]){__VA_ARGS__, {0}})
#define GOOD(size, text)                                                                           \
    {                                                                                              \
        ODD_RECORD_GOOD, size, text, NULL                                                          \
    }
#define BAD(size, text, why)                                                                       \
    {                                                                                              \
        ODD_RECORD_BAD, size, text, why                                                            \
    }
#define BLANK(size, text)                                                                          \
    {                                                                                              \
        ODD_RECORD_BLANK, size, text, NULL                                                         \
    }

static void ends_at_every_line_end(void **state)
{
    (void)state;
    CHECK("a,b\nc\rd\r\ne", ',', 100, GOOD(4, 3), GOOD(2, 1), GOOD(3, 1), GOOD(1, 1));
    CHECK(" \t\n\n,\n", ',', 100, BLANK(3, 2), BLANK(1, 0), GOOD(2, 1));
    CHECK("\t\n \n", '\t', 100, GOOD(2, 1), BLANK(2, 1));
    CHECK("\"\"\n", ',', 100, GOOD(3, 2));
}

static void knows_quotes(void **state)
{
    (void)state;
    CHECK("\"a\nb\",c\nd", ',', 100, GOOD(8, 7), GOOD(1, 1));
    CHECK("\"a\"\"\n\"\"\" \t,c\n", ',', 100, GOOD(13, 12));
    CHECK("  \"a\nb\"\n", ',', 100, GOOD(8, 7));
    CHECK("5\" pipe\n\"x\"\n", ',', 100, GOOD(8, 7), GOOD(4, 3));
    CHECK("a;\"b\n\"\n", ';', 100, GOOD(7, 6));
    CHECK("a,\"b\n", ';', 100, GOOD(5, 4));
}

static void rejects_invalid_quoting(void **state)
{
    (void)state;
    CHECK("\"a\"b,c\nd\n", ',', 100, BAD(7, 6, "invalid quoting"), GOOD(2, 1));
    CHECK("\"a\n\"b,\"c\nd\n", ',', 100, BAD(9, 8, "invalid quoting"), GOOD(2, 1));
    CHECK("\"a\" \"\r\n1", ',', 100, BAD(7, 5, "invalid quoting"), GOOD(1, 1));
}

static void a_stray_quote_costs_one_line(void **state)
{
    (void)state;
    CHECK("\"a,b\nc\nd\n", ',', 100, BAD(5, 4, "unterminated quote"), GOOD(2, 1), GOOD(2, 1));
    CHECK("x,\"a", ',', 100, BAD(4, 4, "unterminated quote"));
    /* Given up after 6 bytes, though a quote comes later. */
    CHECK("\"a\r\nb\nc\"\n", ',', 6, BAD(4, 2, "unterminated quote"), GOOD(2, 1), GOOD(3, 2));
    CHECK("\"abcde\nfg\n", ',', 6, BAD(7, 6, "unterminated quote"), GOOD(3, 2));
}

static void bounds_records(void **state)
{
    (void)state;
    CHECK("abcd\nef\n", ',', 4, GOOD(5, 4), GOOD(3, 2));
    CHECK("abcde\n", ',', 4, {ODD_RECORD_LONG, 4, 4, NULL}, GOOD(2, 1));
    CHECK("\"bcde\n", ',', 4, {ODD_RECORD_LONG, 4, 4, NULL}, GOOD(2, 1));
    CHECK("abcd", ',', 4, GOOD(4, 4));
}

static void rejects_nul(void **state)
{
    (void)state;
    CHECK("a\0b,c\nd\n", ',', 100, BAD(6, 5, "NUL byte"), GOOD(2, 1));
    CHECK("\"\0\n\",c\nd\n", ',', 100, BAD(7, 6, "NUL byte"), GOOD(2, 1));
    CHECK("\0\n", ',', 100, BAD(2, 1, "NUL byte"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_at_every_line_end),  cmocka_unit_test(knows_quotes),
        cmocka_unit_test(rejects_invalid_quoting), cmocka_unit_test(a_stray_quote_costs_one_line),
        cmocka_unit_test(bounds_records),          cmocka_unit_test(rejects_nul)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
