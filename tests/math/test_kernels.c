/* tests/math/test_kernels.c: every set of kernels this processor runs against plain loops in
 * double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "math/kernels.h"

enum { ROOM = 200000 };

static float *fresh(uint64_t seed)
{
    odd_random r;
    float *x = malloc(ROOM * sizeof *x);
    odd_random_start(&r, seed, 1);
    for (size_t i = 0; i < ROOM; i++)
        x[i] = (float)odd_random_normal(&r);
    return x;
}

static void near(double got, double want, double tolerance, const char *what, size_t at)
{
    if (!(fabs(got - want) <= tolerance * (1 + fabs(want))))
        fail_msg("%s at %zu: %.9g, plain %.9g", what, at, got, want);
}

#define FOR_SETS(k)                                                                                \
    for (size_t set_ = 0; set_ < ODD_KERNEL_SETS; set_++)                                          \
        for (const odd_kernels *k = odd_kernels_set(set_); k; k = NULL)

static void test_multiply(void **state)
{
    static const size_t shapes[][3] = {{1, 16, 1},     {50, 64, 67}, {32, 48, 50},
                                       {13, 80, 3},    {4, 64, 16},  {7, 112, 300},
                                       {119, 64, 257}, {2, 1, 0},    {25, 5, 40}};
    float *a = fresh(1), *b = fresh(2), *bias = fresh(3), *c = fresh(4), *before = fresh(4);

    (void)state;
    FOR_SETS(k)
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int mode = 0; mode < 6; mode++) { /* start: 0, bias, add; A as it is, transposed */
            const size_t M = shapes[s][0], N = shapes[s][1], K = shapes[s][2];
            const size_t sa = (mode < 3 ? K : M) + 1, sb = N + 2, sc = ODD_PADDED(N) + 16;
            memcpy(c, before, ROOM * sizeof *c);
            (mode < 3 ? k->multiply : k->multiply_transposed)(
                c, sc, a, sa, b, sb, mode % 3 == 1 ? bias : NULL, mode % 3 == 2, M, N, K);
            for (size_t m = 0; m < M; m++)
                for (size_t n = 0; n < sc; n++) {
                    double want = mode % 3 == 1   ? (double)bias[m]
                                  : mode % 3 == 2 ? (double)before[m * sc + n]
                                                  : 0;
                    for (size_t i = 0; i < K; i++)
                        want += (double)(mode < 3 ? a[m * sa + i] : a[i * sa + m]) *
                                (double)b[i * sb + n];
                    if (n < N)
                        near((double)c[m * sc + n], want, 2e-5, k->name, m * sc + n);
                    else if (n >= ODD_PADDED(N)) /* untouched */
                        assert_true(c[m * sc + n] == before[m * sc + n]);
                }
        }
    free(a);
    free(b);
    free(c);
    free(bias);
    free(before);
}

/* The sets with fused multiply-add sum in the same order: the same bits on both. */
static void test_same_bits(void **state)
{
    const odd_kernels *x = odd_kernels_set(1), *y = odd_kernels_set(2);
    float *a = fresh(1), *b = fresh(2), *c = calloc(ROOM, 4), *d = calloc(ROOM, 4);

    (void)state;
    if (x && y) {
        x->multiply(c, 64, a, 300, b, 64, NULL, false, 50, 64, 300);
        y->multiply(d, 64, a, 300, b, 64, NULL, false, 50, 64, 300);
        assert_memory_equal(c, d, 50 * 64 * sizeof *c);
    }
    free(a);
    free(b);
    free(c);
    free(d);
}

static void test_transpose(void **state)
{
    float *a = fresh(1), *c = calloc(ROOM, sizeof *c);

    (void)state;
    FOR_SETS(k)
    for (size_t rows = 1; rows < 70; rows += 3)
        for (size_t cols = 1; cols < 70; cols += 5) {
            k->transpose(c, rows + 1, a, cols + 2, rows, cols);
            for (size_t i = 0; i < rows; i++)
                for (size_t j = 0; j < cols; j++)
                    assert_true(c[j * (rows + 1) + i] == a[i * (cols + 2) + j]);
        }
    free(a);
    free(c);
}

