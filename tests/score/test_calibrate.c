/* Calibration: weights, fits and tails against their definitions, on any number of threads. */
#include "made.h"

#include "score/calibrate.h"
#include "score/scorer.h"
#include "score/shape.h"

enum { REST = 600, HELD = 400 };

/* A network, and rows to calibrate it with anew. */
typedef struct bench {
    odd_model *model;
    odd_rows *rest, *held;
} bench;

static bench open_bench(unsigned parts, odd_objective objective)
{
    odd_bytes train = made_table(parts, 500, 1), rest = made_table(parts, REST, 2),
              held = made_table(parts, HELD, 3);
    odd_train_options options = made_options();
    options.network.objective = objective;
    bench b = {.model = made_train(&train, &options)};
    b.rest = made_batch(b.model, &rest);
    b.held = made_batch(b.model, &held);
    odd_bytes_free(&train);
    odd_bytes_free(&rest);
    odd_bytes_free(&held);
    return b;
}

static void close_bench(bench *b)
{
    odd_rows_free(&b->rest);
    odd_rows_free(&b->held);
    odd_model_free(&b->model);
}

static int calibrate(const bench *b, double contamination, size_t threads, odd_verdict *out,
                     oddrow_error *err)
{
    odd_calibrate_options options = {.contamination = contamination, .alerts = 0.01, .seed = 5};
    odd_pool *pool = NULL;
    assert_int_equal(odd_pool_new(threads, &pool, NULL), 0);
    assert_int_equal(odd_verdict_init(out, b->model->schema, b->model->network, NULL), 0);
    int rc = odd_calibrate(out, b->rest, b->held, &options, pool, err);
    odd_pool_free(&pool);
    return rc;
}

/* Losses, x and measures of rows; free numbers. */
static odd_measured measure(const odd_verdict *v, const odd_rows *rows, bool masked,
                            float **numbers)
{
    size_t n = rows->count, L = odd_schema_losses(v->schema), X = v->network->X;
    float *at = *numbers = calloc(n * (L + X + 1 + ODD_MEASURES), sizeof *at);
    odd_measured out = {.losses = at, .x = at + n * L, .loss = at + n * (L + X)};
    odd_scorer *scorer = NULL;
    odd_scratch *scratch = NULL;
    for (size_t m = 0; m < ODD_MEASURES; m++)
        out.measure[m] = at + n * (L + X + 1 + m);
    assert_int_equal(odd_scorer_new(v, false, &scorer, NULL), 0);
    assert_int_equal(odd_scratch_new(scorer, n, masked, &scratch, NULL), 0);
    odd_scratch_measure(scratch, rows, &out);
    odd_scratch_free(&scratch);
    odd_scorer_free(&scorer);
    return out;
}

/* A tail of values, of which the greatest share is left out. */
static void is_tail(const odd_tail *got, const float *values, size_t count, double leave_out)
{
    float *copy = calloc(count, sizeof *copy);
    odd_tail *expected = calloc(1, sizeof *expected);
    memcpy(copy, values, count * sizeof *copy);
    assert_int_equal(odd_tail_fit(expected, copy, count, 0.98, NULL), 0); /* sorts */
    count -= (size_t)(leave_out * (double)count);
    assert_int_equal(odd_tail_fit(expected, copy, count, 0.98, NULL), 0);
    assert_memory_equal(got, expected, sizeof *got);
    free(expected);
    free(copy);
}

/* Every tail from the measures of the held-out rows, and the weights of the losses from the rest.
 */
