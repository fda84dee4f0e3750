/* model/metadata.h: all of a model but its tensors, as JSON and back; keys in docs/format.md. */
#ifndef ODD_MODEL_METADATA_H
#define ODD_MODEL_METADATA_H

#include "model/parts.h"

enum { ODD_MODEL_FORMAT = 1 };

/* JSON text, compact, numbers with 17 digits; free with free(). NULL: out of memory. */
char *odd_metadata_write(const odd_model *model);

/* A model with every part allocated and every scalar read; the tensors are still zero. `floats`
 * is how many numbers the file holds: sizes that claim more are refused before anything is
 * allocated. */
int odd_metadata_read(const char *text, size_t floats, odd_model **out, oddrow_error *err);

/* The tail of a name in a calibration, in the order of the file; NULL beyond the last. */
enum { ODD_TAILS = ODD_MEASURES + 4 };
odd_tail *odd_calibration_tail(odd_calibration *calibration, size_t index, const char **name);

#endif
