/* Drift: PSI and shares against plain formulas, tables that do and do not drift, the sliding
 * window, beginning and clearing. */
#include "../column/cases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "column/fit.h"
#include "column/normal.h"
#include "worker/drift.h"

enum { CELL = 24 };

/* Rows of texts. */
struct table {
    size_t rows, K;
    char (*text)[CELL];
    odd_span *cells;
};

static struct table table_new(size_t rows, size_t K)
{
    struct table t = {rows, K, calloc(rows * K, CELL), calloc(rows * K, sizeof(odd_span))};
    assert_true(t.text && t.cells);
    return t;
}

__attribute__((format(printf, 4, 5))) static void put(struct table *t, size_t row, size_t k,
                                                      const char *format, ...)
{
    va_list list;
    char *text = t->text[row * t->K + k];
    va_start(list, format);
    vsnprintf(text, CELL, format, list);
    va_end(list);
    t->cells[row * t->K + k] = span(text);
}

static void table_free(struct table *t)
{
    free(t->text);
    free(t->cells);
}

static odd_schema *fit(const struct table *t, const char *const *names,
                       const odd_fit_options *options)
{
    odd_fit *f;
    odd_schema *s;
    assert_int_equal(odd_fit_new(names, t->K, options, &f, NULL), 0);
    assert_int_equal(odd_fit_infer(f, t->cells, t->rows < 1000 ? t->rows : 1000, NULL), 0);
    assert_int_equal(odd_fit_rows(f, t->cells, t->rows, NULL, NULL), 0);
    assert_int_equal(odd_fit_finish(f, &s, NULL), 0);
    odd_fit_free(&f);
    return s;
}

static odd_rows *encode(const odd_schema *s, const char *const *names, const struct table *t)
{
    odd_encoder *e;
    odd_rows *b;
    assert_int_equal(odd_encoder_new(s, names, t->K, &e, NULL), 0);
    assert_int_equal(odd_rows_new(s, t->rows, true, &b, NULL), 0);
    odd_encode(e, t->cells, t->rows, b);
    odd_encoder_free(&e);
    return b;
}

/* Changes told, by name. */
struct told {
    size_t count;
    odd_drift_column last[20];
};

static void tell(void *context, const odd_drift_column *column)
{
    struct told *told = context;
    assert_true(told->count < 20);
    told->last[told->count++] = *column;
}

/* The rows of a table through a drift whose window they fill. */
static odd_drift *watch(const odd_schema *s, const char *const *names, const struct table *t,
                        struct told *told)
{
    odd_drift *d;
    odd_drift_options options = {.window = t->rows};
    odd_rows *b = encode(s, names, t);
    assert_int_equal(odd_drift_new(s, &options, &d, NULL), 0);
    odd_drift_add(d, b, t->rows);
    assert_true(odd_drift_check(d, tell, told));
    odd_rows_free(&b);
    return d;
}

static void near_to(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.9g is not %.9g", a, b);
}

/* ---- by hand ---- */

/* Trained on 50 a, 30 b, 20 c; seen are 20 a, 30 b, 50 c. With a half added to each of four bins
 * (the fourth for the rest), PSI = 2 (30 / 102) ln(50.5 / 20.5). */
static void agrees_with_a_count_by_hand(void **state)
{
    (void)state;
    static const char *const letter[] = {"letter"}, *const step[] = {"step"};
    struct table t = table_new(100, 1), w = table_new(100, 1);
    struct told told = {0};
    for (size_t i = 0; i < 100; i++) {
        put(&t, i, 0, "%s", i < 50 ? "a" : i < 80 ? "b" : "c");
        put(&w, i, 0, "%s", i < 20 ? "a" : i < 50 ? "b" : "c");
    }
    odd_schema *s = fit(&t, letter, NULL);
    assert_int_equal(s->columns[0].kind, ODD_CATEGORICAL);
    odd_drift *d = watch(s, letter, &w, &told);
    assert_int_equal(told.count, 1);
    odd_drift_column c = odd_drift_column_of(d, 0);
    assert_string_equal(c.name, "letter");
    assert_true(c.measured && c.drifting && c.unseen == 0 && c.missing == 0);
    near_to(c.psi, 0.5303226177, 1e-9);
    odd_drift_free(&d);
    assert_null(d);
    odd_drift_free(&d);
    odd_schema_free(&s);

    table_free(&t);
    t = table_new(4000, 1);
    for (size_t i = 0; i < 4000; i++) /* a quarter each */
        put(&t, i, 0, "%zu.5", i % 4);
    for (size_t i = 0; i < 100; i++)
        put(&w, i, 0, "%s", i < 40 ? "0.5" : i < 70 ? "1.5" : i < 90 ? "2.5" : "3.5");
    odd_fit_options numeric = ODD_FIT_OPTIONS_INIT;
    numeric.names[ODD_NUMERIC] = (odd_names){step, 1};
    s = fit(&t, step, &numeric);
    d = watch(s, step, &w, &told);
    static const double p[] = {40.5 / 102, 30.5 / 102, 20.5 / 102, 10.5 / 102};
    double psi = 0;
    for (size_t b = 0; b < 4; b++)
        psi += (p[b] - 0.25) * log(p[b] / 0.25);
    near_to(odd_drift_column_of(d, 0).psi, psi, 0.01); /* quantiles know shares to half a step */
    odd_drift_free(&d);
    odd_schema_free(&s);
    table_free(&t);
    table_free(&w);
}

