/* worker/replay.c: requests of many clients, answered in turn from the journal. */
#include "worker/replay.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/pool.h"
#include "worker/journal.h"

enum {
    CLIENTS = 256,
    QUEUED = 4,      /* requests of one client, the one under way among them */
    TURN = 256,      /* messages sent to a client before the next one's turn */
    RECEIVED = 64,   /* requests read before answers go on */
    IDENTITY = 255,  /* bytes of a peer's routing id, at most */
    FRAMES = 5,      /* of a request: identity, delimiter and three more */
    WHOLE = 10000,   /* messages in an answer of one multipart message, at most, */
    LOOKS = 256,     /* odd_journal_read calls for it, */
    LINGER = 500,    /* milliseconds that unsent answers keep a closed socket */
    DELAY_MAX = 32,  /* milliseconds between tries to send to a client that does not read */
    GIVEN_UP = 60000 /* milliseconds without a message sent, then the client is dropped */
};

/* and this many bytes of JSON, unless one message alone has more. */
static const size_t whole_bytes = (size_t)1 << 20;

typedef struct request {
    uint64_t from;
    uint32_t left; /* messages that may still be sent */
    unsigned topics;
    bool enveloped; /* of a REQ socket: the answer is one message, behind an empty frame */
} request;

typedef struct client {
    char identity[IDENTITY];
    size_t size; /* of identity; 0: this slot is free */
    request queue[QUEUED];
    size_t queued;
    bool blocked;    /* takes no message now; */
    double delay;    /* ms to the next try, */
    double retry;    /* which is at this odd_clock */
    double progress; /* odd_clock of the last message sent */
} client;

struct odd_replay {
    void *socket;
    int stop; /* eventfd: readable when the thread shall end */
    odd_log *log;
    odd_journal_reader *reader;
    pthread_t thread;
    atomic_uint_fast64_t requests, messages, refused;
    size_t active; /* clients in use */
    client clients[CLIENTS];
};

/* What comes next in an answer. */
typedef struct piece {
    enum { ENTRY, END, BROKEN } kind;
    odd_entry entry;
    uint64_t next;
    oddrow_error err;
} piece;

typedef enum {
    SENT,  /* a message, or the end of an answer */
    LATER, /* nothing found yet, others first */
    WAIT,  /* the client takes nothing now */
    GONE,  /* it is no longer connected */
    OVER   /* the socket is no longer of use */
} outcome;

/* ---- sending ---- */

/* Begins a message to the client. Whether it can be sent is decided here: with the identity
 * accepted, ROUTER takes the frames that follow. */
static outcome address(odd_replay *r, odd_span identity)
{
    if (!odd_frames_send(r->socket, &identity, 1, true))
        return SENT;
    if (errno == EAGAIN)
        return WAIT;
    return errno == EHOSTUNREACH ? GONE : OVER;
}

static bool send_piece(odd_replay *r, const piece *p, bool more)
{
    static const char reason[] = "the journal cannot be read";
    unsigned char number[8];
    if (p->kind == ENTRY) {
        const odd_entry *e = &p->entry;
        bool sent = !odd_feed_send(r->socket, e->topic, e->sequence, e->json, more);
        r->messages += sent;
        return sent;
    }
    if (p->kind == BROKEN)
        odd_log_write(r->log, ODD_LOG_ERROR, "replay", "%s", p->err.message);
    odd_put(number, sizeof number, p->next);
    const odd_span end[] = {{"END", 3}, {(const char *)number, sizeof number}};
    const odd_span broken[] = {{"ERR", 3}, {reason, sizeof reason - 1}};
    return !odd_frames_send(r->socket, p->kind == END ? end : broken, 2, false);
}

/* Finds what comes next; false: nothing yet, and the request begins further on. */
static bool look(odd_replay *r, request *q, piece *p)
{
    p->kind = END;
    p->next = q->from;
    if (!q->left)
        return true;
    int found = odd_journal_read(r->reader, q->from, q->topics, &p->entry, &p->next, &p->err);
    if (found == 2)
        q->from = p->next;
    else if (found)
        p->kind = found == 1 ? ENTRY : BROKEN;
    return found != 2;
}

/* A message sent: the request goes on behind it. */
static void pass(request *q, const piece *p)
{
    q->from = p->entry.sequence + 1;
    q->left--;
}

static void drop(odd_replay *r, client *c)
{
    c->size = c->queued = 0;
    c->blocked = false;
    r->active--;
}

static void finish(odd_replay *r, client *c)
{
    c->queued--;
    memmove(c->queue, c->queue + 1, c->queued * sizeof *c->queue);
    if (!c->queued)
        drop(r, c);
}

