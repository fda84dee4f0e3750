#include "files/similar.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "csv/ordered.h"
#include "files/vectorizer.h"
#include "math/kernels.h"
#include "model/parts.h"

enum { BLOCK_ROWS = 256, CHUNK = 64 << 10 };

typedef struct lane {
    odd_vectorizer_lane *rows;
    odd_rows *batch;
    float *x;        /* (BLOCK_ROWS, X) */
    float *distance; /* (BLOCK_ROWS) squared */
} lane;

/* One pass over a file. */
typedef struct pass {
    const odd_model *model;
    const odd_similar_options *options;
    odd_vectorizer *rows;
    odd_csv_source *source;
    odd_encoder *encoder;
    odd_pool *pool;
    lane *lanes;
    uint64_t row;         /* first pass: the one to find; second: the one to pass over, or 0 */
    float *x;             /* (X) of the row asked for */
    bool found;           /* first pass */
    pthread_mutex_t lock; /* for all below */
    odd_similar *out;
    size_t k;
} pass;

static void free_row(odd_similar_row *row, size_t K)
{
    for (size_t k = 0; row->cells && k < K; k++)
        odd_bytes_free(&row->cells[k]);
    odd_free(row->cells);
    row->cells = NULL;
}

/* The cells of a row by the schema's columns, copied. */
static int copy_cells(const pass *p, const odd_span *cells, odd_similar_row *out)
{
    size_t K = p->model->schema->K;
    if (!out->cells)
        out->cells = odd_alloc(K, sizeof *out->cells);
    if (!out->cells)
        return ODDROW_ENOMEM;
    for (size_t k = 0; k < K; k++) {
        size_t at = odd_encoder_source(p->encoder, k);
        odd_bytes_clear(&out->cells[k]);
        if (at != SIZE_MAX && odd_bytes_add(&out->cells[k], cells[at].data, cells[at].size))
            return ODDROW_ENOMEM;
    }
    return 0;
}

static int open_pass(pass *p, const char *path, oddrow_error *err)
{
    size_t X = p->model->network->X;
    odd_csv_options csv = p->options->csv;
    if (!csv.chunk_size)
        csv.chunk_size = CHUNK;
    int rc = odd_vectorizer_new(p->model, ODD_ENCODE_X, &p->rows, err);
    if (!rc)
        rc = odd_csv_open(&path, 1, &csv, &p->source, err);
    if (!rc && (rc = odd_encoder_new(p->model->schema, odd_csv_names(p->source),
                                     odd_csv_columns(p->source), &p->encoder, err)))
        odd_prefix(err, rc, "%s: ", path);
    if (!rc)
        rc = odd_pool_new(p->options->threads, &p->pool, err);
    if (rc)
        return rc;
    size_t threads = odd_pool_threads(p->pool);
    p->lanes = odd_alloc(threads, sizeof *p->lanes);
    if (!p->lanes)
        return odd_no_memory(err);
    for (size_t i = 0; !rc && i < threads; i++) {
        lane *l = &p->lanes[i];
        l->x = odd_alloc(BLOCK_ROWS * X, sizeof(float));
        l->distance = odd_alloc(BLOCK_ROWS, sizeof(float));
        rc = l->x && l->distance ? odd_vectorizer_lane_new(p->rows, BLOCK_ROWS, &l->rows, err)
                                 : odd_no_memory(err);
        if (!rc)
            rc = odd_rows_new(p->model->schema, BLOCK_ROWS, true, &l->batch, err);
    }
    return rc;
}

static void close_pass(pass *p)
{
    for (size_t i = 0; p->lanes && i < odd_pool_threads(p->pool); i++) {
        odd_vectorizer_lane_free(&p->lanes[i].rows);
        odd_rows_free(&p->lanes[i].batch);
        odd_free(p->lanes[i].x);
        odd_free(p->lanes[i].distance);
    }
    odd_free(p->lanes);
    p->lanes = NULL;
    odd_pool_free(&p->pool);
    odd_encoder_free(&p->encoder);
    odd_csv_close(&p->source);
    odd_vectorizer_free(&p->rows);
}

/* ---- first pass: the row ---- */

static int find_chunk(void *context, size_t thread, const odd_csv_chunk *chunk, uint64_t first_row,
                      odd_bytes *out, oddrow_error *err)
{
    pass *p = context;
    lane *l = &p->lanes[thread];
    (void)out;
    if (p->row < first_row || p->row >= first_row + chunk->records)
        return 0;
    for (size_t i = 0; i < chunk->reject_count; i++)
        if (first_row + chunk->rejects[i].record == p->row)
            return odd_fail(err, ODDROW_ESCHEMA, "row %" PRIu64 " cannot be read: %s", p->row,
                            chunk->rejects[i].reason);
    for (size_t i = 0; i < chunk->rows; i++) {
        if (first_row + chunk->record_of_row[i] != p->row)
            continue;
        const odd_span *cells = chunk->cells + i * chunk->columns;
        odd_encode(p->encoder, cells, 1, l->batch);
        int rc = odd_vectorizer_run(l->rows, l->batch, 1, p->x, err);
        p->out->itself.row = p->row;
        p->found = true;
        return rc ? rc : copy_cells(p, cells, &p->out->itself) ? odd_no_memory(err) : 0;
    }
    return 0;
}

