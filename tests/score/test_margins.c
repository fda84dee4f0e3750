/* Margins: against plain counts. */
#include "made.h"

#include "column/vocabulary.h"
#include "score/margins.h"

static double margin(double p)
{
    return fmax(0, -log(p) - (double)ODD_MARGIN_HINGE);
}

static void categories(void **state)
{
    (void)state;
    static const uint64_t counts[] = {5000, 900, 900, 80, 80, 80, 7, 1, 1, 1};
    enum { N = sizeof counts / sizeof *counts };
    odd_span texts[N];
    char names[N][4];
    odd_vocabulary *v = NULL;
    uint64_t rows = 0;
    float nats[N + 1];
    for (size_t i = 0; i < N; i++) {
        texts[i] = (odd_span){names[i], (size_t)snprintf(names[i], 4, "t%zu", i)};
        rows += counts[i];
    }
    assert_int_equal(odd_vocabulary_new_from(texts, counts, N, 4, 0, &v, NULL), 0);
    odd_margin_ids(v, rows, nats);
    made_near((double)nats[0], margin(1 / ((double)rows + 1)), 1e-6);
    for (size_t i = 0; i < N; i++) {
        double below = 1;
        for (size_t j = 0; j < N; j++)
            below += counts[j] <= counts[i] ? (double)counts[j] : 0;
        made_near((double)nats[i + 1], margin(below / ((double)rows + 1)), 1e-6);
    }
    assert_true(nats[1] == 0 && nats[N] > nats[N - 3] && nats[0] > nats[N]);
    odd_vocabulary_free(&v);
}

static double z_of(size_t i)
{
    return -ODD_MARGIN_REACH + (double)i / ODD_MARGIN_STEPS;
}

static void numbers(void **state)
{
    (void)state;
    enum { N = 3000 };
    float *z = calloc(N, sizeof *z), *nats = calloc(ODD_MARGIN_GRID, sizeof *nats);
    odd_random r;
    odd_random_start(&r, 3, 1);
    for (size_t i = 0; i < N; i++)
        z[i] = i % 7 == 0 ? -0.40625f : (float)odd_random_normal(&r);
    odd_margin_values(z, N, nats);
    for (size_t i = 0; i < ODD_MARGIN_GRID; i++) {
        double at = z_of(i), step = 1.0 / ODD_MARGIN_STEPS, left = 1, right = 1;
        for (size_t j = 0; j < N; j++) {
            left += (double)z[j] <= at + step;
            right += (double)z[j] >= at - step;
        }
        double p = 2 * fmin(left, right) / (N + 2);
        made_near((double)nats[i], margin(p < 1 ? p : 1), 1e-6);
    }
    assert_true(nats[0] == nats[1] && nats[0] > 4);
    free(z);
    free(nats);
}

static void between_the_points(void **state)
{
    (void)state;
    float *nats = calloc(ODD_MARGIN_GRID, sizeof *nats);
    for (size_t i = 0; i < ODD_MARGIN_GRID; i++)
        nats[i] = (float)((i * 37) % 11);
    for (size_t i = 0; i < ODD_MARGIN_GRID; i++)
        assert_true(odd_margin_at(nats, (float)z_of(i)) == nats[i]);
    for (double z = -7.99; z < 7.99; z += 0.00371) {
        float x = (float)z;
        double at = ((double)x + ODD_MARGIN_REACH) * ODD_MARGIN_STEPS, low = floor(at);
        size_t i = (size_t)low;
        made_near((double)odd_margin_at(nats, x),
                  (double)nats[i] + (at - low) * ((double)nats[i + 1] - (double)nats[i]), 1e-6);
    }
    /* all but at a point, from either side */
    for (size_t i = 1; i + 1 < ODD_MARGIN_GRID; i++) {
        float z = (float)z_of(i);
        made_near((double)odd_margin_at(nats, nextafterf(z, 9)), (double)nats[i], 1e-3);
        made_near((double)odd_margin_at(nats, nextafterf(z, -9)), (double)nats[i], 1e-3);
    }
    float last = nats[ODD_MARGIN_GRID - 1];
    assert_true(odd_margin_at(nats, 8) == last && odd_margin_at(nats, 1e30f) == last &&
                odd_margin_at(nats, INFINITY) == last && odd_margin_at(nats, 100) == last);
    assert_true(odd_margin_at(nats, -8) == nats[0] && odd_margin_at(nats, -1e30f) == nats[0] &&
                odd_margin_at(nats, -INFINITY) == nats[0] && odd_margin_at(nats, NAN) == nats[0]);
    free(nats);
}

static void no_values(void **state)
{
    (void)state;
    float z = 0, *nats = calloc(ODD_MARGIN_GRID, sizeof *nats);
    odd_margin_values(&z, 0, nats);
    for (size_t i = 0; i < ODD_MARGIN_GRID; i++)
        assert_true(nats[i] == 0);
    free(nats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(categories), cmocka_unit_test(numbers),
                                       cmocka_unit_test(between_the_points),
                                       cmocka_unit_test(no_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
