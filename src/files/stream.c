#include "files/stream.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "csv/ordered.h"
#include "math/kernels.h"

enum { BLOCK_ROWS = 256, BLOCK_CELLS = 1 << 16, CHUNK = 64 << 10 };

/* Shared by the threads, constant while they run. */
typedef struct stream {
    const odd_model *model;
    const odd_score_options *options;
    const odd_sink *sink;
    odd_csv_source *source;
    odd_encoder *encoder;
    odd_scorer *scorer; /* NULL: the sink predicts, and this is there: */
    odd_folded *folded;
    double alerts;
    size_t block_rows;
    struct worker *workers; /* one a thread */
} stream;

/* A thread's own. */
typedef struct worker {
    const stream *stream;
    const odd_csv_chunk *chunk; /* in hand */
    uint64_t first_row;         /* its first */
    odd_bytes *out;             /* what it gives */
    odd_rows *batch;
    odd_scratch *scratch;
    odd_forward *forward; /* predicting */
    float *outputs;
    double predicting;
    uint64_t *row;
    double *p_value;
    bool *odd;
    uint64_t odd_count;
    double encoding, formatting;
} worker;

static int worker_new(const stream *s, worker *w, oddrow_error *err)
{
    size_t n = ODD_PADDED(s->block_rows);
    w->stream = s;
    w->row = odd_alloc(n, sizeof *w->row);
    w->p_value = odd_alloc(n, sizeof *w->p_value);
    w->odd = odd_alloc(n, sizeof *w->odd);
    if (!w->row || !w->p_value || !w->odd)
        return odd_no_memory(err);
    int rc = odd_rows_new(s->model->schema, n, true, &w->batch, err);
    if (!rc && s->sink->predicts) {
        w->outputs = odd_alloc(n * s->model->network->Y, sizeof(float));
        return w->outputs ? odd_forward_new(s->folded, &w->forward, err) : odd_no_memory(err);
    }
    return rc ? rc : odd_scratch_new(s->scorer, n, s->options->masked, &w->scratch, err);
}

static void worker_free(worker *w)
{
    odd_rows_free(&w->batch);
    odd_scratch_free(&w->scratch);
    odd_forward_free(&w->forward);
    odd_free(w->outputs);
    odd_free(w->row);
    odd_free(w->p_value);
    odd_free(w->odd);
}

static int predict_block(worker *w, size_t first, size_t rows, oddrow_error *err)
{
    const stream *s = w->stream;
    const odd_csv_chunk *chunk = w->chunk;
    const odd_span *cells = chunk->cells + first * chunk->columns;
    double start = odd_clock();
    odd_encode(s->encoder, cells, rows, w->batch);
    double encoded = odd_clock();
    w->encoding += encoded - start;
    odd_forward_run(w->forward, w->batch, ODD_NO_COLUMN, &(odd_forward_out){.outputs = w->outputs});
    start = odd_clock();
    w->predicting += start - encoded;
    for (size_t i = 0; i < rows; i++)
        w->row[i] = w->first_row + chunk->record_of_row[first + i];
    odd_block block = {.rows = rows,
                       .cells = cells,
                       .columns = chunk->columns,
                       .row = w->row,
                       .batch = w->batch,
                       .outputs = w->outputs};
    int rc = s->sink->block(s->sink->context, &block, w->out, err);
    w->formatting += odd_clock() - start;
    return rc;
}

static int score_block(worker *w, size_t first, size_t rows, oddrow_error *err)
{
    const stream *s = w->stream;
    const odd_csv_chunk *chunk = w->chunk;
    const odd_span *cells = chunk->cells + first * chunk->columns;
    double start = odd_clock();
    odd_encode(s->encoder, cells, rows, w->batch);
    w->encoding += odd_clock() - start;
    odd_scores scores = odd_scratch_score(w->scratch, w->batch, s->options->score);
    start = odd_clock();
    for (size_t i = 0; i < rows; i++) {
        w->row[i] = w->first_row + chunk->record_of_row[first + i];
        w->p_value[i] = (double)scores.p_value[i];
        w->odd[i] = w->p_value[i] < s->alerts;
        w->odd_count += w->odd[i];
    }
    odd_block block = {rows,           cells,        chunk->columns, w->row,
                       w->batch,       scores.loss,  scores.part[0], scores.part[1],
                       scores.part[2], scores.score, w->p_value,     w->odd,
                       w->scratch,     NULL};
    int rc = s->sink->block(s->sink->context, &block, w->out, err);
    w->formatting += odd_clock() - start;
    return rc;
}

/* The two calls of odd_csv_job. */
static int give_chunk(void *context, size_t thread, const odd_csv_chunk *chunk, uint64_t first_row,
                      odd_bytes *out, oddrow_error *err)
{
    const stream *s = context;
    worker *w = &s->workers[thread];
    int rc = 0;
    w->chunk = chunk;
    w->first_row = first_row;
    w->out = out;
    for (size_t done = 0; !rc && done < chunk->rows;) {
        size_t left = chunk->rows - done, rows = left < s->block_rows ? left : s->block_rows;
        rc =
            s->sink->predicts ? predict_block(w, done, rows, err) : score_block(w, done, rows, err);
        done += rows;
    }
    return rc;
}

