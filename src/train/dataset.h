/* train/dataset.h: CSV files read once into encoded rows, split into training and held-out rows,
 * and given back in shuffled windows. */
#ifndef ODD_TRAIN_DATASET_H
#define ODD_TRAIN_DATASET_H

#include "base/pool.h"
#include "column/encode.h"
#include "column/fit.h"
#include "column/rows.h"
#include "csv/source.h"
#include "train/table.h"
#include "train/train.h"

typedef struct odd_dataset {
    odd_schema *schema; /* owned until taken */
    odd_table *train;   /* encoded records, see odd_rows */
    odd_table *held;    /* held-out rows, never trained on */
    uint64_t rows, rejected;
    uint64_t unlabelled; /* of the rows: those without a target, which are in neither table */
    uint64_t hash;       /* of all encoded rows, in file order */
    char notes[2000];
} odd_dataset;

/* Bytes that one row takes in memory, and in a table. */
size_t odd_rows_size(const odd_schema *schema);

/* Reads the files in one pass: kinds from the first rows, statistics, encoding. */
int odd_dataset_read(const char *const *paths, size_t path_count, const odd_train_options *options,
                     odd_pool *pool, odd_dataset *out, oddrow_error *err);
void odd_dataset_free(odd_dataset *dataset);

/* Reads `count` consecutive rows of a table: row i goes to row at + order[i], or at + i where
 * `order` is NULL. `scratch` holds count records. */
int odd_dataset_load(odd_table *table, uint64_t first, size_t count, void *scratch, odd_rows *rows,
                     size_t at, const uint32_t *order, oddrow_error *err);

/* At most `limit` rows of a table, spread evenly over it and chosen by `seed`, in file order. */
int odd_dataset_sample(odd_table *table, const odd_schema *schema, size_t limit, uint64_t seed,
                       odd_rows **out, oddrow_error *err);

#endif
