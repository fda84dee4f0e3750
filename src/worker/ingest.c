/* worker/ingest.c: frames to messages. */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "worker/parts.h"

/* Frames behind the identity that are looked at; more are dropped unread. */
enum { FRAMES = 5 };

void odd_message_close(odd_message *m)
{
    zmq_msg_close(&m->identity);
    zmq_msg_close(&m->client);
    zmq_msg_close(&m->payload);
}

static void begin(odd_message *m, odd_origin_kind kind)
{
    *m = (odd_message){.kind = kind};
    zmq_msg_init(&m->identity);
    zmq_msg_init(&m->client);
    zmq_msg_init(&m->payload);
}

static void refuse(odd_message *m, const char *reason)
{
    m->reject = ODD_REJECT_FRAMES;
    m->reason = reason;
}

/* Drops the frames that are left of a message. */
static size_t drop_rest(void *socket, zmq_msg_t *last)
{
    size_t dropped = 0;
    zmq_msg_t rest;
    if (!zmq_msg_more(last))
        return 0;
    do {
        zmq_msg_init(&rest);
        if (zmq_msg_recv(&rest, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&rest);
            break;
        }
        dropped++;
        bool more = zmq_msg_more(&rest);
        zmq_msg_close(&rest);
        if (!more)
            break;
    } while (true);
    return dropped;
}

static bool receive_pull(odd_worker *w, odd_message *m)
{
    if (!w->pull || zmq_msg_recv(&m->payload, w->pull, ZMQ_DONTWAIT) < 0)
        return false;
    if (drop_rest(w->pull, &m->payload))
        refuse(m, "a message on this socket is one frame, the payload");
    return true;
}

/* [payload] is asked, [client][number][payload] is sent; an empty frame may stand before either. */
static void sort_frames(odd_message *m, zmq_msg_t *frames, size_t count)
{
    size_t at = 0;
    if ((count == 2 || count == 4) && zmq_msg_size(&frames[0]) == 0) {
        m->delimiter = true;
        at = 1;
    }
    if (count - at == 1) {
        zmq_msg_move(&m->payload, &frames[at]);
        return;
    }
    if (count - at != 3) {
        zmq_msg_move(&m->payload, &frames[count - 1]);
        refuse(m, "a message on this socket is a payload, or a client name, a row number and a "
                  "payload");
        return;
    }
    size_t name = zmq_msg_size(&frames[at]);
    zmq_msg_move(&m->payload, &frames[at + 2]);
    if (zmq_msg_size(&frames[at + 1]) != 8) {
        refuse(m, "the second frame is the number of the first row, 8 bytes");
    } else if (name == 0 || name > ODD_CLIENT_NAME_MAX) {
        refuse(m, "a client name has 1 to 255 bytes");
    } else {
        m->kind = ODD_SENT;
        m->first = odd_get64(zmq_msg_data(&frames[at + 1]));
        zmq_msg_move(&m->client, &frames[at]);
    }
}

static bool receive_rows(odd_worker *w, odd_message *m)
{
    zmq_msg_t frames[FRAMES];
    size_t count = 0;
    if (!w->rows || zmq_msg_recv(&m->identity, w->rows, ZMQ_DONTWAIT) < 0)
        return false;
    bool more = zmq_msg_more(&m->identity);
    while (more && count < FRAMES) {
        zmq_msg_init(&frames[count]);
        if (zmq_msg_recv(&frames[count], w->rows, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&frames[count]); /* parts of one message arrive together */
            break;
        }
        more = zmq_msg_more(&frames[count++]);
    }
    if (more && count)
        drop_rest(w->rows, &frames[count - 1]);
    if (count == 0)
        refuse(m, "a message without a payload");
    else
        sort_frames(m, frames, count);
    for (size_t i = 0; i < count; i++)
        zmq_msg_close(&frames[i]);
    return true;
}

/* One message from one socket; false: none there. */
static bool take(odd_worker *w, bool rows, double now)
{
    odd_message *m = &w->messages[w->count];
    begin(m, rows ? ODD_ASKED : ODD_PULLED);
    if (!(rows ? receive_rows(w, m) : receive_pull(w, m))) {
        odd_message_close(m);
        return false;
    }
    double size = (double)zmq_msg_size(&m->payload);
    m->received = now;
    if (w->count++ == 0)
        w->first_at = now;
    w->gathered += size > w->bytes_per_row ? size / w->bytes_per_row : 1;
    w->asked = w->asked || m->kind == ODD_ASKED;
    return true;
}

bool odd_ingest(odd_worker *w, unsigned ready)
{
    enum { TURN = 64 };
    while (ready) {
        double now = odd_clock();
        for (unsigned socket = ODD_READY_ROWS; socket; socket >>= 1) {
            for (size_t i = 0; (ready & socket) && i < TURN; i++) {
                if (w->count == w->options.batch_rows ||
                    (w->count && w->gathered >= (double)w->options.batch_rows))
                    return true;
                if (!take(w, socket == ODD_READY_ROWS, now))
                    ready &= ~socket; /* an empty socket is asked once: it costs two system calls */
            }
        }
    }
    return false;
}

void odd_ingest_subscriptions(odd_worker *w)
{
    unsigned char head[1];
    int size;
    while (w->feed && (size = zmq_recv(w->feed, head, sizeof head, ZMQ_DONTWAIT)) >= 0) {
        pthread_mutex_lock(&w->lock);
        if (size > 0 && head[0] <= 1) /* anything else is a peer's nonsense, passed on by XPUB */
            w->counts.subscribers += head[0] ? 1 : -1;
        pthread_mutex_unlock(&w->lock);
    }
}

void odd_ingest_refuse(odd_worker *w)
{
    static const char text[] = "[{\"error\":\"" ODD_STALLED "\",\"row\":1}]";
    const odd_span answer = {text, sizeof text - 1};
    for (size_t i = 0; i < 1024; i++) {
        odd_message m;
        begin(&m, ODD_ASKED);
        bool there = receive_rows(w, &m);
        if (there && m.kind == ODD_ASKED)
            odd_answer(w, &m, &answer, 1);
        odd_message_close(&m);
        if (!there)
            break;
        pthread_mutex_lock(&w->lock);
        w->counts.refused_stalled++;
        pthread_mutex_unlock(&w->lock);
    }
}
