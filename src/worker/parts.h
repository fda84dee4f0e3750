/* worker/parts.h: the worker's state, shared by its files; room-private.
 *
 *   worker.c   life, sockets, the poll loop
 *   models.c   the models in use: loaded, loaded again, swapped
 *   ingest.c   frames to messages
 *   deliver.c  a batch through the engine into the journal, then feed, answers, counts
 *   metrics.c  what the HTTP pages and the status entries show
 */
#ifndef ODD_WORKER_PARTS_H
#define ODD_WORKER_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "worker/auth.h"
#include "worker/batch.h"
#include "worker/drift.h"
#include "worker/replay.h"
#include "worker/shadow.h"
#include "worker/worker.h"

enum { ODD_LATENCIES = 14, ODD_OUTCOMES = 3 };
#define ODD_STALLED "the journal cannot be written: try again later"

extern const double odd_latency_bounds[ODD_LATENCIES]; /* seconds */

/* Counters of the metrics page, since the start. */
typedef struct odd_counts {
    uint64_t rows[2][ODD_OUTCOMES]; /* [pull, rows][scored and not odd, odd, rejected] */
    uint64_t rejects[ODD_REJECTS];
    uint64_t messages[3]; /* by odd_message_kind */
    uint64_t duplicates;  /* sent rows that were safe before */
    uint64_t gaps;        /* NAKs */
    uint64_t lost_answers;
    uint64_t latency[ODD_LATENCIES + 1]; /* messages by seconds from receipt to publication */
    double latency_sum;
    uint64_t batches;
    uint64_t published, reloads, failed_reloads, refused_stalled;
    int64_t subscribers;
    uint64_t waiting; /* messages in the batch under way */
    uint64_t started; /* seconds since 1970 */
} odd_counts;

/* A model made ready and the candidate beside it, which may be NULL. */
typedef struct odd_models {
    odd_engine *engine, *shadow;
} odd_models;

struct odd_worker {
    odd_worker_options options;
    odd_worker_endpoints bound;
    void *context, *pull, *rows, *feed;
    odd_auth *auth;
    odd_replay *replay;
    odd_journal *journal;
    odd_pool *pool;
    int wake; /* eventfd: one of the next three was set */
    atomic_bool stop, reload, promote, draining, stalled;

    odd_places *places;
    odd_batch batch;
    odd_bytes answer; /* to one message */
    bool full;        /* there may be more to receive */
    double ended;     /* odd_clock: end of the batch before; */
    double tried;     /* when the journal last refused the batch; */
    double trimmed, told, measured;

    odd_models use; /* the worker's thread's; replaced under `lock` */
    pthread_t loader;
    bool loading;
    atomic_bool load_ended;
    odd_models loaded;
    oddrow_error load_error;

    pthread_mutex_t lock; /* for all below, and for replacing the models */
    pthread_cond_t promoted;
    odd_counts counts;
    odd_drift *drift;
    odd_shadow *compared;
    int promote_result; /* 1: asked for; 0: done; < 0: failed */
    odd_journal_state journal_state;
};

/* ---- models.c ---- */

/* Loads the model and its shadow for the first time. */
int odd_models_open(odd_worker *w, oddrow_error *err);
void odd_models_close(odd_worker *w);

/* For the time between two batches. begin_load: starts a thread that loads the models again, if
 * that was asked for. end_load: installs what it has loaded; use false: waits for it and drops it.
 * swap: swaps model and shadow, if that was asked for. */
void odd_models_begin_load(odd_worker *w);
void odd_models_end_load(odd_worker *w, bool use);
void odd_models_swap(odd_worker *w);

/* ---- ingest.c ---- */

/* Receives the messages of the sockets in `ready`, up to a full batch; true when the batch is full.
 */
enum { ODD_READY_PULL = 1, ODD_READY_ROWS = 2, ODD_READY = 3 };
bool odd_ingest(odd_worker *w, unsigned ready);

/* Counts the subscriptions that came on the feed socket. */
void odd_ingest_subscriptions(odd_worker *w);

/* Takes messages while the journal is full: answers asked ones with an error, sent ones not at all.
 */
void odd_ingest_refuse(odd_worker *w);

/* ---- deliver.c ---- */

/* Scores, commits, publishes and answers the batch. When the journal cannot take it, the batch
 * stays, planned, and the next call tries again. 0, or ODDROW_ENOMEM after which the batch is gone.
 */
int odd_deliver(odd_worker *w, oddrow_error *err);

/* Sends frames to a peer of the rows socket; false when it is gone or does not read. */
bool odd_answer(odd_worker *w, odd_message *m, const odd_span *frames, size_t count);

/* ---- metrics.c ---- */

/* Adds to a counter of w->counts. */
void odd_count(odd_worker *w, uint64_t *counter, uint64_t count);

/* Reads the journal's state anew. */
void odd_measure_journal(odd_worker *w);

/* Adds a status entry to the batch, and writes the event to the log. */
void odd_status(odd_worker *w, odd_log_level level, const char *event, const char *message);

#endif
