/* The nearest vectors, against sorting all of them in double. */
#include "embeddings.h"

#include "embed/near.h"
#include "tables/npy.h"

static odd_metric sorting_by;

static int nearer(const void *a, const void *b)
{
    const odd_neighbour *x = a, *y = b;
    if (x->value != y->value)
        return (x->value > y->value) == (sorting_by == ODD_COSINE) ? -1 : 1;
    return x->row < y->row ? -1 : 1;
}

static void compare(const float *vectors, size_t rows, size_t width, const float *query, size_t k)
{
    odd_neighbour *all = calloc(rows + 1, sizeof *all), *got = calloc(k + 1, sizeof *got);
    for (int metric = ODD_COSINE; metric <= ODD_EUCLIDEAN; metric++) {
        size_t count = 0, found = 0;
        for (size_t i = 0; i < rows; i++) {
            double value = odd_metric_of((odd_metric)metric, vectors + i * width, query, width);
            if (isfinite(value))
                all[count++] = (odd_neighbour){i, value};
        }
        sorting_by = (odd_metric)metric;
        qsort(all, count, sizeof *all, nearer);
        assert_int_equal(
            odd_near(vectors, rows, width, query, (odd_metric)metric, k, NULL, got, &found, NULL),
            0);
        assert_int_equal(found, k < count ? k : count);
        for (size_t i = 0; i < found; i++) {
            assert_int_equal(got[i].row, all[i].row);
            assert_true(got[i].value == all[i].value);
        }
    }
    free(all);
    free(got);
}

static void as_a_sort(void **state)
{
    (void)state;
    static const size_t widths[] = {1, 2, 7, 16, 33, 50};
    static const size_t sizes[] = {1, 5, 1023, 1024, 1025, 5000};
    odd_random r;
    odd_random_start(&r, 1, 0);
    for (size_t w = 0; w < 6; w++)
        for (size_t s = 0; s < 6; s++) {
            size_t width = widths[w], rows = sizes[s];
            float *vectors = malloc(rows * width * sizeof *vectors);
            for (size_t i = 0; i < rows * width; i++)
                vectors[i] = (float)(s % 2 ? odd_random_normal(&r)
                                           : (double)odd_random_below(&r, 5) - 2); /* ties */
            compare(vectors, rows, width, vectors, 10);
            compare(vectors, rows, width, vectors + (rows - 1) * width, 3);
            compare(vectors, rows, width, vectors, rows + 4);
            compare(vectors, rows, width, vectors, 0);
            free(vectors);
        }
}

/* Far from the origin, near one another; huge, tiny, zero and not finite: single precision alone
 * would get these wrong. */
static void hard_numbers(void **state)
{
    (void)state;
    enum { ROWS = 3000, E = 8 };
    static float vectors[ROWS * E];
    odd_random r;
    odd_random_start(&r, 2, 0);
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < E; j++)
            vectors[i * E + j] = 1000 + (float)odd_random_normal(&r) * 1e-2f;
    compare(vectors, ROWS, E, vectors + 5 * E, 20);
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < E; j++)
            vectors[i * E + j] *= i % 5 == 0 ? 1e18f : i % 5 == 1 ? 1e-22f : i % 5 == 2 ? 0 : 1;
    vectors[7] = NAN;
    vectors[300 * E] = INFINITY;
    vectors[301 * E + 2] = -INFINITY;
    compare(vectors, ROWS, E, vectors + 3 * E, 20);
    compare(vectors, ROWS, E, vectors + 5 * E, 20);
    compare(vectors, ROWS, E, vectors + 6 * E, 20);
    compare(vectors, ROWS, E, vectors + 2 * E, 20);
    odd_neighbour out[3];
    size_t found;
    assert_int_equal(odd_near(vectors, ROWS, E, vectors, ODD_COSINE, 3, NULL, out, &found, NULL),
                     ODDROW_ENUMERIC);
}

/* ---- mapped files ---- */

static void write_npy(const char *path, const float *data, size_t rows, size_t cols)
{
    odd_bytes file = {0};
    char header[ODD_NPY_HEADER];
    odd_npy_header(header, "<f4", rows, cols);
    odd_bytes_add(&file, header, sizeof header);
    assert_int_equal(odd_bytes_check(&file, NULL), 0);
    odd_bytes_add(&file, data, rows * cols * sizeof *data);
    assert_int_equal(odd_bytes_check(&file, NULL), 0);
    made_write(path, file.data, file.size);
    odd_bytes_free(&file);
}

