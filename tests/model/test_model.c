/* The model file: what is saved is what is loaded, and nothing in a file is trusted. */
#include "made.h"

#include "model/safetensors.h"
#include "score/scorer.h"

static odd_model *load(const char *path)
{
    odd_model *model = NULL;
    oddrow_error err = {0};
    if (odd_model_load(path, &model, &err))
        fail_msg("%s", err.message);
    return model;
}

/* Scores of a text's rows, several ways, into one array; the caller frees. */
static float *scores_of(const odd_model *model, const odd_bytes *table, size_t *count)
{
    odd_rows *batch = made_batch(model, table);
    odd_scorer *scorer = NULL;
    size_t n = batch->count;
    float *out = calloc(10 * n, sizeof *out);
    assert_int_equal(odd_scorer_new(&model->verdict, false, &scorer, NULL), 0);
    for (size_t masked = 0; masked < 2; masked++) {
        odd_scratch *scratch = NULL;
        assert_int_equal(odd_scratch_new(scorer, n, masked == 1, &scratch, NULL), 0);
        odd_scores scores = odd_scratch_score(scratch, batch, ODD_SCORE_BOTH);
        const float *all[] = {scores.loss, scores.part[0], scores.part[1], scores.part[2],
                              scores.score};
        for (size_t i = 0; i < 5; i++)
            memcpy(out + (5 * masked + i) * n, all[i], n * sizeof *out);
        odd_scratch_free(&scratch);
    }
    odd_scorer_free(&scorer);
    odd_rows_free(&batch);
    *count = 10 * n;
    return out;
}

static void same_model(odd_model *model, const odd_bytes *table)
{
    const char *first = made_path("first.model"), *second = made_path("second.model");
    size_t n = 0;
    oddrow_error err = {0};
    assert_int_equal(odd_model_save(model, first, &err), 0);
    odd_model *back = load(first);
    assert_int_equal(odd_model_save(back, second, &err), 0);
    odd_bytes a = made_read(first), b = made_read(second);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    assert_string_equal(odd_model_json(model), odd_model_json(back));
    assert_string_equal(odd_model_hash(model), odd_model_hash(back));
    assert_int_equal(strlen(odd_model_hash(back)), 16);
    float *x = scores_of(model, table, &n), *y = scores_of(back, table, &n);
    assert_memory_equal(x, y, n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        assert_true(isfinite(x[i]) && x[i] >= 0);
    free(x);
    free(y);
    odd_bytes_free(&a);
    odd_bytes_free(&b);
    odd_model_free(&back);
    odd_model_free(&back);
}

static void round_trips(void **state)
{
    (void)state;
    static const unsigned parts[] = {MADE_ALL,    MADE_SMALL, MADE_LARGE,
                                     MADE_NUMBER, MADE_TIME,  MADE_SMALL | MADE_CONSTANT};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        odd_bytes other = made_table(parts[i], 100, 99);
        odd_model *model = made_model(parts[i], 200, i + 1);
        same_model(model, &other);
        odd_model_free(&model);
        odd_bytes_free(&other);
    }
}

static void round_trips_of_options(void **state)
{
    (void)state;
    odd_bytes table = made_table(MADE_ALL, 300, 5);
    for (int i = 0; i < ODD_ACTIVATIONS + 2; i++) {
        odd_train_options options = made_options();
        options.network.activation = i < ODD_ACTIVATIONS ? (odd_activation)i : ODD_LEAKY_RELU;
        options.network.objective = i % 2 ? ODD_EMBEDDING_MSE : ODD_ROW;
        options.contamination = i == ODD_ACTIVATIONS ? 0.1 : 0;
        options.columns.scaler = (odd_scaler_kind)(i % ODD_SCALERS);
        options.columns.min_count = 3;
        odd_model *model = made_train(&table, &options);
        same_model(model, &table);
        odd_model_free(&model);
    }
    odd_bytes_free(&table);
}

