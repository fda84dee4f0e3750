/* worker/ingest.c: frames from the sockets to messages of the batch. */
#include "base/clock.h"
#include "worker/parts.h"

/* Frames behind the identity that are looked at; more are dropped unread. */
enum { FRAMES = 5 };

static bool receive_pull(void *socket, odd_message *m)
{
    int frames = socket ? odd_frames_receive(socket, &m->payload, 1) : 0;
    if (frames > 1)
        m->refused = "a message on this socket is one frame, the payload";
    return frames > 0;
}

/* [payload] is asked, [client][number][payload] is sent; an empty frame may stand before either. */
static void sort_frames(odd_message *m, zmq_msg_t *frames, size_t count)
{
    if ((count == 2 || count == 4) && zmq_msg_size(frames) == 0) {
        m->delimiter = true;
        frames++;
        count--;
    }
    zmq_msg_move(&m->payload, &frames[count - 1]);
    if (count == 1)
        return;
    size_t name = zmq_msg_size(&frames[0]);
    if (count != 3) {
        m->refused = "a message on this socket is a payload, or a client name, a row number and a "
                     "payload";
    } else if (zmq_msg_size(&frames[1]) != 8) {
        m->refused = "the second frame is the number of the first row, 8 bytes";
    } else if (name == 0 || name > ODD_CLIENT_NAME_MAX) {
        m->refused = "a client name has 1 to 255 bytes";
    } else {
        m->kind = ODD_SENT;
        m->first = odd_get(zmq_msg_data(&frames[1]), 8);
        zmq_msg_move(&m->client, &frames[0]);
    }
}

static bool receive_rows(void *socket, odd_message *m)
{
    zmq_msg_t frames[1 + FRAMES];
    int came = socket ? odd_frames_receive(socket, frames, 1 + FRAMES) : 0;
    size_t count = came > 1 + FRAMES ? 1 + FRAMES : came > 0 ? (size_t)came : 0;
    if (count)
        zmq_msg_move(&m->identity, &frames[0]);
    if (count == 1)
        m->refused = "a message without a payload";
    else if (count)
        sort_frames(m, frames + 1, count - 1);
    if (socket)
        odd_frames_close(frames, 1 + FRAMES);
    return count > 0;
}

/* One message from one socket; false: none there. */
static bool take(odd_worker *w, bool rows, double now)
{
    odd_message *m = odd_batch_next(&w->batch, rows ? ODD_ASKED : ODD_PULLED);
    bool there = rows ? receive_rows(w->rows, m) : receive_pull(w->pull, m);
    if (there)
        odd_batch_add(&w->batch, now);
    return there;
}

bool odd_ingest(odd_worker *w, unsigned ready)
{
    enum { TURN = 64 };
    while (ready) {
        double now = odd_clock();
        for (unsigned socket = ODD_READY_ROWS; socket; socket >>= 1) {
            for (size_t i = 0; (ready & socket) && i < TURN; i++) {
                if (odd_batch_full(&w->batch))
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
    bool there = true;
    for (size_t i = 0; there && i < 1024; i++) {
        odd_message m;
        odd_message_open(&m, ODD_ASKED);
        there = receive_rows(w->rows, &m);
        if (there && m.kind == ODD_ASKED)
            odd_answer(w, &m, &answer, 1);
        odd_message_close(&m);
        odd_count(w, &w->counts.refused_stalled, there);
    }
}
