/* Every allocation of training, saving, loading and scoring may fail: out of memory is said,
 * nothing crashes, nothing is left behind (leaks: under ASan) and no file appears half written.
 * Jansson's allocations count like our own. */
#include "made.h"

#include <time.h>

#include "files/evaluate.h"
#include "files/predict.h"
#include "files/score.h"

/* Fails allocation number `at` (from 1), and all later ones when `forever`. */
typedef struct counter {
    size_t count, at;
    bool forever;
    bool jansson; /* it was one of jansson's, whose lexer then loses a character: any complaint */
} counter;

static counter now;

static bool fails(void *context, size_t size)
{
    (void)size;
    counter *c = context;
    c->count++;
    return c->at && (c->forever ? c->count >= c->at : c->count == c->at);
}

/* Off where jansson's lexer would lose the character behind a backslash, on which it aborts. */
static bool jansson_fails = true;

static void *json_malloc(size_t size)
{
    if (!jansson_fails)
        return malloc(size);
    bool failed = fails(&now, size);
    now.jansson |= failed;
    return failed ? NULL : malloc(size);
}

/* ---- what is done ---- */

static const char *data, *model_path, *scores, *rejects, *checkpoint, *report;

static int train_and_save(void)
{
    static const char *const labels[] = {"label"};
    odd_train_options options = made_options();
    odd_train_summary summary;
    odd_model *model = NULL;
    oddrow_error err = {0};
    options.epochs = 1;
    options.contamination = 0.1;
    options.columns.names[ODD_LABEL] = (odd_names){labels, 1};
    options.checkpoint = checkpoint;
    options.report = report;
    options.memory = 32u << 20;
    int rc = odd_train(&data, 1, &options, &model, &summary, &err);
    assert_true((rc == 0) == (model != NULL));
    if (!rc)
        rc = odd_model_save(model, model_path, &err);
    odd_model_free(&model);
    assert_true(rc == 0 || (err.code == rc && err.message[0] != 0));
    return rc;
}

static int resume(void)
{
    static const char *const labels[] = {"label"};
    odd_train_options options = made_options();
    odd_train_summary summary;
    odd_model *model = NULL;
    oddrow_error err = {0};
    options.epochs = 1;
    options.contamination = 0.1;
    options.columns.names[ODD_LABEL] = (odd_names){labels, 1};
    options.checkpoint = checkpoint;
    options.resume = true;
    options.memory = 32u << 20;
    int rc = odd_train(&data, 1, &options, &model, &summary, &err);
    odd_model_free(&model);
    assert_true(rc == 0 || err.message[0] != 0);
    return rc;
}

static int score(odd_format format, bool masked, size_t top)
{
    odd_score_options options = {.format = format,
                                 .explain = 3,
                                 .masked = masked,
                                 .top = top,
                                 .rejects = rejects,
                                 .threads = 1};
    odd_score_summary summary;
    odd_model *model = NULL;
    oddrow_error err = {0};
    int rc = odd_model_load(model_path, &model, &err);
    if (!rc)
        rc = odd_score_files(model, &data, 1, scores, &options, &summary, &err);
    odd_model_free(&model);
    assert_true(rc == 0 || (err.code == rc && err.message[0] != 0));
    return rc;
}

static int score_csv(void)
{
    return score(ODD_FORMAT_CSV, true, 0);
}

static int score_top(void)
{
    return score(ODD_FORMAT_JSONL, false, 5);
}

static int evaluate(void)
{
    odd_score_options options = {.threads = 1};
    odd_evaluation e;
    odd_model *model = NULL;
    oddrow_error err = {0};
    int rc = odd_model_load(model_path, &model, &err);
    if (!rc)
        rc = odd_evaluate(model, &data, 1, "label", NULL, &options, &e, &err);
    odd_model_free(&model);
    return rc;
}

static const char *supervised_path, *vectors;
static char vectors_option[250];

static int train_target(void)
{
    static const char *const target = "label", *const all = "all";
    const char *embeddings[] = {model_path, vectors};
    odd_train_options options = made_options();
    odd_train_summary summary;
    odd_model *model = NULL;
    oddrow_error err = {0};
    options.epochs = 1;
    options.columns.target = target;
    options.columns.task = ODD_TARGET_CLASS;
    options.class_weights = ODD_WEIGHTS_BALANCED;
    options.embeddings = (odd_names){embeddings, 2};
    options.freeze = (odd_names){&all, 1};
    int rc = odd_train(&data, 1, &options, &model, &summary, &err);
    if (!rc)
        rc = odd_model_save(model, supervised_path, &err);
    odd_model_free(&model);
    assert_true(rc == 0 || (err.code == rc && err.message[0] != 0));
    return rc;
}

