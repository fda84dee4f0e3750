/* csv/ordered.c: threads that take chunks in turn, and wait for the ones before them. */
#include "csv/ordered.h"

#include <math.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

/* Shared by the threads. */
typedef struct run {
    odd_csv_source *source;
    const odd_csv_job *job;
    odd_csv_counts *counts;
    double started, told;
    pthread_mutex_t input; /* for odd_csv_next */
    pthread_mutex_t lock;  /* for all below, and counts */
    pthread_cond_t turn;
    uint64_t numbered, written; /* chunks whose rows are numbered, that are written */
    int rc;                     /* the first failure */
    oddrow_error *err;
} run;

typedef struct worker {
    run *run;
    odd_csv_chunk chunk;
    odd_bytes out;
    double reading, splitting, writing;
} worker;

/* Waits until all chunks before this one have passed a point; false when another thread failed. */
static bool wait_turn(run *r, const uint64_t *passed, uint64_t sequence)
{
    while (*passed != sequence && !r->rc)
        pthread_cond_wait(&r->turn, &r->lock);
    return !r->rc;
}

static void fail(run *r, int rc, const oddrow_error *err)
{
    pthread_mutex_lock(&r->lock);
    if (!r->rc) {
        r->rc = rc;
        if (r->err)
            *r->err = *err;
    }
    pthread_cond_broadcast(&r->turn);
    pthread_mutex_unlock(&r->lock);
}

static void tell(run *r, bool last)
{
    double now = odd_clock();
    uint64_t total = odd_csv_bytes_total(r->source);
    if (!r->job->progress || (!last && now - r->told < 0.2))
        return;
    r->told = now;
    pthread_mutex_lock(&r->lock);
    uint64_t rows = r->counts->records;
    pthread_mutex_unlock(&r->lock);
    odd_progress progress = {
        .stage = r->job->stage,
        .rows = rows,
        .fraction = last    ? 1
                    : total ? (double)odd_csv_bytes_read(r->source) / (double)total
                            : -1,
        .rows_per_second = now > r->started ? (double)rows / (now - r->started) : 0,
        .loss = NAN,
        .validation_loss = NAN};
    r->job->progress(r->job->progress_context, &progress);
}

/* The chunk's first row number, once all chunks before it have been counted. */
static bool number_rows(run *r, const odd_csv_chunk *chunk, uint64_t *first_row)
{
    pthread_mutex_lock(&r->lock);
    bool going = wait_turn(r, &r->numbered, chunk->sequence);
    if (going) {
        *first_row = r->counts->records + 1;
        r->counts->records += chunk->records;
        r->counts->rows += chunk->rows;
        r->counts->rejected += chunk->reject_count;
        r->numbered++;
        pthread_cond_broadcast(&r->turn);
    }
    pthread_mutex_unlock(&r->lock);
    return going;
}

static int write_chunk(worker *w, uint64_t first_row, oddrow_error *err)
{
    run *r = w->run;
    pthread_mutex_lock(&r->lock);
    bool going = wait_turn(r, &r->written, w->chunk.sequence);
    pthread_mutex_unlock(&r->lock);
    if (!going)
        return 0; /* the failure is known already */
    double start = odd_clock();
    int rc = r->job->write(r->job->context, &w->out, &w->chunk, first_row, err);
    w->writing += odd_clock() - start;
    if (rc)
        return rc;
    pthread_mutex_lock(&r->lock);
    r->written++;
    pthread_cond_broadcast(&r->turn);
    pthread_mutex_unlock(&r->lock);
    return 0;
}

/* One chunk from file to output: 1 done, 0 no more, < 0 failed. */
static int do_chunk(worker *w, size_t thread, oddrow_error *err)
{
    run *r = w->run;
    uint64_t first_row = 0;
    pthread_mutex_lock(&r->lock);
    bool failed = r->rc != 0;
    pthread_mutex_unlock(&r->lock);
    if (failed)
        return 0;
    double start = odd_clock();
    pthread_mutex_lock(&r->input);
    int more = odd_csv_next(r->source, &w->chunk, err);
    pthread_mutex_unlock(&r->input);
    double read = odd_clock();
    w->reading += read - start;
    if (more <= 0)
        return more;
    int rc = odd_csv_split(r->source, &w->chunk, err);
    w->splitting += odd_clock() - read;
    if (rc)
        return rc;
    if (!number_rows(r, &w->chunk, &first_row))
        return 0;
    odd_bytes_clear(&w->out);
    if (r->job->chunk)
        rc = r->job->chunk(r->job->context, thread, &w->chunk, first_row, &w->out, err);
    if (!rc && r->job->write)
        rc = write_chunk(w, first_row, err);
    return rc ? rc : 1;
}

static void work(void *context, size_t index, size_t thread)
{
    worker *w = (worker *)context + index;
    oddrow_error err = {0};
    int rc;
    while ((rc = do_chunk(w, index, &err)) > 0)
        if (thread == 0)
            tell(w->run, false);
    if (rc < 0)
        fail(w->run, rc, &err);
}

int odd_csv_run(odd_csv_source *source, odd_pool *pool, const odd_csv_job *job,
                odd_csv_counts *counts, oddrow_error *err)
{
    run r = {.source = source,
             .job = job,
             .counts = counts,
             .started = odd_clock(),
             .input = PTHREAD_MUTEX_INITIALIZER,
             .lock = PTHREAD_MUTEX_INITIALIZER,
             .turn = PTHREAD_COND_INITIALIZER,
             .err = err};
    size_t count = odd_pool_threads(pool);
    worker *workers = odd_alloc(count, sizeof *workers);
    *counts = (odd_csv_counts){0};
    if (!workers)
        return odd_no_memory(err);
    for (size_t i = 0; i < count; i++)
        workers[i].run = &r;
    odd_pool_run(pool, count, work, workers);
    if (!r.rc)
        tell(&r, true);
    counts->seconds = odd_clock() - r.started;
    for (size_t i = 0; i < count; i++) {
        counts->reading += workers[i].reading;
        counts->splitting += workers[i].splitting;
        counts->writing += workers[i].writing;
        odd_csv_chunk_free(&workers[i].chunk);
        odd_bytes_free(&workers[i].out);
    }
    odd_free(workers);
    return r.rc;
}
