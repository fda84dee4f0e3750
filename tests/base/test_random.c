/* Random streams: known values, moments, no bias. */
#include "base/random.h"

#include <math.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The first outputs of xoshiro256** from state {1, 2, 3, 4}, from its authors. */
static void matches_the_reference(void **state)
{
    (void)state;
    odd_random r = {{1, 2, 3, 4}};
    static const uint64_t expected[] = {11520u, 0u, 1509978240u, 1215971899390074240u};
    for (size_t i = 0; i < 4; i++)
        assert_true(odd_random_next(&r) == expected[i]);
}

static void streams_differ_and_repeat(void **state)
{
    (void)state;
    odd_random a, b, c, d;
    odd_random_start(&a, 7, 1);
    odd_random_start(&b, 7, 1);
    odd_random_start(&c, 7, 2);
    odd_random_start(&d, 8, 1);
    for (int i = 0; i < 100; i++) {
        uint64_t x = odd_random_next(&a);
        assert_true(x == odd_random_next(&b));
        assert_true(x != odd_random_next(&c));
        assert_true(x != odd_random_next(&d));
    }
}

static void has_the_moments(void **state)
{
    (void)state;
    enum { N = 400000 };
    odd_random r;
    odd_random_start(&r, 1, 0);
    double uniform = 0, mean = 0, square = 0, fourth = 0;
    for (int i = 0; i < N; i++) {
        double u = odd_random_uniform(&r), z = odd_random_normal(&r);
        assert_true(u >= 0 && u < 1);
        uniform += u / N;
        mean += z / N;
        square += z * z / N;
        fourth += z * z * z * z / N;
    }
    assert_true(fabs(uniform - 0.5) < 0.003);
    assert_true(fabs(mean) < 0.01);
    assert_true(fabs(square - 1) < 0.015);
    assert_true(fabs(fourth - 3) < 0.1);
}

static void below_is_even(void **state)
{
    (void)state;
    enum { N = 600000 };
    odd_random r;
    odd_random_start(&r, 2, 0);
    double counts[6] = {0};
    for (int i = 0; i < N; i++)
        counts[odd_random_below(&r, 6)]++;
    for (int i = 0; i < 6; i++)
        assert_true(fabs(counts[i] - N / 6.0) < 6 * sqrt(N / 6.0));
    /* Two thirds of 2^64: a multiplication alone would give the lower half twice the chance. */
    uint64_t n = UINT64_MAX / 3 * 2;
    double low = 0;
    for (int i = 0; i < N; i++) {
        uint64_t x = odd_random_below(&r, n);
        assert_true(x < n);
        low += x < n / 2;
    }
    assert_true(fabs(low / N - 0.5) < 0.005);
    assert_int_equal(odd_random_below(&r, 1), 0);
    assert_int_equal(odd_random_below(&r, 0), 0);
}

static void shuffles_to_every_order(void **state)
{
    (void)state;
    odd_random r;
    odd_random_start(&r, 3, 0);
    double seen[27] = {0};
    for (int i = 0; i < 60000; i++) {
        uint32_t items[3] = {0, 1, 2};
        odd_random_shuffle(&r, items, 3);
        seen[items[0] * 9 + items[1] * 3 + items[2]]++;
    }
    int orders = 0;
    for (int i = 0; i < 27; i++) {
        orders += seen[i] > 0;
        assert_true(seen[i] == 0 || fabs(seen[i] - 10000) < 600);
    }
    assert_int_equal(orders, 6);
    odd_random_shuffle(&r, NULL, 0);
}

static void hash_depends_on_everything(void **state)
{
    (void)state;
    double ones = 0;
    for (uint64_t i = 0; i < 10000; i++) {
        uint64_t x = odd_random_hash(1, i, 2);
        assert_true(x != odd_random_hash(2, i, 2));
        assert_true(x != odd_random_hash(1, i, 3));
        assert_true(x != odd_random_hash(1, 2, i + 3));
        ones += __builtin_popcountll(x);
    }
    assert_true(fabs(ones / 10000 - 32) < 0.3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_reference),   cmocka_unit_test(streams_differ_and_repeat),
        cmocka_unit_test(has_the_moments),         cmocka_unit_test(below_is_even),
        cmocka_unit_test(shuffles_to_every_order), cmocka_unit_test(hash_depends_on_everything)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
