#include "score/stream.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/pool.h"
#include "math/kernels.h"

enum { BLOCK_ROWS = 256, BLOCK_CELLS = 1 << 16, CHUNK = 64 << 10 };

/* Shared by the threads. */
typedef struct stream {
    const odd_model *model;
    const odd_score_options *options;
    const odd_sink *sink;
    odd_csv_source *source;
    odd_encoder *encoder;
    odd_scorer *scorer; /* NULL: the sink predicts, and this is there: */
    odd_folded *folded;
    const odd_tail *tail; /* of the score asked for */
    double alerts;
    size_t block_rows;
    double started, told;
    pthread_mutex_t input; /* for odd_csv_next */
    pthread_mutex_t lock;  /* for all below */
    pthread_cond_t turn;
    uint64_t numbered; /* chunks whose row numbers are known */
    uint64_t written;  /* chunks handed to the sink */
    int rc;            /* the first failure */
    oddrow_error *err;
    odd_score_summary *summary;
} stream;

/* A thread's own. */
typedef struct worker {
    stream *stream;
    size_t index;
    odd_csv_chunk chunk;
    odd_batch *batch;
    odd_lane *lane;
    odd_forward *forward; /* predicting */
    float *outputs;
    double predicting;
    odd_bytes out;
    float *loss, *reconstruction, *local, *global, *score, *survival;
    uint64_t *row;
    double *p_value;
    bool *odd;
    uint64_t odd_count;
    double reading, parsing, encoding, formatting;
} worker;

static int worker_new(stream *s, worker *w, oddrow_error *err)
{
    size_t n = ODD_PADDED(s->block_rows);
    w->stream = s;
    w->loss = odd_alloc(6 * n, sizeof(float));
    w->row = odd_alloc(n, sizeof *w->row);
    w->p_value = odd_alloc(n, sizeof *w->p_value);
    w->odd = odd_alloc(n, sizeof *w->odd);
    if (!w->loss || !w->row || !w->p_value || !w->odd)
        return odd_fail(err, ODDROW_ENOMEM, "out of memory");
    w->reconstruction = w->loss + n;
    w->local = w->loss + 2 * n;
    w->global = w->loss + 3 * n;
    w->score = w->loss + 4 * n;
    w->survival = w->loss + 5 * n;
    int rc = odd_batch_new(s->model->schema, n, &w->batch, err);
    if (!rc && s->sink->predicts) {
        w->outputs = odd_alloc(n * s->model->network->Y, sizeof(float));
        return w->outputs ? odd_forward_new(s->folded, &w->forward, err)
                          : odd_fail(err, ODDROW_ENOMEM, "out of memory");
    }
    if (!rc)
        rc = odd_lane_new(s->scorer, n, &w->lane, err);
    if (!rc && s->options->masked)
        rc = odd_lane_allow_masked(w->lane, err);
    return rc;
}

static void worker_free(worker *w)
{
    odd_csv_chunk_free(&w->chunk);
    odd_batch_free(&w->batch);
    odd_lane_free(&w->lane);
    odd_forward_free(&w->forward);
    odd_free(w->outputs);
    odd_bytes_free(&w->out);
    odd_free(w->loss);
    odd_free(w->row);
    odd_free(w->p_value);
    odd_free(w->odd);
}

/* What the options call the score, in place of the sum. */
static const float *pick(worker *w, size_t rows)
{
    switch (w->stream->options->score) {
    case ODD_SCORE_RECONSTRUCTION:
        return w->reconstruction;
    case ODD_SCORE_LOSS:
        return w->loss;
    case ODD_SCORE_RARITY:
        for (size_t i = 0; i < rows; i++)
            w->score[i] = w->local[i] + w->global[i];
        return w->score;
    case ODD_SCORE_BOTH:
        break;
    }
    return w->score;
}

static int predict_block(worker *w, size_t first, size_t rows, uint64_t first_row,
                         oddrow_error *err)
{
    stream *s = w->stream;
    const odd_csv_chunk *chunk = &w->chunk;
    const odd_span *cells = chunk->cells + first * chunk->columns;
    double start = odd_clock();
    odd_encode(s->encoder, cells, rows, w->batch);
    double encoded = odd_clock();
    w->encoding += encoded - start;
    odd_forward_predict(w->forward, w->batch->ids, w->batch->values, w->batch->missing, NULL, rows,
                        NULL, w->outputs);
    start = odd_clock();
    w->predicting += start - encoded;
    for (size_t i = 0; i < rows; i++)
        w->row[i] = first_row + chunk->record_of_row[first + i];
    odd_block block = {.rows = rows,
                       .cells = cells,
                       .columns = chunk->columns,
                       .row = w->row,
                       .batch = w->batch,
                       .outputs = w->outputs};
    int rc = s->sink->block(s->sink->context, &block, &w->out, err);
    w->formatting += odd_clock() - start;
    return rc;
}

