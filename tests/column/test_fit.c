/* Fitting: kinds, statistics, records; and that records and cells encode alike. */
#include "cases.h"

#include <math.h>
#include <stdio.h>

#include "base/pool.h"
#include "base/random.h"
#include "column/encode.h"
#include "column/fit.h"

/* A table of texts. */
struct table {
    size_t rows, K;
    odd_bytes text;
    odd_span *cells;
};

static struct table table_new(size_t rows, size_t K)
{
    struct table t = {rows, K, {0}, odd_alloc(rows * K, sizeof(odd_span))};
    assert_non_null(t.cells);
    return t;
}

static void put(struct table *t, size_t row, size_t k, const char *text)
{
    /* offsets until `settle`: the text still moves */
    t->cells[row * t->K + k] = (odd_span){(const char *)(uintptr_t)t->text.size, strlen(text)};
    odd_bytes_add(&t->text, text, strlen(text));
    assert_int_equal(odd_bytes_check(&t->text, NULL), 0);
}

static void settle(struct table *t)
{
    for (size_t i = 0; i < t->rows * t->K; i++)
        t->cells[i].data = t->text.data + (uintptr_t)t->cells[i].data;
}

static void table_free(struct table *t)
{
    odd_bytes_free(&t->text);
    odd_free(t->cells);
}

/* Fits all rows, then compares translated records with encoded cells; returns the schema. */
static odd_schema *fit_and_compare(const struct table *t, const char *const *names,
                                   const odd_fit_options *options, size_t block)
{
    odd_fit *fit;
    odd_schema *s;
    odd_encoder *e;
    odd_rows *a, *b;
    assert_int_equal(odd_fit_new(names, t->K, options, &fit, NULL), 0);
    assert_int_equal(odd_fit_infer(fit, t->cells, block, NULL), 0);
    size_t size = odd_fit_record_size(fit);
    assert_int_equal(size % 8, 0);
    char *records = odd_alloc(t->rows, size);
    for (size_t i = 0, n = 1; i < t->rows; i += n, n = n * 3 % 101) { /* uneven pieces */
        n = n < t->rows - i ? n : t->rows - i;
        assert_int_equal(odd_fit_rows(fit, t->cells + i * t->K, n, records + i * size, NULL), 0);
    }
    assert_int_equal(odd_fit_finish(fit, &s, NULL), 0);
    assert_int_equal(odd_encoder_new(s, names, t->K, &e, NULL), 0);
    assert_int_equal(odd_rows_new(s, t->rows, true, &a, NULL), 0);
    assert_int_equal(odd_rows_new(s, t->rows, true, &b, NULL), 0);
    assert_int_equal(odd_fit_translate(fit, records, t->rows, a, NULL), 0);
    odd_encode(e, t->cells, t->rows, b);
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->ids, b->ids, t->rows * s->C * sizeof *a->ids);
    assert_memory_equal(a->values, b->values, t->rows * s->F * sizeof *a->values);
    assert_memory_equal(a->missing, b->missing, t->rows * s->M);
    assert_memory_equal(a->differs, b->differs, t->rows * s->D);
    assert_memory_equal(a->flags, b->flags, t->rows * s->K);
    odd_rows_free(&a);
    odd_rows_free(&b);
    odd_encoder_free(&e);
    odd_fit_free(&fit);
    odd_free(records);
    return s;
}

static const char *const mixed_names[] = {"city", "size", "when", "always", "nothing",
                                          "code", "user", "late", "label"};

static struct table mixed(size_t rows, uint64_t seed)
{
    static const char *const cities[] = {"Rome", "Oslo", "", "Bonn", "NA", " Rome"};
    struct table t = table_new(rows, 9);
    odd_random r;
    char text[64];
    odd_random_start(&r, seed, 0);
    for (size_t i = 0; i < rows; i++) {
        uint64_t dice = odd_random_below(&r, 100);
        if (dice < 3)
            snprintf(text, sizeof text, "village %d", (int)odd_random_below(&r, 500));
        put(&t, i, 0, dice < 3 ? text : cities[odd_random_below(&r, 6)]);
        snprintf(text, sizeof text, "%.3f", 10 * odd_random_normal(&r));
        put(&t, i, 1, dice == 4 ? "" : dice == 5 ? "big" : text);
        snprintf(text, sizeof text, "2024-%02d-%02dT%02d:00", 1 + (int)odd_random_below(&r, 12),
                 1 + (int)odd_random_below(&r, 28), (int)odd_random_below(&r, 24));
        put(&t, i, 2, dice == 6 ? "never" : dice == 7 ? "null" : text);
        put(&t, i, 3, "same");
        put(&t, i, 4, dice % 2 ? "" : "NA");
        snprintf(text, sizeof text, "%d", (int)odd_random_below(&r, 4));
        put(&t, i, 5, text);
        snprintf(text, sizeof text, "user %zu", i);
        put(&t, i, 6, text);
        put(&t, i, 7, i < 200 ? "0" : i % 2 ? "0" : "1.5");
        put(&t, i, 8, dice % 2 ? "yes" : "no");
    }
    settle(&t);
    return t;
}

