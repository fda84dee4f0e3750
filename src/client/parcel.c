/* client/parcel.c: see parcel.h. */
#include "client/parcel.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "client/exchange.h"
#include "wire/frame.h"

void odd_parcel_clear(odd_parcel *p)
{
    for (size_t i = 0; i < p->frames && i < ODD_PARCEL_FRAMES; i++)
        zmq_msg_close(&p->frame[i]);
    p->frames = 0;
}

int odd_parcel_receive(odd_parcel *p, void *socket, const char *endpoint, oddrow_error *err)
{
    bool more = true;
    odd_parcel_clear(p);
    while (more) {
        zmq_msg_t extra, *frame = p->frames < ODD_PARCEL_FRAMES ? &p->frame[p->frames] : &extra;
        zmq_msg_init(frame);
        if (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) < 0) {
            int reason = zmq_errno();
            zmq_msg_close(frame);
            odd_parcel_clear(p);
            if (reason == EAGAIN || reason == EINTR)
                return 0;
            return odd_socket_fail(endpoint, "receive", err);
        }
        more = zmq_msg_more(frame);
        if (frame == &extra)
            zmq_msg_close(frame);
        p->frames++;
    }
    return 1;
}

odd_span odd_parcel_span(odd_parcel *p, size_t i)
{
    return (odd_span){zmq_msg_data(&p->frame[i]), zmq_msg_size(&p->frame[i])};
}

bool odd_parcel_is_message(odd_parcel *p, const char *prefix)
{
    size_t size = strlen(prefix);
    return p->frames == ODD_PARCEL_FRAMES && zmq_msg_size(&p->frame[1]) == 8 &&
           zmq_msg_size(&p->frame[0]) >= size &&
           memcmp(zmq_msg_data(&p->frame[0]), prefix, size) == 0;
}

bool odd_parcel_is_answer(odd_parcel *p, const char *word)
{
    return p->frames == 2 && zmq_msg_size(&p->frame[0]) == strlen(word) &&
           memcmp(zmq_msg_data(&p->frame[0]), word, strlen(word)) == 0;
}

uint64_t odd_parcel_sequence(odd_parcel *p)
{
    return odd_get64(zmq_msg_data(&p->frame[1]));
}

/* ---- the queue */

int odd_parcels_open(odd_parcels *q, oddrow_error *err)
{
    q->ring = odd_alloc(ODD_PARCELS, sizeof(*q->ring));
    return q->ring ? 0 : odd_fail(err, ODDROW_ENOMEM, "out of memory for held messages");
}

void odd_parcels_close(odd_parcels *q)
{
    while (q->count)
        odd_parcels_drop(q);
    odd_free(q->ring);
    q->ring = NULL;
}

odd_parcel *odd_parcels_first(const odd_parcels *q)
{
    return &q->ring[q->head];
}

void odd_parcels_drop(odd_parcels *q)
{
    odd_parcel *p = odd_parcels_first(q);
    q->bytes -= zmq_msg_size(&p->frame[0]) + zmq_msg_size(&p->frame[2]);
    odd_parcel_clear(p);
    q->head = (q->head + 1) % ODD_PARCELS;
    q->count--;
}

void odd_parcels_add(odd_parcels *q, odd_parcel *p)
{
    size_t size = zmq_msg_size(&p->frame[0]) + zmq_msg_size(&p->frame[2]);
    if (q->count == ODD_PARCELS || size > ODD_PARCELS_BYTES - q->bytes)
        return;
    odd_parcel *to = &q->ring[(q->head + q->count) % ODD_PARCELS];
    for (size_t i = 0; i < ODD_PARCEL_FRAMES; i++) {
        zmq_msg_init(&to->frame[i]);
        zmq_msg_move(&to->frame[i], &p->frame[i]);
    }
    to->frames = ODD_PARCEL_FRAMES;
    q->bytes += size;
    q->count++;
}