static int write_chunk(void *context, const odd_bytes *out, const odd_csv_chunk *chunk,
                       uint64_t first_row, oddrow_error *err)
{
    const stream *s = context;
    return s->sink->chunk(s->sink->context, out, chunk, first_row, err);
}

/* ---- set-up ---- */

/* The model is of the kind that the sink is for. */
static int check_model(stream *s, oddrow_error *err)
{
    const odd_calibration *calibration =
        s->options->masked ? &s->model->verdict.masked : &s->model->verdict.plain;
    if (s->sink->predicts)
        return odd_model_want_target(s->model, err);
    int rc = odd_model_want_scores(s->model, err);
    if (rc)
        return rc;
    if (!calibration->present)
        return odd_fail(err, ODDROW_EINVAL,
                        "this model has too many columns to score each of them masked");
    s->alerts = s->options->alerts > 0 ? s->options->alerts : s->model->verdict.alerts;
    return 0;
}

static int open_stream(stream *s, const char *const *paths, size_t path_count, oddrow_error *err)
{
    int rc = check_model(s, err);
    if (rc)
        return rc;
    s->block_rows = BLOCK_CELLS / s->model->schema->K;
    if (s->block_rows > BLOCK_ROWS)
        s->block_rows = BLOCK_ROWS;
    if (s->block_rows == 0)
        s->block_rows = 1;
    odd_csv_options csv = s->options->csv;
    if (!csv.chunk_size)
        csv.chunk_size = CHUNK;
    rc = odd_csv_open(paths, path_count, &csv, &s->source, err);
    if (!rc && (rc = odd_encoder_new(s->model->schema, odd_csv_names(s->source),
                                     odd_csv_columns(s->source), &s->encoder, err)))
        odd_prefix(err, rc, "%s: ", paths[0]);
    if (!rc)
        rc = s->sink->predicts ? odd_folded_new(s->model->network, &s->folded, err)
                               : odd_scorer_new(&s->model->verdict, false, &s->scorer, err);
    return rc;
}

static void add_up(odd_score_summary *summary, const stream *s, size_t threads)
{
    for (size_t i = 0; i < threads; i++) {
        const worker *w = &s->workers[i];
        odd_seconds spent =
            w->scratch ? odd_scratch_time(w->scratch) : (odd_seconds){.network = w->predicting};
        summary->odd += w->odd_count;
        summary->encoding += w->encoding;
        summary->network += spent.network;
        summary->rarity += spent.rarity;
        summary->calibration += spent.calibration;
        summary->writing += w->formatting;
    }
}

static int run(stream *s, odd_pool *pool, odd_score_summary *summary, oddrow_error *err)
{
    odd_csv_job job = {.chunk = give_chunk,
                       .write = write_chunk,
                       .context = s,
                       .stage = s->sink->predicts ? "predict" : "score",
                       .progress = s->options->progress,
                       .progress_context = s->options->progress_context};
    odd_csv_counts counts;
    int rc = s->sink->begin(s->sink->context, s->source, s->encoder, err);
    if (rc)
        return rc;
    rc = odd_csv_run(s->source, pool, &job, &counts, err);
    summary->rows = counts.records;
    summary->scored = counts.rows;
    summary->rejected = counts.rejected;
    summary->reading = counts.reading;
    summary->parsing = counts.splitting;
    summary->writing = counts.writing;
    if (!rc)
        add_up(summary, s, odd_pool_threads(pool));
    return rc;
}

int odd_stream_run(const odd_model *model, const char *const *paths, size_t path_count,
                   const odd_score_options *options, const odd_sink *sink,
                   odd_score_summary *summary, oddrow_error *err)
{
    stream s = {.model = model, .options = options, .sink = sink};
    double started = odd_clock();
    odd_pool *pool = NULL;
    size_t threads = 0;
    *summary = (odd_score_summary){0};
    int rc = open_stream(&s, paths, path_count, err);
    if (!rc) {
        odd_encoder_note_extra(s.encoder, summary->notes, sizeof summary->notes);
        rc = odd_pool_new(options->threads, &pool, err);
    }
    if (!rc) {
        threads = odd_pool_threads(pool);
        s.workers = odd_alloc(threads, sizeof *s.workers);
        rc = s.workers ? 0 : odd_no_memory(err);
    }
    for (size_t i = 0; !rc && i < threads; i++)
        rc = worker_new(&s, &s.workers[i], err);
    if (!rc)
        rc = run(&s, pool, summary, err);
    summary->seconds = odd_clock() - started;
    for (size_t i = 0; s.workers && i < threads; i++)
        worker_free(&s.workers[i]);
    odd_free(s.workers);
    odd_pool_free(&pool);
    odd_scorer_free(&s.scorer);
    odd_folded_free(&s.folded);
    odd_encoder_free(&s.encoder);
    odd_csv_close(&s.source);
    return rc;
}
