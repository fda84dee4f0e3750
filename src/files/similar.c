/* files/similar.c: one pass for a row, one for those nearest to it. */
#include "files/similar.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "files/stream.h"
#include "files/vectorizer.h"
#include "math/kernels.h"

typedef struct search {
    const odd_model *model;
    odd_vectorizer *vectorizer;
    const odd_encoder *encoder;
    uint64_t row; /* first pass: the one to find; second: the one to pass over, or 0 */
    float *x;     /* (X) of the row asked for */
    odd_similar *out;
} search;

/* A thread's own. */
typedef struct own {
    odd_vectorizer_scratch *scratch;
    float *x;        /* (B, X) */
    float *distance; /* (B) squared */
    odd_bytes cells; /* of one row, packed */
} own;

/* The cells of a row by the schema's columns: the size of each, then its bytes. */
static void pack(const search *s, const odd_span *cells, odd_bytes *out)
{
    for (size_t k = 0; k < s->model->schema->K; k++) {
        size_t at = odd_encoder_source(s->encoder, k), size = at == SIZE_MAX ? 0 : cells[at].size;
        odd_bytes_add(out, &size, sizeof size);
        odd_bytes_add(out, size ? cells[at].data : "", size);
    }
}

static odd_similar_row unpack(uint64_t row, float squared, odd_span packed, size_t K,
                              odd_span *cells)
{
    const char *at = packed.data;
    for (size_t k = 0; k < K; k++) {
        memcpy(&cells[k].size, at, sizeof cells[k].size);
        cells[k].data = at + sizeof cells[k].size;
        at = cells[k].data + cells[k].size;
    }
    return (odd_similar_row){row, sqrt((double)squared), cells};
}

/* ---- both passes ---- */

static int begin(void *context, const odd_csv_source *source, const odd_encoder *encoder,
                 odd_bytes *out, oddrow_error *err)
{
    (void)source;
    (void)out;
    (void)err;
    ((search *)context)->encoder = encoder;
    return 0;
}

static int open_own(void *context, void *thread, size_t rows, oddrow_error *err)
{
    const search *s = context;
    own *o = thread;
    o->x = odd_alloc(rows * s->model->network->X, sizeof(float));
    o->distance = odd_alloc(rows, sizeof(float));
    return o->x && o->distance ? odd_vectorizer_scratch_new(s->vectorizer, rows, &o->scratch, err)
                               : odd_no_memory(err);
}

static void close_own(void *context, void *thread)
{
    own *o = thread;
    (void)context;
    odd_vectorizer_scratch_free(&o->scratch);
    odd_free(o->x);
    odd_free(o->distance);
    odd_bytes_free(&o->cells);
}

/* ---- the row ---- */

static bool holds_row(const void *context, uint64_t first, uint64_t last)
{
    const search *s = context;
    return s->row >= first && s->row <= last;
}

static int find_row(void *context, void *thread, const odd_block *block, odd_bytes *out,
                    oddrow_error *err)
{
    search *s = context;
    own *o = thread;
    size_t i = 0, X = s->model->network->X;
    (void)out;
    while (i < block->rows->count && block->row[i] != s->row)
        i++;
    if (i == block->rows->count)
        return 0; /* it was rejected */
    int rc = odd_vectorizer_run(o->scratch, block->rows, o->x, err);
    memcpy(s->x, o->x + i * X, X * sizeof *s->x);
    s->out->itself.row = s->row;
    pack(s, block->cells + i * block->columns, &s->out->text);
    return rc ? rc : odd_bytes_check(&s->out->text, err);
}

static int look_at_rejects(void *context, const odd_bytes *out, const odd_csv_chunk *chunk,
                           uint64_t first_row, oddrow_error *err)
{
    const search *s = context;
    (void)out;
    for (size_t i = 0; i < chunk->reject_count; i++)
        if (first_row + chunk->rejects[i].record == s->row)
            return odd_fail(err, ODDROW_ESCHEMA, "row %" PRIu64 " cannot be read: %s", s->row,
                            chunk->rejects[i].reason);
    return 0;
}

/* ---- its neighbours ---- */

