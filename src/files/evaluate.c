#include "files/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"
#include "files/stream.h"

typedef struct labelled {
    float score;
    bool positive, flagged;
} labelled;

typedef struct evaluation {
    const char *label, *positive;
    size_t cell; /* of the label in the file */
    labelled *rows;
    size_t count, capacity;
} evaluation;

static int begin(void *context, const odd_csv_source *source, const odd_encoder *encoder,
                 oddrow_error *err)
{
    evaluation *e = context;
    (void)encoder;
    for (size_t i = 0; i < odd_csv_columns(source); i++) {
        if (strcmp(odd_csv_name(source, i), e->label) == 0) {
            e->cell = i;
            return 0;
        }
    }
    return odd_fail(err, ODDROW_ESCHEMA, "no column %s to take the labels from", e->label);
}

static bool is_positive(const evaluation *e, const odd_span *cell)
{
    static const char *const usual[] = {"1", "1.0", "true", "yes", "anomaly", "odd"};
    if (e->positive)
        return strlen(e->positive) == cell->size &&
               memcmp(e->positive, cell->data, cell->size) == 0;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (strlen(usual[i]) == cell->size && strncasecmp(usual[i], cell->data, cell->size) == 0)
            return true;
    return false;
}

static int add_rows(void *context, const odd_block *block, odd_bytes *out, oddrow_error *err)
{
    const evaluation *e = context;
    for (size_t i = 0; i < block->rows; i++) {
        labelled row = {block->score[i],
                        is_positive(e, &block->cells[i * block->columns + e->cell]), block->odd[i]};
        if (odd_bytes_add(out, &row, sizeof row))
            return odd_no_memory(err);
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
    if (more)
        memcpy(e->rows + e->count, out->data, out->size);
    e->count += more;
    return 0;
}

static int oddest_first(const void *a, const void *b)
{
    float x = ((const labelled *)a)->score, y = ((const labelled *)b)->score;
    return (x < y) - (x > y);
}

/* One walk from the oddest row down, rows of equal score together. */
static void walk(const evaluation *e, odd_evaluation *out)
{
    double positives = 0, above_positives = 0, above = 0, area = 0, precision = 0;
    size_t hits = 0;
    for (size_t i = 0; i < e->count; i++) {
        positives += e->rows[i].positive;
        out->flagged += e->rows[i].flagged;
        hits += e->rows[i].flagged && e->rows[i].positive;
    }
    double negatives = (double)e->count - positives;
    for (size_t first = 0, end; first < e->count; first = end) {
        double new_positives = 0;
        for (end = first; end < e->count && e->rows[end].score == e->rows[first].score; end++)
            new_positives += e->rows[end].positive;
        double tied = (double)(end - first), new_negatives = tied - new_positives;
        area += new_negatives * (above_positives + new_positives / 2);
        above_positives += new_positives;
        above += tied;
        precision += above_positives / above * new_positives;
    }
    out->rows = e->count;
    out->positives = (uint64_t)positives;
    out->auroc = area / (positives * negatives);
    out->average_precision = precision / positives;
    out->precision = out->flagged ? (double)hits / (double)out->flagged : NAN;
    out->recall = (double)hits / positives;
}

int odd_evaluate(const odd_model *model, const char *const *paths, size_t path_count,
                 const char *label, const char *positive, const odd_score_options *options,
                 odd_evaluation *out, oddrow_error *err)
{
    evaluation e = {.label = label, .positive = positive};
    odd_sink sink = {begin, add_rows, keep_rows, &e, false};
    odd_score_summary summary;
    *out = (odd_evaluation){0};
    int rc = odd_stream_run(model, paths, path_count, options, &sink, &summary, err);
    if (!rc) {
        double alerts = options->alerts > 0 ? options->alerts : model->verdict.alerts;
        const odd_calibration *calibration =
            options->masked ? &model->verdict.masked : &model->verdict.plain;
        if (e.count)
            qsort(e.rows, e.count, sizeof *e.rows, oddest_first);
        walk(&e, out);
        out->rejected = summary.rejected;
        out->threshold = (double)odd_tail_value(odd_score_tail(calibration, options->score),
                                                (float)-log(alerts));
        if (out->positives == 0 || out->positives == out->rows)
            rc = odd_fail(err, ODDROW_EINVAL,
                          "column %s calls %s of the %zu rows an anomaly; --positive names the "
                          "value that does",
                          label, out->positives ? "each" : "none", e.count);
    }
    odd_free(e.rows);
    return rc;
}
