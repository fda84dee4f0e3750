/* worker/worker.h: the worker: rows in from sockets, scored rows out to a feed that is journalled.
 *
 * One thread receives, scores (with a pool's help), commits and publishes; replay, authentication
 * and the loading of a new model have threads of their own. docs/protocol.md has the wire. */
#ifndef ODD_WORKER_WORKER_H
#define ODD_WORKER_WORKER_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/log.h"
#include "oddrow.h"
#include "wire/endpoint.h"
#include "wire/payload.h"

/* How much of the feed is kept; at most one bound is set. */
typedef struct odd_retain {
    double seconds; /* 0: no bound */
    size_t bytes;   /* 0: no bound */
} odd_retain;

/* Texts are borrowed until odd_worker_free. */
typedef struct odd_worker_options {
    const char *model, *shadow;              /* paths; shadow may be NULL */
    const char *pull, *rows, *feed, *replay; /* endpoints; NULL: not bound */
    const char *journal;                     /* path; NULL: a temporary one */
    const char *keys;                        /* directory; NULL: no CURVE */
    bool publish_all, power;
    odd_retain retain;
    size_t explain;
    double alerts; /* 0: the model's own */
    size_t batch_rows;
    double batch_wait; /* seconds */
    size_t threads;    /* 0: one a processor */
    size_t max_message;
    odd_log *log; /* borrowed, may be NULL */
} odd_worker_options;

#define ODD_WORKER_OPTIONS_INIT                                                                    \
    {                                                                                              \
        .pull = "tcp://127.0.0.1:5555", .rows = "tcp://127.0.0.1:5556",                            \
        .feed = "tcp://127.0.0.1:5557", .replay = "tcp://127.0.0.1:5558",                          \
        .retain = {.bytes = (size_t)1 << 30}, .explain = 3, .batch_rows = 2048,                    \
        .batch_wait = 500e-6, .max_message = (size_t)16 << 20                                      \
    }

/* The most that max_message may be. A row stands in its entry twice, as received and in its
 * reasons, each byte as six characters at worst (\u0001): 805 MB, and SQLite takes 10^9 bytes. A
 * longer entry could never be committed, and the batch would wait for ever. */
#define ODD_MESSAGE_MOST 67108864.0

typedef struct odd_worker odd_worker;

/* What was bound; "" where nothing is. */
typedef struct odd_worker_endpoints {
    char pull[ODD_ENDPOINT_SIZE], rows[ODD_ENDPOINT_SIZE], feed[ODD_ENDPOINT_SIZE],
        replay[ODD_ENDPOINT_SIZE];
} odd_worker_endpoints;

/* Loads, opens, binds; nothing is received yet. Beyond loopback and ipc without keys:
 * ODDROW_EINVAL with what to do. */
int odd_worker_new(const odd_worker_options *options, odd_worker **out, oddrow_error *err);
void odd_worker_free(odd_worker **w);

const odd_worker_endpoints *odd_worker_bound(const odd_worker *w);

/* Serves until odd_worker_stop, then drains: what was accepted is finished, within 10 s. 0, or an
 * error after which nothing can go on. */
int odd_worker_run(odd_worker *w, oddrow_error *err);

/* From any thread or a signal handler: end; load the model file(s) again; swap model and shadow. */
void odd_worker_stop(odd_worker *w);
void odd_worker_reload(odd_worker *w);
void odd_worker_promote(odd_worker *w);

/* From any thread, for the HTTP pages. promote_now: swaps and waits for it: 0, or ODDROW_EINVAL
 * when there is no shadow. ready: why the worker is not ready, or NULL. */
int odd_worker_promote_now(odd_worker *w, oddrow_error *err);
const char *odd_worker_unready(odd_worker *w);
int odd_worker_metrics(odd_worker *w, odd_bytes *out);
/* One line of JSON about the models in use. */
int odd_worker_models(odd_worker *w, odd_bytes *out);

#endif
