/* nn/step.h: one training step over a batch: forward, backward, Adam, on the threads of a pool.
 *
 * The batch is cut into shards of 64 rows and sums over shards run in a fixed order, so the
 * parameters after a step are the same bits for any number of threads.
 */
#ifndef ODD_NN_STEP_H
#define ODD_NN_STEP_H

#include "base/pool.h"
#include "column/rows.h"
#include "nn/network.h"

typedef struct odd_step odd_step;

typedef struct odd_step_options {
    double dropout; /* share of hidden units dropped, [0, 1) */
    double mask;    /* chance that a column of a row is hidden at the input: id 0, or value 0 and
                       missing 1; the target stays. [0, 1) */
    double weight_decay;          /* AdamW's, on tensors whose decay is set */
    double beta1, beta2, epsilon; /* Adam's */
    const bool *frozen; /* (C) embedding tables of which no byte changes; borrowed; NULL = none */
} odd_step_options;

#define ODD_STEP_OPTIONS                                                                           \
    {                                                                                              \
        .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8                                              \
    }

typedef struct odd_step_result {
    double loss; /* what the step lowers: mean of the row losses, weighted, before the update */
    const double *column_sums; /* (losses) sums of the column losses over all rows; borrowed from
                                  the step, until its next run */
    double mse, mape;          /* over numeric features that are there (row) or over X
                                  (embedding-mse); mape = 100 mean |t - y| / max(|t|, 1e-7); 0
                                  when there are none */
} odd_step_result;

/* A step for batches up to `capacity` rows. Borrows the network and the pool, which must outlive
 * it; one step per network at a time. options NULL = ODD_STEP_OPTIONS. Moments start at 0.
 * EINVAL for an option out of its range, ENOMEM. */
int odd_step_new(odd_network *network, size_t capacity, odd_pool *pool,
                 const odd_step_options *options, odd_step **out, oddrow_error *err);

/* One step at `rate` over rows, whose ids count as 0 beyond a vocabulary; weights (B), each >= 0,
 * or NULL: all 1. Masks and dropout are drawn from (seed, number, row in the batch, column or
 * unit), so `number` is the global step number. result may be NULL. ENUMERIC when the loss is not
 * finite: the message tells the column's index, the parameters and moments are as before the call,
 * and result is filled. EINVAL for no rows, too many rows, or weights that sum to nothing. Call
 * from one thread. */
int odd_step_run(odd_step *step, const odd_rows *rows, const float *weights, double rate,
                 uint64_t seed, uint64_t number, odd_step_result *result, oddrow_error *err);

/* The gradient of the latest run, and what Adam keeps, which may be written to resume:
 * (network->count) floats each in the layout of the parameters, and how many updates were made. */
typedef struct odd_step_state {
    const float *gradient;
    float *moment1, *moment2;
    uint64_t *count;
} odd_step_state;
odd_step_state odd_step_state_of(odd_step *step);

void odd_step_free(odd_step **step);

#endif