/* ---- tables ---- */

static const char *const names[] = {"color", "city", "user", "normal", "zeros", "ones",
                                    "count", "skew", "when", "same",   "row",   "sparse"};
enum { COLOR, CITY, USER, NORMAL, ZEROS, ONES, COUNT, SKEW, WHEN, SAME, ROW, SPARSE, COLUMNS };

/* Rows of all sorts of columns; `shift` moves all of them. */
static struct table make(size_t rows, uint64_t seed, double shift)
{
    static const char *const colors[] = {"red", "green", "blue", "", "black"};
    struct table t = table_new(rows, COLUMNS);
    odd_random r;
    odd_random_start(&r, seed, 9);
    for (size_t i = 0; i < rows; i++) {
        double u = odd_random_uniform(&r), v = 1 - odd_random_uniform(&r);
        double normal = odd_random_normal(&r) + shift;
        put(&t, i, COLOR, "%s", colors[(size_t)(5 * pow(u, 2 - 1.4 * shift))]);
        put(&t, i, CITY, "c%.0f", floor(pow(1 / v, 1.2) * (1 + 9 * shift))); /* Zipf's tail */
        put(&t, i, USER, "u%u", (unsigned)odd_random_below(&r, shift > 0 ? 900000 : 30000));
        put(&t, i, NORMAL, "%.6f", 100 + 15 * normal);
        put(&t, i, ZEROS, "%.3f", u < 0.9 - 0.4 * shift ? 0 : -10 * log(v));
        put(&t, i, ONES, "%d", v < 0.5 + 0.4 * shift);
        put(&t, i, COUNT, "%.0f", fmax(0, floor(3 + 1.5 * normal)));
        put(&t, i, SKEW, "%.6g", exp(2 * normal));
        put(&t, i, WHEN, "202%d-0%d-1%dT10:00:00Z", shift > 0 ? 6 : 4,
            1 + (int)odd_random_below(&r, 9), (int)odd_random_below(&r, 10));
        put(&t, i, SAME, "%s", shift > 0 && i % 4 == 0 ? "other" : "same");
        put(&t, i, ROW, "id-%zu", i);
        put(&t, i, SPARSE, odd_random_below(&r, 200) ? "" : "%.0f", 10 + 3 * normal);
    }
    return t;
}

static odd_schema *fit_made(const struct table *t, odd_scaler_kind scaler)
{
    odd_fit_options o = ODD_FIT_OPTIONS_INIT;
    o.names[ODD_CATEGORICAL] = (odd_names){names + COLOR, 3};
    o.names[ODD_NUMERIC] = (odd_names){names + NORMAL, 5};
    o.names[ODD_ID] = (odd_names){names + ROW, 1};
    o.scaler = scaler;
    o.min_count = scaler == ODD_STANDARD ? 2 : 1;
    o.max_vocab = scaler == ODD_ROBUST ? 9000 : 100000;
    odd_schema *s = fit(t, names, &o);
    assert_int_equal(s->columns[WHEN].kind, ODD_TIMESTAMP);
    assert_int_equal(s->columns[SAME].kind, ODD_CONSTANT);
    return s;
}

