/* worker/places.c: see places.h. */
#include "worker/places.h"

#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"
#include "oddrow.h"

enum {
    PLACES = 65536,
    SLOTS = 2 * PLACES,
    PROBES = 64 /* slots looked at for a name */
};

int odd_place_open(odd_place_map *p)
{
    p->slots = odd_alloc(SLOTS, sizeof *p->slots);
    if (!p->slots)
        return ODDROW_ENOMEM;
    if (getrandom(&p->seed, sizeof p->seed, GRND_NONBLOCK) < 0)
        p->seed = (uint64_t)odd_clock_utc();
    return 0;
}

void odd_place_close(odd_place_map *p)
{
    odd_free(p->slots);
    odd_bytes_free(&p->names);
    *p = (odd_place_map){0};
}

static void forget_places(odd_place_map *p)
{
    memset(p->slots, 0, SLOTS * sizeof *p->slots);
    p->names.size = p->count = 0;
}

/* The slot of the name or the free one it would take; NULL when there is neither nearby: names
 * chosen to collide cost no more than PROBES comparisons. */
static odd_place_slot *find_place(const odd_place_map *p, odd_span name)
{
    uint64_t at = odd_hash(name.data, name.size, p->seed);
    for (size_t k = 0; k < PROBES; k++, at++) {
        odd_place_slot *s = &p->slots[at % SLOTS];
        if (!s->size || (s->size - 1 == name.size &&
                         (!name.size || !memcmp(p->names.data + s->at, name.data, name.size))))
            return s;
    }
    return NULL;
}

void odd_place_remember(odd_place_map *p, odd_span name, uint64_t number)
{
    odd_place_slot *s = find_place(p, name);
    if (!s || (!s->size && p->count == PLACES)) {
        forget_places(p);
        s = find_place(p, name);
    }
    if (!s->size) {
        size_t at = p->names.size;
        if (odd_bytes_add(&p->names, name.data, name.size))
            return;
        s->at = (uint32_t)at;
        s->size = (uint32_t)name.size + 1;
        p->count++;
    }
    s->number = number;
}

bool odd_place_find(const odd_place_map *p, odd_span name, uint64_t *number)
{
    const odd_place_slot *s = find_place(p, name);
    if (!s || !s->size)
        return false;
    *number = s->number;
    return true;
}
