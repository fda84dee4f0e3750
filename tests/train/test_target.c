/* Targets from the file to the prediction: what is a class and what a number, rows without one, the
 * model's file, refusals. */
#include "made.h"

#include "files/predict.h"
#include "model/metadata.h"
#include "score/scorer.h"

static odd_bytes table_of(size_t rows)
{
    odd_bytes out = {0};
    odd_random r;
    odd_random_start(&r, 4, 4);
    odd_bytes_print(&out, "n,land,age,class,price,code,same,stamp\n");
    assert_int_equal(odd_bytes_check(&out, NULL), 0);
    for (size_t i = 0; i < rows; i++) {
        size_t land = odd_random_below(&r, 4);
        double age = 20 + 50 * odd_random_uniform(&r);
        const char *class = i % 10 == 7 ? "" : land == 0 ? "low" : age > 60 ? "high" : "mid dle";
        odd_bytes_print(&out, "r%zu,l%zu,%.2f,%s,%s%.3f,%u,1,2024-01-%02zu\n", i, land, age, class,
                        i % 30 == 3 ? "x" : "", 100 * (double)land + 3 * age,
                        (unsigned)odd_random_below(&r, 3), 1 + i % 28);
        assert_int_equal(odd_bytes_check(&out, NULL), 0);
    }
    return out;
}

static int train(const char *target, odd_target_kind kind, odd_train_options o, odd_model **model,
                 odd_train_summary *summary, oddrow_error *err)
{
    const char *path = made_path("target.csv");
    odd_bytes table = table_of(600);
    made_write(path, table.data, table.size);
    odd_bytes_free(&table);
    o.columns.target = target;
    o.columns.task = kind;
    return odd_train(&path, 1, &o, model, summary, err);
}

static odd_model *trained(const char *target, odd_target_kind kind, const odd_train_options *o,
                          odd_train_summary *summary)
{
    odd_model *model = NULL;
    oddrow_error err = {0};
    if (train(target, kind, *o, &model, summary, &err))
        fail_msg("%s", err.message);
    return model;
}

static odd_train_options longer(void)
{
    odd_train_options o = made_options();
    o.network.widths = (odd_sizes){0};
    o.epochs = 40;
    o.learning_rate = 1e-2;
    return o;
}

static json_t *record_of(const odd_model *model, const char *key)
{
    return json_object_get(model->training, key);
}

static void test_classes(void **state)
{
    odd_train_options o = longer();
    odd_train_summary summary = {0};
    (void)state;
    odd_model *model = trained("class", ODD_TARGET_INFER, &o, &summary);
    const odd_column *c = &model->schema->columns[3];
    assert_int_equal(model->schema->target, 3);
    assert_int_equal(c->kind, ODD_TARGET);
    assert_int_equal(c->vocabulary->size, 4);
    assert_int_equal(c->missing, 60);
    assert_int_equal(model->network->config.objective, ODD_CLASSIFY);
    assert_int_equal(model->network->Y, 3);
    assert_int_equal(model->network->config.layers, 2);
    assert_non_null(strstr(summary.notes, "60 rows have no target and were left out"));
    assert_int_equal(json_integer_value(record_of(model, "unlabelled_rows")), 60);
    assert_int_equal(json_integer_value(record_of(model, "trained_rows")) +
                         json_integer_value(record_of(model, "held_out_rows")),
                     540);
    assert_int_equal(summary.metrics.rows, json_integer_value(record_of(model, "held_out_rows")));
    assert_true(summary.metrics.auroc > 0.95 && summary.metrics.accuracy > 0.85);
    assert_true(json_real_value(record_of(model, "auroc")) == summary.metrics.auroc);
    made_near(summary.metrics.log_loss, summary.validation_loss, 1e-6);
    assert_null(record_of(model, "mse"));
    odd_model_free(&model);
}

