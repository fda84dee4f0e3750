#include "files/score.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "csv/write.h"
#include "files/format.h"
#include "files/stream.h"
#include "files/top.h"

typedef struct scoring {
    const odd_model *model;
    const odd_score_options *options;
    odd_layout layout;
    const odd_encoder *encoder;
    odd_output *out, *rejects;
    odd_bytes scratch; /* of the chunk call, one at a time */
    odd_top *top;      /* NULL: rows are written as they come */
} scoring;

static int begin(void *context, const odd_csv_source *source, const odd_encoder *encoder,
                 oddrow_error *err)
{
    scoring *s = context;
    s->encoder = encoder;
    int rc = odd_layout_new(s->model, s->options, source, encoder, &s->layout, err);
    if (rc)
        return rc;
    odd_format_header(&s->layout, &s->scratch);
    rc = odd_bytes_check(&s->scratch, err);
    if (!rc)
        rc = odd_output_write(s->out, s->scratch.data, s->scratch.size, err);
    if (!rc && s->rejects)
        rc = odd_output_write(s->rejects, ODD_CSV_REJECTS_HEADER, strlen(ODD_CSV_REJECTS_HEADER),
                              err);
    return rc;
}

/* The explainer is made for a block, as blocks with odd rows are few. */
static int explain(scoring *s, const odd_block *block, size_t i, odd_explainer **explainer,
                   odd_reasons *reasons, oddrow_error *err)
{
    if (!s->layout.explain)
        return 0;
    int rc = *explainer ? 0 : odd_explainer_new(block->scratch, s->layout.explain, explainer, err);
    return rc ? rc
              : odd_explain(*explainer, s->encoder, i, block->cells + i * block->columns, reasons,
                            err);
}

static int format_block(void *context, const odd_block *block, odd_bytes *out, oddrow_error *err)
{
    scoring *s = context;
    odd_explainer *explainer = NULL;
    odd_reasons reasons = {0};
    int rc = 0;
    for (size_t i = 0; !rc && i < block->rows; i++) {
        if (s->options->only_odd && !block->odd[i])
            continue;
        if (s->top && !odd_top_wants(s->top, block->score[i]))
            continue;
        rc = explain(s, block, i, &explainer, &reasons, err);
        size_t before = out->size;
        if (!rc)
            odd_format_row(&s->layout, block, i, reasons.items, reasons.count, out);
        if (!rc)
            rc = odd_bytes_check(out, err);
        if (!rc && s->top) {
            rc = odd_top_add(s->top, block->score[i], block->row[i], out->data + before,
                             out->size - before, err);
            out->size = before;
        }
    }
    odd_explainer_free(&explainer);
    return rc;
}

static int write_chunk(void *context, const odd_bytes *out, const odd_csv_chunk *chunk,
                       uint64_t first_row, oddrow_error *err)
{
    scoring *s = context;
    int rc = odd_output_write(s->out, out->data, out->size, err);
    odd_bytes_clear(&s->scratch);
    if (!rc && s->rejects && odd_csv_write_rejects(&s->scratch, chunk, first_row))
        rc = odd_no_memory(err);
    if (!rc && s->scratch.size)
        rc = odd_output_write(s->rejects, s->scratch.data, s->scratch.size, err);
    return rc;
}

static int write_top(scoring *s, oddrow_error *err)
{
    int rc = 0;
    size_t count = s->top ? odd_top_sort(s->top) : 0;
    for (size_t i = 0; !rc && i < count; i++) {
        odd_span line = odd_top_line(s->top, i);
        rc = odd_output_write(s->out, line.data, line.size, err);
    }
    return rc;
}

int odd_score_files(const odd_model *model, const char *const *paths, size_t path_count,
                    const char *out, const odd_score_options *options, odd_score_summary *summary,
                    oddrow_error *err)
{
    scoring s = {.model = model, .options = options};
    odd_sink sink = {begin, format_block, write_chunk, &s, false};
    int rc = odd_output_open(out, &s.out, err);
    if (!rc && options->rejects)
        rc = odd_output_open(options->rejects, &s.rejects, err);
    if (!rc && options->top)
        rc = odd_top_new(options->top, &s.top, err);
    if (!rc)
        rc = odd_stream_run(model, paths, path_count, options, &sink, summary, err);
    if (!rc)
        rc = write_top(&s, err);
    rc = odd_output_finish(&s.rejects, rc, err);
    rc = odd_output_finish(&s.out, rc, err);
    odd_top_free(&s.top);
    odd_layout_free(&s.layout);
    odd_bytes_free(&s.scratch);
    return rc;
}
