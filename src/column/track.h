/* column/track.h: what odd_fit remembers of each column, and its records; room-private. */
#ifndef ODD_COLUMN_TRACK_H
#define ODD_COLUMN_TRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "column/fit.h"
#include "column/sample.h"

/* A column of texts. In a record: u32, the first-seen id or one of the codes. */
struct texts {
    odd_vocabulary *vocabulary; /* growing; freed by finish */
    uint64_t missing, untracked;
    uint32_t *map; /* first-seen id -> final id, untracked at 0; from finish on */
};

#define TEXT_UNTRACKED 0u
#define TEXT_MISSING UINT32_MAX

/* A column of numbers or timestamps. In a record: double, or the bits of one of the NaNs. */
struct numbers {
    odd_sample sample;
    uint64_t missing, unparsed;
    char *first; /* text of the first number, should it be the only one; lives in the schema */
    size_t first_size;
};

#define NUMBER_MISSING 0x7ff8000000000001u
#define NUMBER_UNPARSED 0x7ff8000000000002u

/* What is recorded of a column. Fixed constants record one byte, their odd_flag. */
enum tracking { TRACK_NOTHING, TRACK_TEXTS, TRACK_NUMBERS, TRACK_CONSTANT };

struct track {
    uint8_t tracking;
    uint8_t set;     /* kind given by name */
    uint8_t watched; /* one value in the first block, kind a guess */
    size_t offset;   /* in the record */
    void *state;     /* struct texts or struct numbers; NULL otherwise */
};

struct odd_fit {
    size_t K; /* outlives the schema, which the caller may free first */
    odd_fit_options options;
    odd_schema *schema; /* grows from the start */
    bool owned;         /* until finish hands it over */
    bool inferred, finished;
    struct track *tracks; /* (K) */
    size_t record_size;
    size_t max_entries, max_text; /* per column of texts */
    size_t infer_rows;
};

#endif
