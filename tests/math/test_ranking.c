/* Rankings: by hand, and against all pairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/random.h"
#include "math/ranking.h"

static void by_hand(void **state)
{
    (void)state;
    /* from the top: +, a tie of + and -, -: pairs 1 + 1 + .5 + 1 of 4; precision 1 and 2/3 */
    odd_ranked rows[] = {{1, false}, {3, true}, {2, false}, {2, true}};
    odd_ranking got = odd_rank(rows, 4);
    assert_true(got.auroc == 3.5 / 4);
    assert_true(fabs(got.average_precision - (1 + 2.0 / 3) / 2) < 1e-15);
    assert_true(rows[0].score >= rows[1].score && rows[3].score == 1); /* sorted */
    odd_ranked same[] = {{5, true}, {5, false}, {5, false}};
    got = odd_rank(same, 3);
    assert_true(got.auroc == 0.5 && got.average_precision == 1.0 / 3);
}

static void against_pairs(void **state)
{
    enum { N = 300 };
    odd_ranked rows[N];
    odd_random r;
    (void)state;
    for (uint64_t values = 2; values < 100000; values *= 20) { /* few: many ties */
        double pairs = 0, won = 0, positives = 0, precision = 0;
        odd_random_start(&r, values, 1);
        for (size_t i = 0; i < N; i++)
            rows[i] =
                (odd_ranked){(float)odd_random_below(&r, values), odd_random_below(&r, 5) == 0};
        for (size_t i = 0; i < N; i++) {
            double above = 0, above_positive = 0;
            for (size_t j = 0; j < N; j++) {
                bool tie = rows[i].score == rows[j].score, over = rows[i].score > rows[j].score;
                if (rows[i].positive && !rows[j].positive) {
                    pairs++;
                    won += tie ? 0.5 : over;
                }
                above += !over;
                above_positive += !over && rows[j].positive;
            }
            positives += rows[i].positive;
            precision += rows[i].positive ? above_positive / above : 0;
        }
        odd_ranking got = odd_rank(rows, N);
        assert_true(got.auroc == won / pairs); /* whole and half numbers add up exactly */
        assert_true(fabs(got.average_precision - precision / positives) < 1e-12);
    }
}

static void nothing_to_rank(void **state)
{
    odd_ranked rows[] = {{1, true}, {2, true}, {NAN, true}};
    (void)state;
    assert_true(isnan(odd_rank(rows, 0).auroc) && isnan(odd_rank(rows, 0).average_precision));
    assert_true(isnan(odd_rank(rows, 2).auroc) && odd_rank(rows, 2).average_precision == 1);
    assert_true(isnan(odd_rank(rows, 3).auroc)); /* and it ends */
    rows[0].positive = rows[1].positive = false;
    assert_true(isnan(odd_rank(rows, 2).auroc) && isnan(odd_rank(rows, 2).average_precision));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_hand), cmocka_unit_test(against_pairs),
                                       cmocka_unit_test(nothing_to_rank)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