static int score_block(worker *w, size_t first, size_t rows, uint64_t first_row, oddrow_error *err)
{
    stream *s = w->stream;
    const odd_csv_chunk *chunk = &w->chunk;
    const odd_span *cells = chunk->cells + first * chunk->columns;
    odd_scores scores = {w->loss, w->reconstruction, w->local, w->global, w->score};
    double start = odd_clock();
    odd_encode(s->encoder, cells, rows, w->batch);
    odd_view view = odd_view_of(w->batch);
    view.rows = rows;
    w->encoding += odd_clock() - start;
    odd_lane_score(w->lane, &view, s->options->masked, &scores);
    start = odd_clock();
    const float *score = pick(w, rows);
    odd_tail_surprise_all(s->tail, score, rows, w->survival);
    for (size_t i = 0; i < rows; i++)
        w->survival[i] = -w->survival[i];
    odd_kernels_best()->exp(w->survival, ODD_PADDED(rows));
    for (size_t i = 0; i < rows; i++) {
        w->row[i] = first_row + chunk->record_of_row[first + i];
        w->p_value[i] = (double)w->survival[i];
        w->odd[i] = w->p_value[i] < s->alerts;
        w->odd_count += w->odd[i];
    }
    odd_block block = {
        rows,     cells,     chunk->columns, w->row,     w->batch, w->loss, w->reconstruction,
        w->local, w->global, score,          w->p_value, w->odd,   w->lane, NULL};
    int rc = s->sink->block(s->sink->context, &block, &w->out, err);
    w->formatting += odd_clock() - start;
    return rc;
}

/* Waits until all chunks before this one have passed a point; false when another thread failed. */
static bool wait_turn(stream *s, const uint64_t *passed, uint64_t sequence)
{
    while (*passed != sequence && !s->rc)
        pthread_cond_wait(&s->turn, &s->lock);
    return !s->rc;
}

static void fail(stream *s, int rc, const oddrow_error *err)
{
    pthread_mutex_lock(&s->lock);
    if (!s->rc) {
        s->rc = rc;
        if (s->err)
            *s->err = *err;
    }
    pthread_cond_broadcast(&s->turn);
    pthread_mutex_unlock(&s->lock);
}

static void tell(stream *s, bool last)
{
    double now = odd_clock();
    uint64_t total = odd_csv_bytes_total(s->source);
    if (!s->options->progress || (!last && now - s->told < 0.2))
        return;
    s->told = now;
    pthread_mutex_lock(&s->lock);
    uint64_t rows = s->summary->rows;
    pthread_mutex_unlock(&s->lock);
    odd_progress progress = {
        .stage = s->sink->predicts ? "predict" : "score",
        .rows = rows,
        .fraction = last    ? 1
                    : total ? (double)odd_csv_bytes_read(s->source) / (double)total
                            : -1,
        .rows_per_second = now > s->started ? (double)rows / (now - s->started) : 0,
        .loss = NAN,
        .validation_loss = NAN};
    s->options->progress(s->options->progress_context, &progress);
}

/* The chunk's first row number, once all chunks before it have been counted. */
static bool number_rows(stream *s, const odd_csv_chunk *chunk, uint64_t *first_row)
{
    pthread_mutex_lock(&s->lock);
    bool going = wait_turn(s, &s->numbered, chunk->sequence);
    if (going) {
        *first_row = s->summary->rows + 1;
        s->summary->rows += chunk->records;
        s->summary->scored += chunk->rows;
        s->summary->rejected += chunk->reject_count;
        s->numbered++;
        pthread_cond_broadcast(&s->turn);
    }
    pthread_mutex_unlock(&s->lock);
    return going;
}

static int write_chunk(worker *w, uint64_t first_row, oddrow_error *err)
{
    stream *s = w->stream;
    pthread_mutex_lock(&s->lock);
    bool going = wait_turn(s, &s->written, w->chunk.sequence);
    pthread_mutex_unlock(&s->lock);
    if (!going)
        return 0; /* the failure is known already */
    double start = odd_clock();
    int rc = s->sink->chunk(s->sink->context, &w->out, &w->chunk, first_row, err);
    w->formatting += odd_clock() - start;
    if (rc)
        return rc;
    pthread_mutex_lock(&s->lock);
    s->written++;
    pthread_cond_broadcast(&s->turn);
    pthread_mutex_unlock(&s->lock);
    return 0;
}

/* One chunk from file to sink: 1 done, 0 no more, < 0 failed. */
static int do_chunk(worker *w, oddrow_error *err)
{
    stream *s = w->stream;
    uint64_t first_row = 0;
    double start = odd_clock();
    pthread_mutex_lock(&s->input);
    int more = s->rc ? 0 : odd_csv_next(s->source, &w->chunk, err);
    pthread_mutex_unlock(&s->input);
    double read = odd_clock();
    w->reading += read - start;
    if (more <= 0)
        return more;
    int rc = odd_csv_split(s->source, &w->chunk, err);
    w->parsing += odd_clock() - read;
    if (rc)
        return rc;
    if (!number_rows(s, &w->chunk, &first_row))
        return 0;
    w->out.size = 0;
    for (size_t done = 0; !rc && done < w->chunk.rows;) {
        size_t left = w->chunk.rows - done, rows = left < s->block_rows ? left : s->block_rows;
        rc = s->sink->predicts ? predict_block(w, done, rows, first_row, err)
                               : score_block(w, done, rows, first_row, err);
        done += rows;
    }
    if (!rc)
        rc = write_chunk(w, first_row, err);
    return rc ? rc : 1;
}

