/* train/dataset.h: CSV files read once into encoded rows, split into training and held-out rows. */
#ifndef ODD_TRAIN_DATASET_H
#define ODD_TRAIN_DATASET_H

#include "base/pool.h"
#include "column/fit.h"
#include "column/rows.h"
#include "train/options.h"
#include "train/store.h"

typedef struct odd_dataset {
    odd_schema *schema; /* owned until taken */
    odd_store *train;   /* a record is an encoded row */
    odd_store *held;    /* held-out rows, never trained on */
    uint64_t rows, rejected;
    uint64_t unlabelled; /* of the rows: those without a target, which are in neither store */
    uint64_t hash;       /* of all encoded rows, in file order */
    odd_bytes notes;     /* lines that a person should see; their NUL follows */
} odd_dataset;

/* Bytes that one row takes in memory, and in a store. */
size_t odd_rows_size(const odd_schema *schema);

/* Reads the files in one pass: kinds from the first rows, statistics, encoding. */
int odd_dataset_read(const char *const *paths, size_t path_count, const odd_train_options *options,
                     odd_pool *pool, odd_dataset *out, oddrow_error *err);
void odd_dataset_free(odd_dataset *dataset);

/* Reads `count` consecutive rows of a store: row i goes to row at + order[i], or at + i where
 * `order` is NULL. `scratch` holds count records. */
int odd_dataset_load(odd_store *store, uint64_t first, size_t count, void *scratch, odd_rows *rows,
                     size_t at, const uint32_t *order, oddrow_error *err);

/* At most `limit` rows of a store, spread evenly over it and chosen by `seed`, in file order. */
int odd_dataset_sample(odd_store *store, const odd_schema *schema, size_t limit, uint64_t seed,
                       odd_rows **out, oddrow_error *err);

#endif
