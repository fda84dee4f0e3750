/* worker/auth.c: see auth.h. */
#include "worker/auth.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/pool.h"
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

static void close_socket(void **socket)
{
    if (*socket)
        zmq_close(*socket);
    *socket = NULL;
}

static void destroy(odd_auth *a)
{
    close_socket(&a->zap);
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

enum { FRAMES = 8, FRAME_MAX = 255 };

typedef enum { VERSION, REQUEST, DOMAIN, ADDRESS, IDENTITY, MECHANISM, CREDENTIALS } frame_name;

/* A ZAP request (RFC 27): version, request id, domain, address, identity, mechanism, credentials.
 * Each frame is followed by a NUL. */
typedef struct request {
    char frames[FRAMES][FRAME_MAX + 1];
    size_t sizes[FRAMES], count;
    bool broken; /* too many frames or too long ones */
} request;

/* Takes one whole message. False when there is none. */
static bool receive(void *socket, request *r)
{
    int more = 1;
    memset(r, 0, sizeof *r);
    while (more) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&frame);
            return false;
        }
        size_t size = zmq_msg_size(&frame);
        if (r->count < FRAMES && size <= FRAME_MAX) {
            memcpy(r->frames[r->count], zmq_msg_data(&frame), size);
            r->sizes[r->count++] = size;
        } else {
            r->broken = true;
        }
        more = zmq_msg_more(&frame);
        zmq_msg_close(&frame);
    }
    return true;
}

static bool is_text(const request *r, frame_name frame, const char *text)
{
    return r->sizes[frame] == strlen(text) && !memcmp(r->frames[frame], text, r->sizes[frame]);
}

static void reply(void *socket, const request *r, const char *code, const char *text,
                  const char *user)
{
    bool has_id = r->count > REQUEST;
    /* A session that is gone by now is no error: REP drops the answer. */
    (void)(zmq_send(socket, "1.0", 3, ZMQ_SNDMORE) >= 0 &&
           zmq_send(socket, r->frames[REQUEST], has_id ? r->sizes[REQUEST] : 0, ZMQ_SNDMORE) >= 0 &&
           zmq_send(socket, code, strlen(code), ZMQ_SNDMORE) >= 0 &&
           zmq_send(socket, text, strlen(text), ZMQ_SNDMORE) >= 0 &&
           zmq_send(socket, user, strlen(user), ZMQ_SNDMORE) >= 0 &&
           zmq_send(socket, "", 0, 0) >= 0);
}

static void refuse_unlisted(odd_auth *a, const request *r)
{
    char key[ODD_KEY_SIZE] = "";
    zmq_z85_encode(key, (const uint8_t *)r->frames[CREDENTIALS], ODD_ALLOW_KEY);
    atomic_fetch_add(&a->unlisted, 1);
    a->counts.refused++;
    odd_log_write(a->log, ODD_LOG_WARN, "refused", "%s: the key %.8s... is not on the list",
                  r->frames[ADDRESS], key);
    reply(a->zap, r, "400", "not on the list", "");
}

static void refuse(odd_auth *a, const request *r, const char *code, const char *why)
{
    atomic_fetch_add(&a->counts.failed, 1);
    odd_log_write(a->log, ODD_LOG_WARN, "refused", "%s: %s",
                  r->count > ADDRESS ? r->frames[ADDRESS] : "unknown", why);
    reply(a->zap, r, code, why, "");
}

