/* worker/places.h: clients' places: how many rows of each client are safe, and the rule that takes
 * each row exactly once. The journal keeps them; this store in front of it answers without a query
 * and holds what the batch under way changes until that is committed. */
#ifndef ODD_WORKER_PLACES_H
#define ODD_WORKER_PLACES_H

#include "worker/journal.h"

/* A client's place. */
typedef struct odd_place {
    bool known;    /* false: no row of this client is safe; last is 0 */
    uint64_t last; /* number of its last safe row */
} odd_place;

/* What a message of rows first … first + rows - 1 is beside the place of its client. */
typedef struct odd_admission {
    size_t repeated;   /* rows at its start that are safe already; all of them behind a gap */
    uint64_t expected; /* the row number that must come next, when it leaves a gap; else 0 */
    odd_place place;   /* of the client once the message's rows are safe */
} odd_admission;

/* Holds a message of at least one row against the place. A new client's rows begin with 0 or 1. No
 * row has a number above UINT64_MAX - 1, so UINT64_MAX always leaves a gap. */
odd_admission odd_place_admit(odd_place place, uint64_t first, size_t rows);

/* The store. One thread. */
typedef struct odd_places odd_places;

/* For batches of at most `rows` messages: between two settlings at most `rows` clients are found.
 * Borrows the journal. 0 or ODDROW_ENOMEM. */
int odd_places_new(odd_journal *journal, size_t rows, odd_places **out, oddrow_error *err);
void odd_places_free(odd_places **p);

/* Finds a client; the journal is asked about one that is not here. *index is the client's until the
 * next settling. 0, ODDROW_EIO, ODDROW_EINVAL for a name that is too long, ODDROW_ENOMEM. */
int odd_places_find(odd_places *p, odd_span name, size_t *index, oddrow_error *err);

odd_place odd_places_get(const odd_places *p, size_t index);
void odd_places_set(odd_places *p, size_t index, odd_place place);

/* The places that were set since the last settling, for odd_journal_commit. Borrowed until the next
 * call of a function here. */
const odd_client_place *odd_places_changes(odd_places *p, size_t *count);

/* Ends a batch: what was set since the last settling is committed, or as if it had not been set.
 * Forgets all clients when there are many (65,536) or their names collide: the journal has them. */
void odd_places_settle(odd_places *p, bool committed);

#endif
