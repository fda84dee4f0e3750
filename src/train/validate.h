/* train/validate.h: held-out losses of a network in training, on all threads of a pool. */
#ifndef ODD_TRAIN_VALIDATE_H
#define ODD_TRAIN_VALIDATE_H

#include "base/pool.h"
#include "nn/network.h"
#include "train/dataset.h"

typedef struct odd_validator odd_validator;

/* For a network, borrowed, whose parameters may change between runs. ENOMEM. */
int odd_validator_new(const odd_network *network, odd_pool *pool, odd_validator **out,
                      oddrow_error *err);
void odd_validator_free(odd_validator **v);

/* Of all rows, with the parameters as they are now: losses (B), of a supervised network against the
 * rows' targets, and its outputs (B, Y), or NULL. */
void odd_validator_run(odd_validator *v, const odd_rows *rows, float *losses, float *outputs);

#endif
