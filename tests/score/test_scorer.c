/* Scoring: folded tables against the plain path, measures against their definitions. */
#include "made.h"

#include "score/explain.h"
#include "score/forest.h"
#include "score/margins.h"
#include "score/scorer.h"
#include "score/shape.h"

enum { ROWS = 150 };

typedef struct outcome {
    float *block;
    odd_measured measured;
    odd_scores scores;
} outcome;

static outcome run(const odd_model *model, const odd_rows *view, bool plain, bool masked)
{
    size_t n = view->count, L = odd_schema_losses(model->schema), X = model->network->X;
    outcome o = {.block = calloc(n * (L + X + 3 + ODD_PARTS + ODD_MEASURES), sizeof(float))};
    float *at = o.block;
    odd_scorer *scorer = NULL;
    odd_scratch *scratch = NULL;
    oddrow_error err = {0};
    o.measured.losses = at;
    o.measured.x = at += n * L;
    o.measured.loss = at += n * X;
    for (size_t m = 0; m < ODD_MEASURES; m++)
        o.measured.measure[m] = at += n;
    assert_int_equal(odd_scorer_new(&model->verdict, plain, &scorer, &err), 0);
    assert_int_equal(odd_scratch_new(scorer, n, masked, &scratch, &err), 0);
    odd_scratch_measure(scratch, view, &o.measured);
    odd_scores scores = odd_scratch_score(scratch, view, ODD_SCORE_BOTH);
    o.scores.loss = memcpy(at += n, scores.loss, n * sizeof *at);
    o.scores.score = memcpy(at += n, scores.score, n * sizeof *at);
    for (size_t p = 0; p < ODD_PARTS; p++)
        o.scores.part[p] = memcpy(at += n, scores.part[p], n * sizeof *at);
    assert_true(odd_scratch_time(scratch).network > 0);
    odd_scratch_free(&scratch);
    odd_scorer_free(&scorer);
    return o;
}

static void all_near(const float *a, const float *b, size_t n, double tolerance)
{
    for (size_t i = 0; i < n; i++)
        made_near((double)a[i], (double)b[i], tolerance);
}

/* Definitions, in double, from x and the encoded rows. */
static void as_defined(const odd_model *model, const odd_rows *view, const outcome *o)
{
    size_t X = model->network->X, C = model->schema->C, F = model->schema->F;
    float *shape = calloc(view->count, sizeof *shape);
    odd_shape_distances(&model->verdict.shape, o->measured.x, view->count, shape);
    all_near(o->measured.measure[ODD_MEASURE_SHAPE], shape, view->count, 2e-5);
    free(shape);
    for (size_t i = 0; i < view->count; i++) {
        double near = INFINITY;
        for (size_t p = 0; p < model->verdict.prototype_count; p++) {
            double sum = 0;
            for (size_t j = 0; j < X; j++) {
                double d =
                    (double)o->measured.x[i * X + j] - (double)model->verdict.prototypes[p * X + j];
                sum += d * d;
            }
            near = fmin(near, sqrt(sum));
        }
        /* the nearest by folded sums may be another one as near */
        made_near((double)o->measured.measure[ODD_MEASURE_LOCAL][i], near, 1e-4);
        if (model->verdict.forest)
            assert_true(o->measured.measure[ODD_MEASURE_FOREST][i] ==
                        odd_forest_score(model->verdict.forest, C, view->ids + i * C,
                                         view->values + i * F));
        float score = o->scores.part[ODD_PART_RECONSTRUCTION][i] +
                      o->scores.part[ODD_PART_LOCAL][i] + o->scores.part[ODD_PART_GLOBAL][i];
        made_near((double)o->scores.score[i], (double)score, 1e-6);
        assert_true(o->scores.score[i] >= 0 && isfinite(o->scores.score[i]));
    }
}

