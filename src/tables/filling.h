/* tables/filling.h: one column's embedding table filled from one file. Private to the room. */
#ifndef ODD_TABLES_FILLING_H
#define ODD_TABLES_FILLING_H

#include "base/bytes.h"
#include "column/schema.h"
#include "model/model.h"
#include "model/safetensors.h"

/* Read by nobody but filling.c. */
typedef struct odd_filling {
    const odd_column *column;
    const char *path;     /* of the file, for messages */
    float *table;         /* (V, width), the network's */
    size_t width;         /* of the column */
    bool *found;          /* (V) */
    double *sum, *square; /* (width) over the values of the file, entries without a text apart */
    size_t count;         /* values that the file has */
    odd_bytes word;       /* scratch */
} odd_filling;

/* Starts on the table (V, embedding) of a categorical column; both and the path are borrowed.
 * ENOMEM. Free with odd_filling_free, also after an error. */
int odd_filling_new(odd_filling *f, const odd_column *column, float *table, const char *path,
                    oddrow_error *err);
void odd_filling_free(odd_filling *f);

/* One of these: the table of column k of a model's schema; a tensor and the JSON list of the values
 * of its rows (NULL: there is none, an error); a text of vectors, see vectors.h. EINVAL: another
 * width. Messages begin with the path. */
int odd_filling_model(odd_filling *f, const odd_model *model, size_t k, oddrow_error *err);
int odd_filling_tensor(odd_filling *f, const odd_stored *tensor, const char *values,
                       oddrow_error *err);
int odd_filling_text(odd_filling *f, oddrow_error *err);

/* Then: vectors for the entries that the file does not have, its mean and noise that depends on
 * seed, column and entry alone; a line for `notes` (`size` bytes, appended to). EINVAL: the file
 * had none of the column's values. */
int odd_filling_rest(odd_filling *f, uint64_t seed, char *notes, size_t size, oddrow_error *err);

#endif
