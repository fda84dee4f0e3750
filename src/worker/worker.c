/* worker/worker.c: the life of a worker, its sockets and its poll loop. */
#include "worker/worker.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "worker/parts.h"

enum { DRAIN_SECONDS = 6, LINGER_MS = 2000, TELL_SECONDS = 60 };

/* ---- sockets ---- */

static int set(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value);
}

static int open_socket(odd_worker *w, int type, const char *endpoint, const char *name, char *bound,
                       void **out, oddrow_error *err)
{
    bool local = false;
    if (!endpoint || strcmp(endpoint, "none") == 0)
        return 0;
    int rc = odd_endpoint_check(endpoint, &local, err);
    if (rc)
        return rc;
    if (!local && !w->options.keys)
        return odd_fail(err, ODDROW_EINVAL,
                        "%s is reachable from other machines: set 'keys' to a directory made by "
                        "'oddrow keygen DIR', or listen on 127.0.0.1",
                        endpoint);
    *out = zmq_socket(w->context, type);
    if (!*out)
        return odd_fail(err, ODDROW_EIO, "cannot open a socket: %s", zmq_strerror(errno));
    /* High-water marks count messages; a connection may cost its mark times their size. A message
     * beyond MAXMSGSIZE ends its connection; between max_message and that it is rejected by name.
     */
    const int64_t most = (int64_t)4 * (int64_t)ODD_MESSAGE_MOST;
    /* A replay answer may be 1 MiB, and its thread waits for peers that do not read. */
    set(*out, ZMQ_LINGER, LINGER_MS);
    set(*out, ZMQ_SNDHWM, strcmp(name, "replay") == 0 ? 100 : 10000);
    set(*out, ZMQ_RCVHWM, 1000);
    set(*out, ZMQ_TCP_KEEPALIVE, 1);
    set(*out, ZMQ_HEARTBEAT_IVL, 10000);
    set(*out, ZMQ_HEARTBEAT_TIMEOUT, 30000);
    zmq_setsockopt(*out, ZMQ_MAXMSGSIZE, &most, sizeof most);
    if (type == ZMQ_ROUTER)
        set(*out, ZMQ_ROUTER_MANDATORY, 1);
    rc = odd_auth_watch(w->auth, *out, name, err);
    if (!rc)
        rc = odd_endpoint_bind(*out, endpoint, bound, err);
    return rc;
}

static int open_sockets(odd_worker *w, oddrow_error *err)
{
    const odd_worker_options *o = &w->options;
    odd_worker_endpoints *b = &w->bound;
    void *replay = NULL;
    int rc;
    if ((rc = odd_auth_start(w->context, o->keys, o->log, &w->auth, err)) ||
        (rc = open_socket(w, ZMQ_PULL, o->pull, "pull", b->pull, &w->pull, err)) ||
        (rc = open_socket(w, ZMQ_ROUTER, o->rows, "rows", b->rows, &w->rows, err)) ||
        (rc = open_socket(w, ZMQ_XPUB, o->feed, "feed", b->feed, &w->feed, err)) ||
        (rc = open_socket(w, ZMQ_ROUTER, o->replay, "replay", b->replay, &replay, err)) ||
        (replay &&
         (rc = odd_replay_start(replay, odd_journal_path(w->journal), o->log, &w->replay, err))))
        odd_socket_close(&replay);
    return rc;
}

/* ---- life ---- */

int odd_worker_new(const odd_worker_options *options, odd_worker **out, oddrow_error *err)
{
    odd_worker *w = odd_alloc(1, sizeof *w);
    *out = w;
    if (!w)
        return odd_no_memory(err);
    w->options = *options;
    w->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->promoted, NULL);
    w->counts.started = (uint64_t)(odd_clock_utc() / 1000000);
    odd_journal_options journal = {options->durability == ODD_DURABLE_POWER,
                                   options->retain.seconds, options->retain.bytes};
    int rc = 0;
    if (w->wake < 0)
        rc = odd_fail(err, ODDROW_EIO, "cannot make an eventfd: %s", strerror(errno));
    if (rc || (rc = odd_batch_open(&w->batch, options->batch_rows, err)) ||
        (rc = odd_pool_new(options->threads, &w->pool, err)) || (rc = odd_models_open(w, err)) ||
        (rc = odd_journal_open(options->journal, &journal, &w->journal, err)) ||
        (rc = odd_places_new(w->journal, options->batch_rows, &w->places, err)) ||
        (rc = odd_context_new(&w->context, err)) || (rc = open_sockets(w, err)))
        odd_worker_free(out);
    else /* what the pages show until the first batch */
        w->journal_state = odd_journal_state_of(w->journal);
    return rc;
}

