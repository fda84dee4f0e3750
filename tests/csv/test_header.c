/* Headers: delimiters found, names read, checked and compared. */
#include "csv/header.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char detect(const char *text)
{
    return odd_csv_detect(text, strlen(text), true);
}

static void finds_the_delimiter(void **state)
{
    (void)state;
    assert_int_equal(detect("a,b\n1,2\n"), ',');
    assert_int_equal(detect("a;b;c\n1,5;2,5;3,5\n1,0;2;3\n"), ';');
    assert_int_equal(detect("a\tb\n1\t2"), '\t');
    assert_int_equal(detect("a|b|c"), '|');
    assert_int_equal(detect("one\n1\n2\n"), ',');
    assert_int_equal(detect(""), ',');
    assert_int_equal(detect("\"a;b\",\"c;d\"\n\"1;2;3\",4\n"), ',');
    assert_int_equal(detect("a,b;c\n1,2;3\n1,2;3\n"), ',');
    assert_int_equal(detect("name;text\nx;\"a,b\nc,d\"\ny;z\n"), ';');
    assert_int_equal(detect("a b|c\nno bars\nat all\n"), ',');
    assert_int_equal(odd_csv_detect("a;b;long hea", 12, false), ';');
}

static int read_names(odd_csv_header *h, const char *text, oddrow_error *err)
{
    return odd_csv_header_read(h, text, strlen(text), ',', "f.csv", 1, err);
}

static void reads_names(void **state)
{
    (void)state;
    odd_csv_header h;
    assert_int_equal(read_names(&h, "a, b ,,\"c\nd\",\n", NULL), 0);
    static const char *const names[] = {"a", "b", "column_3", "c\nd", "column_5"};
    assert_int_equal(h.columns, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(h.names[i], names[i]);
    odd_csv_header_free(&h);
    assert_null(h.names);
    odd_csv_header_free(NULL);
}

static void refuses_a_name_twice(void **state)
{
    (void)state;
    odd_csv_header h;
    oddrow_error err;
    assert_int_equal(read_names(&h, "a,b,c,b\n", &err), ODDROW_EFORMAT);
    assert_string_equal(err.message,
                        "f.csv: line 1: column 4: the name \"b\" is that of column 2 too");
    assert_null(h.names);
    assert_int_equal(read_names(&h, "column_2,\n", &err), ODDROW_EFORMAT);
}

static void compares(void **state)
{
    (void)state;
    odd_csv_header a, b, c, d;
    oddrow_error err;
    assert_int_equal(read_names(&a, "a,b", NULL), 0);
    assert_int_equal(read_names(&b, "\"a\" , b\n", NULL), 0);
    assert_int_equal(read_names(&c, "a,x", NULL), 0);
    assert_int_equal(read_names(&d, "a,b,c", NULL), 0);
    assert_int_equal(odd_csv_header_compare(&a, &b, "g.csv", 1, &err), 0);
    assert_int_equal(odd_csv_header_compare(&a, &c, "g.csv", 1, &err), ODDROW_ESCHEMA);
    assert_string_equal(err.message, "g.csv: line 1: column 2 is \"x\", in the first file \"b\"");
    assert_int_equal(odd_csv_header_compare(&a, &d, "g.csv", 1, &err), ODDROW_ESCHEMA);
    assert_non_null(strstr(err.message, "column 3 \"c\""));
    assert_int_equal(odd_csv_header_compare(&d, &a, "g.csv", 1, &err), ODDROW_ESCHEMA);
    odd_csv_header_free(&a);
    odd_csv_header_free(&b);
    odd_csv_header_free(&c);
    odd_csv_header_free(&d);
}

static void reads_a_million_columns(void **state)
{
    (void)state;
    enum { N = 1000000 };
    odd_bytes text = {0};
    odd_csv_header h;
    for (int i = 0; i < N; i++)
        odd_bytes_print(&text, "c%d,", i);
    assert_int_equal(odd_bytes_check(&text, NULL), 0);
    text.size--;
    assert_int_equal(odd_csv_header_read(&h, text.data, text.size, ',', "wide", 1, NULL), 0);
    assert_int_equal(h.columns, N);
    assert_string_equal(h.names[N - 1], "c999999");
    odd_csv_header_free(&h);
    odd_bytes_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_delimiter), cmocka_unit_test(reads_names),
        cmocka_unit_test(refuses_a_name_twice), cmocka_unit_test(compares),
        cmocka_unit_test(reads_a_million_columns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