/* Names that are no UTF-8 stand under numbers, which other columns may be called. */
static void names_of_any_kind(void **state)
{
    (void)state;
    odd_bytes table = {0};
    odd_train_options options = made_options();
    odd_bytes_print(&table, "\xff,column_1,column_1_,a.weight,a,column_6\n");
    assert_int_equal(odd_bytes_check(&table, NULL), 0);
    for (int i = 0; i < 150; i++)
        odd_bytes_print(&table, "a%d,b%d,c%d,d%d,e%d,%d.5\n", i % 2, i % 3, i % 4, i % 5, i % 6, i);
    assert_int_equal(odd_bytes_check(&table, NULL), 0);
    odd_model *model = made_train(&table, &options);
    same_model(model, &table);
    assert_non_null(strstr(odd_model_json(model), "{\"bytes\":\"ff\"}"));
    odd_safetensors *file = NULL;
    assert_int_equal(odd_safetensors_load(made_path("first.model"), &file, NULL), 0);
    assert_non_null(odd_safetensors_find(file, "embedding.column_1"));
    assert_non_null(odd_safetensors_find(file, "embedding.column_1_"));
    assert_non_null(odd_safetensors_find(file, "embedding.column_1__"));
    odd_safetensors_free(&file);
    odd_bytes_free(&table);
    odd_model_free(&model);
}

/* ---- files that lie ---- */

typedef struct opened {
    odd_safetensors *file;
    json_t *json;
    odd_stored *tensors;
    size_t count;
} opened;

static opened open_model(const char *path)
{
    opened o = {0};
    assert_int_equal(odd_safetensors_load(path, &o.file, NULL), 0);
    o.count = odd_safetensors_count(o.file);
    o.tensors = calloc(o.count, sizeof *o.tensors);
    for (size_t i = 0; i < o.count; i++)
        o.tensors[i] = *odd_safetensors_at(o.file, i);
    o.json = json_loads(odd_safetensors_metadata(o.file, "oddrow"), 0, NULL);
    assert_non_null(o.json);
    return o;
}

static void close_model(opened *o)
{
    odd_safetensors_free(&o->file);
    json_decref(o->json);
    free(o->tensors);
}

/* Writes it as it is now and loads it: the result code; the model goes to *out when there. */
static int reload(const opened *o, odd_model **out, oddrow_error *err)
{
    const char *path = made_path("lie.model");
    char *text = json_dumps(o->json, JSON_COMPACT | JSON_REAL_PRECISION(17));
    assert_int_equal(odd_safetensors_save(path, o->tensors, o->count, "oddrow", text, NULL), 0);
    free(text);
    *err = (oddrow_error){0};
    int rc = odd_model_load(path, out, err);
    assert_true(rc == 0 || (*out == NULL && strstr(err->message, path) == err->message));
    return rc;
}

static void refused(const opened *o, const char *why)
{
    odd_model *model = NULL;
    oddrow_error err;
    assert_int_equal(reload(o, &model, &err), ODDROW_EFORMAT);
    if (!strstr(err.message, why))
        fail_msg("'%s' does not say '%s'", err.message, why);
}

static void versions(void **state)
{
    (void)state;
    odd_model *model = made_model(MADE_SMALL | MADE_NUMBER, 100, 3), *other = NULL;
    oddrow_error err = {0};
    assert_int_equal(odd_model_save(model, made_path("m"), NULL), 0);
    opened o = open_model(made_path("m"));
    json_t *format = json_incref(json_object_get(o.json, "format"));
    json_object_set_new(o.json, "format", json_integer(2));
    refused(&o, "format 2 is unknown; this oddrow reads format 1");
    json_object_set_new(o.json, "format", json_string("1"));
    refused(&o, "no \"format\" number");
    json_object_set_new(o.json, "format", format);
    assert_int_equal(reload(&o, &other, &err), 0);
    odd_model_free(&other);
    assert_int_equal(odd_safetensors_save(made_path("m"), o.tensors, o.count, "pt", "x", NULL), 0);
    assert_int_equal(odd_model_load(made_path("m"), &other, &err), ODDROW_EFORMAT);
    assert_non_null(strstr(err.message, "not an oddrow model"));
    assert_int_equal(odd_safetensors_save(made_path("m"), o.tensors, o.count, "oddrow", "{", NULL),
                     0);
    assert_int_equal(odd_model_load(made_path("m"), &other, &err), ODDROW_EFORMAT);
    assert_non_null(strstr(err.message, "metadata is not JSON"));
    close_model(&o);
    odd_model_free(&model);
}