static void test_numbers(void **state)
{
    odd_train_options o = longer();
    odd_train_summary summary = {0};
    (void)state;
    odd_model *model = trained("price", ODD_TARGET_INFER, &o, &summary);
    assert_int_equal(model->network->config.objective, ODD_REGRESS);
    assert_non_null(strstr(summary.notes, "20 rows have no target")); /* unparsed */
    assert_int_equal(model->schema->columns[4].unparsed, 20);
    assert_true(summary.metrics.mae < 25 && summary.metrics.mape < 20); /* of 60 to 510 */
    assert_true(summary.metrics.mse < 900);
    made_near(json_real_value(record_of(model, "mse")), summary.metrics.mse, 1e-9);
    odd_model_free(&model);
    /* whole numbers of three values are a class unless somebody says otherwise */
    o.epochs = 1;
    model = trained("code", ODD_TARGET_INFER, &o, &summary);
    assert_int_equal(model->network->config.objective, ODD_CLASSIFY);
    odd_model_free(&model);
    model = trained("code", ODD_TARGET_NUMBER, &o, &summary);
    assert_int_equal(model->network->config.objective, ODD_REGRESS);
    odd_model_free(&model);
    model = trained("age", ODD_TARGET_CLASS, &o, &summary);
    assert_true(model->network->Y > 100);
    odd_model_free(&model);
}

/* Rare classes weigh more, and are predicted more often. */
static void test_balanced(void **state)
{
    odd_train_options o = longer();
    odd_train_summary summary = {0};
    double share[2];
    (void)state;
    for (int balanced = 0; balanced < 2; balanced++) {
        o.class_weights = balanced;
        o.epochs = 6;
        o.seed = 3;
        odd_model *model = trained("class", ODD_TARGET_CLASS, &o, &summary);
        const odd_vocabulary *v = model->schema->columns[3].vocabulary;
        odd_bytes table = table_of(400);
        odd_rows *batch = made_batch(model, &table);
        odd_folded *folded = NULL;
        odd_forward *forward = NULL;
        uint32_t rare = odd_vocabulary_find(v, "high", 4);
        float *p = calloc(batch->count * 3, sizeof *p);
        assert_int_equal(odd_folded_new(model->network, &folded, NULL), 0);
        assert_int_equal(odd_forward_new(folded, &forward, NULL), 0);
        odd_forward_run(forward, batch, ODD_NO_COLUMN, &(odd_forward_out){.outputs = p});
        share[balanced] = 0;
        for (size_t i = 0; i < batch->count; i++)
            share[balanced] += (double)p[i * 3 + rare - 1] / (double)batch->count;
        assert_string_equal(json_string_value(record_of(model, "class_weights")),
                            balanced ? "balanced" : "none");
        free(p);
        odd_forward_free(&forward);
        odd_folded_free(&folded);
        odd_rows_free(&batch);
        odd_bytes_free(&table);
        odd_model_free(&model);
    }
    assert_true(share[1] > share[0] + 0.02);
}

/* The file gives the same model back; scores are refused, and so is a prediction by an autoencoder.
 */
static void test_file(void **state)
{
    static const char *const targets[] = {"class", "price"};
    odd_train_options o = longer();
    odd_train_summary summary = {0};
    (void)state;
    o.epochs = 2;
    for (size_t t = 0; t < 2; t++) {
        odd_model *model = trained(targets[t], ODD_TARGET_INFER, &o, &summary), *again = NULL;
        odd_scorer *scorer = NULL;
        oddrow_error err = {0};
        const char *path = made_path("target.model");
        assert_int_equal(odd_model_save(model, path, &err), 0);
        if (odd_model_load(path, &again, &err))
            fail_msg("%s", err.message);
        assert_string_equal(odd_model_json(model), odd_model_json(again));
        assert_string_equal(odd_model_hash(model), odd_model_hash(again));
        assert_memory_equal(model->network->parameters, again->network->parameters,
                            model->network->count * sizeof(float));
        assert_int_equal(odd_scorer_new(&again->verdict, false, &scorer, &err), ODDROW_ESCHEMA);
        assert_non_null(strstr(err.message, t ? "this is a regressor of 'price'"
                                              : "this is a classifier of 'class'"));
        odd_model_free(&model);
        odd_model_free(&again);
    }
    odd_model *plain = made_model(MADE_SMALL | MADE_NUMBER, 100, 1);
    odd_score_options options = ODD_SCORE_OPTIONS_INIT;
    odd_score_summary scored;
    oddrow_error err = {0};
    const char *path = made_path("target.csv"), *out = made_path("none.csv");
    assert_int_equal(odd_predict_files(plain, &path, 1, out, &options, &scored, &err),
                     ODDROW_ESCHEMA);
    assert_non_null(strstr(err.message, "this is an autoencoder"));
    assert_int_equal(access(out, F_OK), -1);
    odd_model_free(&plain);
}

