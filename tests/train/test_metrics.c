/* Metrics of predictions, by hand and against the definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "train/metrics.h"

static void close_to(double a, double b)
{
    if (!(fabs(a - b) <= 1e-9 * (1 + fabs(b))))
        fail_msg("%.12g, expected %.12g", a, b);
}

static void test_two_classes(void **state)
{
    /* probabilities of class 1: .1 .4 .4 .8; truth 0 0 1 1: pairs right 1 1 .5 1 of 4 */
    static const float p[] = {.9f, .1f, .6f, .4f, .6f, .4f, .2f, .8f}, t[] = {0, 0, 1, 1};
    float losses[4];
    odd_metrics m;
    (void)state;
    for (size_t i = 0; i < 4; i++)
        losses[i] = -logf(p[2 * i + (size_t)t[i]]);
    assert_int_equal(odd_metrics_classes(p, t, losses, 4, 2, &m, NULL), 0);
    close_to(m.auroc, 3.5 / 4);
    close_to(m.accuracy, 0.75);
    assert_true(fabs(m.log_loss + (log(.9) + log(.6) + log(.4) + log(.8)) / 4) < 1e-6);
    assert_int_equal(m.rows, 4);
}

static void test_one_class_there(void **state)
{
    static const float p[] = {.9f, .1f, .6f, .4f}, t[] = {0, 0}, losses[] = {0.1f, 0.5f};
    odd_metrics m;
    (void)state;
    assert_int_equal(odd_metrics_classes(p, t, losses, 2, 2, &m, NULL), 0);
    assert_true(isnan(m.auroc));
    close_to(m.accuracy, 1);
}

/* Pairs of rows counted one by one, for each class against the others; class 4 is nowhere. */
static void test_many_classes(void **state)
{
    enum { ROWS = 200, CLASSES = 5 };
    float p[ROWS * CLASSES], t[ROWS], losses[ROWS] = {0};
    double sum = 0;
    odd_metrics m;
    odd_random r;
    (void)state;
    odd_random_start(&r, 1, 2);
    for (size_t i = 0; i < ROWS; i++) {
        t[i] = (float)odd_random_below(&r, CLASSES - 1);
        for (size_t c = 0; c < CLASSES; c++)
            p[i * CLASSES + c] = (float)odd_random_below(&r, 10) + (t[i] == (float)c ? 1.0f : 0.0f);
    }
    for (size_t c = 0; c + 1 < CLASSES; c++) {
        double right = 0, pairs = 0;
        for (size_t i = 0; i < ROWS; i++)
            for (size_t j = 0; j < ROWS; j++)
                if (t[i] == (float)c && t[j] != (float)c) {
                    float a = p[i * CLASSES + c], b = p[j * CLASSES + c];
                    right += a > b ? 1 : a == b ? 0.5 : 0;
                    pairs++;
                }
        sum += right / pairs;
    }
    assert_int_equal(odd_metrics_classes(p, t, losses, ROWS, CLASSES, &m, NULL), 0);
    close_to(m.auroc, sum / (CLASSES - 1));
}

static void test_numbers(void **state)
{
    double quantiles[ODD_QUANTILES];
    odd_scaler scaler = {0};
    odd_metrics m;
    (void)state;
    for (size_t i = 0; i < ODD_QUANTILES; i++)
        quantiles[i] = (double)i * 100 / 256; /* 0 to 100 */
    assert_int_equal(odd_scaler_from(&scaler, ODD_STANDARD, quantiles, 50, 20, NULL), 0);
    const float t[] = {odd_scaler_apply(&scaler, 10), odd_scaler_apply(&scaler, 80)},
                y[] = {odd_scaler_apply(&scaler, 15), odd_scaler_apply(&scaler, 70)};
    odd_metrics_numbers(y, t, 2, &scaler, &m);
    assert_true(fabs(m.mse - (25 + 100) / 2.0) < 1e-4);
    assert_true(fabs(m.mae - 7.5) < 1e-5);
    assert_true(fabs(m.mape - 100 * (0.5 + 0.125) / 2) < 1e-4);
    odd_scaler_free(&scaler);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_classes), cmocka_unit_test(test_one_class_there),
        cmocka_unit_test(test_many_classes), cmocka_unit_test(test_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
