/* files/evaluate.c: scores and labels of all rows, ranked. */
#include "files/evaluate.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"
#include "math/ranking.h"

typedef struct evaluation {
    const char *label, *positive;
    const odd_score_options *options;
    double alerts;
    odd_scorer *scorer;
    size_t cell; /* of the label in the file */
    odd_ranked *rows;
    size_t count, capacity;
    uint64_t flagged, hits; /* rows called odd; those of them that are */
} evaluation;

/* A row on its way from its block to all rows. */
typedef struct labelled {
    odd_ranked ranked;
    bool flagged;
} labelled;

static int begin(void *context, const odd_csv_source *source, const odd_encoder *encoder,
                 odd_bytes *out, oddrow_error *err)
{
    evaluation *e = context;
    (void)encoder;
    (void)out;
    for (e->cell = 0; e->cell < odd_csv_columns(source); e->cell++)
        if (strcmp(odd_csv_names(source)[e->cell], e->label) == 0)
            return 0;
    return odd_fail(err, ODDROW_ESCHEMA, "no column %s to take the labels from", e->label);
}

/* A thread's own is its odd_scratch *. */
static int open_scratch(void *context, void *own, size_t rows, oddrow_error *err)
{
    const evaluation *e = context;
    return odd_scratch_new(e->scorer, rows, e->options->masked, own, err);
}

static void close_scratch(void *context, void *own)
{
    (void)context;
    odd_scratch_free(own);
}

static bool is_positive(const char *wanted, odd_span cell)
{
    static const char *const usual[] = {"1", "1.0", "true", "yes", "anomaly", "odd"};
    if (wanted)
        return strlen(wanted) == cell.size && memcmp(wanted, cell.data, cell.size) == 0;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (strlen(usual[i]) == cell.size && strncasecmp(usual[i], cell.data, cell.size) == 0)
            return true;
    return false;
}

static int add_rows(void *context, void *own, const odd_block *block, odd_bytes *out,
                    oddrow_error *err)
{
    const evaluation *e = context;
    odd_scores scores = odd_scratch_score(*(odd_scratch **)own, block->rows, e->options->score);
    (void)err;
    for (size_t i = 0; i < block->rows->count; i++) {
        bool positive = is_positive(e->positive, block->cells[i * block->columns + e->cell]);
        labelled row = {{scores.score[i], positive}, scores.p_value[i] < e->alerts};
        odd_bytes_add(out, &row, sizeof row);
    }
    return 0;
}

static int keep_rows(void *context, const odd_bytes *out, const odd_csv_chunk *chunk,
                     uint64_t first_row, oddrow_error *err)
{
    evaluation *e = context;
    size_t more = out->size / sizeof(labelled);
    (void)chunk;
    (void)first_row;
    if (odd_grow(&e->rows, &e->capacity, e->count + more, sizeof *e->rows, NULL))
        return odd_fail(err, ODDROW_ENOMEM, "out of memory for the scores of %zu rows",
                        e->count + more);
    for (size_t i = 0; i < more; i++) {
        labelled row;
        memcpy(&row, out->data + i * sizeof row, sizeof row);
        e->rows[e->count++] = row.ranked;
        e->flagged += row.flagged;
        e->hits += row.flagged && row.ranked.positive;
    }
    return 0;
}

static void summarise(const evaluation *e, const odd_verdict *verdict, odd_evaluation *out)
{
    const odd_calibration *calibration = odd_verdict_calibration(verdict, e->options->masked);
    odd_ranking ranking = odd_rank(e->rows, e->count);
    for (size_t i = 0; i < e->count; i++)
        out->positives += e->rows[i].positive;
    out->rows = e->count;
    out->auroc = ranking.auroc;
    out->average_precision = ranking.average_precision;
    out->threshold = (double)odd_tail_value(odd_score_tail(calibration, e->options->score),
                                            (float)-log(e->alerts));
    out->flagged = e->flagged;
    out->precision = e->flagged ? (double)e->hits / (double)e->flagged : NAN;
    out->recall = (double)e->hits / (double)out->positives;
}

int odd_evaluate(const odd_model *model, const char *const *paths, size_t path_count,
                 const char *label, const char *positive, const odd_score_options *options,
                 odd_evaluation *out, oddrow_error *err)
{
    static const odd_sink sink = {.stage = "score",
                                  .own_size = sizeof(odd_scratch *),
                                  .begin = begin,
                                  .open = open_scratch,
                                  .close = close_scratch,
                                  .block = add_rows,
                                  .chunk = keep_rows};
    odd_stream_summary stream = {0};
    evaluation e = {.label = label,
                    .positive = positive,
                    .options = options,
                    .alerts = options->alerts > 0 ? options->alerts : model->verdict.alerts};
    *out = (odd_evaluation){0};
    int rc = odd_verdict_wanted(&model->verdict, options->masked, err);
    if (!rc)
        rc = odd_scorer_new(&model->verdict, false, &e.scorer, err);
    if (!rc)
        rc = odd_stream_run(model, paths, path_count, NULL, options, &sink, &e, &stream, err);
    if (!rc) {
        summarise(&e, &model->verdict, out);
        out->rejected = stream.counts.rejected;
        if (out->positives == 0 || out->positives == out->rows)
            rc = odd_fail(err, ODDROW_EINVAL,
                          "column %s calls %s of the %zu rows an anomaly; set 'positive' to "
                          "the value that does",
                          label, out->positives ? "each" : "none", e.count);
    }
    odd_scorer_free(&e.scorer);
    odd_free(e.rows);
    return rc;
}