static void calm_where_nothing_changed(void **state)
{
    (void)state;
    struct table t = make(30000, 1, 0), w = make(10000, 2, 0);
    for (int scaler = 0; scaler < ODD_SCALERS; scaler++) {
        odd_schema *s = fit_made(&t, (odd_scaler_kind)scaler);
        for (int turn = 0; turn < 2; turn++) { /* the training rows; others of their kind */
            struct told told = {0};
            odd_drift *d = watch(s, names, turn ? &w : &t, &told);
            for (size_t k = 0; k < COLUMNS; k++) {
                odd_drift_column c = odd_drift_column_of(d, k);
                double bound = turn == 0 ? 0.005 : 0.05;
                if (c.drifting || (k != SPARSE && c.psi > bound) || c.psi < 0)
                    fail_msg("%s: PSI %g, scaler %d, turn %d", c.name, c.psi, scaler, turn);
                assert_string_equal(c.name, names[k]);
                assert_int_equal(c.measured, k != ROW);
                near_to(c.missing, c.trained_missing, turn ? 0.02 : 1e-12);
                if (turn)
                    near_to(c.unseen, c.trained_unseen, 0.025);
                else
                    assert_true(c.unseen <= c.trained_unseen);
            }
            assert_int_equal(told.count, 0);
            odd_drift_free(&d);
        }
        odd_schema_free(&s);
    }
    table_free(&t);
    table_free(&w);
}

static void sees_what_moved(void **state)
{
    (void)state;
    struct table t = make(30000, 1, 0), w = make(10000, 2, 1);
    for (int scaler = 0; scaler < ODD_SCALERS; scaler++) {
        odd_schema *s = fit_made(&t, (odd_scaler_kind)scaler);
        struct told told = {0};
        odd_drift *d = watch(s, names, &w, &told);
        for (size_t k = 0; k < COLUMNS; k++) {
            odd_drift_column c = odd_drift_column_of(d, k);
            bool psi = k != USER && k != WHEN && k != SAME && k != ROW; /* users are but new */
            if (psi ? c.psi < 0.25 : c.psi > 0.05)
                fail_msg("%s: PSI %g, scaler %d", c.name, c.psi, scaler);
            assert_int_equal(c.drifting, k != ROW && k != WHEN);
        }
        assert_int_equal(told.count, COLUMNS - 2);
        assert_true(odd_drift_column_of(d, USER).unseen > 0.9);
        near_to(odd_drift_column_of(d, WHEN).unseen, 1, 0);
        near_to(odd_drift_column_of(d, SAME).unseen, 0.25, 1e-12);
        odd_drift_free(&d);
        odd_schema_free(&s);
    }
    table_free(&t);
    table_free(&w);
}

/* Half a standard deviation further: PSI of deciles. And a column that is always missing. */
static void ten_bins_of_even_shares(void **state)
{
    (void)state;
    static const char *const x[] = {"x", "void"};
    struct table t = table_new(20000, 2), w = table_new(20000, 2);
    struct told told = {0};
    odd_random r;
    odd_random_start(&r, 8, 0);
    for (size_t i = 0; i < t.rows; i++) {
        put(&t, i, 0, "%.7f", odd_random_normal(&r));
        put(&w, i, 0, "%.7f", odd_random_normal(&r) + 0.5);
        put(&t, i, 1, "NA");
        put(&w, i, 1, "%s", i % 10 ? "" : "7");
    }
    odd_fit_options o = ODD_FIT_OPTIONS_INIT;
    o.names[ODD_NUMERIC] = (odd_names){x, 1};
    odd_schema *s = fit(&t, x, &o);
    odd_drift *d = watch(s, x, &w, &told);
    double psi = 0;
    for (int b = 0; b < 10; b++) {
        double low = odd_normal_cdf(odd_normal_quantile(0.1 * b) - 0.5);
        double p = odd_normal_cdf(odd_normal_quantile(b == 9 ? 1 : 0.1 * (b + 1)) - 0.5) - low;
        psi += (p - 0.1) * log(p / 0.1);
    }
    near_to(odd_drift_column_of(d, 0).psi, psi, 0.02);
    odd_drift_column c = odd_drift_column_of(d, 1);
    assert_true(c.measured && c.drifting && c.psi == 0);
    near_to(c.trained_missing, 1, 0);
    near_to(c.missing, 0.9, 1e-12);
    near_to(c.unseen, 0.1, 1e-12);
    odd_drift_free(&d);
    odd_schema_free(&s);
    table_free(&t);
    table_free(&w);
}

/* Columns of a few values in random shares, of any number of rows: the bins of training rows are
 * what training said, and never too many. */
