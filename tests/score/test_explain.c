/* Explanations: order, observed and expected values, flags. */
#include "made.h"

#include "score/explain.h"

typedef struct explained {
    odd_reason reasons[8];
    size_t found;
    char observed[8][60], expected[8][60];
} explained;

typedef struct bench {
    odd_model *model;
    odd_scorer *scorer;
    odd_scratch *scratch[2]; /* plain, masked */
} bench;

static bench open_bench(odd_objective objective)
{
    bench b = {0};
    odd_bytes table =
        made_table(MADE_SMALL | MADE_NUMBER | MADE_TIME | MADE_CONSTANT | MADE_ID, 800, 3);
    odd_train_options options = made_options();
    options.min_steps = 800;
    options.learning_rate = 0.01;
    options.network.objective = objective;
    b.model = made_train(&table, &options);
    assert_int_equal(odd_scorer_new(&b.model->verdict, false, &b.scorer, NULL), 0);
    for (int masked = 0; masked < 2; masked++)
        assert_int_equal(odd_scratch_new(b.scorer, 4, masked, &b.scratch[masked], NULL), 0);
    odd_bytes_free(&table);
    return b;
}

static void close_bench(bench *b)
{
    for (int masked = 0; masked < 2; masked++)
        odd_scratch_free(&b->scratch[masked]);
    odd_scorer_free(&b->scorer);
    odd_model_free(&b->model);
}

/* The reasons of one row "small,number,when,same" with all its columns, by column. */
static explained explain(bench *b, const char *line, bool masked, size_t wanted)
{
    char text[200];
    int size = snprintf(text, sizeof text, "same,when,extra,number,small\n%s\n", line);
    explained e = {0};
    odd_scratch *scratch = b->scratch[masked];
    odd_explainer *explainer = NULL;
    odd_reasons reasons;
    odd_csv_options options = {.delimiter = ','};
    odd_csv_source *source = NULL;
    odd_csv_chunk chunk = {0};
    odd_encoder *encoder = NULL;
    odd_rows *batch = NULL;
    assert_int_equal(odd_csv_open_memory("t", text, (size_t)size, &options, &source, NULL), 0);
    assert_int_equal(odd_csv_next(source, &chunk, NULL), 1);
    assert_int_equal(odd_csv_split(source, &chunk, NULL), 0);
    assert_int_equal(chunk.rows, 1);
    assert_int_equal(odd_encoder_new(b->model->schema, odd_csv_names(source), 5, &encoder, NULL),
                     0);
    assert_int_equal(odd_rows_new(b->model->schema, 1, true, &batch, NULL), 0);
    odd_encode(encoder, chunk.cells, 1, batch);
    odd_scratch_measure(scratch, batch, &(odd_measured){0});
    assert_int_equal(odd_explainer_new(scratch, wanted, &explainer, NULL), 0);
    assert_int_equal(odd_explain(explainer, encoder, 0, chunk.cells, &reasons, NULL), 0);
    e.found = reasons.count;
    memcpy(e.reasons, reasons.items, reasons.count * sizeof *reasons.items);
    for (size_t i = 0; i < e.found; i++) {
        const odd_reason *r = &e.reasons[i];
        snprintf(e.observed[i], 60, "%.*s", (int)r->observed.size, r->observed.data);
        snprintf(e.expected[i], 60, "%.*s", (int)r->expected.size, r->expected.data);
        assert_true(i == 0 || r->surprise <= e.reasons[i - 1].surprise);
        assert_true(r->surprise >= 0 && isfinite(r->surprise));
    }
    odd_explainer_free(&explainer);
    odd_explainer_free(&explainer);
    odd_rows_free(&batch);
    odd_encoder_free(&encoder);
    odd_csv_chunk_free(&chunk);
    odd_csv_close(&source);
    return e;
}

/* Where a column of that name stands among the reasons. */
static size_t place_of(const bench *b, const explained *e, const char *name)
{
    for (size_t i = 0; i < e->found; i++)
        if (!strcmp(b->model->schema->columns[e->reasons[i].column].name, name))
            return i;
    fail_msg("%s is no reason", name);
    return 0;
}

