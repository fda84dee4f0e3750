/* Normal quantiles, samples and scalers, against numpy and Python's statistics.NormalDist.
 *
 * The scaler constants come from class Columns of the prototype: with i = np.arange(n) and
 * c = np.where(i % 3 == 0, 0., i * i * 31 % 1009 * 0.25 - 40):
 *     q = np.quantile(c, np.linspace(0, 1, 257)); sd = c.std() or 1.0
 *     knots, first = np.unique(q, return_index=True); last = np.r_[first[1:] - 1, 256]
 *     z = ndtri(np.clip(np.interp(x, knots, (first + last) / 512), 1 / 512, 1 - 1 / 512))
 *     z = np.where(x > knots[-1], z + np.minimum((x - knots[-1]) / sd, 5), z)
 *     z = np.where(x < knots[0], z - np.minimum((knots[0] - x) / sd, 5), z).astype(np.float32)
 */
#include "cases.h"

#include <math.h>

#include "base/random.h"
#include "column/normal.h"
#include "column/sample.h"
#include "column/scaler.h"

static void near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance * fmax(1, fabs(b))))
        fail_msg("%.17g is not %.17g", a, b);
}

static void normal_quantiles(void **state)
{
    (void)state;
    /* statistics.NormalDist().inv_cdf(p) */
    const double known[][2] = {{1e-300, -37.047096299361201},    {1e-20, -9.2623400897984052},
                               {1e-10, -6.3613409024040557},     {0.001, -3.0902323061678132},
                               {1.0 / 512, -2.8856349124267573}, {0.01, -2.3263478740408408},
                               {0.07, -1.4757910281791702},      {0.075, -1.4395314709384557},
                               {0.1, -1.2815515655446008},       {0.25, -0.67448975019608171},
                               {0.3, -0.52440051270804067},      {0.5, 0},
                               {0.9, 1.2815515655446008},        {0.975, 1.9599639845400536},
                               {0.999999, 4.7534243088170891}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        near(odd_normal_quantile(known[i][0]), known[i][1], 2e-15);
    assert_true(odd_normal_quantile(0) == -INFINITY && odd_normal_quantile(1) == INFINITY);
    for (double p = 0.0001; p < 1; p += 0.0001)
        near(odd_normal_cdf(odd_normal_quantile(p)), p, 1e-14);
}

static void column(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = i % 3 == 0 ? 0 : (double)(i * i * 31 % 1009) * 0.25 - 40;
}

static odd_scaler fitted(odd_scaler_kind kind, const double *x, size_t n, size_t limit)
{
    odd_sample sample;
    odd_scaler s;
    odd_sample_start(&sample, limit, 1, 2);
    for (size_t i = 0; i < n; i += 64)
        assert_int_equal(odd_sample_add(&sample, x + i, n - i < 64 ? n - i : 64, NULL), 0);
    assert_int_equal(odd_sample_scaler(&sample, kind, &s, NULL), 0);
    odd_sample_free(&sample);
    return s;
}

static const double at[18] = {-1e9, -300, -41,   -40,    -39.9, -12.3, -0.01, 0,   0.01,
                              0.25, 17.5, 99.99, 150.25, 211.9, 212,   220,   1e3, 1e12};

static void gauss_rank_is_the_prototypes(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        double sd, mean;
        float z[18];
        double q[7]; /* 0, 1, 60, 128, 200, 255, 256 */
    } cases[] = {
        {3,
         13.587678241701193,
         -13.75,
         {-7.8856349f, -7.8856349f, -3.52960062f, -3.45600462f, -3.44864511f, -0.178838491f,
          2.8856349f, 2.8856349f, 2.8863709f, 2.9040339f, 4.17356634f, 7.8856349f, 7.8856349f,
          7.8856349f, 7.8856349f, 7.8856349f, 7.8856349f, 7.8856349f},
         {-32.25, -32.068359375, -21.3515625, -9, -3.9375, -0.0703125, 0}},
        {100,
         74.25730852077793,
         53.4275,
         {-7.8856349f, -6.42400694f, -2.93613505f, -2.92266822f, -2.92132163f, -1.14912355f,
          -0.535790503f, -0.47229147f, -0.416944832f, -0.0189167745f, 0.0616791621f, 0.611965775f,
          0.886080921f, 2.95835495f, 2.95970178f, 3.06743526f, 7.8856349f, 7.8856349f},
         {-37.25, -36.1865234375, 0, 4.375, 130.5, 205.4365234375, 206.5}},
        {1000,
         70.89937472176678,
         57.56875,
         {-7.8856349f, -6.59159136f, -2.93852687f, -2.92442226f, -2.92301178f, -1.48812521f,
          -0.640377045f, -0.62609899f, -0.605739892f, -0.167232007f, -0.0523155592f, 0.530290544f,
          0.993776798f, 2.91948581f, 2.92089605f, 3.03373218f, 7.8856349f, 7.8856349f},
         {-37.25, -34.5732421875, 0, 24.75, 129.484375, 207.5, 209.5}},
        {1009,
         70.94267479304054,
         57.49950445986125,
         {-7.8856349f, -6.58932972f, -2.93849444f, -2.92439866f, -2.92298913f, -1.48673368f,
          -0.636376202f, -0.62609899f, -0.323587954f, -0.16534698f, -0.0503019653f, 0.531976342f,
          0.987273633f, 2.91946507f, 2.9208746f, 3.03364182f, 7.8856349f, 7.8856349f},
         {-37.25, -34.546875, 0, 24.5, 129.5, 207.5, 209.5}}};
    static const size_t places[7] = {0, 1, 60, 128, 200, 255, 256};
    double x[1009];
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        column(x, cases[c].n);
        odd_scaler s = fitted(ODD_GAUSS_RANK, x, cases[c].n, 100000);
        near(odd_scaler_scale(&s), cases[c].sd, 1e-14);
        near(odd_scaler_center(&s), cases[c].mean, 1e-14);
        for (size_t i = 0; i < 7; i++)
            near(odd_scaler_quantiles(&s)[places[i]], cases[c].q[i], 0);
        for (size_t i = 0; i < 18; i++)
            near((double)odd_scaler_apply(&s, at[i]), (double)cases[c].z[i], 3e-7);
        odd_scaler_free(&s);
    }
}

