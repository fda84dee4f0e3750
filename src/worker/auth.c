/* worker/auth.c: the thread that answers ZAP and reads the monitors. */
#include "worker/auth.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/pool.h"
#include "wire/endpoint.h"
#include "wire/frame.h"
#include "worker/allow.h"
#include "worker/monitor.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

enum {
    WATCH_MAX = 16,
    HANDSHAKE = 10000, /* milliseconds a peer has */
    REFRESH = 1000     /* milliseconds between two looks at the allow list */
};

struct odd_auth {
    void *zap;        /* REP, or NULL without keys; the thread's after start */
    odd_allow *allow; /* NULL without keys; the thread's after start */
    odd_log *log;     /* the thread uses it until quiet */
    odd_keys keys;
    void *context;
    odd_monitor_counts counts;
    int wake; /* eventfd: watches or closing changed */
    atomic_uint_fast64_t unlisted, clients;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    odd_monitor watches[WATCH_MAX]; /* [0, watch_count) are the thread's */
    size_t watch_count;
    bool closing;  /* set by free: serve nobody, log nothing */
    bool quiet;    /* set by the thread: it does so */
    bool released; /* set by free: the thread may free everything */
};

static void destroy(odd_auth *a)
{
    odd_socket_close(&a->zap);
    for (size_t i = 0; i < WATCH_MAX; i++)
        odd_monitor_close(&a->watches[i]);
    odd_allow_free(&a->allow);
    odd_keys_wipe(&a->keys);
    if (a->wake >= 0)
        close(a->wake);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    odd_free(a);
}

/* ---- ZAP ---- */

/* The frames of a ZAP request (RFC 27). */
typedef enum { VERSION, REQUEST, DOMAIN, ADDRESS, IDENTITY, MECHANISM, CREDENTIALS } frame_name;

enum { FRAMES = 8 /* some mechanisms have two credentials */, FRAME_MAX = 255 };

typedef struct request {
    odd_span frames[FRAMES];
    int count;
    bool broken; /* too many frames or too long ones */
} request;

static bool is_text(const request *r, frame_name frame, const char *text)
{
    const odd_span *f = &r->frames[frame];
    return f->size == strlen(text) && !memcmp(f->data, text, f->size);
}

static void reply(void *socket, const request *r, const char *code, const char *text,
                  const char *user)
{
    const odd_span frames[] = {{"1.0", 3},           r->frames[REQUEST],   {code, strlen(code)},
                               {text, strlen(text)}, {user, strlen(user)}, {"", 0}};
    /* A session that is gone by now is no error: REP drops the answer. */
    (void)odd_frames_send(socket, frames, 6, false);
}

static void refuse_unlisted(odd_auth *a, const request *r)
{
    char key[ODD_KEY_SIZE] = "";
    zmq_z85_encode(key, (const uint8_t *)r->frames[CREDENTIALS].data, ODD_ALLOW_KEY);
    atomic_fetch_add(&a->unlisted, 1);
    a->counts.refused++;
    odd_log_write(a->log, ODD_LOG_WARN, "refused", "%.*s: the key %.8s... is not on the list",
                  (int)r->frames[ADDRESS].size, r->frames[ADDRESS].data, key);
    reply(a->zap, r, "400", "not on the list", "");
}

static void refuse(odd_auth *a, const request *r, const char *code, const char *why)
{
    odd_span address = r->count > ADDRESS ? r->frames[ADDRESS] : (odd_span){"unknown", 7};
    atomic_fetch_add(&a->counts.failed, 1);
    odd_log_write(a->log, ODD_LOG_WARN, "refused", "%.*s: %s", (int)address.size, address.data,
                  why);
    reply(a->zap, r, code, why, "");
}