static void margins_as_defined(const odd_model *model, const odd_rows *view, const outcome *o)
{
    const odd_schema *s = model->schema;
    for (size_t i = 0; i < view->count; i++) {
        double sum = 0;
        for (size_t k = 0; k < s->K; k++) {
            const odd_column *c = &s->columns[k];
            if (c->kind == ODD_CATEGORICAL)
                sum += (double)model->verdict
                           .id_margin[c->categorical][view->ids[i * s->C + c->categorical]];
            else if (c->kind == ODD_CONSTANT && view->differs[i * s->D + c->constant_index])
                sum += fmax(0, c->differs_loss - (double)ODD_MARGIN_HINGE);
            else if (c->kind == ODD_NUMERIC || c->kind == ODD_TIMESTAMP) {
                if (view->missing[i * s->M + c->numeric])
                    sum += fmax(0, c->missing_loss - (double)ODD_MARGIN_HINGE);
                else if (c->kind == ODD_NUMERIC)
                    sum += (double)odd_margin_at(model->verdict.value_margin[c->numeric],
                                                 view->values[i * s->F + c->first_feature]);
            }
        }
        made_near((double)o->measured.measure[ODD_MEASURE_MARGINS][i], sum, 1e-5);
    }
}

static void compare(const odd_model *model, const odd_bytes *table, double tolerance)
{
    odd_rows *batch = made_batch(model, table);
    odd_rows view = *batch;
    size_t n = view.count, L = odd_schema_losses(model->schema);
    for (int masked = 0; masked < 2; masked++) {
        outcome plain = run(model, &view, true, masked), folded = run(model, &view, false, masked);
        all_near(folded.measured.losses, plain.measured.losses, n * L, tolerance);
        all_near(folded.measured.loss, plain.measured.loss, n, tolerance);
        all_near(folded.measured.x, plain.measured.x, n * model->network->X, tolerance);
        for (size_t m = 0; m < ODD_MEASURES; m++)
            all_near(folded.measured.measure[m], plain.measured.measure[m], n,
                     m == ODD_MEASURE_SHAPE ? 2 * tolerance : tolerance);
        as_defined(model, &view, &folded);
        margins_as_defined(model, &view, &folded);
        free(plain.block);
        free(folded.block);
    }
    odd_rows_free(&batch);
}

static void folded_is_plain(void **state)
{
    (void)state;
    static const unsigned parts[] = {MADE_ALL,
                                     MADE_SMALL,
                                     MADE_LARGE,
                                     MADE_NUMBER,
                                     MADE_TIME,
                                     MADE_SMALL | MADE_LARGE,
                                     MADE_NUMBER | MADE_CONSTANT};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        odd_model *model = made_model(parts[i], 400, 10 + i);
        odd_bytes table = made_table(parts[i], ROWS, 50 + i);
        compare(model, &table, 1e-5);
        odd_bytes_free(&table);
        odd_model_free(&model);
    }
}

static void with_options(void **state)
{
    (void)state;
    odd_bytes train = made_table(MADE_ALL, 400, 20), table = made_table(MADE_ALL, ROWS, 21);
    for (int i = 0; i < 4; i++) {
        odd_train_options options = made_options();
        options.network.objective = i % 2 ? ODD_EMBEDDING_MSE : ODD_ROW;
        options.contamination = i / 2 ? 0.05 : 0;
        options.network.activation = i % 2 ? ODD_TANH : ODD_GELU;
        odd_model *model = made_train(&train, &options);
        assert_true((model->verdict.forest != NULL) ==
                    (model->verdict.weight[ODD_MEASURE_FOREST] > 0));
        compare(model, &table, 1e-5);
        odd_model_free(&model);
    }
    odd_bytes_free(&train);
    odd_bytes_free(&table);
}

/* A row's result does not depend on how many rows stand around it. */
static void rows_alone(void **state)
{
    (void)state;
    odd_model *model = made_model(MADE_ALL, 400, 30);
    odd_bytes table = made_table(MADE_ALL, ROWS, 31);
    odd_rows *b = made_batch(model, &table);
    odd_rows all = *b;
    for (int masked = 0; masked < 2; masked++) {
        outcome whole = run(model, &all, false, masked);
        for (size_t i = 0; i < all.count; i += 7) {
            odd_rows one = odd_rows_slice(&all, i, 1);
            outcome alone = run(model, &one, false, masked);
            assert_true(alone.scores.score[0] == whole.scores.score[i]);
            assert_true(alone.scores.loss[0] == whole.scores.loss[i]);
            free(alone.block);
        }
        free(whole.block);
    }
    odd_rows_free(&b);
    odd_bytes_free(&table);
    odd_model_free(&model);
}