void odd_worker_free(odd_worker **worker)
{
    if (!worker || !*worker)
        return;
    odd_worker *w = *worker;
    odd_models_close(w);
    odd_batch_close(&w->batch);
    odd_replay_free(&w->replay);
    odd_socket_close(&w->pull);
    odd_socket_close(&w->rows);
    odd_socket_close(&w->feed);
    odd_auth_free(&w->auth);
    odd_context_free(&w->context);
    odd_places_free(&w->places);
    odd_journal_close(&w->journal);
    odd_pool_free(&w->pool);
    odd_bytes_free(&w->answer);
    if (w->wake >= 0)
        close(w->wake);
    pthread_cond_destroy(&w->promoted);
    pthread_mutex_destroy(&w->lock);
    odd_free(w);
    *worker = NULL;
}

const odd_worker_endpoints *odd_worker_bound(const odd_worker *w)
{
    return &w->bound;
}

/* ---- the loop ---- */

static void ask(odd_worker *w, atomic_bool *flag)
{
    int saved = errno;
    atomic_store(flag, true);
    eventfd_write(w->wake, 1);
    errno = saved;
}

void odd_worker_stop(odd_worker *w)
{
    ask(w, &w->stop);
}

void odd_worker_reload(odd_worker *w)
{
    ask(w, &w->reload);
}

void odd_worker_promote(odd_worker *w)
{
    ask(w, &w->promote);
}

static void tell_drift(void *context, const odd_drift_column *c)
{
    odd_worker *w = context;
    odd_bytes body = {0};
    odd_json j = {.out = &body};
    odd_json_string(&j, "column", c->name);
    odd_json_bool(&j, "drifting", c->drifting);
    odd_json_number(&j, "psi", c->psi);
    odd_json_number(&j, "unseen", c->unseen);
    odd_json_number(&j, "missing", c->missing);
    odd_json_number(&j, "trained_unseen", c->trained_unseen);
    odd_json_number(&j, "trained_missing", c->trained_missing);
    odd_json_close(&j, '}');
    odd_batch_note(&w->batch, ODD_TOPIC_DRIFT, &body);
    odd_log_write(w->options.log, c->drifting ? ODD_LOG_WARN : ODD_LOG_INFO, "drift",
                  "column %s %s: PSI %.3f, unseen %.3f, missing %.3f", c->name,
                  c->drifting ? "drifts" : "is back", c->psi, c->unseen, c->missing);
}

static void trim(odd_worker *w, double now)
{
    oddrow_error err = {0};
    if (now - w->trimmed < 1)
        return;
    w->trimmed = now;
    int more = odd_journal_trim(w->journal, odd_clock_utc(), &err);
    if (more > 0)
        w->trimmed = now - 0.9;
    else if (more < 0 && !atomic_load(&w->stalled))
        odd_log_write(w->options.log, ODD_LOG_WARN, "trim", "%s", err.message);
}

/* What is done between batches. */
static void look_after(odd_worker *w, double now)
{
    if (!w->batch.planned) {
        odd_models_begin_load(w);
        odd_models_end_load(w, true);
        odd_models_swap(w);
        pthread_mutex_lock(&w->lock);
        odd_drift_check(w->drift, tell_drift, w);
        pthread_mutex_unlock(&w->lock);
    }
    if (now - w->measured >= 0.2) {
        w->measured = now;
        odd_measure_journal(w);
    }
    trim(w, now);
    if (now - w->told >= TELL_SECONDS && !w->batch.planned) {
        w->told = now;
        odd_status(w, ODD_LOG_DEBUG, "alive", NULL);
    }
}

