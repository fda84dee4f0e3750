/* nn/step_reduce.h: from the lanes' sums and the shards' rows to the gradient of every parameter,
 * and Adam. Private to the room. */
#ifndef ODD_NN_STEP_REDUCE_H
#define ODD_NN_STEP_REDUCE_H

#include <stdatomic.h>

#include "nn/panel.h"
#include "nn/step.h"

/* A task of the reduction. Block: rows [from, to) of a matrix summed over the lanes, where its rows
 * lie `stride` apart, written to columns [column, column + cols) of a tensor. */
typedef enum odd_task_kind { ODD_TASK_FOLDED, ODD_TASK_DIRECT, ODD_TASK_BLOCK } odd_task_kind;

typedef struct odd_task {
    odd_task_kind kind;
    size_t index;                              /* folded, direct: the categorical column */
    size_t from, to;                           /* direct: entries of the vocabulary; block: rows */
    size_t tensor, column, cols, lane, stride; /* block */
    double cost;
} odd_task;

typedef struct odd_reduction {
    odd_network *network;
    const odd_fold *fold;
    odd_lane_layout layout;
    size_t lanes; /* in use for the batch at hand */
    float *sums;  /* (lanes, layout.size) */
    size_t shards, C;
    odd_shard_rows *shard; /* (shards) */
    odd_fold **folds;      /* thread t reads folds[t % fold_count] */
    size_t fold_count;
    size_t x_stride;
    const size_t *slot;
    float *gradient, *moment1, *moment2; /* (network->count) */
    const bool *frozen;                  /* (C) tables that Adam leaves alone, or NULL */
    odd_adam adam;
    double rate, weight_decay;
    size_t task_count;
    odd_task *tasks;       /* costliest first */
    atomic_size_t waiting; /* tasks still to add to layer 1's weights, which several write */
    size_t shared;         /* how many those are; 0: layer 1's tasks update their own rows */
    size_t scratch_size;   /* floats for a thread */
    float *scratch;        /* (threads, scratch_size) */
} odd_reduction;

/* Lists the tasks; needs network, fold and layout. false when out of memory. */
bool odd_reduction_plan(odd_reduction *r, size_t threads);
void odd_reduction_free(odd_reduction *r);

/* For odd_pool_run over task_count; context is the odd_reduction. */
void odd_reduction_task(void *reduction, size_t index, size_t thread);

#endif
