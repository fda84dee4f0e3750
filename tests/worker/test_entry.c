/* Entries of the feed: JSON that any parser reads, whatever a row, a client or a column is called.
 */
#include "made.h"
#include "worker/entry.h"

/* head + body as JSON; json_decref. */
static json_t *entry(uint64_t sequence, const odd_bytes *body)
{
    odd_bytes text = {0};
    json_error_t error;
    odd_entry_head(&text, sequence, "2026-11-21T09:00:00.000001Z");
    odd_bytes_add(&text, body->data, body->size);
    assert_int_equal(odd_bytes_check(&text, NULL), 0);
    json_t *json = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        fail_msg("%s in %.*s", error.text, (int)text.size, text.data);
    odd_bytes_free(&text);
    return json;
}

static void assert_text(json_t *json, const char *key, const char *expected)
{
    const char *text = json_string_value(json_object_get(json, key));
    if (!text)
        fail_msg("%s is no text", key);
    assert_string_equal(text, expected);
}

static void test_scored_row(void **state)
{
    (void)state;
    odd_model *model = made_model(MADE_SMALL | MADE_NUMBER, 300, 1);
    odd_bytes name = {0}, body = {0};
    odd_entry_model(&name, model, "/some/where/\"shop\".model");
    odd_row row = {.text = {"red,\"1\xff\"", 8}, .id = {"\"a\\nb\"", 6}};
    odd_sender sender = {{"cli\"ent\x01", 8}, INT64_MAX};
    odd_reason reason = {.column = 1,
                         .surprise = 7.25f,
                         .flag = ODD_FLAG_UNPARSED,
                         .observed = {"1\xff", 2},
                         .expected = {"3.5", 3}};
    odd_scored verdict = {12.5f, 1, 2, 9.5f, 1e-7, true, &reason, 1};
    odd_span identity = {name.data, name.size};
    odd_entry_row(&body, model->schema, identity, &row, ODD_ENCODING_CSV, &sender, &verdict);
    json_t *json = entry(7, &body), *why = json_array_get(json_object_get(json, "why"), 0);
    assert_int_equal(json_integer_value(json_object_get(json, "seq")), 7);
    assert_text(json, "time", "2026-11-21T09:00:00.000001Z");
    assert_text(json, "id", "a\nb");
    assert_text(json, "client", "cli\"ent\x01");
    assert_text(json, "row", "red,\"1\xef\xbf\xbd\"");
    assert_text(json_object_get(json, "model"), "name", "\"shop\".model");
    assert_text(json_object_get(json, "model"), "hash", model->hash);
    assert_true(json_is_true(json_object_get(json, "odd")));
    made_near(json_number_value(json_object_get(json, "score")), 12.5, 1e-9);
    made_near(json_number_value(json_object_get(json, "p_value")), 1e-7, 1e-9);
    made_near(json_number_value(json_object_get(json, "global_rarity")), 9.5, 1e-9);
    assert_text(why, "column", "number");
    assert_text(why, "observed", "1\xef\xbf\xbd");
    assert_text(why, "expected", "3.5");
    assert_text(why, "flag", "unparsed");
    json_decref(json);

    /* a JSON row as it stood, no sender, not odd, not in the feed */
    body.size = 0;
    row = (odd_row){.text = {"{\"small\" : \"red\"}", 17}};
    verdict.odd = false;
    odd_entry_row(&body, model->schema, identity, &row, ODD_ENCODING_JSON, &(odd_sender){0},
                  &verdict);
    json = entry(0, &body);
    static const char *const nulls[] = {"seq", "id", "client", "number"};
    for (size_t i = 0; i < 4; i++)
        assert_true(json_is_null(json_object_get(json, nulls[i])));
    assert_text(json_object_get(json, "row"), "small", "red");
    assert_null(json_object_get(json, "why"));
    json_decref(json);
    odd_bytes_free(&body);
    odd_bytes_free(&name);
    odd_model_free(&model);
}

/* An excerpt is bounded and never ends within a character. */
static void test_reject(void **state)
{
    (void)state;
    char text[1000];
    for (size_t i = 0; i < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    for (size_t shift = 0; shift < 2; shift++) {
        odd_bytes body = {0};
        odd_entry_reject(&body, "pull", &(odd_sender){0}, 3, ODD_REJECT_COLUMNS,
                         "column 'x' is absent", (odd_span){text + shift, sizeof text - shift});
        json_t *json = entry(1, &body);
        size_t size = json_string_length(json_object_get(json, "excerpt"));
        assert_in_range(size, 190, 210);
        assert_text(json, "reason", "columns");
        assert_text(json, "message", "column 'x' is absent");
        assert_text(json, "socket", "pull");
        assert_int_equal(json_integer_value(json_object_get(json, "row")), 3);
        json_decref(json);
        odd_bytes_free(&body);
    }
}

static void test_error(void **state)
{
    (void)state;
    odd_bytes out = {0};
    odd_entry_error(&out, "no \"x\"", 2);
    odd_bytes_add(&out, "", 1);
    assert_int_equal(odd_bytes_check(&out, NULL), 0);
    assert_string_equal(out.data, "{\"error\":\"no \\\"x\\\"\",\"row\":2}");
    odd_bytes_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scored_row),
                                       cmocka_unit_test(test_reject), cmocka_unit_test(test_error)};
    return cmocka_run_group_tests(tests, made_enter, made_leave);
}
