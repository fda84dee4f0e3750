/* worker/engine.h: a model made ready to score messages on several threads. */
#ifndef ODD_WORKER_ENGINE_H
#define ODD_WORKER_ENGINE_H

#include <pthread.h>

#include "base/pool.h"
#include "model/parts.h"
#include "wire/frame.h"
#include "worker/drift.h"
#include "worker/entry.h"

typedef struct odd_engine odd_engine;

typedef struct odd_engine_options {
    size_t threads;     /* slices; at least 1 */
    size_t explain;     /* reasons of an odd row */
    double alerts;      /* 0: the model's own */
    size_t max_message; /* bytes */
    bool publish_all;   /* every scored row becomes an entry, not only the odd ones */
} odd_engine_options;

/* One message. The caller fills the first part. */
typedef struct odd_job {
    odd_span payload;
    odd_span client; /* of a sent message, any bytes; else empty */
    uint64_t first;  /* number of its first row */
    bool asked;      /* every row needs its JSON */
    const char *socket;
    const char *refused; /* why the message is rejected for its frames, or NULL */
    /* set by odd_engine_run; valid until the next run */
    odd_decoded decoded;
    const struct odd_result *results; /* (decoded.rows) in the order of the payload */
} odd_job;

/* One row of a job. */
typedef struct odd_result {
    odd_reject reject; /* NONE: scored */
    bool odd;
    odd_topic topic;
    bool entry;    /* goes into the feed */
    odd_span body; /* of its entry (entry.h), when it goes into the feed or is asked for */
    const char *reason;
    float score, loss, shadow_score, shadow_loss;
    bool shadow_odd;
} odd_result;

/* Reads the model and folds it. */
int odd_engine_load(const char *path, const odd_engine_options *options, odd_engine **out,
                    oddrow_error *err);
void odd_engine_free(odd_engine **e);

const odd_model *odd_engine_model(const odd_engine *e);
const char *odd_engine_path(const odd_engine *e);
/* Its name and hash, as odd_entry_model writes them. */
odd_span odd_engine_identity(const odd_engine *e);

/* 0 when both take the same rows: the same columns of the same kinds in the same order; otherwise
 * ODDROW_ESCHEMA, naming the first column that differs. */
int odd_engine_compare(const odd_engine *e, const odd_engine *other, oddrow_error *err);

/* The model that scores the same rows for comparison and sets the shadow members of odd_result;
 * NULL: none. Borrowed; its slices are used with those of `e`. */
void odd_engine_set_shadow(odd_engine *e, odd_engine *shadow);

/* Decodes and scores all jobs, and counts their rows in `drift`, which may be NULL, under `lock`.
 * 0, or ODDROW_ENOMEM with no result usable. */
int odd_engine_run(odd_engine *e, odd_pool *pool, odd_job *jobs, size_t count, odd_drift *drift,
                   pthread_mutex_t *lock, oddrow_error *err);

#endif
