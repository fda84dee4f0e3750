/* Lines of scores: quoting, escapes, bytes that are no UTF-8. */
#include "made.h"

#include "files/format.h"

/* A layout over a source whose columns are an id, a label and an input. */
typedef struct bound {
    odd_model *model;
    odd_csv_source *source;
    odd_encoder *encoder;
    odd_layout layout;
} bound;

static const char header[] = "\"my, id\",\"la\"\"bel\",value\n";

static void bind(bound *b, odd_format format, size_t explain)
{
    static const char *const ids[] = {"my, id"}, *const labels[] = {"la\"bel"};
    odd_bytes table = {0};
    odd_train_options options = made_options();
    odd_csv_options csv = {.delimiter = ','};
    *b = (bound){.layout = {.format = format, .explain = explain}};
    options.columns.names[ODD_ID] = (odd_names){ids, 1};
    options.columns.names[ODD_LABEL] = (odd_names){labels, 1};
    odd_bytes_print(&table, "%s", header);
    assert_int_equal(odd_bytes_check(&table, NULL), 0);
    for (int i = 0; i < 60; i++)
        odd_bytes_print(&table, "%d,0,%s\n", i, i % 2 ? "a" : "b");
    assert_int_equal(odd_bytes_check(&table, NULL), 0);
    b->model = made_train(&table, &options);
    assert_int_equal(odd_csv_open_memory("t", header, strlen(header), &csv, &b->source, NULL), 0);
    assert_int_equal(
        odd_encoder_new(b->model->schema, odd_csv_names(b->source), 3, &b->encoder, NULL), 0);
    assert_int_equal(odd_layout_new(b->model->schema, b->source, b->encoder, &b->layout, NULL), 0);
    odd_bytes_free(&table);
}

static void release(bound *b)
{
    odd_layout_free(&b->layout);
    odd_encoder_free(&b->encoder);
    odd_csv_close(&b->source);
    odd_model_free(&b->model);
}

static void is(odd_bytes *out, const char *expected)
{
    odd_bytes_add(out, "", 1);
    assert_int_equal(odd_bytes_check(out, NULL), 0);
    assert_string_equal(out->data, expected);
    out->size = 0;
}

static odd_span text(const char *s)
{
    return (odd_span){s, strlen(s)};
}

/* One row with the given cells and numbers. */
static void row(const bound *b, const odd_span *cells, float score, double p, bool odd,
                const odd_reason *reasons, size_t found, odd_bytes *out)
{
    const uint64_t number = 12345678901;
    const float parts[3] = {1.5f, 0, 2.25f};
    odd_block block = {.cells = cells, .columns = 3, .row = &number};
    odd_scores scores = {.part = {parts, parts + 1, parts + 2}, .score = &score, .p_value = &p};
    odd_reasons list = {reasons, found};
    odd_format_row(&b->layout, &block, &scores, 0, odd, &list, out);
    assert_int_equal(odd_bytes_check(out, NULL), 0);
}

static void csv(void **state)
{
    (void)state;
    bound b;
    odd_bytes out = {0};
    const odd_span plain[3] = {text("7"), text("no"), text("a")};
    const odd_span odd[3] = {text("a,\"b\"\nc"), text(" x"), text("a")};
    bind(&b, ODD_FORMAT_CSV, 0);
    odd_format_header(&b.layout, &out);
    assert_int_equal(odd_bytes_check(&out, NULL), 0);
    is(&out, "\"my, id\",\"la\"\"bel\",row,score,p_value,odd\n");
    row(&b, plain, 3.75f, 0.5, false, NULL, 0, &out);
    is(&out, "7,no,12345678901,3.75,0.5,0\n");
    row(&b, odd, 0, 1e-13, true, NULL, 0, &out);
    is(&out, "\"a,\"\"b\"\"\nc\",\" x\",12345678901,0,1e-13,1\n");
    release(&b);

    odd_reason reason = {.column = 2,
                         .surprise = 0.5f,
                         .flag = ODD_FLAG_UNSEEN,
                         .observed = text("q\"q"),
                         .expected = text("a, b (50%)")};
    bind(&b, ODD_FORMAT_CSV, 2);
    odd_format_header(&b.layout, &out);
    assert_int_equal(odd_bytes_check(&out, NULL), 0);
    is(&out,
       "\"my, id\",\"la\"\"bel\",row,score,p_value,odd,reconstruction,local_rarity,global_rarity,"
       "column_1,observed_1,expected_1,surprise_1,flag_1,"
       "column_2,observed_2,expected_2,surprise_2,flag_2\n");
    row(&b, plain, 3.75f, 0.5, false, &reason, 1, &out);
    is(&out,
       "7,no,12345678901,3.75,0.5,0,1.5,0,2.25,value,\"q\"\"q\",\"a, b (50%)\",0.5,unseen,,,,,\n");
    release(&b);
    odd_bytes_free(&out);
}