static int keep_nearest(void *context, void *thread, const odd_block *block, odd_bytes *out,
                        oddrow_error *err)
{
    const search *s = context;
    own *o = thread;
    size_t X = s->model->network->X, count = block->rows->count;
    (void)out;
    int rc = odd_vectorizer_run(o->scratch, block->rows, o->x, err);
    odd_kernels_best()->row_distances(o->distance, o->x, X, s->x, count, X);
    for (size_t i = 0; !rc && i < count; i++) {
        if (block->row[i] == s->row || isnan(o->distance[i]) ||
            !odd_top_wants(s->out->top, -o->distance[i]))
            continue;
        odd_bytes_clear(&o->cells);
        pack(s, block->cells + i * block->columns, &o->cells);
        rc = odd_bytes_check(&o->cells, err);
        if (!rc)
            rc = odd_top_add(s->out->top, -o->distance[i], block->row[i], o->cells.data,
                             o->cells.size, err);
    }
    return rc;
}

/* The rows found, nearest first, and the row itself. */
static int list(odd_similar *out, size_t K, oddrow_error *err)
{
    out->count = odd_top_sort(out->top);
    out->rows = odd_alloc(out->count, sizeof *out->rows);
    out->cells = odd_alloc((out->count + 1) * K, sizeof *out->cells);
    if (!out->rows || !out->cells)
        return odd_no_memory(err);
    for (size_t i = 0; i < out->count; i++) {
        odd_top_item item = odd_top_at(out->top, i);
        out->rows[i] = unpack(item.row, -item.score, item.line, K, out->cells + i * K);
    }
    odd_span text = {out->text.data, out->text.size};
    out->itself = unpack(out->itself.row, 0, text, K, out->cells + out->count * K);
    return 0;
}

int odd_similar_find(const odd_model *model, const char *data, uint64_t row, const char *against,
                     size_t k, const odd_score_options *options, odd_similar *out,
                     oddrow_error *err)
{
    static const odd_sink find = {.stage = "find",
                                  .own_size = sizeof(own),
                                  .begin = begin,
                                  .open = open_own,
                                  .close = close_own,
                                  .wants = holds_row,
                                  .block = find_row,
                                  .chunk = look_at_rejects};
    static const odd_sink compare = {.stage = "compare",
                                     .own_size = sizeof(own),
                                     .begin = begin,
                                     .open = open_own,
                                     .close = close_own,
                                     .block = keep_nearest};
    search s = {.model = model, .row = row, .out = out};
    odd_stream_summary stream = {0};
    *out = (odd_similar){0};
    s.x = odd_alloc(model->network->X, sizeof(float));
    int rc = s.x ? odd_top_new(k, &out->top, err) : odd_no_memory(err);
    if (!rc && !against && strcmp(data, "-") == 0)
        rc = odd_fail(err, ODDROW_EINVAL, "standard input cannot be read twice: name a file");
    if (!rc)
        rc = odd_vectorizer_new(model, ODD_ENCODE_X, &s.vectorizer, err);
    if (!rc)
        rc = odd_stream_run(model, &data, 1, NULL, options, &find, &s, &stream, err);
    if (!rc && !out->itself.row)
        rc = odd_fail(err, ODDROW_ESCHEMA, "%s has %" PRIu64 " rows: there is no row %" PRIu64,
                      data, stream.counts.records, row);
    s.row = against ? 0 : row;
    if (!rc)
        rc = odd_stream_run(model, against ? &against : &data, 1, NULL, options, &compare, &s,
                            &stream, err);
    if (!rc)
        rc = list(out, model->schema->K, err);
    out->looked_at = stream.counts.rows;
    out->rejected = stream.counts.rejected;
    odd_vectorizer_free(&s.vectorizer);
    odd_free(s.x);
    if (rc)
        odd_similar_free(out);
    return rc;
}

void odd_similar_free(odd_similar *similar)
{
    if (!similar)
        return;
    odd_top_free(&similar->top);
    odd_bytes_free(&similar->text);
    odd_free(similar->cells);
    odd_free(similar->rows);
    *similar = (odd_similar){0};
}