static void cells(void **state)
{
    (void)state;
    bench b = open_bench(ODD_ROW);
    for (int masked = 0; masked < 2; masked++) {
        explained e = explain(&b, "same,2024-03-12T05:30:00Z,x,1e6,red", masked, 8);
        assert_int_equal(e.found, 4); /* the id is none, and the extra column is unknown */
        size_t at = place_of(&b, &e, "number");
        assert_true(e.reasons[at].surprise > 5);
        assert_int_equal(e.reasons[at].flag, ODD_FLAG_OUT_OF_RANGE);
        assert_string_equal(e.observed[at], "1e6");
        double expected = strtod(e.expected[at], NULL);
        assert_true(expected > -5 && expected < 15); /* in the column's own units */

        e = explain(&b, "same,2024-03-12T05:30:00Z,x,soon,never", masked, 8);
        assert_int_equal(e.reasons[place_of(&b, &e, "number")].flag, ODD_FLAG_UNPARSED);
        assert_string_equal(e.observed[place_of(&b, &e, "number")], "soon");
        at = place_of(&b, &e, "small");
        assert_int_equal(e.reasons[at].flag, ODD_FLAG_UNSEEN);
        assert_string_equal(e.observed[at], "never");
        assert_non_null(strstr(e.expected[at], "%)"));

        e = explain(&b, ",2024-03-12T05:30:00Z,x,,", masked, 8);
        at = place_of(&b, &e, "same");
        assert_int_equal(e.reasons[at].flag, ODD_FLAG_MISSING);
        assert_string_equal(e.expected[at], "same");
        made_near((double)e.reasons[at].surprise, log(801), 1e-5);
        assert_int_equal(e.reasons[place_of(&b, &e, "number")].flag, ODD_FLAG_MISSING);
        assert_int_equal(e.reasons[place_of(&b, &e, "small")].flag, ODD_FLAG_MISSING);

        e = explain(&b, "same,1999-01-01,x,0.5,red", masked, 8);
        at = place_of(&b, &e, "when");
        assert_int_equal(e.reasons[at].flag, ODD_FLAG_OUT_OF_RANGE);
        assert_int_equal(strlen(e.expected[at]), strlen("2024-02-29T12:00:00Z"));
        assert_int_equal(strncmp(e.expected[at], "2024-", 5), 0);

        e = explain(&b, "other,2024-03-12T05:30:00Z,x,0.5,red", masked, 1);
        assert_int_equal(e.found, 1);
        assert_int_equal(place_of(&b, &e, "same"), 0);
        assert_string_equal(e.observed[0], "other");
        e = explain(&b, "same,2024-03-12T05:30:00Z,x,0.5,red", masked, 0);
        assert_int_equal(e.found, 0);
    }
    close_bench(&b);
}

/* The category that goes with the number is what is expected. */
static void what_goes_together(void **state)
{
    (void)state;
    bench b = open_bench(ODD_ROW);
    explained low = explain(&b, "same,2024-03-12T05:30:00Z,x,0,blue", true, 8);
    explained high = explain(&b, "same,2024-03-12T05:30:00Z,x,9,blue", true, 8);
    assert_int_equal(strncmp(low.expected[place_of(&b, &low, "small")], "red (", 5), 0);
    assert_int_not_equal(strncmp(high.expected[place_of(&b, &high, "small")], "red (", 5), 0);
    close_bench(&b);
}

static void embedding_mse(void **state)
{
    (void)state;
    bench b = open_bench(ODD_EMBEDDING_MSE);
    explained e = explain(&b, "other,2024-03-12T05:30:00Z,x,1e6,red", false, 8);
    assert_int_equal(e.found, 4);
    for (size_t i = 0; i < 4; i++)
        if (i != place_of(&b, &e, "same"))
            assert_string_equal(e.expected[i], "");
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cells),
                                       cmocka_unit_test(what_goes_together),
                                       cmocka_unit_test(embedding_mse)};
    return cmocka_run_group_tests(tests, made_enter, made_leave);
}