static void jsonl(void **state)
{
    (void)state;
    bound b;
    odd_bytes out = {0};
    const odd_span cells[3] = {text("a\"\\\n\t\x01/"),
                               text("\xe6\x97\xa5\xff\xfe\xc3z\xed\xa0\x80"), text("a")};
    odd_reason reason = {.column = 2,
                         .surprise = 30,
                         .flag = ODD_FLAG_NONE,
                         .observed = {"a\0b", 3},
                         .expected = text("")};
    bind(&b, ODD_FORMAT_JSONL, 1);
    odd_format_header(&b.layout, &out);
    assert_int_equal(odd_bytes_check(&out, NULL), 0);
    assert_int_equal(out.size, 0);
    row(&b, cells, 3.75f, 0.5, true, &reason, 1, &out);
    is(&out, "{\"my, id\":\"a\\\"\\\\\\n\\t\\u0001/\",\"la\\\"bel\":\"\xe6\x97\xa5"
             "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
             "\"row\":12345678901,\"score\":3.75,\"p_value\":0.5,\"odd\":true,"
             "\"reconstruction\":1.5,\"local_rarity\":0,\"global_rarity\":2.25,"
             "\"column_1\":\"value\",\"observed_1\":\"a\\u0000b\",\"expected_1\":\"\","
             "\"surprise_1\":30,\"flag_1\":\"\"}\n");
    row(&b, cells, 3.75f, 0.5, false, NULL, 0, &out); /* no reasons at all */
    odd_bytes_add(&out, "", 1);
    assert_int_equal(odd_bytes_check(&out, NULL), 0);
    json_t *json = json_loads(out.data, 0, NULL);
    assert_non_null(json);
    assert_true(json_is_false(json_object_get(json, "odd")));
    json_decref(json);
    release(&b);
    odd_bytes_free(&out);
}

/* Any bytes come out as JSON that reads back. */
static void any_bytes(void **state)
{
    (void)state;
    bound b;
    odd_random r;
    odd_bytes out = {0};
    odd_random_start(&r, 1, 1);
    bind(&b, ODD_FORMAT_JSONL, 0);
    for (int i = 0; i < 2000; i++) {
        char bytes[2][40];
        odd_span cells[3] = {
            {bytes[0], odd_random_below(&r, 40)}, {bytes[1], odd_random_below(&r, 40)}, text("a")};
        for (size_t j = 0; j < sizeof bytes; j++)
            bytes[j / 40][j % 40] =
                (char)(odd_random_below(&r, 3) ? 0x80 + odd_random_below(&r, 128)
                                               : odd_random_below(&r, 128));
        out.size = 0;
        row(&b, cells, 1, 1, false, NULL, 0, &out);
        json_error_t problem;
        json_t *json = json_loadb(out.data, out.size, JSON_ALLOW_NUL, &problem);
        if (!json)
            fail_msg("%s", problem.text);
        json_decref(json);
    }
    odd_bytes_free(&out);
    release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(csv), cmocka_unit_test(jsonl),
                                       cmocka_unit_test(any_bytes)};
    return cmocka_run_group_tests(tests, made_enter, made_leave);
}