static void test_gather_scatter(void **state)
{
    enum { ROWS = 37, TABLES = 3, V = 6 };
    float *tables = fresh(1), *c = calloc(ROOM, sizeof *c), *init = fresh(3);
    uint32_t ids[ROWS * 4];

    (void)state;
    for (size_t i = 0; i < ROWS * 4; i++)
        ids[i] = (uint32_t)(i * 7 % V);
    FOR_SETS(k)
    for (size_t width = 16; width <= 272; width += 64) {
        const float *at[TABLES] = {tables, tables + V * width, tables + 2 * V * width};
        for (int add = 0; add < 2; add++) {
            memcpy(c, init, ROOM * sizeof *c);
            k->gather_add(c, width, add ? NULL : init, at, TABLES, width, ids, 4, ROWS, width);
            for (size_t r = 0; r < ROWS; r++)
                for (size_t j = 0; j < width; j++) {
                    double want = (double)init[add ? r * width + j : j];
                    for (size_t t = 0; t < TABLES; t++)
                        want += (double)at[t][ids[r * 4 + t] * width + j];
                    near((double)c[r * width + j], want, 1e-6, "gather_add", j);
                }
        }
        memset(c, 0, ROOM * sizeof *c);
        k->scatter_add(c, width, init, width, ids + 1, 4, ROWS, width);
        for (size_t v = 0; v < V; v++)
            for (size_t j = 0; j < width; j++) {
                double want = 0;
                for (size_t r = 0; r < ROWS; r++)
                    want += ids[r * 4 + 1] == v ? (double)init[r * width + j] : 0;
                near((double)c[v * width + j], want, 1e-5, "scatter_add", j);
            }
    }
    free(tables);
    free(c);
    free(init);
}

static void test_rows(void **state)
{
    float *a = fresh(1), *b = fresh(2), out[8], *c = calloc(ROOM, sizeof *c);

    (void)state;
    FOR_SETS(k)
    {
        for (size_t width = 1; width < 300; width += 13) {
            uint32_t place[8];
            const size_t padded = ODD_PADDED(width);
            k->row_argmin(place, a, 320, 8, padded);
            for (size_t r = 0; r < 8; r++) {
                size_t first = 0;
                for (size_t j = 1; j < padded; j++)
                    first = a[r * 320 + j] < a[r * 320 + first] ? j : first;
                assert_int_equal(place[r], first);
            }
            k->row_squares(out, a, 300, 8, width);
            for (size_t r = 0; r < 8; r++) {
                double sum = 0;
                for (size_t j = 0; j < width; j++)
                    sum += (double)a[r * 300 + j] * (double)a[r * 300 + j];
                near((double)out[r], sum, 1e-6, "row_squares", r);
            }
            float squares[8], apart[8];
            k->row_dots(out, squares, a, 300, b, 8, width);
            k->row_distances(apart, a, 300, b, 8, width);
            for (size_t r = 0; r < 8; r++) {
                double dot = 0, square = 0, distance = 0;
                for (size_t j = 0; j < width; j++) {
                    double x = (double)a[r * 300 + j], y = (double)b[j];
                    dot += x * y;
                    square += x * x;
                    distance += (x - y) * (x - y);
                }
                near((double)out[r], dot, 1e-5, "row_dots", r);
                near((double)squares[r], square, 1e-6, "row_dots, squares", r);
                near((double)apart[r], distance, 1e-6, "row_distances", r);
            }
            k->add(c, a, b, width);
            for (size_t j = 0; j <= width; j++)
                assert_true(c[j] == (j < width ? a[j] + b[j] : 0));
            k->mul(c, a, b, width);
            for (size_t j = 0; j <= width; j++)
                assert_true(c[j] == (j < width ? a[j] * b[j] : 0));
            k->sum(c, a, 300, 5, width);
            for (size_t j = 0; j < width; j++)
                near((double)c[j],
                     (double)a[j] + (double)a[300 + j] + (double)a[600 + j] + (double)a[900 + j] +
                         (double)a[1200 + j],
                     1e-6, "sum", j);
            memset(c, 0, 301 * sizeof *c);
        }
        memset(out, 0, sizeof out);
        k->row_add(out, a, 64, 8, 64);
        for (size_t r = 0; r < 8; r++) {
            double sum = 0;
            for (size_t j = 0; j < 64; j++)
                sum += (double)a[r * 64 + j];
            near((double)out[r], sum, 1e-5, "row_add", r);
        }
    }
    free(a);
    free(b);
    free(c);
}

