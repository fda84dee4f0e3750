/* train/validate.h: held-out losses of a network in training, on all threads of a pool. */
#ifndef ODD_TRAIN_VALIDATE_H
#define ODD_TRAIN_VALIDATE_H

#include "base/pool.h"
#include "nn/network.h"
#include "train/dataset.h"

typedef struct odd_validator odd_validator;

/* For a network, borrowed, whose parameters may change between runs. */
int odd_validator_new(const odd_network *network, odd_pool *pool, odd_validator **out,
                      oddrow_error *err);
void odd_validator_free(odd_validator **v);

/* Row losses, and x where not NULL, of all rows: losses (count), columns (count, C + M), x
 * (count, X); each may be NULL. Call odd_validator_update first when parameters changed. */
void odd_validator_update(odd_validator *v);
void odd_validator_run(odd_validator *v, const odd_rows *rows, float *losses, float *columns,
                       float *x);

/* The same for a supervised network: losses (count) against the rows' targets, outputs (count, Y)
 * as odd_forward_predict has them; each may be NULL. */
void odd_validator_predict(odd_validator *v, const odd_rows *rows, float *losses, float *outputs);

/* Mean of the row losses without the greatest `trim` share of them; the same for any number of
 * threads. `losses` is reordered. */
double odd_trimmed_mean(float *losses, size_t count, double trim);

#endif