static void learns_a_mixed_table(void **state)
{
    (void)state;
    static const char *const labels[] = {"label"};
    odd_fit_options options = ODD_FIT_OPTIONS_INIT;
    options.names[ODD_LABEL] = (odd_names){labels, 1};
    struct table t = mixed(1000, 1);
    odd_schema *s = fit_and_compare(&t, mixed_names, &options, 200);
    static const odd_kind kinds[] = {ODD_CATEGORICAL, ODD_NUMERIC,  ODD_TIMESTAMP,
                                     ODD_CONSTANT,    ODD_CONSTANT, ODD_CATEGORICAL,
                                     ODD_ID,          ODD_NUMERIC,  ODD_LABEL};
    for (size_t k = 0; k < 9; k++) {
        assert_int_equal(s->columns[k].kind, kinds[k]);
        assert_non_null(s->columns[k].why);
    }
    assert_int_equal(s->rows, 1000);
    assert_int_equal(s->C, 2);
    assert_int_equal(s->F, 9);
    assert_int_equal(s->D, 2);
    const odd_column *size = s->columns + 1;
    assert_true(size->unparsed > 0 && size->missing > 0);
    assert_int_equal(size->count + size->missing + size->unparsed, 1000);
    assert_true(size->minimum == odd_scaler_quantiles(&size->scaler)[0]);
    assert_string_equal(s->columns[3].constant, "same");
    assert_string_equal(s->columns[3].why, "one value in all 1,000 rows");
    assert_null(s->columns[4].constant);
    assert_string_equal(s->columns[4].why, "missing in all 1,000 rows");
    assert_string_equal(s->columns[7].why, "one value in the first 200 rows, others later");
    assert_string_equal(s->columns[8].why, "set by name");
    const odd_vocabulary *city = s->columns[0].vocabulary;
    assert_true(city->missing_id > 0 && city->rare_id == 0);
    assert_int_equal(s->columns[0].embedding, (city->size + 1) / 2);
    odd_schema_free(&s);
    table_free(&t);
}

/* Records and cells encode alike under every option, whatever is folded or untracked. */
static void records_encode_like_cells(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        odd_fit_options options = ODD_FIT_OPTIONS_INIT;
        options.min_count = 1 + seed % 3;
        options.max_vocab = seed % 4 == 0 ? 3 : 10000;
        options.scaler = (odd_scaler_kind)(seed % 3);
        options.embedding_rule = (odd_embedding_rule)(seed % 2);
        options.memory = seed % 5 == 0 ? 1 : 1 << 20;
        struct table t = mixed(1 + (size_t)seed * 101, seed);
        odd_schema *s = fit_and_compare(&t, mixed_names, &options, 1 + t.rows / 2);
        odd_schema_free(&s);
        table_free(&t);
    }
}

/* Sets kinds against the data: unparsed numbers, texts that are numbers. */
static void explicit_kinds_win(void **state)
{
    (void)state;
    static const char *const categorical[] = {"size", "when", "always"};
    static const char *const ids[] = {"code"};
    static const char *const numeric[] = {"late"};
    odd_fit_options options = ODD_FIT_OPTIONS_INIT;
    options.names[ODD_CATEGORICAL] = (odd_names){categorical, 3};
    options.names[ODD_ID] = (odd_names){ids, 1};
    options.names[ODD_NUMERIC] = (odd_names){numeric, 1};
    struct table t = mixed(500, 2);
    odd_schema *s = fit_and_compare(&t, mixed_names, &options, 150);
    assert_int_equal(s->columns[1].kind, ODD_CATEGORICAL);
    assert_int_equal(s->columns[2].kind, ODD_CATEGORICAL);
    assert_int_equal(s->columns[3].kind, ODD_CONSTANT); /* nothing to learn from it */
    assert_int_equal(s->columns[5].kind, ODD_ID);
    odd_schema_free(&s);
    table_free(&t);
}

