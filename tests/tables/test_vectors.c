/* Vectors as text: both forms, and everything that is wrong with a file named by line and column.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "tables/vectors.h"

typedef struct seen {
    size_t width, count;
    char values[20][64];
    float vectors[20][4];
} seen;

static int width(void *context, size_t n, oddrow_error *err)
{
    (void)err;
    ((seen *)context)->width = n;
    return 0;
}

static int take(void *context, const char *value, size_t size, const float *vector,
                oddrow_error *err)
{
    seen *s = context;
    (void)err;
    if (s->count < 20 && size < 64) {
        memcpy(s->values[s->count], value, size);
        memcpy(s->vectors[s->count], vector, (s->width < 4 ? s->width : 4) * sizeof *vector);
    }
    s->count++;
    return 0;
}

/* Reads a text under the name "text". */
static int parse(const char *text, size_t size, seen *out, oddrow_error *err)
{
    const odd_word_sink sink = {width, take, out};
    odd_input *input = NULL;
    *out = (seen){0};
    assert_int_equal(odd_input_open_memory("text", text, size, &input, err), 0);
    int rc = odd_word_vectors_read(input, &sink, err);
    odd_input_free(&input);
    return rc;
}

static void good(const char *text, size_t count, size_t wide)
{
    oddrow_error err = {0};
    seen s;
    if (parse(text, strlen(text), &s, &err))
        fail_msg("%s", err.message);
    assert_int_equal(s.count, count);
    assert_int_equal(s.width, wide);
}

static void bad(const char *text, size_t size, const char *message)
{
    oddrow_error err = {0};
    seen s;
    if (parse(text, size, &s, &err) != ODDROW_EFORMAT)
        fail_msg("no '%s'", message);
    assert_memory_equal(err.message, "text:", 5);
    if (strncmp(err.message + 5, message, strlen(message)) != 0)
        fail_msg("'%s', expected '%s'", err.message, message);
}

static void test_forms(void **state)
{
    seen s;
    oddrow_error err = {0};
    static const char text[] = "2 3\nHigh school 1 -2.5 3e-1\n\xc3\xa9t\xc3\xa9\t.5 0 1 \n";
    (void)state;
    assert_int_equal(parse(text, sizeof text - 1, &s, &err), 0);
    assert_int_equal(s.width, 3);
    assert_int_equal(s.count, 2);
    assert_string_equal(s.values[0], "High school");
    assert_string_equal(s.values[1], "\xc3\xa9t\xc3\xa9");
    assert_true(s.vectors[0][1] == -2.5f && s.vectors[0][2] == 0.3f && s.vectors[1][0] == 0.5f);
    good(text, 2, 3);
    good("a 1 2\nb 3 4\n", 2, 2);
    good("\xef\xbb\xbf"
         "a 1 2\r\nb 3 4",
         2, 2);
    good("2 1\r\na 1\r\nb 2\r\n", 2, 1); /* a header of width 1 */
    good("7 0.5\n8 0.25\n", 2, 1);
    good("7 3\n8 4\n9 5\n", 3, 1); /* values that are numbers, of width 1 */
    good("  a 1 2\n", 1, 2);
    good("1 2\n2010 1 2\n", 1, 2);
}

#define BAD(text, message) bad(text, sizeof text - 1, message)