/* Odd cells are odd, and surprises say which. */
static void surprises(void **state)
{
    (void)state;
    odd_bytes train = made_table(MADE_ALL, 600, 40), table = {0};
    odd_train_options options = made_options();
    options.min_steps = 300;
    odd_model *model = made_train(&train, &options);
    odd_scorer *scorer = NULL;
    odd_scratch *scratch = NULL;
    odd_explainer *explainer = NULL;
    /* a text that many rows had: all but the cell in question is usual */
    odd_span known = odd_vocabulary_text(model->schema->columns[2].vocabulary, 1);
    static const char *const rows[4] = {
        "red,%.*s,0.3,2024-03-12T05:30:00Z,same", "red,%.*s,1e9,2024-03-12T05:30:00Z,same",
        "never,%.*s,0.3,2024-03-12T05:30:00Z,same", "red,%.*s,0.3,2024-03-12T05:30:00Z,other"};
    odd_bytes_print(&table, "id,small,large,number,when,same\n");
    assert_int_equal(odd_bytes_check(&table, NULL), 0);
    for (size_t i = 0; i < 4; i++) {
        char row[100];
        snprintf(row, sizeof row, rows[i], (int)known.size, known.data);
        odd_bytes_print(&table, "n,%s\n", row);
        assert_int_equal(odd_bytes_check(&table, NULL), 0);
    }
    odd_rows *batch = made_batch(model, &table);
    odd_rows view = *batch;
    outcome o = run(model, &view, false, false);
    float surprise[4][6];
    const odd_span cells[6] = {{0}};
    const char *names[6];
    odd_encoder *encoder = NULL;
    for (size_t k = 0; k < 6; k++)
        names[k] = model->schema->columns[k].name;
    assert_int_equal(odd_encoder_new(model->schema, names, 6, &encoder, NULL), 0);
    assert_int_equal(odd_scorer_new(&model->verdict, false, &scorer, NULL), 0);
    assert_int_equal(odd_scratch_new(scorer, 4, false, &scratch, NULL), 0);
    assert_int_equal(odd_explainer_new(scratch, 6, &explainer, NULL), 0);
    odd_scratch_measure(scratch, &view, &(odd_measured){0});
    for (size_t i = 0; i < 4; i++) {
        odd_reasons reasons;
        assert_int_equal(odd_explain(explainer, encoder, i, cells, &reasons, NULL), 0);
        assert_int_equal(reasons.count, 5);
        surprise[i][0] = 0;
        for (size_t r = 0; r < 5; r++)
            surprise[i][reasons.items[r].column] = reasons.items[r].surprise;
        assert_true(surprise[i][0] == 0); /* an id has none */
        for (size_t k = 0; k < 6; k++)
            assert_true(surprise[i][k] >= 0 && surprise[i][k] <= (float)ODD_TAIL_CAP);
    }
    assert_true(o.scores.score[1] > o.scores.score[0] && surprise[1][3] > surprise[0][3] + 2);
    assert_true(o.scores.score[2] > o.scores.score[0]);
    assert_true(surprise[0][5] == 0);
    assert_true(o.measured.measure[ODD_MEASURE_MARGINS][3] >
                o.measured.measure[ODD_MEASURE_MARGINS][0] + 4);
    assert_true(o.scores.score[3] > o.scores.score[0]);
    made_near((double)surprise[3][5], model->schema->columns[5].differs_loss, 1e-6);
    odd_explainer_free(&explainer);
    odd_scratch_free(&scratch);
    odd_scorer_free(&scorer);
    odd_scratch_free(&scratch);
    odd_encoder_free(&encoder);
    free(o.block);
    odd_rows_free(&batch);
    odd_bytes_free(&train);
    odd_bytes_free(&table);
    odd_model_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(folded_is_plain),
                                       cmocka_unit_test(with_options), cmocka_unit_test(rows_alone),
                                       cmocka_unit_test(surprises)};
    return cmocka_run_group_tests(tests, made_enter, made_leave);
}
