/* Singular values and eigenvectors multiply back to what was decomposed. */
#include "math/decompose.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

enum { MOST = 60 };
static double a[MOST * MOST], kept[MOST * MOST], u[MOST * MOST], vt[MOST * MOST], s[MOST];

static void draw(size_t n, uint64_t seed)
{
    odd_random r;
    odd_random_start(&r, seed, 0);
    for (size_t i = 0; i < n * n; i++)
        kept[i] = a[i] = odd_random_normal(&r);
}

static void near(double x, double y)
{
    if (!(fabs(x - y) < 1e-10))
        fail_msg("%.17g is not %.17g", x, y);
}

/* rows of q are orthonormal */
static void orthonormal(const double *q, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t k = 0; k < n; k++)
                sum += q[i * n + k] * q[j * n + k];
            near(sum, i == j);
        }
}

static void singular_values(void **state)
{
    (void)state;
    for (size_t n = 0; n <= MOST; n = n < 5 ? n + 1 : n + 11) {
        draw(n, n);
        assert_int_equal(odd_svd(a, n, u, s, vt, NULL), 0);
        orthonormal(u, n);
        orthonormal(vt, n);
        for (size_t i = 0; i < n; i++) {
            assert_true(s[i] >= 0 && (i == 0 || s[i] <= s[i - 1]));
            for (size_t j = 0; j < n; j++) {
                double sum = 0;
                for (size_t k = 0; k < n; k++)
                    sum += u[i * n + k] * s[k] * vt[k * n + j];
                near(sum, kept[i * n + j]);
            }
        }
    }
}

static void eigenvectors(void **state)
{
    (void)state;
    for (size_t n = 1; n <= MOST; n = n < 5 ? n + 1 : n + 11) {
        draw(n, n);
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < n; j++)
                a[i * n + j] = 1e9; /* only the lower triangle is read */
        assert_int_equal(odd_symmetric_eigen(a, n, s, NULL), 0);
        orthonormal(a, n);
        for (size_t k = 0; k < n; k++) {
            assert_true(k == 0 || s[k] >= s[k - 1]);
            for (size_t i = 0; i < n; i++) {
                double sum = 0;
                for (size_t j = 0; j < n; j++)
                    sum += (j <= i ? kept[i * n + j] : kept[j * n + i]) * a[k * n + j];
                near(sum, s[k] * a[k * n + i]);
            }
        }
    }
}

static void refuses(void **state)
{
    (void)state;
    double bad[4] = {1, NAN, 0, 1}, two[4], values[2];
    assert_int_equal(odd_svd(bad, 2, two, values, two, NULL), ODDROW_ENUMERIC);
    assert_int_equal(odd_symmetric_eigen(bad, 2, values, NULL), ODDROW_ENUMERIC);
    assert_int_equal(odd_symmetric_eigen(bad, (size_t)1 << 40, values, NULL), ODDROW_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(singular_values),
                                       cmocka_unit_test(eigenvectors), cmocka_unit_test(refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