static void judge(odd_auth *a, const request *r, bool closing)
{
    bool curve = r->count > MECHANISM && is_text(r, MECHANISM, "CURVE");
    if (closing) {
        reply(a->zap, r, "400", "closing", "");
    } else if (r->broken || r->count <= MECHANISM || !is_text(r, VERSION, "1.0") ||
               (curve &&
                (r->count != CREDENTIALS + 1 || r->frames[CREDENTIALS].size != ODD_ALLOW_KEY))) {
        refuse(a, r, "500", "a malformed ZAP request");
    } else if (!is_text(r, DOMAIN, "oddrow")) {
        refuse(a, r, "400", "another ZAP domain");
    } else if (!curve) {
        refuse(a, r, "400", "the security mechanism is not CURVE");
    } else {
        const char *user =
            odd_allow_find(a->allow, (const unsigned char *)r->frames[CREDENTIALS].data);
        if (user)
            reply(a->zap, r, "200", "OK", user);
        else
            refuse_unlisted(a, r);
    }
}

/* Answers what has come. */
static void serve_zap(odd_auth *a, bool closing)
{
    zmq_msg_t frames[FRAMES];
    request r;
    while ((r.count = odd_frames_receive(a->zap, frames, FRAMES)) > 0) {
        r.broken = r.count > FRAMES;
        for (int i = 0; i < FRAMES; i++) {
            r.frames[i] = odd_frame_span(&frames[i]);
            r.broken |= r.frames[i].size > FRAME_MAX;
        }
        judge(a, &r, closing);
        odd_frames_close(frames, FRAMES);
    }
}

/* ---- the thread ---- */

/* Waits for work. False when the context has ended. */
static bool wait_for_work(odd_auth *a, size_t watch_count)
{
    zmq_pollitem_t items[2 + WATCH_MAX] = {{.fd = a->wake, .events = ZMQ_POLLIN}};
    int count = 1;
    if (a->zap)
        items[count++] = (zmq_pollitem_t){.socket = a->zap, .events = ZMQ_POLLIN};
    for (size_t i = 0; i < watch_count; i++)
        if (a->watches[i].pair)
            items[count++] = (zmq_pollitem_t){.socket = a->watches[i].pair, .events = ZMQ_POLLIN};
    if (zmq_poll(items, count, a->allow ? REFRESH : -1) < 0)
        return errno == EINTR;
    eventfd_t wakes;
    if (items[0].revents && eventfd_read(a->wake, &wakes))
        return errno == EAGAIN || errno == EINTR;
    return true;
}

/* How many sockets there are to watch, and whether free was called, which it is told has been
 * heard. */
static size_t look(odd_auth *a, bool *closing)
{
    pthread_mutex_lock(&a->lock);
    size_t count = a->watch_count;
    *closing = a->closing;
    if (a->closing && !a->quiet) {
        a->quiet = true;
        pthread_cond_broadcast(&a->changed);
    }
    pthread_mutex_unlock(&a->lock);
    return count;
}

static bool all_closed(const odd_auth *a, size_t watch_count)
{
    for (size_t i = 0; i < watch_count; i++)
        if (a->watches[i].pair)
            return false;
    return true;
}

static void refresh(odd_auth *a, double *last)
{
    double now = odd_clock();
    if (!a->allow || now - *last < REFRESH / 1000.0)
        return;
    *last = now;
    odd_allow_refresh(a->allow, a->log);
    atomic_store(&a->clients, odd_allow_count(a->allow));
}

/* The last acts: sockets go, so that the context can end; the rest when free has come and gone. */
static void end(odd_auth *a, size_t watch_count)
{
    odd_socket_close(&a->zap);
    for (size_t i = 0; i < watch_count; i++)
        odd_monitor_close(&a->watches[i]);
    pthread_mutex_lock(&a->lock);
    a->quiet = true;
    pthread_cond_broadcast(&a->changed);
    while (!a->released)
        pthread_cond_wait(&a->changed, &a->lock);
    pthread_mutex_unlock(&a->lock);
    destroy(a);
}