static void standard_and_robust(void **state)
{
    (void)state;
    double x[1000];
    column(x, 1000);
    odd_scaler s = fitted(ODD_STANDARD, x, 1000, 100000);
    near((double)odd_scaler_apply(&s, 100), (100 - 57.56875) / 70.89937472176678, 1e-6);
    near((double)odd_scaler_apply(&s, 1e30), (209.5 - 57.56875) / 70.89937472176678 + 5, 1e-6);
    near((double)odd_scaler_apply(&s, -1e30), (-37.25 - 57.56875) / 70.89937472176678 - 5, 1e-6);
    near(odd_scaler_invert(&s, odd_scaler_apply(&s, 12.5)), 12.5, 1e-5);
    near(odd_scaler_invert(&s, 100), 209.5, 0);
    odd_scaler_free(&s);
    s = fitted(ODD_ROBUST, x, 1000, 100000); /* np.median(c), the quartiles' difference */
    near(odd_scaler_center(&s), 24.75, 0);
    near(odd_scaler_scale(&s), 119, 0);
    near((double)odd_scaler_apply(&s, 143.75), 1, 1e-7);
    near(odd_scaler_invert(&s, NAN), 24.75, 0);
    odd_scaler_free(&s);
}

static void one_value_and_extremes(void **state)
{
    (void)state;
    const double same[3] = {7, 7, 7}, wide[4] = {-1e140, 1e140, -0.0, 0.0};
    for (int kind = 0; kind < ODD_SCALERS; kind++) {
        odd_scaler s = fitted((odd_scaler_kind)kind, same, 3, 100);
        near((double)odd_scaler_apply(&s, 7), 0, 0);
        near((double)odd_scaler_apply(&s, 8), 1, 1e-7);
        near((double)odd_scaler_apply(&s, -1e140), -5, 1e-7);
        near(odd_scaler_invert(&s, 3), 7, 0);
        odd_scaler_free(&s);
        s = fitted((odd_scaler_kind)kind, wide, 4, 100);
        for (double x = -1e140; x <= 1e140; x += 1e138) {
            assert_true(isfinite(odd_scaler_apply(&s, x)));
            assert_true(isfinite(odd_scaler_invert(&s, odd_scaler_apply(&s, x))));
        }
        odd_scaler_free(&s);
    }
}

/* Never falls, comes back, and a rank's z has that rank; over random columns of many shapes. */
static void gauss_rank_properties(void **state)
{
    (void)state;
    odd_random r;
    double x[777], v[2000];
    float z[4000];
    odd_random_start(&r, 5, 0);
    for (int round = 0; round < 60; round++) {
        size_t n = 2 + (size_t)odd_random_below(&r, 775);
        double grain = round % 3 == 0 ? 0 : pow(10, -(double)(round % 5));
        for (size_t i = 0; i < n; i++) {
            x[i] = exp(3 * odd_random_normal(&r)) - 1;
            if (grain > 0)
                x[i] = round % 2 ? floor(x[i] / grain) * grain : floor(x[i]);
        }
        odd_scaler s = fitted(ODD_GAUSS_RANK, x, n, 1000);
        const double *q = odd_scaler_quantiles(&s);
        double low = q[0] - 3, high = q[256] + 3;
        for (size_t i = 0; i < 2000; i++)
            v[i] = low + (high - low) * (double)i / 1999;
        odd_scaler_apply_all(&s, v, 2000, z, 2);
        for (size_t i = 0; i < 2000; i++) {
            assert_true(i == 0 || z[2 * i] >= z[2 * i - 2]);
            assert_true(z[2 * i] == odd_scaler_apply(&s, v[i]));
            if (v[i] > q[1] && v[i] < q[255])
                near(odd_scaler_invert(&s, z[2 * i]), v[i], 2e-5 * fmax(1, (high - low) / 10));
        }
        for (size_t i = 0; i < n; i++) /* values that are knots return exactly */
            for (size_t j = 2; j < 255; j++)
                if (x[i] == q[j])
                    near(odd_scaler_invert(&s, odd_scaler_apply(&s, x[i])), x[i], 0);
        odd_scaler_free(&s);
    }
}

