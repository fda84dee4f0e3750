/* column/encode.h: cells to the network's inputs under a finished schema. */
#ifndef ODD_COLUMN_ENCODE_H
#define ODD_COLUMN_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "column/schema.h"
#include "oddrow.h"

/* Encoded rows; row-major arrays with B = rows. Sizes are those of the schema. */
typedef struct odd_batch {
    size_t rows, capacity;
    size_t C, F, M, D, K;
    uint32_t *ids;    /* (B, C) vocabulary ids; text without an entry: rare_id, or 0 */
    float *values;    /* (B, F) scaled numbers, 0 where missing */
    uint8_t *missing; /* (B, M) 1: missing or unparsed */
    uint8_t *differs; /* (B, D) 1: a constant column with another value */
    uint8_t *flags;   /* (B, K) odd_flag, K in schema order */
    float *targets;   /* (B) from odd_fit_translate alone, where the schema has a target: the class
                         from 0, or the scaled number; not-a-number where there is none */
} odd_batch;

int odd_batch_new(const odd_schema *s, size_t capacity, odd_batch **out, oddrow_error *err);
void odd_batch_free(odd_batch **b);

typedef struct odd_encoder odd_encoder;

/* Binds a schema to a file's header of n names: every column is found by its name, other columns of
 * the file are ignored. Id, label and ignored columns may be absent. ODDROW_ESCHEMA names an input
 * column (categorical, numeric, timestamp, constant) that is absent or there twice. The schema must
 * outlive the encoder; names are copied. */
int odd_encoder_new(const odd_schema *s, const char *const *names, size_t n, odd_encoder **out,
                    oddrow_error *err);
void odd_encoder_free(odd_encoder **e);

/* Encodes rows <= batch->capacity rows of n cells each into the batch's first rows. Never fails:
 * what cannot be read is flagged. Pure; many threads, each with its own batch. */
void odd_encode(const odd_encoder *e, const odd_span *cells, size_t rows, odd_batch *batch);

/* File index of a schema column; SIZE_MAX when an id, label or ignored column is absent. */
size_t odd_encoder_source(const odd_encoder *e, size_t column);

/* Columns of the file that the schema does not know, in file order. */
size_t odd_encoder_extra(const odd_encoder *e);
const char *odd_encoder_extra_name(const odd_encoder *e, size_t i);

/* "2 columns are not in the model and ignored: a, b", or nothing; cut to size >= 80 bytes. */
void odd_encoder_note_extra(const odd_encoder *e, char *notes, size_t size);

#endif