static void judge(odd_auth *a, const request *r, bool closing)
{
    bool curve = r->count > MECHANISM && is_text(r, MECHANISM, "CURVE");
    if (closing) {
        reply(a->zap, r, "400", "closing", "");
    } else if (r->broken || r->count <= MECHANISM || !is_text(r, VERSION, "1.0") ||
               (curve && (r->count != CREDENTIALS + 1 || r->sizes[CREDENTIALS] != ODD_ALLOW_KEY))) {
        refuse(a, r, "500", "a malformed ZAP request");
    } else if (!is_text(r, DOMAIN, "oddrow")) {
        refuse(a, r, "400", "another ZAP domain");
    } else if (!curve) {
        refuse(a, r, "400", "the security mechanism is not CURVE");
    } else {
        const char *user = odd_allow_find(a->allow, (const unsigned char *)r->frames[CREDENTIALS]);
        if (user)
            reply(a->zap, r, "200", "OK", user);
        else
            refuse_unlisted(a, r);
    }
}

static void serve_zap(odd_auth *a, bool closing)
{
    request r;
    while (receive(a->zap, &r))
        judge(a, &r, closing);
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
    uint64_t wakes;
    if (items[0].revents && read(a->wake, &wakes, sizeof wakes) < 0)
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
    close_socket(&a->zap);
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

static void wake_thread(odd_auth *a)
{
    const uint64_t one = 1;
    while (write(a->wake, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

/* ---- the caller's side ---- */

static int open_zap(odd_auth *a, const char *directory, oddrow_error *err)
{
    int none = 0;
    int status = odd_keys_read(directory, &a->keys, err);
    if (!status)
        status = odd_allow_open(directory, a->log, &a->allow, err);
    if (status)
        return status;
    atomic_store(&a->clients, odd_allow_count(a->allow));
    a->zap = zmq_socket(a->context, ZMQ_REP);
    if (!a->zap || zmq_setsockopt(a->zap, ZMQ_LINGER, &none, sizeof none) ||
        zmq_bind(a->zap, "inproc://zeromq.zap.01"))
        return odd_fail(err, ODDROW_EIO, "cannot serve ZAP: %s",
                        errno == EADDRINUSE ? "this context has a handler" : zmq_strerror(errno));
    return 0;
}

static int start_thread(odd_auth *a, oddrow_error *err)
{
    pthread_t thread;
    int failure = odd_thread_start(&thread, run, a);
    if (failure)
        return odd_fail(err, ODDROW_ENOMEM, "cannot start a thread: %s", strerror(failure));
    pthread_detach(thread);
    return 0;
}

int odd_auth_start(void *context, const char *directory, odd_log *log, odd_auth **out,
                   oddrow_error *err)
{
    *out = NULL;
    odd_auth *a = odd_alloc(1, sizeof *a);
    if (!a)
        return odd_no_memory(err);
    a->context = context;
    a->log = log;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    int status = 0;
    a->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (a->wake < 0)
        status = odd_fail(err, ODDROW_EIO, "cannot make an eventfd: %s", strerror(errno));
    if (!status && directory)
        status = open_zap(a, directory, err);
    if (!status)
        status = start_thread(a, err);
    if (status)
        destroy(a);
    else
        *out = a;
    return status;
}

int odd_auth_watch(odd_auth *a, void *socket, const char *name, oddrow_error *err)
{
    int limit = HANDSHAKE, status = 0;
    if (*a->keys.secret_key && (status = odd_keys_apply(&a->keys, true, socket, err)))
        return status;
    if (zmq_setsockopt(socket, ZMQ_HANDSHAKE_IVL, &limit, sizeof limit))
        return odd_fail(err, ODDROW_EINVAL, "%s: cannot limit handshakes: %s", name,
                        zmq_strerror(errno));
    pthread_mutex_lock(&a->lock);
    if (a->watch_count == WATCH_MAX)
        status = odd_fail(err, ODDROW_EINVAL, "%s: more than %d sockets", name, WATCH_MAX);
    else
        status = odd_monitor_open(&a->watches[a->watch_count], a->context, socket, name, err);
    a->watch_count += !status;
    pthread_mutex_unlock(&a->lock);
    if (!status)
        wake_thread(a);
    return status;
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
    wake_thread(a);
    while (!a->quiet)
        pthread_cond_wait(&a->changed, &a->lock);
    a->released = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}
