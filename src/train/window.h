/* train/window.h: the training rows in a new order each epoch, a memory budget's worth at a time.
 *
 * Blocks of consecutive rows are shuffled, as many as fit a window are loaded, and the rows in the
 * window are shuffled. Where one window holds all rows this is a full shuffle. */
#ifndef ODD_TRAIN_WINDOW_H
#define ODD_TRAIN_WINDOW_H

#include "train/dataset.h"

typedef struct odd_window odd_window;

/* Windows over a store, borrowed, that take at most about `memory` bytes; batches of at most
 * `batch` rows. */
int odd_window_new(odd_store *store, const odd_schema *schema, size_t batch, size_t memory,
                   odd_window **out, oddrow_error *err);
void odd_window_free(odd_window **window);

/* Starts an epoch: its order depends on the seed and the epoch alone. */
void odd_window_start(odd_window *window, uint64_t seed, uint64_t epoch);

/* The next batch of the epoch: every row once, all batches full but the last. *batch is borrowed
 * until the next call, its count 0 at the end of the epoch. */
int odd_window_next(odd_window *window, odd_rows *batch, oddrow_error *err);

#endif
