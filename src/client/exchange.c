/* client/exchange.c: see exchange.h. */
#include "client/exchange.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

int odd_socket_fail(const char *endpoint, const char *what, oddrow_error *err)
{
    return odd_fail(err, ODDROW_EIO, "%s: cannot %s: %s", endpoint, what,
                    zmq_strerror(zmq_errno()));
}

int odd_rows_put(void *socket, const char *endpoint, const char *client, uint64_t first,
                 odd_span payload, oddrow_error *err)
{
    unsigned char number[8];
    odd_put64(number, first);
    /* Whether a message can be queued is decided at its first frame. */
    if (zmq_send(socket, client, strlen(client), ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0) {
        if (zmq_errno() == EAGAIN || zmq_errno() == EINTR)
            return 0;
        return odd_socket_fail(endpoint, "send", err);
    }
    if (zmq_send(socket, number, sizeof(number), ZMQ_SNDMORE) < 0 ||
        zmq_send(socket, payload.data, payload.size, 0) < 0)
        return odd_socket_fail(endpoint, "send", err);
    return 1;
}

static void read_frame(odd_rows_answer *a, size_t index, const void *data, size_t size, bool *good)
{
    if (index == 0) {
        a->ack = size == 3 && memcmp(data, "ACK", 3) == 0;
        *good = a->ack || (size == 3 && memcmp(data, "NAK", 3) == 0);
    } else if (index == 1) {
        *good = *good && size == 8;
        a->number = size == 8 ? odd_get64(data) : 0;
    } else if (index == 2) {
        size_t kept = size < ODD_EXCERPT_MAX ? size : ODD_EXCERPT_MAX;
        for (size_t i = 0; i < kept; i++) {
            char c = ((const char *)data)[i];
            a->reason[i] = c < ' ' || c == 127 ? '?' : c; /* it ends in a terminal */
        }
        a->reason[kept] = '\0';
    }
}

int odd_rows_receive(void *socket, const char *endpoint, odd_rows_answer *out, oddrow_error *err)
{
    zmq_msg_t frame;
    bool more = true, good = false;
    size_t frames = 0;
    *out = (odd_rows_answer){0};
    zmq_msg_init(&frame);
    for (; more; frames++) {
        if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
            int reason = zmq_errno();
            zmq_msg_close(&frame);
            if (reason == EAGAIN || reason == EINTR)
                return 0;
            return odd_socket_fail(endpoint, "receive", err);
        }
        read_frame(out, frames, zmq_msg_data(&frame), zmq_msg_size(&frame), &good);
        more = zmq_msg_more(&frame);
    }
    zmq_msg_close(&frame);
    if (!good || frames < 2 || frames > 3)
        return odd_fail(err, ODDROW_EIO,
                        "%s answers with neither ACK nor NAK: is it a worker's endpoint for rows?",
                        endpoint);
    return 1;
}
