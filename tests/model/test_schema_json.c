/* Schemas as JSON: texts of any bytes, a round trip, and JSON that is no schema. */
#include "made.h"

#include "model/fields.h"
#include "model/schema_json.h"

static void texts(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t size;
        const char *json;
    } cases[] = {
        {"", 0, "\"\""},
        {"plain", 5, "\"plain\""},
        {"a\"\\\n\x01", 5, "\"a\\\"\\\\\\n\\u0001\""},
        {"\xe6\x97\xa5", 3, "\"\xe6\x97\xa5\""},
        {"\xff\xfe\x00z", 4, "{\"bytes\":\"fffe007a\"}"},
        {"a\0b", 3, "{\"bytes\":\"610062\"}"},
        {"\xe6\x97", 2, "{\"bytes\":\"e697\"}"},
        {"\xed\xa0\x80", 3, "{\"bytes\":\"eda080\"}"}, /* a surrogate */
        {"\xc0\xaf", 2, "{\"bytes\":\"c0af\"}"},       /* overlong */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *json = odd_text_to_json(cases[i].data, cases[i].size);
        odd_bytes back = {0};
        char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
        assert_string_equal(text, cases[i].json);
        assert_int_equal(odd_text_from_json(json, &back, NULL), 0);
        assert_int_equal(back.size, cases[i].size);
        if (back.size)
            assert_memory_equal(back.data, cases[i].data, back.size);
        odd_bytes_free(&back);
        free(text);
        json_decref(json);
    }
}

static void no_texts(void **state)
{
    (void)state;
    static const char *const cases[] = {"1",
                                        "null",
                                        "[]",
                                        "{}",
                                        "true",
                                        "{\"bytes\":1}",
                                        "{\"bytes\":\"abc\"}",
                                        "{\"bytes\":\"AB\"}",
                                        "{\"bytes\":\"0x\"}",
                                        "{\"bytes\":[]}"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *json = json_loads(cases[i], JSON_DECODE_ANY, NULL);
        odd_bytes out = {0};
        oddrow_error err = {0};
        assert_non_null(json);
        assert_int_equal(odd_text_from_json(json, &out, &err), ODDROW_EFORMAT);
        assert_true(err.message[0] != 0);
        odd_bytes_free(&out);
        json_decref(json);
    }
}

static odd_schema *read_back(const json_t *json)
{
    odd_schema *schema = NULL;
    oddrow_error err = {0};
    if (odd_schema_from_json(json, &schema, &err))
        fail_msg("%s", err.message);
    return schema;
}

static void same_column(const odd_column *a, const odd_column *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->kind, b->kind);
    assert_true((a->why == NULL) == (b->why == NULL) && (!a->why || !strcmp(a->why, b->why)));
    assert_true(a->count == b->count && a->missing == b->missing && a->unparsed == b->unparsed);
    assert_true(a->embedding == b->embedding && a->differing == b->differing);
    assert_true(a->minimum == b->minimum && a->maximum == b->maximum);
    assert_true((a->constant == NULL) == (b->constant == NULL));
    if (a->constant)
        assert_memory_equal(a->constant, b->constant, a->constant_size + 1);
    assert_true(a->missing_loss == b->missing_loss && a->differs_loss == b->differs_loss);
    if (a->scaler.table) {
        assert_memory_equal(odd_scaler_quantiles(&a->scaler), odd_scaler_quantiles(&b->scaler),
                            ODD_QUANTILES * sizeof(double));
        assert_true(odd_scaler_center(&a->scaler) == odd_scaler_center(&b->scaler));
        assert_true(odd_scaler_scale(&a->scaler) == odd_scaler_scale(&b->scaler));
    }
    if (!a->vocabulary)
        return;
    assert_int_equal(a->vocabulary->size, b->vocabulary->size);
    assert_int_equal(a->vocabulary->missing_id, b->vocabulary->missing_id);
    assert_int_equal(a->vocabulary->rare_id, b->vocabulary->rare_id);
    assert_true(a->vocabulary->distinct == b->vocabulary->distinct);
    for (uint32_t id = 0; id < a->vocabulary->size; id++) {
        odd_span x = odd_vocabulary_text(a->vocabulary, id),
                 y = odd_vocabulary_text(b->vocabulary, id);
        assert_int_equal(x.size, y.size);
        assert_memory_equal(x.data, y.data, x.size);
        assert_true(a->vocabulary->counts[id] == b->vocabulary->counts[id]);
        if (x.size)
            assert_int_equal(odd_vocabulary_find(b->vocabulary, x.data, x.size), id);
    }
}

