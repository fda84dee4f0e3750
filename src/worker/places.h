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

/* What becomes of a message with the rows first … first + rows - 1. */
typedef struct odd_admission {
    size_t repeated;   /* rows at its start that are not new; all of them when there is a gap */
    uint64_t expected; /* when there is a gap: the row number that must come next; otherwise 0 */
    odd_place place;   /* of the client once the new rows are safe */
} odd_admission;

/* Which rows of a message, at least one, are new to a client at `place`. The rows of a new client
 * begin with number 0 or 1. The last row number is UINT64_MAX - 1, so UINT64_MAX always leaves a
 * gap. */
odd_admission odd_place_admit(odd_place place, uint64_t first, size_t rows);

/* The store. One thread. */
typedef struct odd_places odd_places;

/* For batches of at most `rows` messages: at most `rows` clients are looked for between two calls
 * of odd_places_settle. Borrows the journal. 0 or ODDROW_ENOMEM. */
int odd_places_new(odd_journal *journal, size_t rows, odd_places **out, oddrow_error *err);
void odd_places_free(odd_places **p);

/* Finds a client, in the journal when it is not here. *index is valid until odd_places_settle. 0,
 * ODDROW_EIO, ODDROW_EINVAL for a name that is too long, ODDROW_ENOMEM. */
int odd_places_find(odd_places *p, odd_span name, size_t *index, oddrow_error *err);

odd_place odd_places_get(const odd_places *p, size_t index);
void odd_places_set(odd_places *p, size_t index, odd_place place);

/* The places that were set since odd_places_settle, for odd_journal_commit. Borrowed until the next
 * call of a function here. */
const odd_client_place *odd_places_changes(odd_places *p, size_t *count);

/* Ends a batch: makes the places that were set the committed ones, or takes them back. Forgets all
 * clients when they are many (65,536) or when their names collide; the journal has them. */
void odd_places_settle(odd_places *p, bool committed);

#endif
