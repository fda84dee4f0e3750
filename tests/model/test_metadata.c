/* Metadata: every field written is read, and every field read is checked. */
#include "made.h"

#include "model/fields.h"
#include "model/metadata.h"

static odd_model *made_of(unsigned parts, const char *target)
{
    odd_bytes table = made_table(parts, 200, 3);
    odd_train_options options = made_options();
    options.columns.target = target;
    odd_model *model = made_train(&table, &options);
    odd_bytes_free(&table);
    return model;
}

static json_t *parsed(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    return json;
}

/* Numbers that the model's tensors have, at most. */
static const size_t many = 1 << 20;

/* Reads a text; the metadata of what was read, or NULL where it was refused. */
static char *again(const char *text)
{
    odd_model *model = NULL;
    oddrow_error err = {0};
    int rc = odd_metadata_read(text, many, &model, &err);
    char *out = rc ? NULL : odd_metadata_write(model);
    if (rc) {
        assert_true(rc == ODDROW_EFORMAT || rc == ODDROW_ESCHEMA);
        assert_int_equal(err.code, rc);
        if (strncmp(err.message, "metadata: ", 10) != 0)
            fail_msg("%s: %.300s", err.message, text);
        assert_null(model);
    }
    odd_model_free(&model);
    return out;
}

static char *again_json(const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
    char *out = again(text);
    free(text);
    return out;
}

/* The keys of an object, in order. */
static void keys_are(const json_t *object, const char *expected)
{
    odd_bytes keys = {0};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) odd_bytes_print(&keys, "%s ", key);
    assert_string_equal(keys.data, expected);
    odd_bytes_free(&keys);
}

static const json_t *at(const json_t *json, const char *first, const char *second)
{
    json = json_object_get(json, first);
    return second ? json_object_get(json, second) : json;
}

static void fields_stand_in_their_order(void **state)
{
    (void)state;
    odd_model *model = made_of(MADE_ALL, NULL);
    json_t *json = parsed(odd_model_json(model));
    keys_are(json, "format oddrow schema network training score calibration ");
    keys_are(at(json, "network", NULL), "widths projection activation slope objective ");
    keys_are(at(json, "score", NULL), "measures prototypes forest alerts threshold constants ");
    keys_are(at(json, "score", "constants"), "hinge reach steps cap ");
    keys_are(at(json, "calibration", NULL), "plain masked ");
    keys_are(at(json, "calibration", "plain"), "tails columns ");
    keys_are(json_array_get(at(json_object_get(json, "calibration"), "plain", "columns"), 0),
             "knots threshold surprise scale ");
    assert_string_equal(json_string_value(at(json, "network", "objective")), "row");
    json_decref(json);
    odd_model_free(&model);
    model = made_of(MADE_ALL, "small");
    json = parsed(odd_model_json(model));
    keys_are(json, "format oddrow task schema network training ");
    json_decref(json);
    odd_model_free(&model);
}

/* All but the threshold, which follows from the knots: they are tensors. */
static void comes_back(void **state)
{
    (void)state;
    static const struct {
        unsigned parts;
        const char *target;
    } cases[] = {{MADE_ALL, NULL}, {MADE_NUMBER, NULL}, {MADE_SMALL, NULL}, {MADE_ALL, "small"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        odd_model *model = made_of(cases[i].parts, cases[i].target);
        char *back = again(odd_model_json(model));
        assert_non_null(back);
        json_t *a = parsed(odd_model_json(model)), *b = parsed(back);
        json_object_del(json_object_get(a, "score"), "threshold");
        json_object_del(json_object_get(b, "score"), "threshold");
        assert_true(json_equal(a, b));
        if (cases[i].target)
            assert_string_equal(back, odd_model_json(model));
        free(back);
        json_decref(a);
        json_decref(b);
        odd_model_free(&model);
    }
}

/* What a reader may do without. The threshold of the score follows from its tail. */
static bool ignorable(const json_t *root, const json_t *object, const char *key)
{
    if (strcmp(key, "threshold") == 0)
        return object == json_object_get(root, "score");
    return strcmp(key, "oddrow") == 0 || strcmp(key, "training") == 0 || strcmp(key, "why") == 0;
}

/* What may be null: there is none. */
static bool optional(const char *key)
{
    return strcmp(key, "masked") == 0 || strcmp(key, "forest") == 0 || strcmp(key, "constant") == 0;
}

static void refused(const json_t *root, const char *key, const char *what)
{
    char *taken = again_json(root);
    if (taken)
        fail_msg("taken with %s under \"%s\"", what, key);
}

static size_t spoil(const json_t *root, json_t *object);

/* Puts other values into the place of a field, one at a time; how many were refused. */
static size_t spoil_field(const json_t *root, json_t *object, const char *key)
{
    static const char *const others[] = {"null", "-1", "\"other\"", "[]", "{}"};
    json_t *value = json_incref(json_object_get(object, key));
    size_t count = 1;
    json_object_del(object, key);
    refused(root, key, "nothing");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        json_t *other = json_loads(others[i], JSON_DECODE_ANY, NULL);
        bool fits = json_is_null(other)      ? optional(key)
                    : json_is_integer(other) ? json_is_real(value)
                    : json_is_string(other)  ? !strcmp(key, "name") || !strcmp(key, "constant")
                                             : json_equal(other, value);
        if (!fits) {
            json_object_set(object, key, other);
            refused(root, key, others[i]);
            count++;
        }
        json_decref(other);
    }
    json_object_set_new(object, key, value);
    if (json_is_object(value))
        count += spoil(root, value);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (json_is_object(json_array_get(value, i)))
            count += spoil(root, json_array_get(value, i));
    return count;
}