static void tensors(void **state)
{
    (void)state;
    odd_model *model = made_model(MADE_ALL, 150, 4), *other = NULL;
    oddrow_error err;
    assert_int_equal(odd_model_save(model, made_path("m"), NULL), 0);
    opened o = open_model(made_path("m"));
    for (size_t i = 0; i < o.count; i++) {
        odd_stored own = o.tensors[i];
        size_t count = odd_stored_count(&own);
        double *wide = calloc(count + 1, sizeof *wide);
        o.tensors[i].name = "another";
        refused(&o, "is absent");
        o.tensors[i] = own;
        o.tensors[i].dtype = ODD_F64;
        o.tensors[i].data = wide;
        refused(&o, ""); /* not F32, or some tensor is not aligned now */
        o.tensors[i] = own;
        o.tensors[i].dimensions = 1;
        o.tensors[i].shape[0] = count + 1;
        o.tensors[i].data = wide;
        refused(&o, "is not F32 of the shape");
        o.tensors[i] = own;
        o.tensors[i].shape[o.tensors[i].dimensions++] = 1;
        refused(&o, "is not F32 of the shape");
        o.tensors[i] = own;
        free(wide);
    }
    /* what a weight of the calibration may not be */
    for (size_t i = 0; i < o.count; i++) {
        float none[4096] = {0};
        odd_stored own = o.tensors[i];
        bool weight = strstr(own.name, "loss_weight"), knots = strstr(own.name, "local.value");
        o.tensors[i].data = none;
        if (weight || (knots && odd_stored_count(&own) > 1))
            refused(&o, "");
        o.tensors[i] = own;
    }
    assert_int_equal(reload(&o, &other, &err), 0);
    odd_model_free(&other);
    close_model(&o);
    odd_model_free(&model);
}

/* A loaded model scores and explains whatever it is made of. */
static void use(const odd_model *model, const odd_bytes *table)
{
    odd_csv_source *source = NULL;
    odd_encoder *encoder = NULL;
    size_t n = 0;
    odd_csv_options options = {.delimiter = ','};
    assert_int_equal(odd_csv_open_memory("t", table->data, table->size, &options, &source, NULL),
                     0);
    int rc = odd_encoder_new(model->schema, odd_csv_names(source), odd_csv_columns(source),
                             &encoder, NULL);
    odd_encoder_free(&encoder);
    odd_csv_close(&source);
    if (!rc && model->verdict.unmasked.present && model->verdict.masked.present)
        free(scores_of(model, table, &n));
}

typedef struct spoiling {
    opened *o;
    const odd_bytes *table;
    size_t loaded, refused;
} spoiling;

static void try(spoiling *s)
{
    odd_model *model = NULL;
    oddrow_error err;
    int rc = reload(s->o, &model, &err);
    assert_true(rc == 0 || rc == ODDROW_EFORMAT || rc == ODDROW_EINVAL);
    s->loaded += rc == 0;
    s->refused += rc != 0;
    if (!rc)
        use(model, s->table);
    odd_model_free(&model);
}

static const char *const others[] = {"null",          "-1", "0", "3", "1e308", "\"x\"", "[]", "{}",
                                     "1000000000000", "0.5"};