static void test_softmax(void **state)
{
    enum { N = 64 };
    float *source = fresh(1), *l = calloc(ROOM, sizeof *l), losses[N], only[N], scale[N];
    uint32_t ids[N * 2];

    (void)state;
    FOR_SETS(k)
    for (size_t V = 1; V < 60; V += 7)
        for (int size = 0; size < 3; size++) { /* ordinary, large, huge logits */
            const float factor = size == 0 ? 1 : size == 1 ? 30 : 1e4f;
            for (size_t i = 0; i < V * N; i++)
                l[i] = source[i] * factor;
            for (size_t r = 0; r < N; r++) {
                ids[2 * r] = (uint32_t)(r * 5 % V);
                scale[r] = r % 3 ? (float)r : 0;
            }
            k->softmax_loss(only, l, N, ids, 2, V, N);
            k->softmax(losses, l, N, ids, 2, V, N);
            assert_memory_equal(only, losses, sizeof only);
            for (size_t r = 0; r < N; r++) {
                double most = -INFINITY, sum = 0;
                for (size_t v = 0; v < V; v++)
                    most = fmax(most, (double)(source[v * N + r] * factor));
                for (size_t v = 0; v < V; v++)
                    sum += exp((double)(source[v * N + r] * factor) - most);
                near((double)losses[r],
                     log(sum) + most - (double)(source[ids[2 * r] * N + r] * factor), 1e-6,
                     "softmax loss", r);
                for (size_t v = 0; v < V; v++)
                    near((double)l[v * N + r],
                         exp((double)(source[v * N + r] * factor) - most) / sum, 1e-6, "softmax",
                         v);
            }
            k->softmax_backward(l, N, scale, ids, 2, V, N);
            for (size_t r = 0; r < N; r++) {
                double sum = 0;
                for (size_t v = 0; v < V; v++)
                    sum += (double)l[v * N + r];
                assert_true(fabs(sum) <= 1e-5 * (1 + (double)scale[r]));
                assert_true((double)l[ids[2 * r] * N + r] <= 0);
            }
        }
    FOR_SETS(k)
    {
        for (size_t r = 0; r < N; r++)
            ids[2 * r] = 0;
        memset(l, 0, 3 * N * sizeof *l);
        l[N + 3] = NAN;
        l[5] = INFINITY;
        k->softmax_loss(losses, l, N, ids, 2, 3, N);
        for (size_t r = 0; r < N; r++)
            assert_true(isfinite(losses[r]) == (r != 3 && r != 5));
    }
    free(source);
    free(l);
}

static double plain_activation(odd_activation which, double slope, double a)
{
    switch (which) {
#define PLAIN(id, name, f, gain)                                                                   \
    case ODD_##id:                                                                                 \
        return f;
        ODD_ACTIVATION_LIST(PLAIN)
#undef PLAIN
    case ODD_ACTIVATIONS:
        break;
    }
    return NAN;
}

static void test_activate(void **state)
{
    enum { COUNT = 4096 };
    float *y = calloc(COUNT, sizeof *y), *d = calloc(COUNT, sizeof *d), *only = calloc(COUNT, 4);

    (void)state;
    FOR_SETS(k)
    for (odd_activation c = 0; c < ODD_ACTIVATIONS; c++) {
        for (size_t i = 0; i < COUNT; i++)
            only[i] = y[i] = ((float)i - COUNT / 2 + 0.5f) * (i % 2 ? 0.05f : 0.001f);
        k->activate(c, 0.1f, y, d, COUNT);
        k->activate(c, 0.1f, only, NULL, COUNT);
        assert_memory_equal(y, only, COUNT * sizeof *y);
        for (size_t i = 0; i < COUNT; i++) {
            const double a = (double)((float)i - COUNT / 2 + 0.5f) * (i % 2 ? 0.05 : 0.001),
                         h = 1e-5;
            near((double)y[i], plain_activation(c, 0.1, a), 5e-7, "activation", i);
            near((double)d[i],
                 (plain_activation(c, 0.1, a + h) - plain_activation(c, 0.1, a - h)) / (2 * h),
                 2e-6, "derivative", i);
        }
        y[0] = NAN;
        k->activate(c, 0.1f, y, d, 16);
        assert_true(isnan(y[0]));
    }
    free(y);
    free(d);
    free(only);
}

