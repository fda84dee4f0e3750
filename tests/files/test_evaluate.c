/* Evaluation: against AUROC and average precision counted pair by pair. */
#include "made.h"

#include "files/evaluate.h"

typedef struct listed {
    double score;
    bool positive, odd;
} listed;

/* Scores as written by odd_score_files, with the labels of the text. */
static size_t list(const odd_model *model, const char *data, const odd_score_options *options,
                   const char *yes, listed *out)
{
    const char *scores = made_path("scores.csv");
    odd_score_summary summary;
    assert_int_equal(odd_score_files(model, &data, 1, scores, options, &summary, NULL), 0);
    odd_bytes text = made_read(scores);
    size_t count = 0;
    char *line = strchr(text.data, '\n') + 1;
    for (char *end; (end = strchr(line, '\n')); line = end + 1, count++) {
        char label[40];
        int odd = 0;
        double p;
        *end = 0;
        if (sscanf(line, "%39[^,],%*u,%lf,%lf,%d", label, &out[count].score, &p, &odd) != 4)
            fail_msg("%s", line);
        out[count].positive = strcmp(label, yes) == 0;
        out[count].odd = odd;
    }
    assert_int_equal(count, summary.scored);
    odd_bytes_free(&text);
    return count;
}

static void plain(const listed *rows, size_t n, double *auroc, double *precision)
{
    double pairs = 0, won = 0, positives = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        double above = 0, above_positive = 0;
        for (size_t j = 0; j < n; j++) {
            if (rows[i].positive && !rows[j].positive) {
                pairs++;
                won += rows[i].score > rows[j].score ? 1 : rows[i].score == rows[j].score ? 0.5 : 0;
            }
            above += rows[j].score >= rows[i].score;
            above_positive += rows[j].score >= rows[i].score && rows[j].positive;
        }
        positives += rows[i].positive;
        sum += rows[i].positive ? above_positive / above : 0;
    }
    *auroc = won / pairs;
    *precision = sum / positives;
}

/* A label column in front of one small category and a number. */
static const char *write_data(size_t rows, const char *yes, const char *no, bool scattered)
{
    odd_bytes text = {0};
    odd_random r;
    odd_random_start(&r, rows, 1);
    odd_bytes_print(&text, "label,kind,value\n");
    assert_int_equal(odd_bytes_check(&text, NULL), 0);
    for (size_t i = 0; i < rows; i++) {
        bool odd = odd_random_below(&r, 8) == 0;
        unsigned kind = (unsigned)odd_random_below(&r, 3);
        odd_bytes_print(&text, "%s,k%u,%u\n", odd ? yes : no, kind,
                        odd && scattered ? (unsigned)odd_random_below(&r, 60)
                                         : kind * 10 + (unsigned)odd_random_below(&r, 4));
        assert_int_equal(odd_bytes_check(&text, NULL), 0);
    }
    const char *path = made_path("labelled.csv");
    made_write(path, text.data, text.size);
    odd_bytes_free(&text);
    return path;
}

static odd_model *model_of(const char *path)
{
    static const char *const labels[] = {"label"}, *const numbers[] = {"value"};
    odd_train_options options = made_options();
    odd_train_summary summary;
    odd_model *model = NULL;
    oddrow_error err = {0};
    options.columns.names[ODD_LABEL] = (odd_names){labels, 1};
    options.columns.names[ODD_NUMERIC] = (odd_names){numbers, 1};
    if (odd_train(&path, 1, &options, &model, &summary, &err))
        fail_msg("%s", err.message);
    return model;
}

static void against_plain(void **state)
{
    (void)state;
    static const char *const words[][2] = {
        {"1", "0"}, {"Yes", "no"}, {"ANOMALY", "x"}, {"attack", "normal"}};
    odd_model *model = model_of(write_data(600, "0", "0", false));
    for (size_t w = 0; w < 4; w++)
        for (int kind = 0; kind < 4; kind++) {
            listed rows[500];
            odd_score_options options = ODD_SCORE_OPTIONS_INIT;
            odd_evaluation e;
            oddrow_error err = {0};
            double auroc, precision, odd = 0, hits = 0, positives = 0;
            const char *data = write_data(500, words[w][0], words[w][1], true);
            options.score = (odd_score_kind)kind;
            options.alerts = kind % 2 ? 0.05 : 0;
            options.masked = kind == 3;
            if (odd_evaluate(model, &data, 1, "label", w == 3 ? "attack" : NULL, &options, &e,
                             &err))
                fail_msg("%s", err.message);
            size_t n = list(model, data, &options, words[w][0], rows);
            plain(rows, n, &auroc, &precision);
            for (size_t i = 0; i < n; i++) {
                odd += rows[i].odd;
                hits += rows[i].odd && rows[i].positive;
                positives += rows[i].positive;
            }
            assert_true(e.rows == 500 && e.rejected == 0 && (double)e.positives == positives);
            made_near(e.auroc, auroc, 1e-4); /* nine digits in the file may make a tie */
            made_near(e.average_precision, precision, 1e-4);
            assert_true((double)e.flagged == odd);
            made_near(e.recall, hits / positives, 1e-9);
            if (odd > 0)
                made_near(e.precision, hits / odd, 1e-9);
            else
                assert_true(isnan(e.precision));
            for (size_t i = 0; i < n; i++) /* odd is what lies beyond the threshold */
                if (fabs(rows[i].score - e.threshold) > 1e-3 * (1 + e.threshold))
                    assert_int_equal(rows[i].odd, rows[i].score > e.threshold);
        }
    odd_model_free(&model);
}

static void refusals(void **state)
{
    (void)state;
    const char *data = write_data(300, "0", "0", false);
    odd_model *model = model_of(data);
    odd_score_options options = ODD_SCORE_OPTIONS_INIT;
    odd_evaluation e;
    oddrow_error err = {0};
    assert_int_equal(odd_evaluate(model, &data, 1, "label", NULL, &options, &e, &err),
                     ODDROW_EINVAL);
    assert_non_null(strstr(err.message, "calls none of the 300 rows"));
    assert_int_equal(odd_evaluate(model, &data, 1, "label", "0", &options, &e, &err),
                     ODDROW_EINVAL);
    assert_non_null(strstr(err.message, "calls each of the 300 rows"));
    assert_int_equal(odd_evaluate(model, &data, 1, "lable", NULL, &options, &e, &err),
                     ODDROW_ESCHEMA);
    assert_non_null(strstr(err.message, "lable"));
    const char *absent = made_path("absent.csv");
    assert_int_equal(odd_evaluate(model, &absent, 1, "label", NULL, &options, &e, &err),
                     ODDROW_EIO);
    odd_model_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(against_plain), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, made_enter, made_leave);
}
