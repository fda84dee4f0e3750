/* column/encode.h: cells to the network's inputs under a finished schema. */
#ifndef ODD_COLUMN_ENCODE_H
#define ODD_COLUMN_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "column/rows.h"
#include "column/schema.h"
#include "oddrow.h"

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
void odd_encode(const odd_encoder *e, const odd_span *cells, size_t rows, odd_rows *batch);

/* File index of a schema column; SIZE_MAX when an id, label or ignored column is absent. */
size_t odd_encoder_source(const odd_encoder *e, size_t column);

/* The columns of the file that the schema does not know:
 * "2 columns are not in the model and ignored: a, b", or nothing; cut to size >= 80 bytes. */
void odd_encoder_note_extra(const odd_encoder *e, char *notes, size_t size);

#endif
