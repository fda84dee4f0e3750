/* client/parcel.h: messages of the feed and of replay as they came, and a queue of them; private to
 * the room. */
#ifndef ODD_CLIENT_PARCEL_H
#define ODD_CLIENT_PARCEL_H

#include "client/link.h"

enum { ODD_PARCEL_FRAMES = 3, ODD_PARCELS = 10000, ODD_PARCELS_BYTES = 16 * 1024 * 1024 };

/* Topic, sequence, JSON; or the word of an answer, and its number or reason. {0} is empty. */
typedef struct odd_parcel {
    int frames; /* that came; those beyond ODD_PARCEL_FRAMES are gone */
    zmq_msg_t frame[ODD_PARCEL_FRAMES];
} odd_parcel;

/* Takes a whole message into p, which is cleared before. 1 with it, 0 when none has come;
 * ODDROW_EIO. */
int odd_parcel_receive(odd_parcel *p, const odd_link *link, oddrow_error *err);
void odd_parcel_clear(odd_parcel *p);

/* Frame i, borrowed; it must have come. */
odd_span odd_parcel_span(odd_parcel *p, size_t i);

/* Whether it is a message of the feed whose topic begins with `prefix`. */
bool odd_parcel_is_message(odd_parcel *p, const char *prefix);

/* Whether it is [word][…]. */
bool odd_parcel_is_answer(odd_parcel *p, const char *word);

/* The number in frame 1, which must have 8 bytes. */
uint64_t odd_parcel_sequence(odd_parcel *p);

/* Live messages that wait for replay: a ring, bounded in messages and bytes. */
typedef struct odd_parcels {
    odd_parcel *ring; /* (ODD_PARCELS) */
    size_t head, count, bytes;
} odd_parcels;

int odd_parcels_open(odd_parcels *q, oddrow_error *err);
void odd_parcels_close(odd_parcels *q);

/* The oldest one; there must be one. */
odd_parcel *odd_parcels_first(const odd_parcels *q);
void odd_parcels_drop(odd_parcels *q);

/* Moves a message of the feed to the end. A message for which there is no room is dropped: it shows
 * as a gap later, and replay has it. */
void odd_parcels_add(odd_parcels *q, odd_parcel *p);

#endif