static void any_ties(void **state)
{
    (void)state;
    static const char *const x[] = {"x"};
    odd_random r;
    odd_random_start(&r, 5, 5);
    for (int turn = 0; turn < 600; turn++) {
        size_t rows = 2 + odd_random_below(&r, turn % 2 ? 40 : 3000), ties[12];
        size_t values = 1 + odd_random_below(&r, 12), spread = 1 + odd_random_below(&r, 30);
        struct table t = table_new(rows, 1);
        for (size_t i = 0; i < values; i++)
            ties[i] = odd_random_below(&r, 40);
        for (size_t i = 0; i < rows; i++)
            if (odd_random_below(&r, spread) == 0)
                put(&t, i, 0, "%.5g", 40 * odd_random_uniform(&r));
            else
                put(&t, i, 0, "%zu", ties[odd_random_below(&r, values)]);
        put(&t, 0, 0, "-1");
        put(&t, 1, 0, "41.5");
        odd_fit_options o = ODD_FIT_OPTIONS_INIT;
        o.names[ODD_NUMERIC] = (odd_names){x, 1};
        o.scaler = (odd_scaler_kind)(turn % ODD_SCALERS);
        odd_schema *s = fit(&t, x, &o);
        struct told told = {0};
        odd_rows *b = encode(s, x, &t);
        odd_drift *d;
        odd_drift_options options = {.window = rows};
        assert_int_equal(odd_drift_new(s, &options, &d, NULL), 0);
        for (int again = 0; again < 10; again++) /* the window holds up to nine rows more */
            odd_drift_add(d, b, rows);
        assert_true(odd_drift_check(d, tell, &told));
        odd_drift_column c = odd_drift_column_of(d, 0);
        if (c.drifting || c.unseen > 0 || (rows >= 1000 && c.psi > 0.02))
            fail_msg("turn %d: %zu rows, PSI %g", turn, rows, c.psi);
        odd_drift_free(&d);
        odd_rows_free(&b);
        odd_schema_free(&s);
        table_free(&t);
    }
}

/* ---- time ---- */

/* A column of letters, and one of numbers of which some are missing or unreadable. */
static const char *const two[] = {"letter", "number"};

static struct table letters(size_t rows, uint64_t seed, size_t bad)
{
    struct table t = table_new(rows, 2);
    odd_random r;
    odd_random_start(&r, seed, 0);
    for (size_t i = 0; i < rows; i++) {
        put(&t, i, 0, "%c", 'a' + (int)odd_random_below(&r, 4));
        put(&t, i, 1, "%zu.25", i * 37 % 101);
        if (i % 100 < bad)
            put(&t, i, 1, "%s", i % 2 ? "?" : "broken");
    }
    return t;
}

static void slides(void **state)
{
    (void)state;
    struct table t = letters(1000, 1, 0), w = letters(1000, 2, 3);
    odd_schema *s = fit(&t, two, NULL);
    assert_int_equal(s->columns[1].kind, ODD_NUMERIC);
    odd_drift *d;
    odd_rows *b = encode(s, two, &w), *piece;
    odd_drift_options options = {.window = 100};
    assert_int_equal(odd_drift_new(s, &options, &d, NULL), 0);
    assert_int_equal(odd_rows_new(s, 400, true, &piece, NULL), 0);
    size_t part = 0;
    for (size_t at = 0, n = 1; at < w.rows; at += n, n = n * 3 % 61) {
        odd_encoder *e;
        n = n < w.rows - at ? n : w.rows - at;
        assert_int_equal(odd_encoder_new(s, two, 2, &e, NULL), 0);
        odd_encode(e, w.cells + 2 * at, n, piece);
        odd_encoder_free(&e);
        odd_drift_add(d, piece, n);
        size_t upto = (at + n) / 10 * 10; /* completed parts are of ten rows */
        assert_int_equal(odd_drift_check(d, NULL, NULL), upto >= 100 && upto > part);
        assert_false(odd_drift_check(d, NULL, NULL));
        part = upto;
        if (upto < 100) {
            near_to(odd_drift_column_of(d, 1).missing, 0, 0);
            continue;
        }
        double count[5] = {0}, missing = 0, psi = 0;
        for (size_t i = upto - 100; i < upto; i++) {
            count[b->ids[i] - 1]++;
            missing += b->missing[i];
        }
        for (size_t id = 1; id <= 5; id++) { /* the fifth: the rest */
            double trained = id < 5 ? (double)s->columns[0].vocabulary->counts[id] : 0;
            double p = (count[id - 1] + 0.5) / 102.5, q = (trained + 0.5) / 1002.5;
            psi += (p - q) * log(p / q);
        }
        near_to(odd_drift_column_of(d, 0).psi, psi, 1e-12);
        near_to(odd_drift_column_of(d, 1).missing, missing / 100, 1e-12);
    }
    assert_int_equal(part, 1000);
    odd_drift_free(&d);
    odd_rows_free(&piece);
    odd_rows_free(&b);
    odd_schema_free(&s);
    table_free(&t);
    table_free(&w);
}