static void test_exp_log(void **state)
{
    float y[16], x[16];

    (void)state;
    FOR_SETS(k)
    {
        for (float at = -86; at < 88; at += 0.01f) {
            for (size_t i = 0; i < 16; i++)
                y[i] = x[i] = at + (float)i * 0.0006f;
            k->exp(y, 16);
            for (size_t i = 0; i < 16; i++) {
                const double want = exp((double)x[i]);
                if (fabs((double)y[i] / want - 1) > 2.5e-7)
                    fail_msg("exp(%.9g) = %.9g, plain %.9g", (double)x[i], (double)y[i], want);
            }
            k->log(y, 16);
            for (size_t i = 0; i < 16; i++)
                near((double)y[i], (double)x[i], 4e-7, "log", i);
        }
        for (size_t i = 0; i < 16; i++)
            x[i] = y[i] = 1 + (float)i * 1e-3f;
        k->log(y, 16);
        for (size_t i = 0; i < 16; i++)
            assert_true(fabs((double)y[i] - log((double)x[i])) < 2e-9 + 2e-7 * (double)(x[i] - 1));
        const float odd[4] = {NAN, INFINITY, 1, 2};
        memcpy(y, odd, sizeof odd);
        k->log(y, 16);
        assert_true(!isfinite(y[0]) && !isfinite(y[1]) && y[2] == 0);
    }
}

static void test_adam(void **state)
{
    const odd_adam c = {.beta1 = 0.9f,
                        .beta2 = 0.999f,
                        .epsilon = 1e-8f,
                        .rate = 0.01f,
                        .root = 3,
                        .shrink = 0.99f};
    (void)state;
    FOR_SETS(k)
    for (size_t n = 1; n < 100; n += 9) {
        float *w = fresh(1), *m = fresh(2), *v = fresh(3), *g = fresh(4);
        float *w0 = fresh(1), *m0 = fresh(2), *v0 = fresh(3);
        for (size_t i = 0; i < n; i++)
            v0[i] = v[i] = v[i] * v[i];
        k->adam(w, m, v, g, &c, n);
        for (size_t i = 0; i < n; i++) {
            const double gi = (double)g[i], mi = 0.9 * (double)m0[i] + 0.1 * gi,
                         vi = 0.999 * (double)v0[i] + 0.001 * gi * gi;
            near((double)m[i], mi, 1e-6, "adam m", i);
            near((double)v[i], vi, 1e-6, "adam v", i);
            near((double)w[i], 0.99 * (double)w0[i] - 0.01 * mi / (3 * sqrt(vi) + 1e-8), 1e-6,
                 "adam w", i);
        }
        assert_true(w[n] == w0[n]);
        free(w);
        free(m);
        free(v);
        free(g);
        free(w0);
        free(m0);
        free(v0);
    }
}

static void test_choice(void **state)
{
    (void)state;
    assert_non_null(odd_kernels_set(0));
    assert_null(odd_kernels_set(ODD_KERNEL_SETS));
    assert_ptr_equal(odd_kernels_best(), odd_kernels_best());
#ifdef __x86_64__ /* the build made the faster sets, too */
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        assert_non_null(odd_kernels_set(1));
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        assert_non_null(odd_kernels_set(2));
#endif
    print_message("best kernels here: %s\n", odd_kernels_best()->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),         cmocka_unit_test(test_multiply),
        cmocka_unit_test(test_same_bits),      cmocka_unit_test(test_transpose),
        cmocka_unit_test(test_gather_scatter), cmocka_unit_test(test_rows),
        cmocka_unit_test(test_softmax),        cmocka_unit_test(test_activate),
        cmocka_unit_test(test_exp_log),        cmocka_unit_test(test_adam)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
