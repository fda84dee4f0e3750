/* The engine: messages of any form come out with the scores that batch scoring gives, in order, for
 * any number of threads. */
#include "made.h"
#include "score/scorer.h"
#include "worker/engine.h"

enum { ROWS = 700, PARTS = MADE_SMALL | MADE_NUMBER | MADE_CONSTANT };

typedef struct fixture {
    odd_model *model;
    odd_bytes table;
    float score[ROWS];
    char *lines[ROWS]; /* within table, each ended by its line end */
    size_t sizes[ROWS];
} fixture;

/* A model in a file, rows, and their scores. */
static int start(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    oddrow_error err = {0};
    *state = f;
    f->model = made_model(PARTS, 600, 3);
    f->table = made_table(PARTS, ROWS, 4);
    assert_int_equal(odd_model_save(f->model, made_path("a.model"), &err), 0);
    odd_rows *batch = made_batch(f->model, &f->table);
    odd_scorer *scorer = NULL;
    odd_scratch *scratch = NULL;
    assert_int_equal(odd_scorer_new(&f->model->verdict, false, &scorer, &err), 0);
    assert_int_equal(odd_scratch_new(scorer, ROWS, false, &scratch, &err), 0);
    odd_scores scores = odd_scratch_score(scratch, batch, ODD_SCORE_BOTH);
    memcpy(f->score, scores.score, sizeof f->score);
    odd_scratch_free(&scratch);
    odd_scorer_free(&scorer);
    odd_rows_free(&batch);
    char *at = strchr(f->table.data, '\n') + 1;
    for (size_t i = 0; i < ROWS; i++) {
        char *end = memchr(at, '\n', (size_t)(f->table.data + f->table.size - at));
        f->lines[i] = at;
        f->sizes[i] = (size_t)(end + 1 - at);
        at = end + 1;
    }
    return 0;
}

static int stop(void **state)
{
    fixture *f = *state;
    odd_model_free(&f->model);
    odd_bytes_free(&f->table);
    free(f);
    return 0;
}

/* Messages of `per` rows, the last with what is left; every tenth message is broken. */
static void check(fixture *f, size_t threads, size_t per, bool shadow)
{
    odd_engine_options options = {threads, 2, 0, 1 << 20, true};
    odd_engine *engine = NULL, *other = NULL;
    odd_pool *pool = NULL;
    oddrow_error err = {0};
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static odd_job jobs[2 * ROWS];
    size_t first[2 * ROWS], count = 0;
    assert_int_equal(odd_engine_load(made_path("a.model"), &options, &engine, &err), 0);
    assert_int_equal(odd_engine_load(made_path("a.model"), &options, &other, &err), 0);
    assert_int_equal(odd_engine_compare(engine, other, &err), 0);
    assert_int_equal(odd_pool_new(threads, &pool, &err), 0);
    if (shadow)
        odd_engine_set_shadow(engine, other);
    for (size_t i = 0; i < ROWS; i += per) {
        size_t size = 0;
        for (size_t r = i; r < i + per && r < ROWS; r++)
            size += f->sizes[r];
        first[count] = i;
        jobs[count++] = (odd_job){.payload = {f->lines[i], size}, .socket = "pull"};
        if (i / per % 10 == 0) {
            first[count] = SIZE_MAX;
            jobs[count++] = (odd_job){.payload = {"one,two\n", 8}, .socket = "pull"};
        }
    }
    assert_int_equal(odd_engine_run(engine, pool, jobs, count, NULL, &lock, &err), 0);
    size_t seen = 0;
    for (size_t j = 0; j < count; j++) {
        const odd_result *results = jobs[j].results;
        if (first[j] == SIZE_MAX) {
            assert_int_equal(jobs[j].decoded.rows, 1);
            assert_int_equal(results[0].reject, ODD_REJECT_COLUMNS);
            assert_true(results[0].entry && results[0].topic == ODD_TOPIC_REJECT);
            continue;
        }
        for (size_t r = 0; r < jobs[j].decoded.rows; r++, seen++) {
            assert_int_equal(results[r].reject, ODD_REJECT_NONE);
            made_near((double)results[r].score, (double)f->score[first[j] + r], 1e-6);
            assert_true(results[r].entry && results[r].body.size > 20);
            assert_memory_equal(results[r].body.data, "\"id\":null", 9);
            if (shadow) {
                assert_true(results[r].score == results[r].shadow_score);
                assert_true(results[r].odd == results[r].shadow_odd);
            }
        }
    }
    assert_int_equal(seen, ROWS);
    odd_pool_free(&pool);
    odd_engine_free(&other);
    odd_engine_free(&engine);
}

static void test_scores(void **state)
{
    for (size_t threads = 1; threads <= 3; threads++) {
        check(*state, threads, 1, false);
        check(*state, threads, 256, threads == 2);
        check(*state, threads, 7, true);
    }
}

/* Rows of one model do not fit another with other columns; the error names the first. */
static void test_compare(void **state)
{
    (void)state;
    odd_engine_options options = {1, 2, 0, 1 << 20, false};
    odd_engine *a = NULL, *b = NULL;
    oddrow_error err = {0};
    odd_model *model = made_model(MADE_SMALL | MADE_NUMBER, 300, 5);
    assert_int_equal(odd_model_save(model, made_path("b.model"), &err), 0);
    assert_int_equal(odd_engine_load(made_path("a.model"), &options, &a, &err), 0);
    assert_int_equal(odd_engine_load(made_path("b.model"), &options, &b, &err), 0);
    assert_int_equal(odd_engine_compare(a, b, &err), ODDROW_ESCHEMA);
    assert_non_null(strstr(err.message, "columns"));
    odd_engine_free(&a);
    odd_engine_free(&b);
    odd_model_free(&model);
    assert_int_equal(odd_engine_load(made_path("none.model"), &options, &a, &err), ODDROW_EIO);
    assert_null(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_scores, start, stop),
                                       cmocka_unit_test_setup_teardown(test_compare, start, stop)};
    return cmocka_run_group_tests(tests, made_enter, made_leave);
}
