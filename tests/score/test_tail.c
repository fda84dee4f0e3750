/* Tails: fitting, surprise, its inverse. */
#include "made.h"

#include "score/tail.h"

static odd_tail fitted(float *values, size_t count)
{
    odd_tail tail;
    oddrow_error err = {0};
    assert_int_equal(odd_tail_fit(&tail, values, count, 0.98, &err), 0);
    assert_int_equal(odd_tail_check(&tail, &err), 0);
    return tail;
}

/* -ln of the share of values that are at least x */
static double plain(const float *values, size_t count, float x)
{
    size_t at_least = 0;
    for (size_t i = 0; i < count; i++)
        at_least += values[i] >= x;
    return -log((double)(at_least + 1) / (double)(count + 1));
}

static void never_falls(const odd_tail *tail, float low, float high)
{
    float before = -1;
    for (int i = 0; i <= 5000; i++) {
        float nats = odd_tail_surprise(tail, low + (high - low) * (float)i / 5000);
        assert_true(nats >= before && nats <= (float)ODD_TAIL_CAP);
        before = nats;
    }
}

static void many_values(void **state)
{
    (void)state;
    enum { N = 20000 };
    float *values = calloc(N, sizeof *values);
    odd_random r;
    assert_non_null(values);
    odd_random_start(&r, 1, 1);
    for (size_t i = 0; i < N; i++)
        values[i] = (float)-log(1 - odd_random_uniform(&r)); /* exponential: P(X >= x) = e^-x */
    odd_tail tail = fitted(values, N);
    assert_in_range(tail.count, 245, 253); /* 98 % of the knots */
    never_falls(&tail, -1, 40);
    made_near((double)tail.threshold, -log(0.02), 0.05);
    made_near((double)tail.scale, 1, 0.1);
    for (float x = 0.01f; x < 3.5f; x += 0.01f)
        made_near((double)odd_tail_surprise(&tail, x), plain(values, N, x), 0.01);
    made_near((double)odd_tail_surprise(&tail, 10), 10, 0.1);
    assert_true(odd_tail_surprise(&tail, -5) == 0);
    assert_true(odd_tail_surprise(&tail, 1e30f) == (float)ODD_TAIL_CAP);
    assert_true(odd_tail_surprise(&tail, INFINITY) == (float)ODD_TAIL_CAP);
    assert_true(odd_tail_surprise(&tail, -INFINITY) == 0);
    free(values);
}

static void value_inverts_surprise(void **state)
{
    (void)state;
    float values[500];
    odd_random r;
    odd_random_start(&r, 2, 1);
    for (size_t i = 0; i < 500; i++)
        values[i] = (float)odd_random_normal(&r);
    odd_tail tail = fitted(values, 500);
    for (float nats = 0.01f; nats < 20; nats += 0.01f)
        made_near((double)odd_tail_surprise(&tail, odd_tail_value(&tail, nats)), (double)nats,
                  1e-4);
    for (float x = -2; x < 3; x += 0.01f)
        made_near((double)odd_tail_value(&tail, odd_tail_surprise(&tail, x)), (double)x, 1e-3);
    assert_true(odd_tail_value(&tail, 0) == tail.value[0]);
    assert_true(odd_tail_value(&tail, -1) == tail.value[0]);
}

static void ties(void **state)
{
    (void)state;
    float values[1000];
    for (size_t i = 0; i < 1000; i++)
        values[i] = i % 10 == 0 ? 5 : i % 10 < 4 ? 2 : 1;
    odd_tail tail = fitted(values, 1000);
    assert_int_equal(tail.count, 3);
    made_near((double)odd_tail_surprise(&tail, 1), 0, 1e-6);
    made_near((double)odd_tail_surprise(&tail, 2), -log(401.0 / 1001), 1e-6);
    made_near((double)odd_tail_surprise(&tail, 5), -log(101.0 / 1001), 1e-6);
    /* nothing was beyond 5: just above it counts as the oddest of 1,000 */
    assert_true((double)odd_tail_surprise(&tail, 5.0001f) >= log(1000) - 1e-4);
    never_falls(&tail, 0, 10);
}

static void few_values(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 300; n += n < 10 ? 1 : 29) {
        float values[300], same[300];
        for (size_t i = 0; i < n; i++) {
            values[i] = (float)((i * 7919) % n) * 0.5f - 3;
            same[i] = 4;
        }
        odd_tail tail = fitted(values, n);
        never_falls(&tail, -10, 200);
        assert_true(odd_tail_surprise(&tail, -100) == 0);
        assert_true(odd_tail_surprise(&tail, 1e9f) == (float)ODD_TAIL_CAP);
        tail = fitted(same, n);
        assert_int_equal(tail.count, 1);
        assert_true(odd_tail_surprise(&tail, 4) == 0);
        assert_true(odd_tail_surprise(&tail, 3) == 0);
        assert_true((double)odd_tail_surprise(&tail, 5) >= log((double)n) - 1e-5);
        assert_true(odd_tail_value(&tail, 3) >= 4);
        never_falls(&tail, 3.9f, 4.1f);
    }
}

static void extremes(void **state)
{
    (void)state;
    float huge[4] = {-3e38f, 3e38f, 0, 1e38f}, tiny[3] = {1e-44f, 2e-44f, 3e-44f};
    odd_tail tail = fitted(huge, 4);
    never_falls(&tail, -1e38f, 1e38f);
    tail = fitted(tiny, 3);
    never_falls(&tail, 0, 1e-43f);
    for (int i = 0; i < 3; i++) {
        float bad[3] = {1, i == 0 ? NAN : i == 1 ? INFINITY : -INFINITY, 2};
        oddrow_error err = {0};
        assert_int_equal(odd_tail_fit(&tail, bad, 3, 0.98, &err), ODDROW_ENUMERIC);
    }
}

static void checks(void **state)
{
    (void)state;
    float values[64];
    for (size_t i = 0; i < 64; i++)
        values[i] = (float)i;
    const odd_tail good = fitted(values, 64);
    for (int i = 0; i < 13; i++) {
        odd_tail bad = good;
        oddrow_error err = {0};
        switch (i) {
        case 0:
            bad.count = 0;
            break;
        case 1:
            bad.count = ODD_TAIL_KNOTS + 1;
            break;
        case 2:
            bad.value[3] = bad.value[2];
            break;
        case 3:
            bad.value[3] = NAN;
            break;
        case 4:
            bad.surprise[5] = bad.surprise[4] - 1;
            break;
        case 5:
            bad.surprise[0] = -1;
            break;
        case 6:
            bad.surprise[2] = INFINITY;
            break;
        case 7:
            bad.scale = 0;
            break;
        case 8:
            bad.scale = -1;
            break;
        case 9:
            bad.scale = NAN;
            break;
        case 10:
            bad.threshold = bad.value[bad.count - 1] - 1;
            break;
        case 11:
            bad.threshold_surprise = 0;
            break;
        default:
            bad.threshold = INFINITY;
            break;
        }
        assert_int_equal(odd_tail_check(&bad, &err), ODDROW_EFORMAT);
        assert_true(err.message[0] != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_values), cmocka_unit_test(value_inverts_surprise),
        cmocka_unit_test(ties),        cmocka_unit_test(few_values),
        cmocka_unit_test(extremes),    cmocka_unit_test(checks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
