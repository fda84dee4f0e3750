/* tests/math/test_matrix.c: products against plain loops, Cholesky by multiplying back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "math/matrix.h"

static void test_products(void **state)
{
    enum { M = 7, N = 5, K = 11, ROOM = 200 };
    float a[ROOM], b[ROOM], c[ROOM];
    double ad[ROOM], bd[ROOM], cd[ROOM];

    (void)state;
    for (int mode = 0; mode < 4; mode++) {
        const bool ta = mode & 1, tb = mode & 2;
        const size_t sa = (ta ? M : K) + 1, sb = (tb ? K : N) + 2, sc = N + 3;
        for (size_t i = 0; i < ROOM; i++) {
            ad[i] = (double)(a[i] = (float)(i % 13) - 6);
            bd[i] = (double)(b[i] = (float)(i % 7) - 3);
            cd[i] = (double)(c[i] = (float)(i % 5));
        }
        assert_int_equal(odd_sgemm(ta, tb, M, N, K, 2, a, sa, b, sb, 0.5f, c, sc, NULL), 0);
        assert_int_equal(odd_dgemm(ta, tb, M, N, K, 2, ad, sa, bd, sb, 0.5, cd, sc, NULL), 0);
        for (size_t m = 0; m < M; m++)
            for (size_t n = 0; n < sc; n++) {
                double want = (double)((m * sc + n) % 5) * (n < N ? 0.5 : 1);
                for (size_t k = 0; k < K && n < N; k++)
                    want += 2 * ad[ta ? k * sa + m : m * sa + k] * bd[tb ? n * sb + k : k * sb + n];
                assert_true((double)c[m * sc + n] == want);
                assert_true(cd[m * sc + n] == want);
            }
    }
    assert_int_equal(odd_sgemm(false, false, 0, 0, 0, 1, a, 0, b, 0, 0, c, 0, NULL), 0);
}

static void test_refusals(void **state)
{
    float x[4] = {0};
    oddrow_error err = {0};

    (void)state;
    assert_int_equal(odd_sgemm(false, false, 2, 2, 2, 1, x, 1, x, 2, 0, x, 2, &err), ODDROW_EINVAL);
    assert_non_null(strstr(err.message, "stride"));
    assert_int_equal(
        odd_sgemm(false, false, 1, 1, (size_t)INT_MAX + 1, 1, x, SIZE_MAX, x, 1, 0, x, 1, &err),
        ODDROW_EINVAL);
    assert_non_null(strstr(err.message, "too large"));
}

enum { SIDE = 24, THREADS = 8, TIMES = 60000 };

static bool multiply_once(const float *a, float *c)
{
    return odd_sgemm(false, true, SIDE, SIDE, SIDE, 1, a, SIDE, a, SIDE, 0, c, SIDE, NULL) == 0;
}

/* The same product again and again; how often it was another one. */
static void *multiply_often(void *context)
{
    const float *a = context, *first = a + SIDE * SIDE;
    float *c = calloc(SIDE * SIDE, sizeof *c);
    size_t wrong = 0;
    for (size_t i = 0; i < TIMES; i++) {
        wrong += !multiply_once(a, c) || memcmp(c, first, SIDE * SIDE * sizeof *c) != 0;
    }
    free(c);
    return (void *)wrong;
}

/* A serial OpenBLAS shares its buffers between threads without locks. */
static void test_threads(void **state)
{
    float *a = calloc(2 * SIDE * SIDE, sizeof *a);
    pthread_t threads[THREADS];
    odd_random r;

    (void)state;
    odd_random_start(&r, 1, 1);
    for (size_t i = 0; i < SIDE * SIDE; i++)
        a[i] = (float)odd_random_normal(&r);
    assert_true(multiply_once(a, a + SIDE * SIDE));
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, multiply_often, a), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *wrong;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    free(a);
}

static void test_cholesky(void **state)
{
    static const size_t sizes[] = {1, 2, 5, 64, 201};
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const size_t n = sizes[s];
        double *a = calloc(n * n, sizeof *a), *l = calloc(n * n, sizeof *l);
        double *x = calloc(n * n, sizeof *x);
        odd_random r;
        odd_random_start(&r, 1, n);
        for (size_t i = 0; i < n * n; i++)
            x[i] = odd_random_normal(&r);
        assert_int_equal(odd_dgemm(false, true, n, n, n, 1, x, n, x, n, 0, a, n, NULL), 0);
        for (size_t i = 0; i < n; i++)
            a[i * n + i] += 1;
        memcpy(l, a, n * n * sizeof *l);
        assert_int_equal(odd_cholesky(l, n, NULL), 0);
        assert_int_equal(odd_dgemm(false, true, n, n, n, 1, l, n, l, n, 0, x, n, NULL), 0);
        for (size_t i = 0; i < n * n; i++)
            assert_true(fabs(x[i] - a[i]) < 1e-10 * (double)(n + 1));
        memcpy(a, l, n * n * sizeof *l);
        assert_int_equal(odd_lower_inverse(a, n, NULL), 0);
        assert_int_equal(odd_dgemm(false, false, n, n, n, 1, a, n, l, n, 0, x, n, NULL), 0);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) {
                assert_true(fabs(x[i * n + j] - (i == j)) < 1e-9);
                assert_true(j <= i || (a[i * n + j] == 0 && l[i * n + j] == 0));
            }
        free(a);
        free(l);
        free(x);
    }
}

static void test_not_definite(void **state)
{
    double a[4] = {1, 0, 2, 1}, nan[1] = {NAN}, l[4] = {1, 0, 1, 0};
    oddrow_error err = {0};

    (void)state;
    assert_int_equal(odd_cholesky(a, 2, &err), ODDROW_ENUMERIC);
    assert_non_null(strstr(err.message, "pivot 1"));
    assert_int_equal(odd_cholesky(nan, 1, &err), ODDROW_ENUMERIC);
    assert_int_equal(odd_lower_inverse(l, 2, &err), ODDROW_ENUMERIC);
    assert_non_null(strstr(err.message, "element 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_cholesky),
        cmocka_unit_test(test_not_definite)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
