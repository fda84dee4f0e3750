/* train/store.h: the row store: records of one size, in memory while they fit a budget, else in an
 * unlinked file. */
#ifndef ODD_TRAIN_STORE_H
#define ODD_TRAIN_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "oddrow.h"

/* Read the first two members; the rest is private. */
typedef struct odd_store {
    uint64_t rows;
    size_t record_size;
    size_t memory; /* most bytes held in memory */
    char *data;    /* all records while file < 0; else those that are not in the file yet */
    size_t size, capacity;
    uint64_t spilled; /* bytes in the file */
    int file;
} odd_store;

/* An empty store that keeps at most `memory` bytes resident. Not for several threads at once. */
int odd_store_new(size_t record_size, size_t memory, odd_store **out, oddrow_error *err);
void odd_store_free(odd_store **store);

/* Appends `count` records. */
int odd_store_add(odd_store *store, const void *records, size_t count, oddrow_error *err);

/* Copies records first … first+count-1, all of which exist, to `records`. */
int odd_store_read(odd_store *store, uint64_t first, size_t count, void *records,
                   oddrow_error *err);

#endif