/* ---- second pass: its neighbours, in order, nearest first ---- */

static bool behind(const odd_similar_row *a, double distance, uint64_t row)
{
    return a->distance != distance ? a->distance > distance : a->row > row;
}

static int keep(pass *p, const odd_span *cells, double distance, uint64_t row)
{
    odd_similar *s = p->out;
    int rc = 0;
    pthread_mutex_lock(&p->lock);
    if (s->count < p->k || behind(&s->rows[s->count - 1], distance, row)) {
        odd_similar_row last = {0};
        if (s->count == p->k)
            last = s->rows[--s->count]; /* its room is used again */
        last.row = row;
        last.distance = distance;
        rc = copy_cells(p, cells, &last);
        size_t at = s->count++;
        for (; at > 0 && behind(&s->rows[at - 1], distance, row); at--)
            s->rows[at] = s->rows[at - 1];
        s->rows[at] = last;
    }
    pthread_mutex_unlock(&p->lock);
    return rc;
}

/* The distance beyond which a row is not kept. */
static double bound(pass *p)
{
    pthread_mutex_lock(&p->lock);
    double most = p->out->count < p->k ? INFINITY : p->out->rows[p->out->count - 1].distance;
    pthread_mutex_unlock(&p->lock);
    return most;
}

static int near_chunk(void *context, size_t thread, const odd_csv_chunk *chunk, uint64_t first_row,
                      odd_bytes *out, oddrow_error *err)
{
    pass *p = context;
    lane *l = &p->lanes[thread];
    size_t X = p->model->network->X;
    (void)out;
    for (size_t done = 0; done < chunk->rows; done += BLOCK_ROWS) {
        size_t left = chunk->rows - done, count = left < BLOCK_ROWS ? left : BLOCK_ROWS;
        const odd_span *cells = chunk->cells + done * chunk->columns;
        odd_encode(p->encoder, cells, count, l->batch);
        int rc = odd_vectorizer_run(l->rows, l->batch, count, l->x, err);
        if (rc)
            return rc;
        odd_kernels_best()->row_distances(l->distance, l->x, X, p->x, count, X);
        double most = bound(p);
        for (size_t i = 0; i < count; i++) {
            uint64_t row = first_row + chunk->record_of_row[done + i];
            double distance = sqrt((double)l->distance[i]);
            if (row == p->row || !(distance <= most))
                continue;
            if (keep(p, cells + i * chunk->columns, distance, row))
                return odd_no_memory(err);
        }
    }
    return 0;
}

int odd_similar_find(const odd_model *model, const char *data, uint64_t row, const char *against,
                     const odd_similar_options *options, odd_similar *out, oddrow_error *err)
{
    pass p = {.model = model,
              .options = options,
              .row = row,
              .lock = PTHREAD_MUTEX_INITIALIZER,
              .out = out,
              .k = options->k};
    odd_csv_job job = {.chunk = find_chunk,
                       .context = &p,
                       .stage = "find",
                       .progress = options->progress,
                       .progress_context = options->progress_context};
    odd_csv_counts counts = {0};
    *out = (odd_similar){.K = model->schema->K};
    out->rows = odd_alloc(options->k, sizeof *out->rows);
    p.x = odd_alloc(model->network->X, sizeof(float));
    int rc = out->rows && p.x ? 0 : odd_no_memory(err);
    if (!rc && !against && strcmp(data, "-") == 0)
        rc = odd_fail(err, ODDROW_EINVAL, "standard input cannot be read twice: name a file");
    if (!rc)
        rc = open_pass(&p, data, err);
    if (!rc)
        rc = odd_csv_run(p.source, p.pool, &job, &counts, err);
    if (!rc && !p.found)
        rc = odd_fail(err, ODDROW_ESCHEMA, "%s has %" PRIu64 " rows: there is no row %" PRIu64,
                      data, counts.records, row);
    close_pass(&p);
    if (!rc) {
        p.row = against ? 0 : row;
        job.chunk = near_chunk;
        job.stage = "compare";
        rc = open_pass(&p, against ? against : data, err);
    }
    if (!rc)
        rc = odd_csv_run(p.source, p.pool, &job, &counts, err);
    close_pass(&p);
    odd_free(p.x);
    out->looked_at = counts.rows;
    out->rejected = counts.rejected;
    if (rc)
        odd_similar_free(out);
    return rc;
}

void odd_similar_free(odd_similar *similar)
{
    if (!similar)
        return;
    free_row(&similar->itself, similar->K);
    for (size_t i = 0; similar->rows && i < similar->count; i++)
        free_row(&similar->rows[i], similar->K);
    odd_free(similar->rows);
    *similar = (odd_similar){0};
}