static void test_hostile(void **state)
{
    (void)state;
    BAD("", "1:1: no vectors");
    BAD("\n", "1:1: an empty line");
    BAD("a 1 2\n\nb 3 4\n", "2:1: an empty line");
    BAD("a\n", "1:1: no numbers");
    BAD("a 1 2\nb 3\n", "2:4: 1 numbers, expected 2");
    BAD("a 1 2\nb\n", "2:2: 0 numbers, expected 2");
    BAD("a 1 2\nb 3 4 5\n", "2:3: 3 numbers, expected 2");
    BAD("a 1 nan\n", "1:5: 'nan' is not a number");
    BAD("a nan 1\n", "1:3: 'nan' is not a number");
    BAD("a 1 2\nb 3 -Inf\n", "2:5: '-Inf' is not a number");
    BAD("a 1 2\nb 3 1e39\n", "2:5: '1e39' is not a number"); /* beyond a float */
    BAD("a 1 2\nb 3 x4\n", "2:5: 'x4' is not a number");
    BAD("a 1 2\nb 3 \xff\n", "2:5: '?' is not a number");
    BAD("a 1 2\na 3 4\n", "2:1: the value 'a' stands in line 1 too");
    BAD("2 2\na 1 2\na 3 4\n", "3:1: the value 'a' stands in line 2 too");
    BAD("a 1 2\nx\xff"
        "b 1 2\n",
        "2:2: the value is not UTF-8");
    BAD("x\xc3 1 2\n", "1:2: the value is not UTF-8");
    BAD("a\0b 1 2\n", "1:2: a NUL byte");
    BAD("3 2\na 1 2\nb 3 4\n", "3:1: line 1 promises 3 vectors, 2 are there");
    BAD("1 2\na 1 2\nb 3 4\n", "3:1: more than the 1 vectors");
    BAD("2000000000 300\na 1 2\n", "2:6: 2 numbers, expected 300");
    BAD("2000000000 2\na 1 2\n", "2:1: line 1 promises 2000000000 vectors, 1 are there");
    BAD("1 2000000000\na 1 2\n", "1:1: vectors of 2000000000 numbers");
    BAD("3 0\na 1 2\n", "1:1: vectors of 0 numbers");
    BAD("99999999999999999999 2\na 1 2\n", "2:");
    BAD("5 2\n", "1:1: line 1 promises 5 vectors, 0 are there");
    BAD("2 3\n 1 2 3\n", "2:2: no value in front");
}

static void test_long_line(void **state)
{
    size_t size = ODD_VECTORS_LINE + 10;
    char *text = malloc(size);
    oddrow_error err = {0};
    seen s;
    (void)state;
    memset(text, 'a', size);
    assert_int_equal(parse(text, size, &s, &err), ODDROW_EFORMAT);
    assert_non_null(strstr(err.message, "1:16777217: a line of more than"));
    free(text);
}

/* Files are read in blocks of 256 KiB: lines that begin and end anywhere in them. */
static void test_blocks(void **state)
{
    enum { LINES = 40000, BLOCK = 1 << 18 };
    char *text = malloc(LINES * 32 + BLOCK);
    (void)state;
    for (size_t shift = 0; shift < 20; shift++) {
        size_t size = 0;
        for (size_t i = 0; i < LINES; i++)
            size += (size_t)sprintf(text + size, "%.*s%zu 1 2\n", (int)(i ? 0 : shift),
                                    "....................", i);
        for (int end = 0; end < 2; end++) { /* with a line end behind the last line, and without */
            seen s;
            oddrow_error err = {0};
            if (parse(text, size - (size_t)end, &s, &err))
                fail_msg("%s", err.message);
            assert_int_equal(s.count, LINES);
        }
    }
    memset(text, 'a', BLOCK); /* one line of a block, and its end in the next */
    for (size_t behind = 0; behind < 8; behind++) {
        seen s;
        memcpy(text + BLOCK - 4 + behind, " 1 2\n", 5);
        assert_int_equal(parse(text, BLOCK + 1 + behind, &s, NULL), 0);
        assert_int_equal(s.count, 1);
        memset(text + BLOCK - 4 + behind, 'a', 5);
    }
    free(text);
}

/* The path stands in front, once. */
static void test_files(void **state)
{
    char path[] = "/tmp/oddrow-vectors-XXXXXX";
    const int fd = mkstemp(path);
    seen s = {0};
    const odd_word_sink sink = {width, take, &s};
    odd_input *input = NULL;
    oddrow_error err = {0};
    char want[100];
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a 1 2\nb 1\n", 10), 10);
    close(fd);
    assert_int_equal(odd_input_open(path, &input, &err), 0);
    assert_int_equal(odd_word_vectors_read(input, &sink, &err), ODDROW_EFORMAT);
    odd_input_free(&input);
    snprintf(want, sizeof want, "%s:2:4: 1 numbers, expected 2", path);
    assert_string_equal(err.message, want);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_hostile),
                                       cmocka_unit_test(test_long_line),
                                       cmocka_unit_test(test_blocks), cmocka_unit_test(test_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
