/* worker/worker.h: the worker: takes rows from sockets and publishes scored rows in a journalled
 * feed.
 *
 * One thread receives, scores with the help of a pool, commits and publishes. Replay,
 * authentication and the loading of a new model have threads of their own. docs/protocol.md
 * describes the wire. */
#ifndef ODD_WORKER_WORKER_H
#define ODD_WORKER_WORKER_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/options.h"
#include "oddrow.h"
#include "wire/endpoint.h"
#include "wire/payload.h"

/* The largest max_message. An entry contains its row twice, as received and in its reasons, and at
 * worst each byte becomes six characters (\u0001): 805 MB, where SQLite takes at most 10^9 bytes. A
 * longer entry could never be committed, and its batch would wait for ever. */
#define ODD_MESSAGE_MOST 67108864.0

/* What acknowledged rows survive; which scored rows the feed carries; how lines are written. */
typedef enum odd_durability { ODD_DURABLE_PROCESS, ODD_DURABLE_POWER } odd_durability;
typedef enum odd_publish { ODD_PUBLISH_ODD, ODD_PUBLISH_ALL } odd_publish;

/* Endpoints: NULL or "none": not bound; journal NULL: a temporary one; keys NULL: no CURVE; alerts
 * 0: the model's own; threads 0: one a processor; http, http_token and log_form are the command's.
 */
#define ODD_WORKER_OPTIONS(X)                                                                      \
    X(const char *, pull, "tcp://127.0.0.1:5555", TEXT, "pull", SERVE, .value = "EP",              \
      .help = "PULL socket: rows without an answer; none: not bound, here and for the next four")  \
    X(const char *, rows, "tcp://127.0.0.1:5556", TEXT, "rows", SERVE, .value = "EP",              \
      .help = "ROUTER socket: rows that are acknowledged (send) or answered (ask)")                \
    X(const char *, feed, "tcp://127.0.0.1:5557", TEXT, "feed", SERVE, .value = "EP",              \
      .help = "XPUB socket: scored rows, rejected rows, drift, status")                            \
    X(const char *, replay, "tcp://127.0.0.1:5558", TEXT, "replay", SERVE, .value = "EP",          \
      .help = "ROUTER socket: the feed from any sequence number on")                               \
    X(const char *, http, "127.0.0.1:5580", TEXT, "http", SERVE, .value = "HOST:PORT",             \
      .help = "/healthz, /readyz and /metrics")                                                    \
    X(const char *, http_token, NULL, TEXT, "http-token", SERVE | PROMOTE, .value = "FILE",        \
      .help = "file with the token that HTTP clients must send; required beyond loopback")         \
    X(const char *, journal, NULL, TEXT, "journal", SERVE, .value = "FILE.db",                     \
      .unset = "a temporary one",                                                                  \
      .help = "SQLite file that holds the feed and the place of each client")                      \
    X(odd_durability, durability, ODD_DURABLE_PROCESS, CHOICE, "durability", SERVE,                \
      .choice = durability,                                                                        \
      .help = "what acknowledged rows survive: the end of the process, or also a power failure")   \
    X(odd_retain, retain, {.bytes = (size_t)1 << 30}, RETAIN, "retain", SERVE,                     \
      .value = "DURATION|SIZE",                                                                    \
      .help = "how much of the feed the journal keeps: 12h, 7d, 500M, 10G")                        \
    X(odd_publish, publish, ODD_PUBLISH_ODD, CHOICE, "publish", SERVE, .choice = publish,          \
      .help = "which scored rows the feed carries")                                                \
    X(size_t, explain, 3, COUNT, "explain", SERVE, .high = 1000, .value = "K",                     \
      .help = "name the K most surprising columns of each odd row")                                \
    X(double, alerts, 0, REAL, "alerts", SERVE, .high = 1, .above_low = true, .below_high = true,  \
      .value = "Q", .unset = "the model's", .help = "share of normal rows that may be called odd") \
    X(size_t, batch_rows, 2048, COUNT, "batch-rows", SERVE, .low = 1, .high = 65536, .value = "N", \
      .help = "largest number of rows scored together")                                            \
    X(double, batch_wait, 500e-6, DURATION, "batch-wait", SERVE, .high = 60, .value = "DURATION",  \
      .help = "how long a busy worker waits for a batch to fill; an idle one never waits")         \
    X(size_t, threads, 0, COUNT, "threads", SERVE, .high = 1024, .value = "N",                     \
      .help = "scoring threads; 0: one per processor")                                             \
    X(size_t, max_message, (size_t)16 << 20, BYTES, "max-message", SERVE, .low = 4096,             \
      .high = ODD_MESSAGE_MOST, .value = "SIZE",                                                   \
      .help = "size of the longest payload that is accepted")                                      \
    X(const char *, keys, NULL, TEXT, "keys", SERVE, .value = "DIR",                               \
      .help = "directory of CURVE keys and allow list, made by oddrow keygen; required beyond "    \
              "loopback")                                                                          \
    X(const char *, shadow, NULL, TEXT, "shadow", SERVE, .value = "MODEL",                         \
      .help = "second model that scores the same rows, for comparison")                            \
    X(odd_form, log_form, ODD_FORM_TEXT, CHOICE, "log", SERVE, .choice = form,                     \
      .help = "format of the log on standard error")

/* Texts are borrowed until odd_worker_free. */
typedef struct odd_worker_options {
    const char *model; /* path */
    odd_log *log;      /* borrowed, may be NULL */
    ODD_WORKER_OPTIONS(ODD_OPTION_FIELD)
} odd_worker_options;

#define ODD_WORKER_OPTIONS_INIT                                                                    \
    {                                                                                              \
        ODD_WORKER_OPTIONS(ODD_OPTION_DEFAULT)                                                     \
    }

typedef struct odd_worker odd_worker;

/* The addresses that were bound; "" for a socket that is not. */
typedef struct odd_worker_endpoints {
    char pull[ODD_ENDPOINT_SIZE], rows[ODD_ENDPOINT_SIZE], feed[ODD_ENDPOINT_SIZE],
        replay[ODD_ENDPOINT_SIZE];
} odd_worker_endpoints;

/* Loads the model, opens the journal and binds the sockets; receives nothing yet. ODDROW_EINVAL for
 * an endpoint beyond loopback and ipc without keys, and a message that says what to do. */
int odd_worker_new(const odd_worker_options *options, odd_worker **out, oddrow_error *err);
void odd_worker_free(odd_worker **w);

const odd_worker_endpoints *odd_worker_bound(const odd_worker *w);

/* Serves until odd_worker_stop, and then finishes what it has accepted, within 10 s. 0, or an error
 * after which it cannot continue. */
int odd_worker_run(odd_worker *w, oddrow_error *err);

/* From any thread or a signal handler: end; load the models again; swap model and shadow. */
void odd_worker_stop(odd_worker *w);
void odd_worker_reload(odd_worker *w);
void odd_worker_promote(odd_worker *w);

/* From any thread, for the HTTP pages. promote_now: swaps the models, and waits until that is done:
 * 0, or ODDROW_EINVAL when there is no shadow. unready: why the worker is not ready, or NULL. */
int odd_worker_promote_now(odd_worker *w, oddrow_error *err);
const char *odd_worker_unready(odd_worker *w);
void odd_worker_metrics(odd_worker *w, odd_bytes *out);
/* One line of JSON about the models in use. */
void odd_worker_models(odd_worker *w, odd_bytes *out);

#endif
