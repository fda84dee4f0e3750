/* Kinds from names and cells. */
#include "cases.h"

#include <stdio.h>

#include "base/random.h"
#include "column/infer.h"

#define ROWS 300

static char text[ROWS][64];
static odd_span cells[ROWS];

/* Writes row i of a case into text[i]. */
typedef void writer(size_t i, char *out);

static odd_kind infer(const char *name, writer *write, size_t rows, char *why)
{
    odd_kind kind;
    for (size_t i = 0; i < rows; i++) {
        write(i, text[i]);
        cells[i] = span(text[i]);
    }
    assert_int_equal(odd_infer_kind(name, cells, rows, 1, 0, &kind, why, NULL), 0);
    return kind;
}

static void colours(size_t i, char *out)
{
    static const char *const names[] = {"red", "green", "blue", ""};
    strcpy(out, names[i % 4]);
}

static void decimals(size_t i, char *out)
{
    snprintf(out, 64, " %g", (double)(i * i % 97) / 8);
}

static void few_codes(size_t i, char *out)
{
    snprintf(out, 64, "%zu", i * 7 % 10);
}

static void many_codes(size_t i, char *out)
{
    snprintf(out, 64, "%zu", i * 7 % 11);
}

static void mostly_numbers(size_t i, char *out)
{
    snprintf(out, 64, i % 21 == 20 ? "n.a." : "%zu.5", i);
}

static void half_numbers(size_t i, char *out)
{
    snprintf(out, 64, i % 10 == 0 ? "none" : "%zu", i % 50);
}

static void dates(size_t i, char *out)
{
    snprintf(out, 64, i % 30 == 0 ? "unknown" : "2024-02-%02zuT10:00", 1 + i % 28);
}

static void seconds(size_t i, char *out)
{
    snprintf(out, 64, "%zu", 1700000000 + i * 60);
}

static void rising(size_t i, char *out)
{
    snprintf(out, 64, "%zu", 1 + 3 * i);
}

static void distinct(size_t i, char *out)
{
    snprintf(out, 64, "user-%zu", i);
}

static void empty(size_t i, char *out)
{
    strcpy(out, i % 2 ? " " : "NA");
}

static void rules_in_their_order(void **state)
{
    (void)state;
    char why[ODD_WHY_SIZE];
    assert_int_equal(infer("colour", colours, ROWS, why), ODD_CATEGORICAL);
    assert_string_equal(why, "3 distinct texts in 300 rows");
    assert_int_equal(infer("x", decimals, ROWS, why), ODD_NUMERIC);
    assert_int_equal(infer("x", few_codes, ROWS, why), ODD_CATEGORICAL);
    assert_string_equal(why, "only 10 distinct whole numbers in 300 rows");
    assert_int_equal(infer("x", few_codes, 49, why), ODD_NUMERIC);
    assert_int_equal(infer("x", many_codes, ROWS, why), ODD_NUMERIC);
    assert_string_equal(why, "100 % of 300 cells are numbers, from 0 to 10");
    assert_int_equal(infer("x", mostly_numbers, ROWS, why), ODD_NUMERIC);
    assert_int_equal(infer("x", half_numbers, ROWS, why), ODD_CATEGORICAL);
    assert_int_equal(infer("x", dates, ROWS, why), ODD_TIMESTAMP);
    assert_int_equal(infer("x", distinct, ROWS, why), ODD_ID);
    assert_non_null(strstr(why, "guess"));
    assert_int_equal(infer("x", distinct, 99, why), ODD_CATEGORICAL);
    assert_int_equal(infer("x", empty, ROWS, why), ODD_CATEGORICAL);
}

static void names_decide_where_values_do_not(void **state)
{
    (void)state;
    char why[ODD_WHY_SIZE];
    static const char *const times[] = {"timestamp", "event_time", "Date", "ts", "msgTs", "a-ts"};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        assert_int_equal(infer(times[i], seconds, ROWS, why), ODD_TIMESTAMP);
    assert_int_equal(infer("bytes", seconds, ROWS, why), ODD_NUMERIC);
    assert_int_equal(infer("parts", seconds, ROWS, why), ODD_NUMERIC);
    assert_int_equal(infer("time", rising, ROWS, why), ODD_NUMERIC);
    static const char *const ids[] = {"id", "user_id", "userId", "ID", "", "Unnamed: 0", "row no."};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        assert_int_equal(infer(ids[i], rising, ROWS, why), ODD_ID);
    assert_int_equal(infer("paid", rising, ROWS, why), ODD_NUMERIC);
    assert_int_equal(infer("id", many_codes, ROWS, why), ODD_NUMERIC);
}

static void single_values(void **state)
{
    (void)state;
    assert_int_equal(odd_infer_value("5.0", 3), ODD_NUMERIC);
    assert_int_equal(odd_infer_value("2024-01-01", 10), ODD_TIMESTAMP);
    assert_int_equal(odd_infer_value("x", 1), ODD_CATEGORICAL);
    assert_int_equal(odd_infer_value("", 0), ODD_CATEGORICAL);
}

/* Any bytes, columns among others: an answer, never a crash. */
static void arbitrary_bytes(void **state)
{
    (void)state;
    odd_random r;
    odd_random_start(&r, 3, 0);
    for (int round = 0; round < 300; round++) {
        for (size_t i = 0; i < ROWS; i++) {
            size_t n = (size_t)odd_random_below(&r, 12);
            for (size_t j = 0; j < n; j++)
                text[i][j] = round % 2 ? (char)odd_random_next(&r)
                                       : "0123456789-:T.NAe "[odd_random_below(&r, 18)];
            cells[i] = (odd_span){n > 0 ? text[i] : NULL, n};
        }
        odd_kind kind;
        char why[ODD_WHY_SIZE];
        assert_int_equal(
            odd_infer_kind("date", cells, ROWS / 3, 3, (size_t)round % 3, &kind, why, NULL), 0);
        assert_true(strlen(why) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_in_their_order),
        cmocka_unit_test(names_decide_where_values_do_not),
        cmocka_unit_test(single_values),
        cmocka_unit_test(arbitrary_bytes),
    };
    return cmocka_run_group_tests_name("column/infer", tests, NULL, NULL);
}
