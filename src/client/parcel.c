/* client/parcel.c: messages of the feed as they came, and the queue of those that wait. */
#include "client/parcel.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

void odd_parcel_clear(odd_parcel *p)
{
    if (p->frames)
        odd_frames_close(p->frame, ODD_PARCEL_FRAMES);
    p->frames = 0;
}

int odd_parcel_receive(odd_parcel *p, const odd_link *link, oddrow_error *err)
{
    odd_parcel_clear(p);
    int got = odd_link_receive(link, p->frame, ODD_PARCEL_FRAMES, err);
    if (got <= 0)
        odd_frames_close(p->frame, ODD_PARCEL_FRAMES);
    p->frames = got > 0 ? got : 0;
    return got > 0 ? 1 : got;
}

odd_span odd_parcel_span(odd_parcel *p, size_t i)
{
    return odd_frame_span(&p->frame[i]);
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
    return odd_get(zmq_msg_data(&p->frame[1]), 8);
}

/* ---- the queue */

int odd_parcels_open(odd_parcels *q, oddrow_error *err)
{
    q->ring = odd_alloc(ODD_PARCELS, sizeof(*q->ring));
    return q->ring ? 0 : odd_no_memory(err);
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