static void refuses_contradictions(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c"}, *const twice[] = {"a", "b", "a"};
    static const char *const absent[] = {"b", "d"}, *const b[] = {"b", "b"};
    odd_fit *fit;
    odd_schema *s;
    oddrow_error err;
    odd_fit_options options = ODD_FIT_OPTIONS_INIT;
    assert_int_equal(odd_fit_new(twice, 3, NULL, &fit, &err), ODDROW_ESCHEMA);
    assert_non_null(strstr(err.message, "'a'"));
    assert_null(fit);
    options.names[ODD_NUMERIC] = (odd_names){absent, 2};
    assert_int_equal(odd_fit_new(names, 3, &options, &fit, &err), ODDROW_ESCHEMA);
    assert_non_null(strstr(err.message, "'d'"));
    options.names[ODD_NUMERIC] = (odd_names){b, 2}; /* the same twice is no contradiction */
    assert_int_equal(odd_fit_new(names, 3, &options, &fit, &err), 0);
    odd_fit_free(&fit);
    options.names[ODD_ID] = (odd_names){b, 1};
    assert_int_equal(odd_fit_new(names, 3, &options, &fit, &err), ODDROW_ESCHEMA);
    assert_string_equal(err.message, "column 'b' is set as both numeric and id");
    options.names[ODD_ID].count = 0;
    options.names[ODD_CONSTANT] = (odd_names){b, 1};
    assert_int_equal(odd_fit_new(names, 3, &options, &fit, &err), ODDROW_EINVAL);
    options.names[ODD_CONSTANT].count = 0;
    options.max_vocab = 0;
    assert_int_equal(odd_fit_new(names, 3, &options, &fit, &err), ODDROW_EINVAL);

    options.max_vocab = 10; /* b is numeric, and no cell of it is a number */
    const odd_span cells[] = {span("x"), span("y"), span("z"), span("x"), span("w"), span("z")};
    assert_int_equal(odd_fit_new(names, 3, &options, &fit, &err), 0);
    assert_int_equal(odd_fit_rows(fit, cells, 2, NULL, &err), ODDROW_EINVAL);
    assert_int_equal(odd_fit_infer(fit, cells, 0, &err), ODDROW_ESCHEMA);
    assert_int_equal(odd_fit_infer(fit, cells, 2, &err), 0);
    assert_int_equal(odd_fit_infer(fit, cells, 2, &err), ODDROW_EINVAL);
    assert_int_equal(odd_fit_rows(fit, cells, 2, NULL, &err), 0);
    assert_int_equal(odd_fit_finish(fit, &s, &err), ODDROW_ESCHEMA);
    assert_non_null(strstr(err.message, "'b'"));
    assert_null(s);
    odd_fit_free(&fit);
    odd_fit_free(&fit);
}

/* More one-valued columns than are watched: constants at once, later changes counted and flagged.
 */
static void many_constants(void **state)
{
    (void)state;
    enum { K = 1000, ROWS = 60 };
    char *const storage = odd_alloc(K, 8);
    const char **names = odd_alloc(K, sizeof *names);
    struct table t = table_new(ROWS, K);
    for (size_t k = 0; k < K; k++) {
        snprintf(storage + 8 * k, 8, "c%zu", k);
        names[k] = storage + 8 * k;
    }
    for (size_t i = 0; i < ROWS; i++)
        for (size_t k = 0; k < K; k++)
            put(&t, i, k,
                k == 5 && i == 50   ? "8"
                : k == 6 && i == 51 ? ""
                : k == 7 && i == 52 ? "7.0"
                : k == 8 && i > 55  ? "x"
                : k == 9            ? ""
                : k == 10           ? (i % 2 ? "a" : "b")
                                    : "7");
    settle(&t);
    odd_schema *s = fit_and_compare(&t, names, NULL, 40);
    assert_int_equal(s->D, K - 1);
    assert_int_equal(s->C, 1);
    assert_int_equal(s->columns[5].differing, 1);
    assert_int_equal(s->columns[6].differing, 1);
    assert_int_equal(s->columns[7].differing, 0);
    assert_int_equal(s->columns[8].differing, 4);
    assert_int_equal(s->columns[8].count, 56);
    assert_int_equal(s->columns[9].missing, ROWS);
    assert_string_equal(s->columns[8].why, "one value in the first 40 rows, 4 cells differ later");
    assert_true(fabs(s->columns[8].differs_loss + log(5.0 / 61)) < 1e-12);
    odd_schema_free(&s);
    table_free(&t);
    odd_free((void *)names);
    odd_free(storage);
}

