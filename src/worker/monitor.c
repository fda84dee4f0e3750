/* worker/monitor.c: the events of one socket, counted. */
#include "worker/monitor.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "wire/endpoint.h"
#include "wire/frame.h"

enum { QUEUE = 10000 /* events that may wait for the thread before libzmq does */ };

typedef struct event {
    uint16_t what; /* ZMQ_EVENT_…, or 0 for what is none */
    uint32_t value;
} event;

/* Connections between accept and verdict. libzmq (4.3.4) says nothing but "disconnected" when a
 * peer speaks another protocol from its first byte on, such as HTTP; the descriptor tells such a
 * connection from one that was served. Verdicts come without a descriptor: each is taken for that
 * of the newest connection, since handshakes take a moment and idle peers are old. Handshakes that
 * overlap may be taken for each other, which leaves the sums right. */
static void add_pending(odd_monitor *m, int file)
{
    for (size_t i = 0; i < m->pending_count; i++)
        if (m->pending[i] == file)
            return;
    if (!odd_grow(&m->pending, &m->pending_capacity, m->pending_count + 1, sizeof *m->pending,
                  NULL))
        m->pending[m->pending_count++] = file;
}

/* Whether it was there. */
static bool remove_pending(odd_monitor *m, int file)
{
    for (size_t i = 0; i < m->pending_count; i++)
        if (m->pending[i] == file) {
            m->pending_count--;
            memmove(m->pending + i, m->pending + i + 1, (m->pending_count - i) * sizeof(int));
            return true;
        }
    return false;
}

static void drop_newest(odd_monitor *m)
{
    if (m->pending_count)
        m->pending_count--;
}

static const char *why_failed(event e)
{
    if (e.what == ZMQ_EVENT_DISCONNECTED)
        return "it does not speak the protocol of ZeroMQ";
    if (e.what == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
        return e.value == EAGAIN ? "no handshake within the time" : "it left within the handshake";
    if (e.value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
        return "its security mechanism is another (no CURVE?)";
    if (e.value == ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC)
        return "it has a wrong server key";
    return "it breaks the protocol of ZeroMQ";
}

/* A client that leaves between the answer of ZAP and its own verdict was counted there. */
static void count_failed(const odd_monitor *m, odd_monitor_counts *c, odd_log *log, event e)
{
    if (c->refused && e.what != ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) {
        c->refused--;
        return;
    }
    atomic_fetch_add(&c->failed, 1);
    odd_log_write(log, ODD_LOG_WARN, "refused", "%s: a peer was refused: %s", m->name,
                  why_failed(e));
}

static void handle(odd_monitor *m, odd_monitor_counts *c, odd_log *log, event e)
{
    switch (e.what) {
    case ZMQ_EVENT_ACCEPTED:
        add_pending(m, (int)e.value);
        break;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        atomic_fetch_add(&c->allowed, 1);
        drop_newest(m);
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: /* counted where ZAP was answered */
        c->refused -= c->refused > 0;
        drop_newest(m);
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        count_failed(m, c, log, e);
        m->verdict = true;
        break;
    case ZMQ_EVENT_DISCONNECTED: /* right behind the verdict, where that was a failure */
        if (remove_pending(m, (int)e.value) && !m->verdict)
            count_failed(m, c, log, e);
        m->verdict = false;
        break;
    case ZMQ_EVENT_MONITOR_STOPPED:
        odd_socket_close(&m->pair);
        break;
    default:
        break;
    }
}

/* Takes one whole message: event (16 bits) and value (32 bits) in the machine's order; the address
 * bound. False when there is none. */
static bool receive(void *pair, event *e)
{
    zmq_msg_t frame;
    bool there = odd_frames_receive(pair, &frame, 1) > 0;
    const char *data = zmq_msg_data(&frame);
    *e = (event){0};
    if (there && zmq_msg_size(&frame) == sizeof e->what + sizeof e->value) {
        memcpy(&e->what, data, sizeof e->what);
        memcpy(&e->value, data + sizeof e->what, sizeof e->value);
    }
    odd_frames_close(&frame, 1);
    return there;
}

void odd_monitor_read(odd_monitor *m, odd_monitor_counts *counts, odd_log *log)
{
    event e;
    while (m->pair && receive(m->pair, &e))
        handle(m, counts, log, e);
}

/* A PAIR on the socket's monitor; NULL with errno. The monitor ends with the socket. */
static void *open_pair(const odd_monitor *m, void *context, void *socket)
{
    enum {
        EVENTS = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                 ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                 ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_MONITOR_STOPPED
    };
    char address[80];
    int queue = QUEUE, none = 0;
    snprintf(address, sizeof address, "inproc://oddrow-monitor-%p", (const void *)m);
    void *pair = zmq_socket(context, ZMQ_PAIR);
    bool watching = pair && !zmq_setsockopt(pair, ZMQ_LINGER, &none, sizeof none) &&
                    !zmq_setsockopt(pair, ZMQ_RCVHWM, &queue, sizeof queue) &&
                    !zmq_socket_monitor(socket, address, EVENTS);
    if (watching && !zmq_connect(pair, address))
        return pair;
    int failure = errno;
    if (watching)
        zmq_socket_monitor(socket, NULL, 0);
    odd_socket_close(&pair);
    errno = failure;
    return NULL;
}

int odd_monitor_open(odd_monitor *m, void *context, void *socket, const char *name,
                     oddrow_error *err)
{
    *m = (odd_monitor){.name = name, .pair = open_pair(m, context, socket)};
    return m->pair ? 0
                   : odd_fail(err, ODDROW_EIO, "%s: cannot watch the socket: %s", name,
                              zmq_strerror(errno));
}

void odd_monitor_close(odd_monitor *m)
{
    odd_socket_close(&m->pair);
    odd_free(m->pending);
    *m = (odd_monitor){0};
}