/* Sends the next message of the first request. The journal is read before the client is addressed,
 * so that a long search holds nobody up; while the client is blocked it is not read at all. */
static outcome answer_next(odd_replay *r, client *c)
{
    request *q = &c->queue[0];
    piece p = {0};
    if (!c->blocked && !look(r, q, &p))
        return LATER;
    outcome o = address(r, (odd_span){c->identity, c->size});
    if (o != SENT)
        return o;
    if (c->blocked)
        while (!look(r, q, &p))
            continue;
    if (!send_piece(r, &p, false))
        return OVER;
    if (p.kind == ENTRY)
        pass(q, &p);
    else
        finish(r, c);
    return SENT;
}

/* The whole answer to a REQ socket. */
static outcome answer_whole(odd_replay *r, client *c)
{
    request *q = &c->queue[0];
    piece p = {.kind = ENTRY};
    size_t bytes = 0;
    int looks = 0;
    outcome o = address(r, (odd_span){c->identity, c->size});
    if (o != SENT)
        return o;
    if (odd_frames_send(r->socket, &(odd_span){"", 0}, 1, true))
        return OVER;
    while (p.kind == ENTRY) {
        if (!look(r, q, &p)) {
            p.kind = ++looks < LOOKS ? ENTRY : END;
            if (p.kind == ENTRY)
                continue;
        } else if (p.kind == ENTRY && bytes && bytes + p.entry.json.size > whole_bytes) {
            p.kind = END;
            p.next = p.entry.sequence;
        }
        if (!send_piece(r, &p, true))
            return OVER;
        if (p.kind == ENTRY) {
            bytes += p.entry.json.size + 1;
            pass(q, &p);
        }
    }
    finish(r, c);
    return SENT;
}

/* A client's turn. False: the socket is no longer of use. */
static bool take_turn(odd_replay *r, client *c, double now)
{
    if (c->blocked && now < c->retry)
        return true;
    for (int k = 0; k < TURN && c->queued; k++) {
        outcome o = c->queue[0].enveloped ? answer_whole(r, c) : answer_next(r, c);
        if (o == OVER)
            return false;
        if (o == GONE) {
            drop(r, c);
            return true;
        }
        if (o == WAIT) {
            c->delay = c->blocked && c->delay < DELAY_MAX ? 2 * c->delay : c->delay;
            c->delay = c->blocked ? c->delay : 1;
            c->blocked = true;
            c->retry = now + c->delay / 1e3;
            if (now - c->progress > GIVEN_UP / 1e3) {
                odd_log_write(r->log, ODD_LOG_WARN, "replay",
                              "a client that reads nothing is given up");
                drop(r, c);
            }
            return true;
        }
        c->blocked = false;
        c->progress = now;
        if (o == LATER)
            return true;
    }
    return true;
}

/* ---- requests ---- */

static void refuse(odd_replay *r, odd_span identity, bool enveloped, const char *reason)
{
    const odd_span frames[] = {{"", 0}, {"ERR", 3}, {reason, strlen(reason)}};
    r->refused++;
    odd_log_write(r->log, ODD_LOG_DEBUG, "replay", "a request was refused: %s", reason);
    /* Who sends nonsense and does not read the answer goes without. */
    if (address(r, identity) == SENT)
        odd_frames_send(r->socket, frames + !enveloped, 2 + (size_t)enveloped, false);
}

/* Bits of the topics that begin with the prefix. */
static unsigned match_topics(odd_span prefix)
{
    unsigned topics = 0;
    for (int t = 0; t < ODD_TOPICS; t++) {
        const char *name = odd_topic_name((odd_topic)t);
        if (prefix.size <= strlen(name) && !memcmp(name, prefix.data, prefix.size))
            topics |= 1U << t;
    }
    return topics;
}

/* The client's slot, a new one where it has none; NULL: all are taken. */
static client *find_client(odd_replay *r, odd_span identity)
{
    client *unused = NULL;
    for (client *c = r->clients; c < r->clients + CLIENTS; c++) {
        if (c->size == identity.size && !memcmp(c->identity, identity.data, identity.size))
            return c;
        if (!c->size && !unused)
            unused = c;
    }
    if (unused) {
        memcpy(unused->identity, identity.data, identity.size);
        unused->size = identity.size;
        unused->progress = odd_clock();
        r->active++;
    }
    return unused;
}