static void check_calibration(const bench *b, const odd_verdict *v, bool masked, double odd_share)
{
    const odd_calibration *c = odd_verdict_calibration(v, masked);
    size_t L = odd_schema_losses(v->schema);
    float *of_rest, *of_held, *values = calloc(HELD, sizeof *values);
    odd_measured rest = measure(v, b->rest, masked, &of_rest),
                 held = measure(v, b->held, masked, &of_held);
    assert_true(c->present);
    for (size_t at = 0; at < L; at++) {
        double sum = 0;
        for (size_t i = 0; i < REST; i++)
            sum += (double)rest.losses[i * L + at];
        made_near((double)c->loss_weight[at], 1 / (sum / REST + 0.02), 1e-6);
        for (size_t i = 0; i < HELD; i++)
            values[i] = held.losses[i * L + at];
        is_tail(&c->columns[at], values, HELD, 0);
    }
    for (size_t m = 0; m < ODD_MEASURES; m++)
        is_tail(&c->measures[m], held.measure[m], HELD, 0);
    is_tail(&c->loss, held.loss, HELD, odd_share);
    float sums[ODD_PARTS][HELD] = {{0}};
    for (size_t m = 0; m < ODD_MEASURES; m++)
        for (size_t i = 0; i < HELD; i++) {
            float nats = odd_tail_surprise(&c->measures[m], held.measure[m][i]) - v->hinge[m];
            sums[odd_measures[m]->part][i] += nats > 0 ? v->weight[m] * nats : 0;
        }
    is_tail(&c->reconstruction, sums[ODD_PART_RECONSTRUCTION], HELD, odd_share);
    for (size_t i = 0; i < HELD; i++)
        sums[ODD_PART_LOCAL][i] += sums[ODD_PART_GLOBAL][i];
    is_tail(&c->rarity, sums[ODD_PART_LOCAL], HELD, odd_share);
    for (size_t i = 0; i < HELD; i++)
        values[i] = sums[ODD_PART_RECONSTRUCTION][i] + sums[ODD_PART_LOCAL][i];
    is_tail(&c->score, values, HELD, odd_share);
    free(values);
    free(of_rest);
    free(of_held);
}

static void tails_as_defined(void **state)
{
    (void)state;
    for (int mse = 0; mse < 2; mse++) {
        bench b = open_bench(MADE_ALL, mse ? ODD_EMBEDDING_MSE : ODD_ROW);
        for (int dump = 0; dump < 2; dump++) {
            odd_verdict v;
            double share = dump ? 0.05 : 0;
            assert_int_equal(calibrate(&b, share, 2, &v, NULL), 0);
            assert_true(v.alerts == 0.01);
            check_calibration(&b, &v, false, share);
            check_calibration(&b, &v, true, share);
            odd_verdict_free(&v);
        }
        close_bench(&b);
    }
}

/* Weights and fits: those of the table, and the forest only where rows may be odd. */
static void measures_fitted(void **state)
{
    (void)state;
    bench b = open_bench(MADE_ALL, ODD_ROW);
    for (int dump = 0; dump < 2; dump++) {
        odd_verdict v;
        float *of_rest;
        assert_int_equal(calibrate(&b, dump ? 0.1 : 0, 1, &v, NULL), 0);
        for (size_t m = 0; m < ODD_MEASURES; m++) {
            assert_true(v.weight[m] ==
                        (dump ? odd_measures[m]->contaminated_weight : odd_measures[m]->weight));
            if (m != ODD_MEASURE_FOREST)
                assert_true(v.hinge[m] == (dump ? 0 : odd_measures[m]->hinge));
        }
        assert_true((v.forest != NULL) == (dump == 1));
        made_near((double)v.hinge[ODD_MEASURE_FOREST], dump ? -log(0.2) : 0, 1e-6);
        assert_int_equal(v.prototype_count, 256);
        odd_measured rest = measure(&v, b.rest, false, &of_rest);
        odd_shape shape;
        assert_int_equal(odd_shape_new(&shape, v.network->X, NULL), 0);
        assert_int_equal(odd_shape_fit(&shape, rest.x, REST, dump ? 0.2 : 0, 3, NULL), 0);
        assert_memory_equal(shape.whiten, v.shape.whiten, shape.n * shape.n * sizeof(float));
        assert_memory_equal(shape.mean, v.shape.mean, shape.n * sizeof(float));
        odd_shape_free(&shape);
        free(of_rest);
        odd_verdict_free(&v);
    }
    close_bench(&b);
}