/* The same for all fields below an object. */
static size_t spoil(const json_t *root, json_t *object)
{
    char *keys[32]; /* apart: the object's own order changes */
    size_t n = 0, count = 0;
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) keys[n++] = strdup(key);
    assert_true(n <= 32);
    for (size_t i = 0; i < n; i++) {
        if (!ignorable(root, object, keys[i]))
            count += spoil_field(root, object, keys[i]);
        free(keys[i]);
    }
    return count;
}

static void spoilt_fields_are_refused(void **state)
{
    (void)state;
    odd_model *model = made_of(MADE_ALL & ~MADE_LARGE, NULL);
    json_t *json = parsed(odd_model_json(model));
    char *good = again_json(json);
    assert_non_null(good);
    free(good);
    assert_true(spoil(json, json) > 100);
    json_decref(json);
    odd_model_free(&model);
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    odd_model *model = made_of(MADE_ALL, NULL), *out = NULL;
    oddrow_error err = {0};
    size_t floats = model->network->weights;
    assert_int_equal(odd_metadata_read(odd_model_json(model), floats - 1, &out, &err),
                     ODDROW_EFORMAT);
    assert_null(out);
    assert_non_null(strstr(err.message, "parameters"));
    odd_model_free(&model);
}

/* ---- fields ---- */

struct all {
    uint64_t whole;
    size_t size;
    double real, list[3];
    float narrow;
    const char *name;
};

static void all_fields(odd_fields *f, struct all *a)
{
    odd_field_whole(f, "whole", &a->whole, 1, 1000);
    odd_place outer = odd_fields_enter(f, "inner", '{');
    odd_field_size(f, "size", &a->size, 0, 10);
    odd_place inner = odd_fields_enter(f, "list", '[');
    for (size_t i = 0; i < 3; i++)
        odd_field_real(f, NULL, &a->list[i]);
    f->at = inner;
    odd_field_real(f, "real", &a->real);
    f->at = outer;
    odd_field_float(f, "narrow", &a->narrow);
    a->name = odd_field_name(f, "name", a->name);
}

static void fields_go_both_ways(void **state)
{
    (void)state;
    struct all a = {999, 7, 0.1, {1, 2.5, -3}, 0.25f, "oak"}, b = {0};
    json_t *json = json_object();
    odd_fields out = ODD_FIELDS_WRITE(json, NULL), in = ODD_FIELDS_READ(json, NULL);
    all_fields(&out, &a);
    assert_int_equal(out.rc, 0);
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
    assert_string_equal(text, "{\"whole\":999,\"inner\":{\"size\":7,\"list\":[1.0,2.5,-3.0],"
                              "\"real\":0.10000000000000001},\"narrow\":0.25,\"name\":\"oak\"}");
    all_fields(&in, &b);
    assert_int_equal(in.rc, 0);
    assert_true(a.whole == b.whole && a.size == b.size && a.real == b.real);
    assert_memory_equal(a.list, b.list, sizeof a.list);
    assert_true(a.narrow == b.narrow);
    assert_string_equal(a.name, b.name);
    free(text);
    json_decref(json);
}

/* The first failure stays, what was not read keeps its value, and no message is needed. */
static void the_first_failure_stays(void **state)
{
    (void)state;
    static const struct {
        const char *json, *message;
    } cases[] = {
        {"{}", "whole is"},
        {"{\"whole\":0}", "whole is"},
        {"{\"whole\":1001}", "whole is"},
        {"{\"whole\":1.0}", "whole is"},
        {"{\"whole\":1,\"inner\":3}", "size is"},
        {"{\"whole\":1,\"inner\":{\"size\":11}}", "size is"},
        {"{\"whole\":1,\"inner\":{\"size\":1,\"list\":[1,2]}}", "item is"},
        {"{\"whole\":1,\"inner\":{\"size\":1,\"list\":[1,2,3],\"real\":\"4\"}}", "real is"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct all a = {.narrow = 5};
        oddrow_error err = {0};
        json_t *json = parsed(cases[i].json);
        odd_fields f = ODD_FIELDS_READ(json, &err), mute = ODD_FIELDS_READ(json, NULL);
        all_fields(&f, &a);
        all_fields(&mute, &a);
        assert_int_equal(f.rc, ODDROW_EFORMAT);
        assert_int_equal(mute.rc, ODDROW_EFORMAT);
        assert_non_null(strstr(err.message, cases[i].message));
        assert_true(a.narrow == 5);
        json_decref(json);
    }
    odd_fields none = ODD_FIELDS_WRITE(NULL, NULL);
    struct all a = {.name = "x"};
    all_fields(&none, &a);
    assert_int_equal(none.rc, ODDROW_ENOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_go_both_ways),         cmocka_unit_test(the_first_failure_stays),
        cmocka_unit_test(fields_stand_in_their_order), cmocka_unit_test(comes_back),
        cmocka_unit_test(spoilt_fields_are_refused),   cmocka_unit_test(sizes_are_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
