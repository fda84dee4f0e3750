/* worker/places.c: the rule of exactly-once, and a hash table of clients' places. */
#include "worker/places.h"

#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"

enum {
    CLIENTS = 65536, /* kept from batch to batch */
    PROBES = 64      /* slots looked at for a name before the table counts as crowded */
};

typedef struct client {
    uint32_t at, size;   /* of its name in names */
    odd_place now, safe; /* as set; as committed */
    bool changed;
} client;

struct odd_places {
    odd_journal *journal;
    client *clients; /* (CLIENTS + rows) */
    size_t count;
    uint32_t *slots; /* (slot_count) open addressing: index + 1; 0: free */
    size_t slot_count;
    odd_bytes names;
    size_t *changed; /* (rows) indices of the clients that were set */
    size_t change_count;
    odd_client_place *changes; /* (rows) room for odd_places_changes */
    uint64_t seed;
    bool crowded; /* names collide, by chance or on purpose */
};

odd_admission odd_place_admit(odd_place place, uint64_t first, size_t rows)
{
    uint64_t expected = place.known ? place.last + 1 : first > 0;
    if (first > expected || first > UINT64_MAX - rows)
        return (odd_admission){rows, expected, place};
    uint64_t behind = expected - first;
    if (behind >= rows)
        return (odd_admission){rows, 0, place};
    return (odd_admission){(size_t)behind, 0, {true, first + rows - 1}};
}

static void choose_seed(odd_places *p)
{
    if (getrandom(&p->seed, sizeof p->seed, GRND_NONBLOCK) < 0)
        p->seed = (uint64_t)odd_clock_utc();
}

int odd_places_new(odd_journal *journal, size_t rows, odd_places **out, oddrow_error *err)
{
    odd_places *p = odd_alloc(1, sizeof *p);
    *out = p;
    if (!p)
        return odd_no_memory(err);
    p->journal = journal;
    for (p->slot_count = 2 * CLIENTS; p->slot_count < CLIENTS + 2 * rows;)
        p->slot_count *= 2;
    p->clients = odd_alloc(CLIENTS + rows, sizeof *p->clients);
    p->slots = odd_alloc(p->slot_count, sizeof *p->slots);
    p->changed = odd_alloc(rows, sizeof *p->changed);
    p->changes = odd_alloc(rows, sizeof *p->changes);
    choose_seed(p);
    if (p->clients && p->slots && p->changed && p->changes)
        return 0;
    odd_places_free(out);
    return odd_no_memory(err);
}

void odd_places_free(odd_places **places)
{
    if (!places || !*places)
        return;
    odd_places *p = *places;
    odd_free(p->clients);
    odd_free(p->slots);
    odd_free(p->changed);
    odd_free(p->changes);
    odd_bytes_free(&p->names);
    odd_free(p);
    *places = NULL;
}

static odd_span name_of(const odd_places *p, const client *c)
{
    return (odd_span){p->names.data + c->at, c->size};
}

/* The slot that holds the name, or the free one that it would take. */
static uint32_t *find_slot(odd_places *p, odd_span name)
{
    uint64_t at = odd_hash(name.data, name.size, p->seed);
    for (size_t probes = 0;; at++, probes++) {
        uint32_t *slot = &p->slots[at & (p->slot_count - 1)];
        p->crowded |= probes == PROBES;
        if (!*slot)
            return slot;
        const client *c = &p->clients[*slot - 1];
        if (c->size == name.size && !memcmp(name_of(p, c).data, name.data, name.size))
            return slot;
    }
}

int odd_places_find(odd_places *p, odd_span name, size_t *index, oddrow_error *err)
{
    uint32_t *slot = find_slot(p, name);
    client c = {.at = (uint32_t)p->names.size, .size = (uint32_t)name.size};
    if (!*slot) {
        int known = odd_journal_client(p->journal, name, &c.safe.last, err);
        if (known < 0)
            return known;
        odd_bytes_span(&p->names, name);
        if (odd_bytes_check(&p->names, err))
            return ODDROW_ENOMEM;
        c.safe.known = known;
        c.now = c.safe;
        p->clients[p->count++] = c;
        *slot = (uint32_t)p->count;
    }
    *index = *slot - 1;
    return 0;
}

odd_place odd_places_get(const odd_places *p, size_t index)
{
    return p->clients[index].now;
}

void odd_places_set(odd_places *p, size_t index, odd_place place)
{
    client *c = &p->clients[index];
    c->now = place;
    if (!c->changed)
        p->changed[p->change_count++] = index;
    c->changed = true;
}

const odd_client_place *odd_places_changes(odd_places *p, size_t *count)
{
    *count = p->change_count;
    for (size_t i = 0; i < *count; i++) {
        const client *c = &p->clients[p->changed[i]];
        p->changes[i] = (odd_client_place){name_of(p, c), c->now.last};
    }
    return p->changes;
}

void odd_places_settle(odd_places *p, bool committed)
{
    for (size_t i = 0; i < p->change_count; i++) {
        client *c = &p->clients[p->changed[i]];
        if (committed)
            c->safe = c->now;
        else
            c->now = c->safe;
        c->changed = false;
    }
    p->change_count = 0;
    if (p->count < CLIENTS && !p->crowded)
        return;
    memset(p->slots, 0, p->slot_count * sizeof *p->slots);
    odd_bytes_clear(&p->names);
    p->count = 0;
    p->crowded = false;
    choose_seed(p);
}
