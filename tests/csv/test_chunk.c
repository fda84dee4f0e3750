/* Splitting one chunk: cells, rejects, the order of both. */
#include "csv/chunk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void split(odd_csv_chunk *c, const char *text, size_t size, size_t columns)
{
    c->raw.size = 0;
    c->offset = 1000;
    c->marked = true;
    odd_bytes_add(&c->raw, text, size);
    assert_int_equal(odd_bytes_check(&c->raw, NULL), 0);
    assert_int_equal(odd_csv_chunk_split(c, columns, ',', 1000, NULL), 0);
    assert_int_equal(c->rows + c->reject_count, c->records);
    assert_int_equal(c->columns, columns);
}

static void check_cell(const odd_csv_chunk *c, size_t row, size_t column, const char *text)
{
    odd_span cell = c->cells[row * c->columns + column];
    assert_int_equal(cell.size, strlen(text));
    assert_memory_equal(cell.data, text, cell.size);
}

static void check_reject(const odd_csv_chunk *c, size_t i, size_t record, uint64_t offset,
                         const char *reason, const char *line)
{
    const odd_csv_reject *r = &c->rejects[i];
    assert_int_equal(r->record, record);
    assert_int_equal(r->offset, offset);
    assert_string_equal(r->reason, reason);
    assert_int_equal(r->line.size, strlen(line));
    assert_memory_equal(r->line.data, line, r->line.size);
}

static void gives_cells(void **state)
{
    (void)state;
    odd_csv_chunk c = {0};
    static const char text[] = "a, b ,\"c, d\"\n\n,\"\"\"x\"\"\", \"two\nlines\" \r\n1,2,3";
    split(&c, text, sizeof text - 1, 3);
    assert_int_equal(c.rows, 3);
    check_cell(&c, 0, 0, "a");
    check_cell(&c, 0, 1, "b");
    check_cell(&c, 0, 2, "c, d");
    check_cell(&c, 1, 0, "");
    check_cell(&c, 1, 1, "\"x\"");
    check_cell(&c, 1, 2, "two\nlines");
    check_cell(&c, 2, 2, "3");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(c.record_of_row[i], i);
    odd_csv_chunk_free(&c);
}

static void rejects_in_order(void **state)
{
    (void)state;
    odd_csv_chunk c = {0};
    static const char text[] = "1,2\n1\n\"x\"y,2\n3,4\n1,2,3\n5,6,\nn\0,1\n7,8\n\"open,1\n9,10\n";
    for (int again = 0; again < 2; again++) { /* the second time in the chunk of the first */
        split(&c, text, sizeof text - 1, 2);
        assert_int_equal(c.records, 10);
        assert_int_equal(c.rows, 4);
        check_reject(&c, 0, 1, 1004, "1 field, expected 2", "1");
        check_reject(&c, 1, 2, 1006, "invalid quoting", "\"x\"y,2");
        check_reject(&c, 2, 4, 1017, "3 fields, expected 2", "1,2,3");
        check_reject(&c, 3, 5, 1023, "3 fields, expected 2", "5,6,");
        assert_string_equal(c.rejects[4].reason, "NUL byte");
        assert_int_equal(c.rejects[4].line.size, 4);
        check_reject(&c, 5, 8, 1037, "unterminated quote", "\"open,1");
        check_cell(&c, 1, 1, "4");
        check_cell(&c, 2, 0, "7");
        check_cell(&c, 3, 1, "10");
        assert_int_equal(c.record_of_row[3], 9);
    }
    odd_csv_chunk_free(&c);
}

static void one_column_needs_quotes_for_nothing(void **state)
{
    (void)state;
    odd_csv_chunk c = {0};
    split(&c, "a\n\n\"\"\n \nb", 9, 1);
    assert_int_equal(c.rows, 3);
    check_cell(&c, 1, 0, "");
    check_cell(&c, 2, 0, "b");
    split(&c, "", 0, 1);
    assert_int_equal(c.records, 0);
    odd_csv_chunk_free(&c);
    odd_csv_chunk_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gives_cells),
                                       cmocka_unit_test(rejects_in_order),
                                       cmocka_unit_test(one_column_needs_quotes_for_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