static void any_threads(void **state)
{
    (void)state;
    bench b = open_bench(MADE_SMALL | MADE_NUMBER | MADE_TIME, ODD_ROW);
    odd_verdict one, more;
    assert_int_equal(calibrate(&b, 0, 1, &one, NULL), 0);
    for (size_t threads = 2; threads <= 4; threads++) {
        assert_int_equal(calibrate(&b, 0, threads, &more, NULL), 0);
        assert_memory_equal(one.unmasked.measures, more.unmasked.measures,
                            sizeof one.unmasked.measures);
        assert_memory_equal(&one.unmasked.score, &more.unmasked.score, sizeof(odd_tail));
        assert_memory_equal(&one.masked.score, &more.masked.score, sizeof(odd_tail));
        assert_memory_equal(one.prototypes, more.prototypes, 256 * one.network->X * sizeof(float));
        odd_verdict_free(&more);
    }
    odd_verdict_free(&one);
    close_bench(&b);
}

/* Fewer rows than prototypes: each is one. */
static void few_rows(void **state)
{
    (void)state;
    bench b = open_bench(MADE_SMALL | MADE_NUMBER, ODD_ROW);
    odd_verdict v;
    float *of_rest;
    b.rest->count = 40;
    b.held->count = 1;
    assert_int_equal(calibrate(&b, 0, 2, &v, NULL), 0);
    assert_int_equal(v.prototype_count, 40);
    odd_measured rest = measure(&v, b.rest, false, &of_rest);
    assert_memory_equal(v.prototypes, rest.x, 40 * v.network->X * sizeof(float));
    for (size_t i = 0; i < 40; i++)
        assert_true(rest.measure[ODD_MEASURE_LOCAL][i] < 1e-3f);
    assert_int_equal(v.unmasked.score.count, 1);
    free(of_rest);
    odd_verdict_free(&v);
    close_bench(&b);
}

/* A column a pass is too much for very wide files. */
static void no_masked_scores(void **state)
{
    (void)state;
    enum { WIDE = 257, ROWS = 40 };
    odd_bytes table = {0};
    for (size_t row = 0; row <= ROWS; row++)
        for (size_t c = 0; c < WIDE; c++) {
            if (row)
                odd_bytes_char(&table, (char)('a' + (row + c) % 3));
            else
                odd_bytes_print(&table, "x%zu", c);
            odd_bytes_char(&table, c + 1 < WIDE ? ',' : '\n');
        }
    odd_train_options options = made_options();
    options.epochs = 1;
    odd_model *model = made_train(&table, &options);
    assert_int_equal(odd_schema_losses(model->schema), WIDE);
    assert_true(model->verdict.unmasked.present && !model->verdict.masked.present);
    oddrow_error err = {0};
    assert_int_equal(odd_verdict_wanted(&model->verdict, false, &err), 0);
    assert_int_equal(odd_verdict_wanted(&model->verdict, true, &err), ODDROW_EINVAL);
    odd_model_free(&model);
    odd_bytes_free(&table);
}

static void not_finite(void **state)
{
    (void)state;
    bench b = open_bench(MADE_SMALL | MADE_NUMBER, ODD_ROW);
    odd_verdict v;
    oddrow_error err = {0};
    b.model->network->parameters[0] = NAN;
    assert_int_equal(calibrate(&b, 0, 2, &v, &err), ODDROW_ENUMERIC);
    assert_non_null(strstr(err.message, "not finite"));
    odd_verdict_free(&v);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tails_as_defined), cmocka_unit_test(measures_fitted),
        cmocka_unit_test(any_threads),      cmocka_unit_test(few_rows),
        cmocka_unit_test(no_masked_scores), cmocka_unit_test(not_finite)};
    return cmocka_run_group_tests(tests, made_enter, made_leave);
}