/* A million columns are no problem as long as they are constant. */
static void a_million_constants(void **state)
{
    (void)state;
    enum { K = 1000000, ROWS = 3 };
    char *const storage = odd_alloc(K, 8);
    const char **names = odd_alloc(K, sizeof *names);
    odd_span *cells = odd_alloc((size_t)K * ROWS, sizeof *cells);
    for (size_t k = 0; k < K; k++) {
        snprintf(storage + 8 * k, 8, "%zu", k);
        names[k] = storage + 8 * k;
        for (size_t i = 0; i < ROWS; i++)
            cells[i * K + k] = k == 77 ? span(i == 1 ? "x" : "y") : span("0");
    }
    odd_fit *fit;
    odd_schema *s;
    odd_rows *b;
    assert_int_equal(odd_fit_new(names, K, NULL, &fit, NULL), 0);
    assert_int_equal(odd_fit_infer(fit, cells, ROWS, NULL), 0);
    assert_true(odd_fit_record_size(fit) <= K + 16);
    char *records = odd_alloc(ROWS, odd_fit_record_size(fit));
    assert_int_equal(odd_fit_rows(fit, cells, ROWS, records, NULL), 0);
    assert_int_equal(odd_fit_finish(fit, &s, NULL), 0);
    assert_int_equal(s->D, K - 1);
    assert_int_equal(odd_rows_new(s, ROWS, true, &b, NULL), 0);
    assert_int_equal(odd_fit_translate(fit, records, ROWS, b, NULL), 0);
    assert_int_equal(b->ids[0], 1);
    odd_rows_free(&b);
    odd_schema_free(&s);
    odd_fit_free(&fit);
    odd_free(records);
    odd_free(cells);
    odd_free((void *)names);
    odd_free(storage);
}

/* What the threads below share. */
struct crowd {
    const struct table *table;
    const odd_fit *fit;
    const odd_encoder *encoder;
    const char *records;
    odd_rows *batches[2][16];
};

static void encode_and_translate(void *context, size_t index, size_t thread)
{
    struct crowd *c = context;
    size_t n = c->table->rows / 16, first = index * n;
    (void)thread;
    odd_encode(c->encoder, c->table->cells + first * c->table->K, n, c->batches[0][index]);
    odd_fit_translate(c->fit, c->records + first * odd_fit_record_size(c->fit), n,
                      c->batches[1][index], NULL);
}

/* One fit and one encoder, many threads (run under the thread sanitizer too). */
static void many_threads_share_a_schema(void **state)
{
    (void)state;
    struct table t = mixed(1600, 4);
    struct crowd c = {.table = &t};
    odd_fit *fit;
    odd_schema *s;
    odd_encoder *e;
    odd_pool *pool;
    assert_int_equal(odd_fit_new(mixed_names, t.K, NULL, &fit, NULL), 0);
    assert_int_equal(odd_fit_infer(fit, t.cells, 500, NULL), 0);
    char *records = odd_alloc(t.rows, odd_fit_record_size(fit));
    assert_int_equal(odd_fit_rows(fit, t.cells, t.rows, records, NULL), 0);
    assert_int_equal(odd_fit_finish(fit, &s, NULL), 0);
    assert_int_equal(odd_encoder_new(s, mixed_names, t.K, &e, NULL), 0);
    assert_int_equal(odd_pool_new(4, &pool, NULL), 0);
    c.fit = fit;
    c.encoder = e;
    c.records = records;
    for (size_t i = 0; i < 32; i++)
        assert_int_equal(odd_rows_new(s, 100, true, &c.batches[i % 2][i / 2], NULL), 0);
    odd_pool_run(pool, 16, encode_and_translate, &c);
    for (size_t i = 0; i < 16; i++) {
        odd_rows *a = c.batches[0][i], *b = c.batches[1][i];
        assert_memory_equal(a->ids, b->ids, 100 * s->C * sizeof *a->ids);
        assert_memory_equal(a->values, b->values, 100 * s->F * sizeof *a->values);
        assert_memory_equal(a->flags, b->flags, 100 * s->K);
        odd_rows_free(&c.batches[0][i]);
        odd_rows_free(&c.batches[1][i]);
    }
    odd_pool_free(&pool);
    odd_encoder_free(&e);
    odd_schema_free(&s);
    odd_fit_free(&fit);
    odd_free(records);
    table_free(&t);
}

static struct table small;

static int fit_small(void)
{
    odd_fit *fit = NULL;
    odd_schema *s = NULL;
    odd_rows *b = NULL;
    char records[100 * 64];
    int code = odd_fit_new(mixed_names, 9, NULL, &fit, NULL);
    if (code == 0)
        code = odd_fit_infer(fit, small.cells, 100, NULL);
    if (code == 0)
        code = odd_fit_rows(fit, small.cells, 100, records, NULL);
    if (code == 0)
        code = odd_fit_finish(fit, &s, NULL);
    if (code == 0)
        code = odd_rows_new(s, 100, true, &b, NULL);
    if (code == 0)
        code = odd_fit_translate(fit, records, 100, b, NULL);
    odd_rows_free(&b);
    odd_fit_free(&fit);
    odd_schema_free(&s);
    return code;
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    small = mixed(100, 8);
    sweep(fit_small);
    table_free(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_a_mixed_table),
        cmocka_unit_test(records_encode_like_cells),
        cmocka_unit_test(explicit_kinds_win),
        cmocka_unit_test(refuses_contradictions),
        cmocka_unit_test(many_constants),
        cmocka_unit_test(a_million_constants),
        cmocka_unit_test(many_threads_share_a_schema),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests_name("column/fit", tests, NULL, NULL);
}