static void maps(void **state)
{
    (void)state;
    const float data[6] = {1, 2, 3, 4, 5, 6};
    const char *path = made_path("v.npy");
    odd_vectors v;
    size_t row;
    oddrow_error err = {0};
    write_npy(path, data, 3, 2);
    assert_true(odd_npy_is(path));
    assert_int_equal(odd_vectors_open(path, &v, &err), 0);
    assert_null(v.text);
    assert_int_equal(odd_vectors_find(&v, "a", 1, &row, &err), ODDROW_ESCHEMA);
    odd_vectors_close(&v);
    made_write(made_path("v.txt"), "a\nb c\nd", 7);
    assert_int_equal(odd_vectors_open(path, &v, &err), 0);
    assert_int_equal(v.rows, 3);
    assert_int_equal(v.width, 2);
    assert_memory_equal(v.data, data, sizeof data);
    assert_int_equal(odd_vectors_find(&v, "b c", 3, &row, NULL), 0);
    assert_int_equal(row, 1);
    assert_memory_equal(odd_vectors_text(&v, 2).data, "d", 1);
    assert_memory_equal(odd_vectors_text(&v, 0).data, "a", 1);
    assert_int_equal(odd_vectors_text(&v, 3).size, 0);
    odd_vectors_close(&v);
    made_write(made_path("v.txt"), "a\nb\n", 4);
    assert_int_equal(odd_vectors_open(path, &v, &err), ODDROW_EFORMAT);
    assert_non_null(strstr(err.message, "2 lines for 3"));
    assert_int_equal(odd_vectors_open(made_path("none.npy"), &v, &err), ODDROW_EIO);
    assert_false(odd_npy_is(made_path("v.txt")));
}

/* The line of every row of a long file, also without a line end behind the last. */
static void texts(void **state)
{
    (void)state;
    enum { ROWS = 2500 };
    static const float data[ROWS];
    odd_vectors v;
    odd_bytes text = {0};
    write_npy(made_path("long.npy"), data, ROWS, 1);
    for (int i = 0; i < ROWS; i++)
        odd_bytes_print(&text, "%s%d", i ? "\n" : "", i);
    made_write(made_path("long.txt"), text.data, text.size);
    assert_int_equal(odd_vectors_open(made_path("long.npy"), &v, NULL), 0);
    for (size_t i = 0; i < ROWS; i++) {
        odd_span line = odd_vectors_text(&v, i);
        assert_int_equal(strtoul(line.data, NULL, 10), i);
        assert_int_equal(line.size, (i > 9) + (i > 99) + (i > 999) + 1);
    }
    assert_int_equal(odd_vectors_text(&v, ROWS).size, 0);
    odd_vectors_close(&v);
    odd_bytes_free(&text);
}

static int parse(const char *dictionary, char version, size_t *rows, size_t *cols)
{
    char file[300] = "\x93NUMPY";
    size_t size = strlen(dictionary), start = version == 1 ? 10 : 12, offset;
    file[6] = version;
    file[8] = (char)size;
    memcpy(file + start, dictionary, size);
    return odd_npy_parse(file, start + size, rows, cols, &offset, NULL);
}

static void hostile_headers(void **state)
{
    (void)state;
    size_t rows, cols, offset;
    assert_int_equal(
        parse("{'descr': '<f4', 'fortran_order': False, 'shape': (12, 3), }\n", 1, &rows, &cols),
        0);
    assert_int_equal(rows * 100 + cols, 1203);
    assert_int_equal(
        parse("{'shape': (12,3), 'fortran_order':False, 'descr':'<f4'}", 2, &rows, &cols), 0);
    static const char *const bad[] = {
        "",
        "{}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (12, 3), }",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (12, 3), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (12,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (12, 3, 4), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (12, 0), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 3), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999, 3), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape'",
        "{'descr'",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(parse(bad[i], 1, &rows, &cols), ODDROW_EFORMAT);
    assert_int_equal(odd_npy_parse("\x93NUMPY\1\0\xff\xff      ", 16, &rows, &cols, &offset, NULL),
                     ODDROW_EFORMAT);
    /* more floats than the file holds, and more than there are numbers for */
    static const uint64_t many[] = {4, 1ull << 62, UINT64_MAX};
    float data[6] = {0};
    for (size_t i = 0; i < 3; i++) {
        odd_vectors v;
        oddrow_error err = {0};
        char file[ODD_NPY_HEADER + sizeof data];
        odd_npy_header(file, "<f4", many[i], 2);
        memcpy(file + ODD_NPY_HEADER, data, sizeof data);
        made_write(made_path("short.npy"), file, sizeof file);
        assert_int_equal(odd_vectors_open(made_path("short.npy"), &v, &err), ODDROW_EFORMAT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_a_sort), cmocka_unit_test(hard_numbers),
                                       cmocka_unit_test(maps), cmocka_unit_test(texts),
                                       cmocka_unit_test(hostile_headers)};
    return cmocka_run_group_tests(tests, made_enter, made_leave);
}
