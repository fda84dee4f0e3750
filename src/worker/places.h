/* worker/places.h: the row numbers of clients that were read or committed lately, in front of the
 * journal's table; private to the journal. */
#ifndef ODD_WORKER_PLACES_H
#define ODD_WORKER_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* A client's place by its name: names[at .. at + size), size - 1 being the name's. 0: free. */
typedef struct odd_place_slot {
    uint64_t number;
    uint32_t at, size;
} odd_place_slot;

/* Bounded: at most 65,536 names; when it is full, all of it is dropped. One thread. */
typedef struct odd_place_map {
    odd_place_slot *slots;
    size_t count;
    odd_bytes names;
    uint64_t seed;
} odd_place_map;

/* 0, or ODDROW_ENOMEM with nothing to close. */
int odd_place_open(odd_place_map *p);
/* {0} is fine. */
void odd_place_close(odd_place_map *p);

/* Whether the name is known here; then *number. */
bool odd_place_find(const odd_place_map *p, odd_span name, uint64_t *number);

/* Remembers a committed place. Out of memory: a new name stays unknown here, the table has it. */
void odd_place_remember(odd_place_map *p, odd_span name, uint64_t number);

#endif
