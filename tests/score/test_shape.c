/* Shapes: against a plain covariance, its inverse by elimination, and trimming. */
#include "made.h"

#include "score/shape.h"

/* Rows with correlated columns, the first `odd` of them far away. */
static float *rows_of(size_t count, size_t n, size_t odd, uint64_t seed)
{
    float *rows = calloc(count * n, sizeof *rows);
    odd_random r;
    odd_random_start(&r, seed, 1);
    for (size_t i = 0; i < count; i++) {
        double common = odd_random_normal(&r);
        for (size_t j = 0; j < n; j++)
            rows[i * n + j] = (float)(3 + (double)j * 0.1 + common + odd_random_normal(&r) +
                                      (i < odd ? (j % 2 ? 50 : -50) : 0));
    }
    return rows;
}

/* (row - mean)^T (covariance + ridge)^-1 (row - mean), by Gauss-Jordan elimination. */
static void plain(const float *rows, size_t count, size_t n, double *out)
{
    double *mean = calloc(n, sizeof *mean), *a = calloc(n * 2 * n, sizeof *a), common = 0,
           spread = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < n; j++)
            mean[j] += (double)rows[i * n + j] / (double)count;
    for (size_t j = 0; j < n; j++)
        common += mean[j] / (double)n;
    for (size_t i = 0; i < count * n; i++)
        spread += ((double)rows[i] - common) * ((double)rows[i] - common) / (double)(count * n);
    for (size_t j = 0; j < n; j++) {
        for (size_t k = 0; k < n; k++)
            for (size_t i = 0; i < count; i++)
                a[j * 2 * n + k] += ((double)rows[i * n + j] - mean[j]) *
                                    ((double)rows[i * n + k] - mean[k]) /
                                    (double)(count > 1 ? count - 1 : 1);
        a[j * 2 * n + j] += ODD_SHAPE_RIDGE * fmax(spread, 1e-6);
        a[j * 2 * n + n + j] = 1;
    }
    for (size_t p = 0; p < n; p++) {
        double pivot = a[p * 2 * n + p];
        for (size_t k = 0; k < 2 * n; k++)
            a[p * 2 * n + k] /= pivot;
        for (size_t j = 0; j < n; j++) {
            double factor = a[j * 2 * n + p];
            for (size_t k = 0; j != p && k < 2 * n; k++)
                a[j * 2 * n + k] -= factor * a[p * 2 * n + k];
        }
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = 0;
        for (size_t j = 0; j < n; j++)
            for (size_t k = 0; k < n; k++)
                out[i] += ((double)rows[i * n + j] - mean[j]) * a[j * 2 * n + n + k] *
                          ((double)rows[i * n + k] - mean[k]);
    }
    free(mean);
    free(a);
}

static void against_plain(void **state)
{
    (void)state;
    static const size_t sizes[][2] = {{500, 1}, {500, 7}, {300, 40}, {20, 30},
                                      {2, 3},   {1, 4},   {513, 5}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t count = sizes[s][0], n = sizes[s][1];
        float *rows = rows_of(count, n, 0, s), *got = calloc(count, sizeof *got);
        double *expected = calloc(count, sizeof *expected);
        odd_shape shape;
        oddrow_error err = {0};
        assert_int_equal(odd_shape_new(&shape, n, &err), 0);
        assert_int_equal(odd_shape_fit(&shape, rows, count, 0, 0, &err), 0);
        odd_shape_distances(&shape, rows, count, got);
        plain(rows, count, n, expected);
        for (size_t i = 0; i < count; i++)
            made_near((double)got[i], expected[i], 1e-4);
        odd_shape_free(&shape);
        free(rows);
        free(got);
        free(expected);
    }
}

static void trimmed(void **state)
{
    (void)state;
    enum { COUNT = 400, N = 6, ODD = 30 };
    float *rows = rows_of(COUNT, N, ODD, 9), got[COUNT];
    odd_shape shape;
    assert_int_equal(odd_shape_new(&shape, N, NULL), 0);
    assert_int_equal(odd_shape_fit(&shape, rows, COUNT, 0, 0, NULL), 0);
    odd_shape_distances(&shape, rows, COUNT, got);
    assert_true(got[0] < 200); /* the odd rows made themselves at home */
    assert_int_equal(odd_shape_fit(&shape, rows, COUNT, 0.1, 3, NULL), 0);
    odd_shape_distances(&shape, rows, COUNT, got);
    for (size_t i = 0; i < ODD; i++)
        assert_true(got[i] > 1000);
    for (size_t i = ODD; i < COUNT; i++)
        assert_true(got[i] < 60);
    made_near((double)shape.mean[0], 3, 0.3);
    odd_shape_free(&shape);
    free(rows);
}

static void wide(void **state)
{
    (void)state;
    enum { COUNT = 30, N = ODD_SHAPE_FULL + 1 };
    float *rows = rows_of(COUNT, N, 0, 3), got[COUNT];
    odd_shape shape;
    assert_int_equal(odd_shape_new(&shape, N, NULL), 0);
    assert_int_equal(odd_shape_fit(&shape, rows, COUNT, 0.1, 1, NULL), 0);
    odd_shape_distances(&shape, rows, COUNT, got);
    for (size_t i = 0; i < COUNT; i++) {
        double sum = 0;
        for (size_t j = 0; j < N; j++) {
            double y = (double)shape.whiten[j] * ((double)rows[i * N + j] - (double)shape.mean[j]);
            sum += y * y;
        }
        made_near((double)got[i], sum, 1e-5);
    }
    odd_shape_free(&shape);
    free(rows);
}

static void degenerate(void **state)
{
    (void)state;
    float same[40], bad[40] = {0}, got[10];
    odd_shape shape;
    oddrow_error err = {0};
    for (size_t i = 0; i < 40; i++)
        same[i] = 7;
    assert_int_equal(odd_shape_new(&shape, 4, NULL), 0);
    assert_int_equal(odd_shape_fit(&shape, same, 10, 0.2, 3, &err), 0); /* rows all alike */
    odd_shape_distances(&shape, same, 10, got);
    assert_true(got[0] == 0);
    for (int i = 0; i < 2; i++) {
        bad[13] = i ? NAN : INFINITY;
        assert_int_equal(odd_shape_fit(&shape, bad, 10, 0, 0, &err), ODDROW_ENUMERIC);
    }
    odd_shape_free(&shape);
    assert_null(shape.mean);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(against_plain), cmocka_unit_test(trimmed),
                                       cmocka_unit_test(wide), cmocka_unit_test(degenerate)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