/* Metadata that does not hang together, each by one change to good metadata. */
static void test_damage(void **state)
{
    static const struct {
        const char *from, *to;
    } changes[] = {
        {"\"objective\":\"classify\"", "\"objective\":\"regress\""},
        {"\"objective\":\"classify\"", "\"objective\":\"row\""},
        {"\"objective\":\"classify\"", "\"objective\":\"classity\""},
        {"\"kind\":\"target\"", "\"kind\":\"ignore\""},
        {"\"name\":\"land\",\"kind\":\"categorical\"", "\"name\":\"land\",\"kind\":\"target\""},
        {"\"vocabulary\":[\"mid dle\",", "\"vocabulary\":[null,"},
        {"\"vocabulary\":[\"mid dle\",", "\"vocabulary\":[{\"rare\":true},"},
        {"\"widths\":[64,32]", "\"widths\":[64,1000000]"}};
    odd_train_options o = longer();
    odd_train_summary summary = {0};
    (void)state;
    o.epochs = 1;
    odd_model *model = trained("class", ODD_TARGET_INFER, &o, &summary), *out = NULL;
    char *good = strdup(odd_model_json(model));
    size_t floats = model->network->weights;
    oddrow_error err = {0};
    assert_int_equal(odd_metadata_read(good, floats, &out, &err), 0);
    odd_model_free(&out);
    assert_int_equal(odd_metadata_read(good, floats - 1, &out, &err), ODDROW_EFORMAT);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const char *at = strstr(good, changes[i].from);
        odd_bytes bad = {0};
        assert_non_null(at);
        odd_bytes_print(&bad, "%.*s%s%s", (int)(at - good), good, changes[i].to,
                        at + strlen(changes[i].from));
        assert_int_equal(odd_bytes_check(&bad, NULL), 0);
        if (odd_metadata_read(bad.data, floats, &out, &err) == 0)
            fail_msg("taken: %s", changes[i].to);
        assert_null(out);
        assert_true(err.message[0] != 0);
        odd_bytes_free(&bad);
    }
    free(good);
    odd_model_free(&model);
}

static void refuses(const char *target, odd_target_kind kind, const odd_train_options *o, int code,
                    const char *message)
{
    odd_train_summary summary = {0};
    odd_model *model = NULL;
    oddrow_error err = {0};
    assert_int_equal(train(target, kind, *o, &model, &summary, &err), code);
    assert_null(model);
    if (!strstr(err.message, message))
        fail_msg("'%s', expected '%s'", err.message, message);
}

static void test_refusals(void **state)
{
    odd_train_options o = longer();
    (void)state;
    refuses("none", ODD_TARGET_INFER, &o, ODDROW_ESCHEMA, "'none', set as target, is absent");
    refuses("n", ODD_TARGET_INFER, &o, ODDROW_ESCHEMA, "the target, looks like an id");
    refuses("stamp", ODD_TARGET_INFER, &o, ODDROW_ESCHEMA, "the target, looks like a time");
    refuses("same", ODD_TARGET_INFER, &o, ODDROW_ESCHEMA, "the target, has one value in all rows");
    refuses("same", ODD_TARGET_NUMBER, &o, ODDROW_ESCHEMA, "the target, has one value in all rows");
    refuses("class", ODD_TARGET_NUMBER, &o, ODDROW_ESCHEMA, "has no cell that is a number");
    o.columns.max_vocab = 100;
    refuses("n", ODD_TARGET_CLASS, &o, ODDROW_ESCHEMA,
            "has 600 classes or more, more than 'max-vocab'");
    o = longer();
    o.class_weights = ODD_WEIGHTS_BALANCED;
    refuses("price", ODD_TARGET_INFER, &o, ODDROW_EINVAL, "the target is a number");
    o = longer();
    o.contamination = 0.1;
    refuses("class", ODD_TARGET_INFER, &o, ODDROW_EINVAL,
            "'contamination' cannot be combined with 'target'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),  cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_balanced), cmocka_unit_test(test_file),
        cmocka_unit_test(test_damage),   cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, made_enter, made_leave);
}