static void work(void *context, size_t index, size_t thread)
{
    worker *w = (worker *)context + index;
    oddrow_error err = {0};
    int rc;
    (void)thread;
    while ((rc = do_chunk(w, &err)) > 0)
        if (thread == 0)
            tell(w->stream, false);
    if (rc < 0)
        fail(w->stream, rc, &err);
}

/* ---- set-up ---- */

const odd_tail *odd_stream_tail(const odd_calibration *calibration, odd_score_kind score)
{
    switch (score) {
    case ODD_SCORE_RECONSTRUCTION:
        return &calibration->reconstruction;
    case ODD_SCORE_RARITY:
        return &calibration->rarity;
    case ODD_SCORE_LOSS:
        return &calibration->loss;
    case ODD_SCORE_BOTH:
        break;
    }
    return &calibration->score;
}

static void note_extra(const stream *s)
{
    size_t extra = odd_encoder_extra(s->encoder), size = sizeof s->summary->notes, used;
    if (!extra)
        return;
    used = (size_t)snprintf(s->summary->notes, size,
                            "%zu column%s not in the model and ignored: ", extra,
                            extra > 1 ? "s are" : " is");
    for (size_t i = 0; i < extra && used + 80 < size; i++)
        used += (size_t)snprintf(s->summary->notes + used, size - used, "%s%.60s", i ? ", " : "",
                                 odd_encoder_extra_name(s->encoder, i));
}

/* The model is of the kind that the sink is for. */
static int check_model(stream *s, oddrow_error *err)
{
    const odd_calibration *calibration = s->options->masked ? &s->model->masked : &s->model->plain;
    if (s->sink->predicts)
        return odd_model_want_target(s->model, err);
    int rc = odd_model_want_scores(s->model, err);
    if (rc)
        return rc;
    if (!calibration->present)
        return odd_fail(err, ODDROW_EINVAL,
                        "this model has too many columns to score each of them masked");
    s->tail = odd_stream_tail(calibration, s->options->score);
    s->alerts = s->options->alerts > 0 ? s->options->alerts : s->model->alerts;
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
        odd_prefix(err, "%s: ", paths[0]);
    if (!rc)
        rc = s->sink->predicts ? odd_folded_new(s->model->network, &s->folded, err)
                               : odd_scorer_new(s->model, false, &s->scorer, err);
    if (!rc)
        note_extra(s);
    return rc;
}

static void add_up(odd_score_summary *summary, const worker *workers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        odd_lane_seconds lane = workers[i].lane
                                    ? odd_lane_time(workers[i].lane)
                                    : (odd_lane_seconds){.network = workers[i].predicting};
        summary->odd += workers[i].odd_count;
        summary->reading += workers[i].reading;
        summary->parsing += workers[i].parsing;
        summary->encoding += workers[i].encoding;
        summary->network += lane.network;
        summary->rarity += lane.rarity;
        summary->calibration += lane.calibration;
        summary->writing += workers[i].formatting;
    }
}

int odd_stream_run(const odd_model *model, const char *const *paths, size_t path_count,
                   const odd_score_options *options, const odd_sink *sink,
                   odd_score_summary *summary, oddrow_error *err)
{
    stream s = {.model = model,
                .options = options,
                .sink = sink,
                .started = odd_clock(),
                .input = PTHREAD_MUTEX_INITIALIZER,
                .lock = PTHREAD_MUTEX_INITIALIZER,
                .turn = PTHREAD_COND_INITIALIZER,
                .err = err,
                .summary = summary};
    odd_pool *pool = NULL;
    worker *workers = NULL;
    size_t count = 0;
    *summary = (odd_score_summary){0};
    int rc = open_stream(&s, paths, path_count, err);
    if (!rc)
        rc = odd_pool_new(options->threads, &pool, err);
    if (!rc) {
        count = odd_pool_threads(pool);
        workers = odd_alloc(count, sizeof *workers);
        rc = workers ? 0 : odd_fail(err, ODDROW_ENOMEM, "out of memory");
    }
    for (size_t i = 0; !rc && i < count; i++)
        rc = worker_new(&s, &workers[i], err);
    if (!rc)
        rc = sink->begin(sink->context, s.source, s.encoder, err);
    if (!rc) {
        odd_pool_run(pool, count, work, workers);
        rc = s.rc;
    }
    if (!rc) {
        add_up(summary, workers, count);
        tell(&s, true);
    }
    summary->seconds = odd_clock() - s.started;
    for (size_t i = 0; workers && i < count; i++)
        worker_free(&workers[i]);
    odd_free(workers);
    odd_pool_free(&pool);
    odd_scorer_free(&s.scorer);
    odd_folded_free(&s.folded);
    odd_encoder_free(&s.encoder);
    odd_csv_close(&s.source);
    return rc;
}
