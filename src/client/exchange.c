/* client/exchange.c: rows and their acknowledgements as frames. */
#include "client/exchange.h"

#include <string.h>

#include "base/error.h"

int odd_rows_put(const odd_link *link, const char *client, uint64_t first, odd_span payload,
                 oddrow_error *err)
{
    unsigned char number[8];
    odd_put64(number, first);
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
    out->number = odd_get64(zmq_msg_data(&frames[1]));
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
