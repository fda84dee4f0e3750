/* Two models side by side: rank correlation, overlap and means against plain formulas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "worker/shadow.h"

enum { RING = 4096, MANY = 3 * RING + 77 };

static void near_to(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.12g is not %.12g", a, b);
}

static odd_shadow *new_shadow(void)
{
    odd_shadow *s;
    oddrow_error err;
    assert_int_equal(odd_shadow_new(&s, &err), 0);
    return s;
}

static void nothing_yet(void **state)
{
    (void)state;
    odd_shadow *s = new_shadow();
    odd_shadow_report r = odd_shadow_report_of(s);
    assert_int_equal(r.rows, 0);
    assert_true(isnan(r.rank_correlation) && isnan(r.overlap) && isnan(r.mean_loss) &&
                isnan(r.shadow_mean_loss));
    float one = 1;
    bool no = false;
    odd_shadow_add(s, 1, &one, &one, &no, &one, &one, &no);
    r = odd_shadow_report_of(s);
    assert_int_equal(r.rows, 1);
    assert_true(isnan(r.rank_correlation) && isnan(r.overlap));
    near_to(r.mean_loss, 1, 0);
    odd_shadow_free(&s);
    assert_null(s);
    odd_shadow_free(&s);
}

/* Ranks of a: 1, 2.5, 2.5, 4, 5; of b: 2, 1, 3, 5, 4; less the mean 3: products 2 + 1 + 0 + 2 + 2
 * = 7, squares 9.5 and 10. */
static void agrees_with_a_count_by_hand(void **state)
{
    (void)state;
    static const float a[] = {-1, 7, 7, 8, 1e30f}, b[] = {0.2f, 0.1f, 0.3f, 0.5f, 0.4f};
    static const float loss[] = {1, 2, 3, 4, 5}, other[] = {0, 0, 0, 0, 1};
    static const bool odd[] = {false, true, true, false, true};
    static const bool also[] = {true, false, true, false, true};
    odd_shadow *s = new_shadow();
    odd_shadow_add(s, 2, a, loss, odd, b, other, also);
    odd_shadow_add(s, 0, a, loss, odd, b, other, also);
    odd_shadow_add(s, 3, a + 2, loss + 2, odd + 2, b + 2, other + 2, also + 2);
    odd_shadow_report r = odd_shadow_report_of(s);
    assert_int_equal(r.rows, 5);
    assert_int_equal(r.odd, 3);
    assert_int_equal(r.shadow_odd, 3);
    near_to(r.rank_correlation, 7 / sqrt(9.5 * 10), 1e-12);
    near_to(r.overlap, 2.0 / 4, 1e-12);
    near_to(r.mean_loss, 3, 1e-12);
    near_to(r.shadow_mean_loss, 0.2, 1e-12);
    odd_shadow_clear(s);
    r = odd_shadow_report_of(s);
    assert_true(r.rows == 0 && r.odd == 0 && r.shadow_odd == 0 && isnan(r.rank_correlation) &&
                isnan(r.overlap) && isnan(r.mean_loss));
    odd_shadow_add(s, 2, a, loss, odd, b, other, also); /* rises where the other falls */
    r = odd_shadow_report_of(s);
    assert_int_equal(r.rows, 2);
    near_to(r.rank_correlation, -1, 1e-12);
    near_to(r.overlap, 0, 0);
    odd_shadow_free(&s);
}

/* By its definition, in quadratic time. */
static double spearman(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        double x = 0, y = 0; /* twice (rank less mean rank) */
        for (size_t j = 0; j < n; j++) {
            x += (a[j] < a[i]) - (a[j] > a[i]);
            y += (b[j] < b[i]) - (b[j] > b[i]);
        }
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    return ab / sqrt(aa * bb);
}

static float a[MANY], b[MANY], loss[MANY];
static bool odd[MANY], also[MANY];