static void begins_and_clears(void **state)
{
    (void)state;
    static const struct {
        size_t bad; /* per cent */
        bool changes, drifting;
    } steps[] = {{5, false, false}, {6, true, true},   {5, false, true},  {7, false, true},
                 {4, true, false},  {5, false, false}, {100, true, true}, {0, true, false}};
    struct table t = letters(1000, 1, 0);
    odd_schema *s = fit(&t, two, NULL);
    odd_drift *d;
    odd_drift_options options = {.window = 1000, .share = 0.0501, .clear = 0.9};
    assert_int_equal(odd_drift_new(s, &options, &d, NULL), 0);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct told told = {0};
        struct table w = letters(1000, i, steps[i].bad);
        odd_rows *b = encode(s, two, &w);
        odd_drift_add(d, b, 1000);
        assert_true(odd_drift_check(d, tell, &told));
        assert_int_equal(told.count, steps[i].changes);
        odd_drift_column c = odd_drift_column_of(d, 1);
        assert_int_equal(c.drifting, steps[i].drifting);
        near_to(c.missing, (double)steps[i].bad / 100, 1e-12);
        if (told.count) {
            assert_string_equal(told.last[0].name, "number");
            assert_int_equal(told.last[0].drifting, steps[i].drifting);
        }
        odd_rows_free(&b);
        table_free(&w);
    }
    odd_drift_free(&d);
    odd_schema_free(&s);
    table_free(&t);
}

/* The commoner of two texts in `percent` of the rows; trained on half. PSI of 0.75 against 0.5 is
 * 0.275, of 0.73 0.229, of 0.7 0.169. */
static struct table halves(size_t percent)
{
    struct table t = table_new(1000, 1);
    for (size_t i = 0; i < 1000; i++)
        put(&t, i, 0, "%s", i % 100 < percent ? "yes" : "no");
    return t;
}

static void psi_clears_later_than_it_begins(void **state)
{
    (void)state;
    static const char *const one[] = {"answer"};
    static const struct {
        size_t percent;
        bool drifting;
    } steps[] = {{73, false}, {75, true}, {73, true}, {70, false}, {73, false}};
    struct table t = halves(50);
    odd_schema *s = fit(&t, one, NULL);
    odd_drift *d;
    odd_drift_options options = {.window = 1000};
    assert_int_equal(odd_drift_new(s, &options, &d, NULL), 0);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct table w = halves(steps[i].percent);
        odd_rows *b = encode(s, one, &w);
        odd_drift_add(d, b, 1000);
        assert_true(odd_drift_check(d, NULL, NULL));
        assert_int_equal(odd_drift_column_of(d, 0).drifting, steps[i].drifting);
        odd_rows_free(&b);
        table_free(&w);
    }
    odd_drift_free(&d);
    odd_schema_free(&s);
    table_free(&t);
}

/* ---- refusals ---- */

static void refuses_bad_options(void **state)
{
    (void)state;
    static const odd_drift_options bad[] = {{.psi = -1},         {.psi = NAN},   {.share = -0.1},
                                            {.clear = 1.5},      {.clear = NAN}, {.clear = -1},
                                            {.window = SIZE_MAX}};
    struct table t = letters(100, 1, 0);
    odd_schema *s = fit(&t, two, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        oddrow_error err = {0};
        odd_drift *d;
        assert_int_equal(odd_drift_new(s, bad + i, &d, &err), ODDROW_EINVAL);
        assert_null(d);
        assert_non_null(strstr(err.message, "drift"));
    }
    odd_schema_free(&s);
    table_free(&t);
}

static odd_schema *shared;

static int make_one(void)
{
    odd_drift *d;
    oddrow_error err = {0};
    int code = odd_drift_new(shared, NULL, &d, &err);
    assert_true(code == 0 ? d != NULL : !d && err.code == code && err.message[0]);
    odd_drift_free(&d);
    return code;
}

static void says_when_there_is_no_memory(void **state)
{
    (void)state;
    struct table t = make(3000, 1, 0);
    shared = fit_made(&t, ODD_GAUSS_RANK);
    sweep(make_one);
    odd_schema_free(&shared);
    table_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_count_by_hand),
        cmocka_unit_test(calm_where_nothing_changed),
        cmocka_unit_test(sees_what_moved),
        cmocka_unit_test(ten_bins_of_even_shares),
        cmocka_unit_test(any_ties),
        cmocka_unit_test(slides),
        cmocka_unit_test(begins_and_clears),
        cmocka_unit_test(psi_clears_later_than_it_begins),
        cmocka_unit_test(refuses_bad_options),
        cmocka_unit_test(says_when_there_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