static void long_columns_are_sampled(void **state)
{
    (void)state;
    enum { N = 300000 };
    double *x = odd_alloc(N, sizeof *x);
    odd_random r;
    odd_random_start(&r, 9, 0);
    for (size_t i = 0; i < N; i++)
        x[i] = odd_random_normal(&r) + (double)i / N; /* drifts: the sample must span all of it */
    x[250000] = 99;
    x[7] = -99;
    odd_scaler exact = fitted(ODD_GAUSS_RANK, x, N, N),
               sample = fitted(ODD_GAUSS_RANK, x, N, 20000);
    odd_scaler again = fitted(ODD_GAUSS_RANK, x, N, 20000);
    const double *a = odd_scaler_quantiles(&exact), *b = odd_scaler_quantiles(&sample);
    assert_true(b[0] == -99 && b[256] == 99);
    for (size_t i = 4; i <= 252; i++)
        assert_true(fabs(a[i] - b[i]) < 0.1);
    assert_memory_equal(b, odd_scaler_quantiles(&again), 257 * sizeof *b);
    near(odd_scaler_scale(&sample), odd_scaler_scale(&exact), 0);
    odd_scaler_free(&exact);
    odd_scaler_free(&sample);
    odd_scaler_free(&again);
    odd_free(x);
}

static void refuses_what_is_no_scaler(void **state)
{
    (void)state;
    double q[257];
    odd_scaler s;
    oddrow_error err;
    for (size_t i = 0; i < 257; i++)
        q[i] = (double)(i / 2);
    assert_int_equal(odd_scaler_from(&s, ODD_STANDARD, q, 1, 2, &err), 0);
    odd_scaler_free(&s);
    assert_int_equal(odd_scaler_from(&s, (odd_scaler_kind)3, q, 1, 2, &err), ODDROW_EFORMAT);
    const double bad[][2] = {{NAN, 1}, {INFINITY, 1}, {0, 0}, {0, -1}, {0, NAN}, {0, INFINITY}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(odd_scaler_from(&s, ODD_GAUSS_RANK, q, bad[i][0], bad[i][1], &err),
                         ODDROW_EFORMAT);
    const double worse[] = {NAN, INFINITY, -1, 1e141};
    for (size_t i = 0; i < 4; i++) {
        q[100] = worse[i];
        assert_int_equal(odd_scaler_from(&s, ODD_GAUSS_RANK, q, 0, 1, &err), ODDROW_EFORMAT);
        assert_null(s.table);
    }
    for (size_t i = 0; i < 257; i++) /* denormal steps, a tiny scale */
        q[i] = (double)i * 5e-324;
    assert_int_equal(odd_scaler_from(&s, ODD_ROBUST, q, 0, 5e-324, &err), 0);
    assert_true(isfinite(odd_scaler_apply(&s, 1)));
    odd_scaler_free(&s);
    odd_scaler_kind kind;
    assert_true(odd_scaler_parse("robust", &kind) && kind == ODD_ROBUST);
    assert_false(odd_scaler_parse("minmax", &kind));
    assert_string_equal(odd_scaler_name(ODD_GAUSS_RANK), "gauss-rank");
}

static int sample_and_scale(void)
{
    double x[1000];
    odd_sample sample;
    odd_scaler s = {0};
    column(x, 1000);
    odd_sample_start(&sample, 500, 0, 0);
    int code = 0;
    for (size_t i = 0; i < 1000 && code == 0; i += 50)
        code = odd_sample_add(&sample, x + i, 50, NULL);
    if (code == 0)
        code = odd_sample_scaler(&sample, ODD_GAUSS_RANK, &s, NULL);
    odd_sample_free(&sample);
    odd_scaler_free(&s);
    return code;
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    sweep(sample_and_scale);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normal_quantiles),          cmocka_unit_test(gauss_rank_is_the_prototypes),
        cmocka_unit_test(standard_and_robust),       cmocka_unit_test(one_value_and_extremes),
        cmocka_unit_test(gauss_rank_properties),     cmocka_unit_test(long_columns_are_sampled),
        cmocka_unit_test(refuses_what_is_no_scaler), cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests_name("column/scaler", tests, NULL, NULL);
}