/* A request of `count` frames, of which the first FRAMES are here. */
static void take_request(odd_replay *r, zmq_msg_t *frames, int count)
{
    r->requests++;
    bool enveloped = count > 1 && !zmq_msg_size(&frames[1]);
    zmq_msg_t *body = frames + 1 + enveloped;
    odd_span identity = odd_frame_span(&frames[0]);
    if (count != 4 + enveloped || zmq_msg_size(&body[0]) != 8 || zmq_msg_size(&body[1]) != 4 ||
        !identity.size || identity.size > IDENTITY) {
        refuse(r, identity, enveloped,
               "a request is three frames: from, 8 bytes; at most, 4 bytes; topic prefix");
        return;
    }
    request q = {.from = odd_get(zmq_msg_data(&body[0]), 8),
                 .left = (uint32_t)odd_get(zmq_msg_data(&body[1]), 4),
                 .topics = match_topics(odd_frame_span(&body[2])),
                 .enveloped = enveloped};
    if (!q.left)
        q.left = ODD_REPLAY_DEFAULT;
    if (enveloped && q.left > WHOLE)
        q.left = WHOLE;
    if (!q.topics)
        q.from = INT64_MAX; /* nothing to search for: straight to the end */
    client *c = find_client(r, identity);
    if (!c)
        refuse(r, identity, enveloped, "too many clients are being served; ask again later");
    else if (c->queued == QUEUED)
        refuse(r, identity, enveloped, "too many requests at a time; wait for an answer");
    else
        c->queue[c->queued++] = q;
}

/* Reads one message; false: there is none. */
static bool receive(odd_replay *r)
{
    zmq_msg_t frames[FRAMES];
    int count = odd_frames_receive(r->socket, frames, FRAMES);
    if (count > 0)
        take_request(r, frames, count);
    odd_frames_close(frames, FRAMES);
    return count > 0;
}

/* ---- the thread ---- */

/* Milliseconds until a client can be served; -1: none is waiting. */
static long find_pause(const odd_replay *r)
{
    double now = odd_clock(), pause = DELAY_MAX;
    if (!r->active)
        return -1;
    for (const client *c = r->clients; c < r->clients + CLIENTS; c++) {
        if (!c->size)
            continue;
        double left = c->blocked ? (c->retry - now) * 1e3 : 0;
        if (left <= 0)
            return 0;
        pause = left < pause ? left : pause;
    }
    return (long)pause + 1;
}

static void *serve(void *context)
{
    odd_replay *r = context;
    for (bool going = true; going;) {
        zmq_pollitem_t items[2] = {{r->socket, 0, ZMQ_POLLIN, 0}, {NULL, r->stop, ZMQ_POLLIN, 0}};
        int ready = zmq_poll(items, 2, find_pause(r));
        if (ready < 0 && errno != EINTR)
            break;
        if (ready > 0 && items[1].revents)
            break;
        if (ready > 0 && items[0].revents)
            for (int k = 0; k < RECEIVED && receive(r); k++)
                continue;
        double now = odd_clock();
        for (client *c = r->clients; going && r->active && c < r->clients + CLIENTS; c++)
            going = !c->size || take_turn(r, c, now);
    }
    zmq_close(r->socket);
    odd_journal_reader_close(&r->reader);
    return NULL;
}

static int open_replay(odd_replay *r, const char *journal_path, oddrow_error *err)
{
    int on = 1, linger = LINGER, failure, rc;
    if (r->stop < 0)
        return odd_fail(err, ODDROW_EIO, "cannot start replay: %s", strerror(errno));
    if (zmq_setsockopt(r->socket, ZMQ_ROUTER_MANDATORY, &on, sizeof on) ||
        zmq_setsockopt(r->socket, ZMQ_LINGER, &linger, sizeof linger))
        return odd_fail(err, ODDROW_EINVAL, "cannot start replay: %s", zmq_strerror(errno));
    if ((rc = odd_journal_reader_open(journal_path, &r->reader, err)))
        return rc;
    failure = odd_thread_start(&r->thread, serve, r);
    return failure ? odd_fail(err, ODDROW_EIO, "cannot start replay: %s", strerror(failure)) : 0;
}

int odd_replay_start(void *socket, const char *journal_path, odd_log *log, odd_replay **out,
                     oddrow_error *err)
{
    odd_replay *r = *out = odd_alloc(1, sizeof *r);
    if (!r)
        return odd_no_memory(err);
    r->socket = socket;
    r->log = log;
    r->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int rc = open_replay(r, journal_path, err);
    if (!rc)
        return 0;
    odd_journal_reader_close(&r->reader);
    if (r->stop >= 0)
        close(r->stop);
    odd_free(r);
    *out = NULL;
    return rc;
}

void odd_replay_free(odd_replay **replay)
{
    if (!replay || !*replay)
        return;
    odd_replay *r = *replay;
    eventfd_write(r->stop, 1);
    pthread_join(r->thread, NULL);
    close(r->stop);
    odd_free(r);
    *replay = NULL;
}

odd_replay_counts odd_replay_counts_of(odd_replay *r)
{
    return (odd_replay_counts){r->requests, r->messages, r->refused};
}