/* Each value of the metadata in turn is something else, or gone. */
static void spoil(spoiling *s, json_t *parent)
{
    const char *key;
    void *next;
    json_t *value;
    json_object_foreach_safe(parent, next, key, value)
    {
        json_t *own = json_incref(value);
        for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
            json_object_set_new(parent, key, json_loads(others[i], JSON_DECODE_ANY, NULL));
            try(s);
        }
        json_object_set(parent, key, own);
        json_decref(own);
        spoil(s, own);
    }
    for (size_t at = 0; json_is_array(parent) && at < json_array_size(parent); at++) {
        bool end = at < 2 || at + 1 == json_array_size(parent);
        json_t *own = json_incref(json_array_get(parent, at));
        for (size_t i = 0; end && i < sizeof others / sizeof *others; i++) {
            json_array_set_new(parent, at, json_loads(others[i], JSON_DECODE_ANY, NULL));
            try(s);
        }
        json_array_set(parent, at, own);
        json_decref(own);
        if (json_is_object(own) || (json_is_array(own) && end))
            spoil(s, own);
    }
}

static void metadata(void **state)
{
    (void)state;
    odd_bytes table = made_table(MADE_ALL & ~MADE_LARGE, 60, 6);
    odd_train_options options = made_options();
    options.contamination = 0.1;
    odd_model *model = made_train(&table, &options);
    assert_int_equal(odd_model_save(model, made_path("m"), NULL), 0);
    opened o = open_model(made_path("m"));
    json_t *training = json_object_get(o.json, "training"); /* for people: any value will do */
    json_object_clear(training);
    spoiling s = {&o, &table, 0, 0};
    spoil(&s, o.json);
    assert_true(s.refused > 200 && s.loaded > 20);
    s.loaded = 0;
    try(&s); /* as it was */
    assert_int_equal(s.loaded, 1);
    close_model(&o);
    odd_bytes_free(&table);
    odd_model_free(&model);
}

static void damage(void **state)
{
    (void)state;
    odd_bytes table = made_table(MADE_ALL & ~MADE_LARGE, 60, 6);
    odd_model *model = made_model(MADE_ALL & ~MADE_LARGE, 60, 6), *out = NULL;
    odd_random r;
    oddrow_error err;
    size_t loaded = 0;
    assert_int_equal(odd_model_save(model, made_path("m"), NULL), 0);
    odd_bytes file = made_read(made_path("m"));
    for (size_t size = 0; size < file.size; size += size < 200 ? 1 : 997)
        assert_int_equal(odd_model_parse(file.data, size, &out, &err), ODDROW_EFORMAT);
    odd_random_start(&r, 1, 1);
    for (int i = 0; i < 200; i++) {
        size_t at = odd_random_below(&r, i % 2 ? file.size : 4000);
        char own = file.data[at];
        file.data[at] = (char)(own ^ (1 << odd_random_below(&r, 8)));
        int rc = odd_model_parse(file.data, file.size, &out, &err);
        assert_true(rc == 0 || (out == NULL && err.message[0] != 0));
        loaded += rc == 0;
        if (!rc)
            use(out, &table);
        odd_model_free(&out);
        file.data[at] = own;
    }
    assert_true(loaded > 20);
    odd_bytes_free(&file);
    odd_bytes_free(&table);
    odd_model_free(&model);
}

static void unwritable(void **state)
{
    (void)state;
    odd_model *model = made_model(MADE_SMALL, 50, 3);
    oddrow_error err = {0};
    assert_int_equal(odd_model_save(model, "/dev/full", &err), ODDROW_EIO);
    assert_int_equal(odd_model_save(model, made_path("no/such/place"), &err), ODDROW_EIO);
    assert_true(access(made_path("no"), F_OK) != 0);
    odd_model_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trips),
                                       cmocka_unit_test(round_trips_of_options),
                                       cmocka_unit_test(names_of_any_kind),
                                       cmocka_unit_test(versions),
                                       cmocka_unit_test(tensors),
                                       cmocka_unit_test(metadata),
                                       cmocka_unit_test(damage),
                                       cmocka_unit_test(unwritable)};
    return cmocka_run_group_tests(tests, made_enter, made_leave);
}