static void keeps_the_last_of_many(void **state)
{
    (void)state;
    odd_random random;
    double sum = 0;
    size_t both = 0, either = 0;
    odd_random_start(&random, 3, 0);
    for (size_t i = 0; i < MANY; i++) {
        float sign = i < 2 * RING ? -1 : 1; /* the older rows would say the opposite */
        a[i] = (float)odd_random_below(&random, 300) - 100; /* many ties, zeros of both signs */
        a[i] = a[i] == 0 && i % 2 ? -0.0f : a[i];
        b[i] = sign * (a[i] + 60 * (float)odd_random_normal(&random));
        loss[i] = (float)odd_random_uniform(&random);
        odd[i] = a[i] > 150;
        also[i] = b[i] > 150;
        sum += (double)loss[i];
        both += odd[i] && also[i];
        either += odd[i] || also[i];
    }
    odd_shadow *s = new_shadow();
    for (size_t at = 0, n = 1; at < MANY; at += n, n = n * 5 % 6007) {
        n = n < MANY - at ? n : MANY - at;
        odd_shadow_add(s, n, a + at, loss + at, odd + at, b + at, loss + at, also + at);
        odd_shadow_report r = odd_shadow_report_of(s);
        assert_int_equal(r.rows, at + n);
    }
    odd_shadow_report r = odd_shadow_report_of(s);
    assert_true(both > 0 && both < either && r.rank_correlation > 0.5);
    near_to(r.rank_correlation, spearman(a + MANY - RING, b + MANY - RING, RING), 1e-9);
    near_to(r.overlap, (double)both / (double)either, 1e-12);
    near_to(r.mean_loss, sum / MANY, 1e-9);
    odd_shadow_free(&s);
}

static void no_number_spoils_it(void **state)
{
    (void)state;
    static const float x[] = {1, NAN, 2, 3, INFINITY}, y[] = {10, 11, NAN, 30, 40};
    static const float losses[] = {2, 100, 100, 4, 100};
    static const bool yes[] = {true, true, true, true, true}, no[5];
    odd_shadow *s = new_shadow();
    odd_shadow_add(s, 5, x, losses, yes, y, losses, no);
    odd_shadow_report r = odd_shadow_report_of(s);
    assert_int_equal(r.rows, 5);
    assert_int_equal(r.odd, 5);
    assert_int_equal(r.shadow_odd, 0);
    near_to(r.rank_correlation, 1, 1e-12);
    near_to(r.mean_loss, 3, 1e-12);
    odd_shadow_clear(s);
    odd_shadow_add(s, 5, losses, losses, no, losses, losses, no);
    near_to(odd_shadow_report_of(s).rank_correlation, 1, 1e-12);
    odd_shadow_clear(s);
    static const float same[] = {7, 7, 7, 7, 7};
    odd_shadow_add(s, 5, losses, losses, no, same, losses, no);
    assert_true(isnan(odd_shadow_report_of(s).rank_correlation));
    odd_shadow_free(&s);
}

static bool fails(void *context, size_t size)
{
    (void)size;
    return (*(int *)context)-- == 0;
}

static void says_when_there_is_no_memory(void **state)
{
    (void)state;
    int code = ODDROW_ENOMEM, tries = 0;
    for (; code != 0; tries++) {
        odd_shadow *s;
        oddrow_error err = {0};
        int left = tries;
        odd_memory_hook(fails, &left);
        code = odd_shadow_new(&s, &err);
        odd_memory_hook(NULL, NULL);
        assert_true(code == 0 || (code == ODDROW_ENOMEM && !s && err.message[0]));
        odd_shadow_free(&s);
    }
    assert_int_equal(tries, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_yet),
        cmocka_unit_test(agrees_with_a_count_by_hand),
        cmocka_unit_test(keeps_the_last_of_many),
        cmocka_unit_test(no_number_spoils_it),
        cmocka_unit_test(says_when_there_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