static void *run(void *argument)
{
    odd_auth *a = argument;
    double last = odd_clock();
    bool closing = false;
    size_t count = look(a, &closing);
    while (!(closing && all_closed(a, count)) && wait_for_work(a, count)) {
        count = look(a, &closing);
        if (!closing)
            refresh(a, &last);
        if (a->zap)
            serve_zap(a, closing);
        for (size_t i = 0; i < count; i++)
            odd_monitor_read(&a->watches[i], &a->counts, closing ? NULL : a->log);
    }
    end(a, count);
    return NULL;
}

/* ---- the caller's side ---- */

static int open_zap(odd_auth *a, const char *directory, oddrow_error *err)
{
    int none = 0, rc;
    if ((rc = odd_keys_read(directory, &a->keys, err)) ||
        (rc = odd_allow_open(directory, a->log, &a->allow, err)))
        return rc;
    atomic_store(&a->clients, odd_allow_count(a->allow));
    a->zap = zmq_socket(a->context, ZMQ_REP);
    if (!a->zap || zmq_setsockopt(a->zap, ZMQ_LINGER, &none, sizeof none) ||
        zmq_bind(a->zap, "inproc://zeromq.zap.01"))
        return odd_fail(err, ODDROW_EIO, "cannot serve ZAP: %s",
                        errno == EADDRINUSE ? "this context has a handler" : zmq_strerror(errno));
    return 0;
}

int odd_auth_start(void *context, const char *directory, odd_log *log, odd_auth **out,
                   oddrow_error *err)
{
    pthread_t thread;
    int rc = 0, failure;
    odd_auth *a = odd_alloc(1, sizeof *a);
    *out = NULL;
    if (!a)
        return odd_no_memory(err);
    a->context = context;
    a->log = log;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    a->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (a->wake < 0)
        rc = odd_fail(err, ODDROW_EIO, "cannot make an eventfd: %s", strerror(errno));
    if (!rc && directory)
        rc = open_zap(a, directory, err);
    if (!rc && (failure = odd_thread_start(&thread, run, a)))
        rc = odd_fail(err, ODDROW_ENOMEM, "cannot start a thread: %s", strerror(failure));
    if (rc) {
        destroy(a);
        return rc;
    }
    pthread_detach(thread);
    *out = a;
    return 0;
}

int odd_auth_watch(odd_auth *a, void *socket, const char *name, oddrow_error *err)
{
    int limit = HANDSHAKE, rc = 0;
    if (*a->keys.secret_key && (rc = odd_keys_apply(&a->keys, true, socket, err)))
        return rc;
    if (zmq_setsockopt(socket, ZMQ_HANDSHAKE_IVL, &limit, sizeof limit))
        return odd_fail(err, ODDROW_EINVAL, "%s: cannot limit handshakes: %s", name,
                        zmq_strerror(errno));
    pthread_mutex_lock(&a->lock);
    if (a->watch_count == WATCH_MAX)
        rc = odd_fail(err, ODDROW_EINVAL, "%s: more than %d sockets", name, WATCH_MAX);
    else
        rc = odd_monitor_open(&a->watches[a->watch_count], a->context, socket, name, err);
    a->watch_count += !rc;
    pthread_mutex_unlock(&a->lock);
    if (!rc)
        eventfd_write(a->wake, 1);
    return rc;
}

odd_auth_counts odd_auth_counts_of(odd_auth *a)
{
    return (odd_auth_counts){atomic_load(&a->counts.allowed), atomic_load(&a->unlisted),
                             atomic_load(&a->counts.failed), atomic_load(&a->clients)};
}

void odd_auth_free(odd_auth **auth)
{
    if (!auth || !*auth)
        return;
    odd_auth *a = *auth;
    *auth = NULL;
    pthread_mutex_lock(&a->lock);
    odd_keys_wipe(&a->keys);
    a->closing = true;
    eventfd_write(a->wake, 1);
    while (!a->quiet)
        pthread_cond_wait(&a->changed, &a->lock);
    a->released = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}