static int predict(void)
{
    odd_score_options options = {.rejects = rejects, .threads = 1};
    odd_score_summary summary;
    odd_model *model = NULL;
    oddrow_error err = {0};
    int rc = odd_model_load(supervised_path, &model, &err);
    if (!rc)
        rc = odd_predict_files(model, &data, 1, scores, &options, &summary, &err);
    odd_model_free(&model);
    assert_true(rc == 0 || (err.code == rc && err.message[0] != 0));
    return rc;
}

/* ---- the sweep ---- */

static size_t count_of(int (*work)(void))
{
    now = (counter){0};
    odd_memory_hook(fails, &now);
    int rc = work();
    odd_memory_hook(NULL, NULL);
    assert_int_equal(rc, 0);
    return now.count;
}

static void sweep(int (*work)(void), const char *const *files, double seconds)
{
    size_t total = count_of(work), tried = 0;
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    now = (counter){0};
    assert_int_equal(work(), 0);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double each =
        (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
    size_t most = (size_t)(seconds / 2 / (each + 1e-4)) + 50, stride = total / most + 1;
    for (int forever = 0; forever < 2; forever++)
        for (size_t at = 1 + (size_t)forever * (stride / 2); at <= total; at += stride, tried++) {
            for (size_t i = 0; files[i]; i++)
                unlink(files[i]);
            now = (counter){.at = at, .forever = forever};
            odd_memory_hook(fails, &now);
            int rc = work();
            odd_memory_hook(NULL, NULL);
            bool excused = now.jansson && (rc == ODDROW_EFORMAT || rc == ODDROW_EINVAL);
            now = (counter){0};
            if (rc != 0 && rc != ODDROW_ENOMEM && !excused)
                fail_msg("allocation %zu of %zu: code %d", at, total, rc);
            for (size_t i = 0; files[i]; i++) /* there and whole, or not there */
                assert_true((rc == 0) == (access(files[i], F_OK) == 0) || i > 0);
        }
    print_message("%zu of %zu allocations failed\n", tried, 2 * total);
}

static void write_data(void)
{
    odd_bytes text = {0};
    odd_bytes_print(&text, "id,label,land,amount,when,same\n");
    assert_int_equal(odd_bytes_check(&text, NULL), 0);
    for (int i = 0; i < 80; i++)
        odd_bytes_print(&text, i == 40 ? "broken %d\n" : "n%d,%d,\"l %d\",%d.5,2024-01-%02d,\xff\n",
                        i, i % 9 == 0, i % 4, i * i % 37, 1 + i % 28);
    assert_int_equal(odd_bytes_check(&text, NULL), 0);
    made_write(data, text.data, text.size);
    odd_bytes_free(&text);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static char paths[8][200];
    static const char *const names[8] = {"alloc.csv",        "alloc.model", "alloc.scores",
                                         "alloc.rejects",    "checkpoint",  "alloc.json",
                                         "alloc.supervised", "alloc.txt"};
    for (size_t i = 0; i < 8; i++)
        snprintf(paths[i], sizeof paths[0], "%s", made_path(names[i]));
    data = paths[0];
    model_path = paths[1];
    scores = paths[2];
    rejects = paths[3];
    checkpoint = paths[4];
    report = paths[5];
    supervised_path = paths[6];
    vectors = paths[7];
    write_data();
    json_set_alloc_funcs(json_malloc, free);
    sweep(train_and_save, (const char *const[]){model_path, NULL}, 20);
    assert_int_equal(train_and_save(), 0);
    sweep(resume, (const char *const[]){NULL}, 5);
    sweep(score_csv, (const char *const[]){scores, rejects, NULL}, 10);
    sweep(score_top, (const char *const[]){scores, rejects, NULL}, 15);
    sweep(evaluate, (const char *const[]){NULL}, 10);
    made_write(vectors, "2 3\nl\\_0 1 2 3\nl\\_9 3 2 1\n", 26);
    snprintf(vectors_option, sizeof vectors_option, "land=%s", vectors);
    vectors = vectors_option;
    sweep(train_target, (const char *const[]){supervised_path, NULL}, 15);
    assert_int_equal(train_target(), 0);
    jansson_fails = false;
    sweep(predict, (const char *const[]){scores, rejects, NULL}, 10);
    jansson_fails = true;
    /* nothing temporary is left */
    char command[300];
    snprintf(command, sizeof command, "! ls -A %s | grep -q tmp", made_directory);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
    return cmocka_run_group_tests(tests, made_enter, made_leave);
}
