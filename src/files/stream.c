/* files/stream.c: the one loop over the blocks of CSV files, and the files that it writes. */
#include "files/stream.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "csv/write.h"

enum { BLOCK_ROWS = 256, BLOCK_CELLS = 1 << 16, CHUNK = 64 << 10 };

/* Shared by the threads, constant while they run. */
typedef struct stream {
    const odd_sink *sink;
    void *context;
    odd_csv_source *source;
    odd_encoder *encoder;
    odd_output *out, *rejects; /* NULL: not wanted */
    odd_bytes text;            /* of one call at a time */
    size_t block_rows;
    size_t threads;
    struct worker *workers; /* (threads) */
} stream;

/* A thread's own. */
typedef struct worker {
    odd_rows *rows;
    uint64_t *row;
    void *own; /* the sink's */
    double encoding, blocks;
} worker;

static int do_block(const stream *s, worker *w, const odd_csv_chunk *chunk, size_t first,
                    uint64_t first_row, odd_bytes *out, oddrow_error *err)
{
    const odd_sink *sink = s->sink;
    size_t left = chunk->rows - first, count = left < s->block_rows ? left : s->block_rows;
    const odd_span *cells = chunk->cells + first * chunk->columns;
    odd_block block = {.rows = w->rows, .cells = cells, .columns = chunk->columns, .row = w->row};
    for (size_t i = 0; i < count; i++)
        w->row[i] = first_row + chunk->record_of_row[first + i];
    if (sink->wants && !sink->wants(s->context, w->row[0], w->row[count - 1]))
        return 0;
    double start = odd_clock();
    odd_encode(s->encoder, cells, count, w->rows);
    double encoded = odd_clock();
    int rc = sink->block(s->context, w->own, &block, out, err);
    w->encoding += encoded - start;
    w->blocks += odd_clock() - encoded;
    return rc;
}

/* ---- the two calls of odd_csv_job ---- */

static int give_chunk(void *context, size_t thread, const odd_csv_chunk *chunk, uint64_t first_row,
                      odd_bytes *out, oddrow_error *err)
{
    const stream *s = context;
    int rc = 0;
    for (size_t done = 0; !rc && done < chunk->rows; done += s->block_rows)
        rc = do_block(s, &s->workers[thread], chunk, done, first_row, out, err);
    return rc ? rc : odd_bytes_check(out, err);
}

static int write_chunk(void *context, const odd_bytes *out, const odd_csv_chunk *chunk,
                       uint64_t first_row, oddrow_error *err)
{
    stream *s = context;
    int rc = 0;
    if (s->sink->chunk)
        rc = s->sink->chunk(s->context, out, chunk, first_row, err);
    else if (s->out)
        rc = odd_output_write(s->out, out->data, out->size, err);
    if (rc || !s->rejects)
        return rc;
    odd_bytes_clear(&s->text);
    odd_csv_write_rejects(&s->text, chunk, first_row);
    rc = odd_bytes_check(&s->text, err);
    return rc ? rc : odd_output_write(s->rejects, s->text.data, s->text.size, err);
}

/* ---- set-up ---- */

static int open_stream(stream *s, const odd_model *model, const char *const *paths,
                       size_t path_count, const char *out, const odd_score_options *options,
                       oddrow_error *err)
{
    size_t rows = BLOCK_CELLS / model->schema->K;
    odd_csv_options csv = options->csv;
    s->block_rows = rows > BLOCK_ROWS ? BLOCK_ROWS : rows ? rows : 1;
    if (!csv.chunk_size)
        csv.chunk_size = CHUNK;
    int rc = odd_csv_open(paths, path_count, &csv, &s->source, err);
    if (!rc && (rc = odd_encoder_new(model->schema, odd_csv_names(s->source),
                                     odd_csv_columns(s->source), &s->encoder, err)))
        odd_prefix(err, rc, "%s: ", paths[0]);
    if (!rc && out)
        rc = odd_output_open(out, &s->out, err);
    if (!rc && out && options->rejects)
        rc = odd_output_open(options->rejects, &s->rejects, err);
    if (!rc && s->rejects)
        rc = odd_output_write(s->rejects, ODD_CSV_REJECTS_HEADER, strlen(ODD_CSV_REJECTS_HEADER),
                              err);
    return rc;
}

static int open_workers(stream *s, const odd_model *model, oddrow_error *err)
{
    s->workers = odd_alloc(s->threads, sizeof *s->workers);
    int rc = s->workers ? 0 : odd_no_memory(err);
    for (size_t i = 0; !rc && i < s->threads; i++) {
        worker *w = &s->workers[i];
        w->row = odd_alloc(s->block_rows, sizeof *w->row);
        w->own = odd_alloc(1, s->sink->own_size);
        rc = w->row && w->own ? odd_rows_new(model->schema, s->block_rows, true, &w->rows, err)
                              : odd_no_memory(err);
        if (!rc && s->sink->open)
            rc = s->sink->open(s->context, w->own, s->block_rows, err);
    }
    return rc;
}

static void close_stream(stream *s, odd_stream_summary *summary)
{
    for (size_t i = 0; s->workers && i < s->threads; i++) {
        worker *w = &s->workers[i];
        summary->encoding += w->encoding;
        summary->blocks += w->blocks;
        if (w->own && s->sink->close)
            s->sink->close(s->context, w->own);
        odd_free(w->own);
        odd_rows_free(&w->rows);
        odd_free(w->row);
    }
    odd_free(s->workers);
    odd_bytes_free(&s->text);
    odd_encoder_free(&s->encoder);
    odd_csv_close(&s->source);
}

static int run(stream *s, odd_pool *pool, const odd_score_options *options, odd_csv_counts *counts,
               oddrow_error *err)
{
    odd_csv_job job = {.chunk = give_chunk,
                       .write = write_chunk,
                       .context = s,
                       .stage = s->sink->stage,
                       .progress = options->progress,
                       .progress_context = options->progress_context};
    int rc = s->sink->begin ? s->sink->begin(s->context, s->source, s->encoder, &s->text, err) : 0;
    if (!rc)
        rc = odd_bytes_check(&s->text, err);
    if (!rc && s->out)
        rc = odd_output_write(s->out, s->text.data, s->text.size, err);
    if (!rc)
        rc = odd_csv_run(s->source, pool, &job, counts, err);
    if (!rc && s->sink->end)
        rc = s->sink->end(s->context, counts->rows, s->out, err);
    return rc;
}

int odd_stream_run(const odd_model *model, const char *const *paths, size_t path_count,
                   const char *out, const odd_score_options *options, const odd_sink *sink,
                   void *context, odd_stream_summary *summary, oddrow_error *err)
{
    stream s = {.sink = sink, .context = context};
    odd_pool *pool = NULL;
    double started = odd_clock();
    *summary = (odd_stream_summary){0};
    int rc = open_stream(&s, model, paths, path_count, out, options, err);
    if (!rc)
        rc = odd_pool_new(options->threads, &pool, err);
    if (!rc) {
        odd_encoder_note_extra(s.encoder, summary->notes, sizeof summary->notes);
        s.threads = odd_pool_threads(pool);
        rc = open_workers(&s, model, err);
    }
    if (!rc)
        rc = run(&s, pool, options, &summary->counts, err);
    close_stream(&s, summary);
    odd_pool_free(&pool);
    rc = odd_output_finish(&s.rejects, rc, err);
    rc = odd_output_finish(&s.out, rc, err);
    summary->seconds = odd_clock() - started;
    return rc;
}
