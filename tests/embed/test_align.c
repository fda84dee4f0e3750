/* Rotated tables: nearer to the old ones, and the same scores. */
#include "embeddings.h"

#include "embed/align.h"
#include "embed/near.h"
#include "score/scorer.h"

/* R is found again from vectors that were rotated by it. */
static void finds_a_rotation(void **state)
{
    (void)state;
    enum { COUNT = 12, E = 3 };
    float from[COUNT][E], to[COUNT][E];
    const float *a[COUNT], *b[COUNT];
    double rotation[E * E];
    const double c = cos(0.7), s = sin(0.7), known[E * E] = {c, s, 0, -s, c, 0, 0, 0, -1};
    odd_random r;
    odd_random_start(&r, 1, 0);
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < E; j++)
            from[i][j] = (float)odd_random_normal(&r);
        for (size_t j = 0; j < E; j++) {
            double sum = 0;
            for (size_t k = 0; k < E; k++)
                sum += (double)from[i][k] * known[k * E + j];
            to[i][j] = (float)(sum * (1 + (double)i)); /* lengths do not matter */
        }
        a[i] = from[i];
        b[i] = to[i];
    }
    assert_int_equal(odd_procrustes(a, b, COUNT, E, rotation, NULL), 0);
    for (size_t i = 0; i < E * E; i++)
        made_near(rotation[i], known[i], 1e-6);
}

static odd_model *train(unsigned parts, uint64_t seed, odd_objective objective)
{
    odd_bytes table = made_table(parts, 800, 4);
    odd_train_options options = made_options();
    options.seed = seed;
    options.network.objective = objective;
    odd_model *model = made_train(&table, &options);
    odd_bytes_free(&table);
    return model;
}

/* Scores of some rows; (rows) floats, the caller frees. */
static float *scores(const odd_model *model, const odd_rows *batch)
{
    odd_scorer *scorer = NULL;
    odd_scratch *scratch = NULL;
    size_t n = batch->count;
    float *out = calloc(n, sizeof *out);
    assert_int_equal(odd_scorer_new(&model->verdict, true, &scorer, NULL), 0);
    assert_int_equal(odd_scratch_new(scorer, n, false, &scratch, NULL), 0);
    memcpy(out, odd_scratch_score(scratch, batch, ODD_SCORE_BOTH).score, n * sizeof *out);
    odd_scratch_free(&scratch);
    odd_scorer_free(&scorer);
    return out;
}

static void check(odd_objective objective)
{
    odd_model *old = train(MADE_ALL, 1, objective), *model = train(MADE_ALL, 2, objective);
    odd_bytes rows = made_table(MADE_ALL, 200, 9);
    odd_rows *batch = made_batch(model, &rows);
    float *before = scores(model, batch);
    char hash[20];
    odd_alignment all[8];
    bool approximate = true;
    oddrow_error err = {0};
    strcpy(hash, model->hash);
    if (odd_align(model, old, all, &approximate, &err))
        fail_msg("%s", err.message);
    assert_false(approximate);
    float *after = scores(model, batch);
    double moved = 0;
    for (size_t i = 0; i < batch->count; i++) {
        made_near((double)after[i], (double)before[i], 1e-4);
        moved += (double)before[i];
    }
    assert_true(moved > 0); /* there was something to keep */
    for (size_t c = 0; c < odd_embedding_count(model); c++) {
        assert_true(all[c].aligned);
        assert_true(all[c].shared >= 5);
        assert_true(all[c].after > all[c].before + 0.05);
        /* the figure is that of the tables as they are now */
        odd_embedding a = odd_embedding_at(model, c), b = odd_embedding_at(old, c);
        double sum = 0;
        size_t shared = 0;
        for (uint32_t id = 1; id < a.V; id++) {
            odd_span text = odd_vocabulary_text(a.vocabulary, id);
            uint32_t other = id == a.vocabulary->missing_id
                                 ? b.vocabulary->missing_id
                                 : odd_vocabulary_find(b.vocabulary, text.data, text.size);
            if (!other)
                continue;
            sum += odd_metric_of(ODD_COSINE, a.vectors + id * a.E, b.vectors + other * b.E, a.E);
            shared++;
        }
        assert_int_equal(shared, all[c].shared);
        made_near(sum / (double)shared, all[c].after, 1e-9);
    }
    assert_string_not_equal(hash, model->hash);
    /* and through a file */
    odd_model *again = NULL;
    assert_int_equal(odd_model_save(model, made_path("aligned.model"), &err), 0);
    if (odd_model_load(made_path("aligned.model"), &again, &err))
        fail_msg("%s", err.message);
    assert_string_equal(again->hash, model->hash);
    free(before);
    free(after);
    odd_rows_free(&batch);
    odd_bytes_free(&rows);
    odd_model_free(&again);
    odd_model_free(&old);
    odd_model_free(&model);
}

static void keeps_scores(void **state)
{
    (void)state;
    check(ODD_ROW);
}

static void keeps_scores_of_mse(void **state)
{
    (void)state;
    check(ODD_EMBEDDING_MSE);
}

static void with_itself(void **state)
{
    (void)state;
    odd_model *old = train(MADE_SMALL, 1, ODD_ROW), *model = train(MADE_SMALL, 1, ODD_ROW);
    odd_alignment all[8];
    bool approximate;
    assert_int_equal(odd_align(model, old, all, &approximate, NULL), 0);
    made_near(all[0].before, 1, 1e-9);
    made_near(all[0].after, 1, 1e-6);
    odd_model_free(&old);
    odd_model_free(&model);
}

static void nothing_to_align(void **state)
{
    (void)state;
    odd_model *old = train(MADE_LARGE | MADE_NUMBER, 1, ODD_ROW),
              *model = train(MADE_SMALL | MADE_NUMBER, 1, ODD_ROW);
    odd_alignment all[8];
    bool approximate;
    oddrow_error err = {0};
    assert_int_equal(odd_align(model, old, all, &approximate, &err), ODDROW_ESCHEMA);
    assert_int_equal(all[0].old_E, 0);
    odd_model_free(&old);
    odd_model_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_rotation), cmocka_unit_test(keeps_scores),
        cmocka_unit_test(keeps_scores_of_mse), cmocka_unit_test(with_itself),
        cmocka_unit_test(nothing_to_align)};
    return cmocka_run_group_tests(tests, made_enter, made_leave);
}
