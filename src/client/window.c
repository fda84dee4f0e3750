/* client/window.c: the ring of messages in flight; rows and their acknowledgements as frames. */
#include "client/window.h"

#include <string.h>

#include "base/error.h"

enum { KEPT_BYTES = 1024 * 1024 /* of an empty slot's buffer */ };

bool odd_window_full(const odd_window *w)
{
    return w->count == ODD_WINDOW || w->bytes >= ODD_WINDOW_BYTES;
}

odd_window_message *odd_window_at(odd_window *w, size_t i)
{
    return &w->ring[(w->head + i) % ODD_WINDOW];
}

void odd_window_add(odd_window *w)
{
    w->bytes += odd_window_at(w, w->count)->payload.size;
    w->count++;
}

void odd_window_drop(odd_window *w)
{
    odd_window_message *m = odd_window_at(w, 0);
    w->bytes -= m->payload.size;
    odd_bytes_clear(&m->payload);
    if (m->payload.capacity > KEPT_BYTES)
        odd_bytes_free(&m->payload);
    w->head = (w->head + 1) % ODD_WINDOW;
    w->count--;
    w->sent -= w->sent > 0;
}

uint64_t odd_window_last(const odd_window_message *m)
{
    return m->first + m->rows - 1;
}

void odd_window_close(odd_window *w)
{
    for (size_t i = 0; i < ODD_WINDOW; i++)
        odd_bytes_free(&w->ring[i].payload);
    *w = (odd_window){0};
}

int odd_rows_put(const odd_link *link, const char *client, uint64_t first, odd_span payload,
                 oddrow_error *err)
{
    unsigned char number[8];
    odd_put(number, 8, first);
    const odd_span frames[] = {
        {client, strlen(client)}, {(const char *)number, sizeof number}, payload};
    return odd_link_send(link, frames, 3, err);
}

/* [ACK or NAK][number], and perhaps [reason]. */
static bool read_answer(zmq_msg_t *frames, int count, odd_rows_answer *out)
{
    odd_span word = odd_frame_span(&frames[0]);
    if (count < 2 || count > 3 || word.size != 3 || zmq_msg_size(&frames[1]) != 8)
        return false;
    out->ack = !memcmp(word.data, "ACK", 3);
    out->number = odd_get(zmq_msg_data(&frames[1]), 8);
    odd_link_excerpt(odd_frame_span(&frames[2]), out->reason);
    return out->ack || !memcmp(word.data, "NAK", 3);
}

int odd_rows_receive(const odd_link *link, odd_rows_answer *out, oddrow_error *err)
{
    zmq_msg_t frames[3];
    int got = odd_link_receive(link, frames, 3, err);
    bool good = got > 0 && read_answer(frames, got, out);
    odd_frames_close(frames, 3);
    if (got > 0 && !good)
        return odd_fail(err, ODDROW_EIO,
                        "%s answers with neither ACK nor NAK: is it a worker's endpoint for rows?",
                        link->endpoint);
    return got > 0 ? 1 : got;
}
