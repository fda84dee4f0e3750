/* files/score.c: rows to lines of scores: all, the odd ones, or the oddest. */
#include "files/score.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "files/top.h"

typedef struct scoring {
    const odd_score_options *options;
    const odd_verdict *verdict;
    odd_scorer *scorer;
    const odd_encoder *encoder;
    odd_layout layout;
    double alerts;
    odd_top *top; /* NULL: rows are written as they come */
    odd_score_summary *summary;
} scoring;

/* A thread's own. */
typedef struct own {
    odd_scratch *scratch;
    odd_explainer *explainer; /* made for the first row that is explained */
    uint64_t odd;
} own;

static int begin(void *context, const odd_csv_source *source, const odd_encoder *encoder,
                 odd_bytes *out, oddrow_error *err)
{
    scoring *s = context;
    s->encoder = encoder;
    int rc = odd_layout_new(s->verdict->schema, source, encoder, &s->layout, err);
    if (!rc)
        odd_format_header(&s->layout, out);
    return rc;
}

static int open_own(void *context, void *thread, size_t rows, oddrow_error *err)
{
    const scoring *s = context;
    return odd_scratch_new(s->scorer, rows, s->options->masked, &((own *)thread)->scratch, err);
}

static void close_own(void *context, void *thread)
{
    odd_score_summary *summary = ((const scoring *)context)->summary;
    own *o = thread;
    if (o->scratch) {
        odd_seconds spent = odd_scratch_time(o->scratch);
        summary->odd += o->odd;
        summary->network += spent.network;
        summary->rarity += spent.rarity;
        summary->calibration += spent.calibration;
    }
    odd_explainer_free(&o->explainer);
    odd_scratch_free(&o->scratch);
}

static int explain(const scoring *s, own *o, const odd_block *block, size_t i, odd_reasons *reasons,
                   oddrow_error *err)
{
    if (!s->layout.explain)
        return 0;
    int rc =
        o->explainer ? 0 : odd_explainer_new(o->scratch, s->layout.explain, &o->explainer, err);
    return rc ? rc
              : odd_explain(o->explainer, s->encoder, i, block->cells + i * block->columns, reasons,
                            err);
}

static int format_block(void *context, void *thread, const odd_block *block, odd_bytes *out,
                        oddrow_error *err)
{
    const scoring *s = context;
    own *o = thread;
    odd_scores scores = odd_scratch_score(o->scratch, block->rows, s->options->score);
    int rc = 0;
    for (size_t i = 0; !rc && i < block->rows->count; i++) {
        bool odd = scores.p_value[i] < s->alerts;
        odd_reasons reasons = {0};
        size_t before = out->size;
        o->odd += odd;
        if ((s->options->only_odd && !odd) || (s->top && !odd_top_wants(s->top, scores.score[i])))
            continue;
        rc = explain(s, o, block, i, &reasons, err);
        odd_format_row(&s->layout, block, &scores, i, odd, &reasons, out);
        if (rc || !s->top)
            continue;
        rc = odd_bytes_check(out, err);
        if (!rc)
            rc = odd_top_add(s->top, scores.score[i], block->row[i], out->data + before,
                             out->size - before, err);
        out->size = before;
    }
    return rc;
}

static int write_top(void *context, uint64_t rows, odd_output *out, oddrow_error *err)
{
    const scoring *s = context;
    size_t count = s->top ? odd_top_sort(s->top) : 0;
    int rc = 0;
    (void)rows;
    for (size_t i = 0; !rc && i < count; i++) {
        odd_span line = odd_top_at(s->top, i).line;
        rc = odd_output_write(out, line.data, line.size, err);
    }
    return rc;
}

void odd_score_count(const odd_stream_summary *stream, odd_score_summary *out)
{
    const odd_csv_counts *counts = &stream->counts;
    out->rows = counts->records;
    out->scored = counts->rows;
    out->rejected = counts->rejected;
    out->seconds = stream->seconds;
    out->reading = counts->reading;
    out->parsing = counts->splitting;
    out->encoding = stream->encoding;
    out->writing = counts->writing + stream->blocks - out->network - out->rarity - out->calibration;
    memcpy(out->notes, stream->notes, sizeof out->notes);
}

int odd_score_files(const odd_model *model, const char *const *paths, size_t path_count,
                    const char *out, const odd_score_options *options, odd_score_summary *summary,
                    oddrow_error *err)
{
    static const odd_sink sink = {.stage = "score",
                                  .own_size = sizeof(own),
                                  .begin = begin,
                                  .open = open_own,
                                  .close = close_own,
                                  .block = format_block,
                                  .end = write_top};
    odd_stream_summary stream = {0};
    scoring s = {.options = options,
                 .verdict = &model->verdict,
                 .layout = {.format = options->format, .explain = options->explain},
                 .alerts = options->alerts > 0 ? options->alerts : model->verdict.alerts,
                 .summary = summary};
    *summary = (odd_score_summary){0};
    int rc = odd_verdict_wanted(s.verdict, options->masked, err);
    if (!rc)
        rc = odd_scorer_new(s.verdict, false, &s.scorer, err);
    if (!rc && options->top)
        rc = odd_top_new(options->top, &s.top, err);
    if (!rc)
        rc = odd_stream_run(model, paths, path_count, out, options, &sink, &s, &stream, err);
    odd_score_count(&stream, summary);
    odd_scorer_free(&s.scorer);
    odd_top_free(&s.top);
    odd_layout_free(&s.layout);
    return rc;
}