/* Waits for messages, at most `milliseconds`; the sockets that have some. */
static unsigned wait_for(odd_worker *w, long milliseconds, bool pull)
{
    void *sockets[] = {w->rows, w->feed, pull ? w->pull : NULL};
    zmq_pollitem_t items[4] = {{.fd = w->wake, .events = ZMQ_POLLIN}};
    int count = 1;
    unsigned ready = 0;
    for (size_t i = 0; i < 3; i++)
        if (sockets[i])
            items[count++] = (zmq_pollitem_t){.socket = sockets[i], .events = ZMQ_POLLIN};
    if (zmq_poll(items, count, milliseconds) <= 0)
        return 0;
    eventfd_t none;
    if (items[0].revents)
        eventfd_read(w->wake, &none);
    for (int i = 1; i < count; i++) {
        if (!items[i].revents)
            continue;
        if (items[i].socket == w->feed)
            odd_ingest_subscriptions(w);
        else
            ready |= items[i].socket == w->rows ? ODD_READY_ROWS : ODD_READY_PULL;
    }
    return ready;
}

/* Milliseconds that a batch which is not full may still wait; 0: it goes now. A worker that had
 * nothing to do just before, or was asked, does not wait. */
static long left_to_wait(const odd_worker *w, double now)
{
    double wait = w->options.batch_wait;
    if (w->batch.asked || w->batch.first_at - w->ended > wait || now - w->batch.first_at >= wait)
        return 0;
    long left = (long)((w->batch.first_at + wait - now) * 1000 + 0.999);
    return left > 0 ? left : 1;
}

static int step(odd_worker *w, oddrow_error *err)
{
    double now = odd_clock();
    if (w->batch.planned) { /* the journal was full */
        odd_ingest_refuse(w);
        trim(w, now);
        if (now - w->tried >= 0.25)
            return odd_deliver(w, err);
        (void)wait_for(w, 50, false);
        return 0;
    }
    look_after(w, now);
    unsigned ready = ODD_READY;
    if (!w->full)
        ready = wait_for(w,
                         w->batch.count        ? left_to_wait(w, now)
                         : w->batch.note_count ? 0
                                               : 500,
                         true);
    w->full = odd_ingest(w, ready);
    if (w->batch.count ? !w->full && left_to_wait(w, odd_clock()) > 0 : !w->batch.note_count)
        return 0;
    return odd_deliver(w, err);
}

/* What was received before the end was asked for is finished; what comes while that lasts too, for
 * a while. */
static int drain(odd_worker *w, oddrow_error *err)
{
    double end = odd_clock() + DRAIN_SECONDS;
    int rc = 0;
    atomic_store(&w->draining, true);
    while (!rc && odd_clock() < end) {
        if (!w->batch.planned && !odd_ingest(w, ODD_READY) && w->batch.count == 0)
            break;
        if (w->batch.planned)
            (void)wait_for(w, 50, false);
        rc = odd_deliver(w, err);
    }
    if (w->batch.planned || w->batch.count)
        odd_log_write(w->options.log, ODD_LOG_ERROR, "stopping",
                      "%zu messages could not be finished: pulled ones among them are lost",
                      w->batch.count);
    return rc;
}

int odd_worker_run(odd_worker *w, oddrow_error *err)
{
    oddrow_error failure = {0};
    odd_status(w, ODD_LOG_INFO, "started", odd_engine_path(w->use.engine));
    w->told = odd_clock();
    while (!atomic_load(&w->stop))
        if (step(w, &failure))
            odd_log_write(w->options.log, ODD_LOG_ERROR, "batch-lost", "%s", failure.message);
    odd_status(w, ODD_LOG_INFO, "stopping", "finishing what was accepted");
    int rc = drain(w, err);
    if (!rc && w->batch.note_count && !w->batch.planned)
        rc = odd_deliver(w, err);
    return rc;
}
