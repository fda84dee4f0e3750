/* column/rows.h: encoded rows: what cells become, and what the network, the score and training
 * read.
 */
#ifndef ODD_COLUMN_ROWS_H
#define ODD_COLUMN_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oddrow.h"

struct odd_schema;

/* Row-major arrays with B = count; C, F, M, D and K are those of the schema. Readers take a const
 * odd_rows, which they never write. */
typedef struct odd_rows {
    size_t count, capacity; /* B, and how many rows there is room for */
    size_t C, F, M, D, K;
    uint32_t *ids;    /* (B, C) vocabulary ids; text without an entry: rare_id, or 0 */
    float *values;    /* (B, F) scaled numbers, 0 where missing */
    uint8_t *missing; /* (B, M) 1: missing or unparsed; NULL: nothing is */
    uint8_t *differs; /* (B, D) 1: a constant column with another value; NULL: nothing differs */
    uint8_t *flags;   /* (B, K) odd_flag, K in schema order; NULL where nobody asks */
    float *targets; /* (B) the class from 0, or the scaled number; not-a-number where there is none;
                       NULL without a target */
} odd_rows;

/* Room for `capacity` rows. `cells` true: with differs and flags, for rows that are scored; false:
 * without them, for training. targets are there where the schema has a target. */
int odd_rows_new(const struct odd_schema *s, size_t capacity, bool cells, odd_rows **out,
                 oddrow_error *err);
void odd_rows_free(odd_rows **rows);

/* Rows [first, first + count), borrowed from `rows`. */
odd_rows odd_rows_slice(const odd_rows *rows, size_t first, size_t count);

/* Moves rows [from, from + count) to the front; `count` of the rows stays as it is. */
void odd_rows_to_front(odd_rows *rows, size_t from, size_t count);

#endif
