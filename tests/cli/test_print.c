/* Tables for people: widths, alignment, hostile cells, memory that ends; JSON of odd values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "capture.h"
#include "cli/print.h"

static int fill(odd_text_table *table, int rc, oddrow_error *err)
{
    *table = (odd_text_table){.columns = 3};
    odd_text_table_cells(table, "name", ">count", "note", NULL);
    odd_text_table_cells(table, "caf\xc3\xa9", NULL);
    odd_text_table_cell(table, "%d", 7);
    odd_text_table_cells(table, "two\nlines\tand \x1b[31mred", NULL);
    odd_text_table_cells(table, "x", "1234567", "", NULL);
    return odd_text_table_finish(table, rc, err);
}

static void test_table(void **state)
{
    (void)state;
    odd_text_table table;
    capture c = capture_start(stdout);
    int rc = fill(&table, 0, NULL);
    char *text = capture_end(&c);
    assert_int_equal(rc, 0);
    assert_string_equal(text, "name    count  note\n"
                              "caf\xc3\xa9        7  two lines and  [31mred\n"
                              "x     1234567  \n");
    free(text);
}

/* A table that is not whole prints nothing and keeps the code it is given. */
static void test_failed(void **state)
{
    (void)state;
    odd_text_table table;
    capture c = capture_start(stdout);
    int rc = fill(&table, ODDROW_EIO, NULL);
    char *text = capture_end(&c);
    assert_int_equal(rc, ODDROW_EIO);
    assert_string_equal(text, "");
    assert_null(table.cells.data);
    free(text);
}

static bool never(void *context, size_t size)
{
    (void)context;
    return size > 0;
}

static void test_no_memory(void **state)
{
    (void)state;
    odd_text_table table;
    oddrow_error err = {0};
    capture c = capture_start(stdout);
    odd_memory_hook(never, NULL);
    int rc = fill(&table, 0, &err);
    odd_memory_hook(NULL, NULL);
    char *text = capture_end(&c);
    assert_int_equal(rc, ODDROW_ENOMEM);
    assert_string_equal(err.message, "out of memory");
    assert_string_equal(text, "");
    free(text);
}

static void test_json(void **state)
{
    (void)state;
    capture c = capture_start(stdout);
    int rc = odd_print_json(json_pack("[o, o, o, o]", odd_number_value(NAN), odd_number_value(0.5),
                                      odd_text_value("a\xff"), odd_text_value(NULL)),
                            NULL);
    char *text = capture_end(&c);
    assert_int_equal(rc, 0);
    assert_string_equal(text, "[\n  null,\n  0.5,\n  \"a?\",\n  null\n]\n");
    free(text);
    oddrow_error err = {0};
    assert_int_equal(odd_print_json(NULL, &err), ODDROW_ENOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_failed),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