static void same_after(const odd_schema *schema)
{
    json_t *json = odd_schema_to_json(schema);
    odd_schema *back = read_back(json);
    json_t *again = odd_schema_to_json(back);
    assert_true(json_equal(json, again));
    assert_true(schema->rows == back->rows);
    assert_int_equal(schema->K, back->K);
    for (size_t k = 0; k < schema->K; k++)
        same_column(&schema->columns[k], &back->columns[k]);
    json_decref(json);
    json_decref(again);
    odd_schema_free(&back);
}

static void round_trip(void **state)
{
    (void)state;
    odd_model *model = made_model(MADE_ALL, 300, 1);
    same_after(model->schema);
    odd_model_free(&model);
}

static void bytes_of_any_kind(void **state)
{
    (void)state;
    odd_bytes table = {0};
    odd_train_options options = made_options();
    options.columns.min_count = 20;
    odd_bytes_print(&table, "gr\xf6\xdf\x65,same\xff,land,when\n");
    assert_int_equal(odd_bytes_check(&table, NULL), 0);
    for (int i = 0; i < 200; i++)
        odd_bytes_print(&table, "%s,\xfe\xfe,%s%d,2024-01-%02d\n", i % 3 ? "S\xfc\x64" : "Nord",
                        i % 40 ? "x" : "", i % 40 ? i % 5 : i, 1 + i % 28);
    assert_int_equal(odd_bytes_check(&table, NULL), 0);
    odd_model *model = made_train(&table, &options);
    assert_true(model->schema->columns[2].vocabulary->rare_id > 0);
    assert_int_equal(model->schema->columns[1].kind, ODD_CONSTANT);
    same_after(model->schema);
    odd_bytes_free(&table);
    odd_model_free(&model);
}

/* Every value of a schema that is of another type or gone: an error with a message, or a schema. */
static void spoil(json_t *schema, json_t *object, const char *key)
{
    static const char *const others[] = {
        "null", "-1", "1e308", "\"\"", "\"x\"", "[]", "{}", "true", "9223372036854775807",
        "[1]",  "0.5"};
    json_t *own = json_incref(json_object_get(object, key));
    for (size_t i = 0; i <= sizeof others / sizeof *others; i++) {
        odd_schema *out = NULL;
        oddrow_error err = {0};
        if (i == sizeof others / sizeof *others)
            json_object_del(object, key);
        else
            json_object_set_new(object, key, json_loads(others[i], JSON_DECODE_ANY, NULL));
        int rc = odd_schema_from_json(schema, &out, &err);
        assert_true(rc == 0 ? out != NULL : out == NULL && rc == ODDROW_EFORMAT && err.message[0]);
        odd_schema_free(&out);
    }
    json_object_set_new(object, key, own);
}

static void no_schemas(void **state)
{
    (void)state;
    odd_model *model = made_model(MADE_ALL, 200, 2);
    json_t *json = odd_schema_to_json(model->schema), *columns = json_object_get(json, "columns");
    static const char *const keys[] = {
        "name",       "kind",      "why",       "count",    "missing",  "unparsed",
        "vocabulary", "counts",    "embedding", "distinct", "scaler",   "center",
        "scale",      "quantiles", "minimum",   "maximum",  "constant", "differing"};
    spoil(json, json, "rows");
    spoil(json, json, "columns");
    columns = json_object_get(json, "columns");
    for (size_t k = 0; k < json_array_size(columns); k++)
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            if (json_object_get(json_array_get(columns, k), keys[i]))
                spoil(json, json_array_get(columns, k), keys[i]);
    same_after(model->schema);
    json_decref(json);
    odd_model_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts), cmocka_unit_test(no_texts), cmocka_unit_test(round_trip),
        cmocka_unit_test(bytes_of_any_kind), cmocka_unit_test(no_schemas)};
    return cmocka_run_group_tests(tests, made_enter, made_leave);
}
