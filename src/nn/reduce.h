/* nn/reduce.h: from what the panels of a batch left to the gradient of every parameter, and Adam.
 * Private to the room.
 *
 * A lane holds the sums of a fixed set of shards; the lanes are added in order. What is added, and
 * in which order, depends on the batch alone. */
#ifndef ODD_NN_REDUCE_H
#define ODD_NN_REDUCE_H

#include <stdatomic.h>

#include "nn/panel.h"

typedef struct odd_reduction odd_reduction;

/* A task: makes the gradient of some parameters and updates them. */
typedef struct odd_task {
    void (*run)(odd_reduction *r, const odd_plan *p, const struct odd_task *task, float *scratch);
    size_t index;    /* the sum, or the categorical column */
    size_t from, to; /* rows of the sum, or entries of the column's vocabulary */
    double cost;
} odd_task;

struct odd_reduction {
    odd_network *network;
    const odd_plan *plan;
    size_t shards, lanes; /* of the batch at hand */
    odd_shard *shard;     /* (shards) */
    float *sums;          /* (lanes, plan->lane) */
    odd_plan **plans;     /* thread t reads plans[t % plan_count] */
    size_t plan_count;
    float *gradient, *moment1, *moment2; /* (network->count) */
    const bool *frozen;                  /* (C) tables that Adam leaves alone, or NULL */
    odd_adam adam;
    double rate, weight_decay;
    size_t task_count, task_capacity;
    odd_task *tasks;       /* costliest first */
    bool failed;           /* out of memory while they were listed */
    atomic_size_t waiting; /* tasks still to add to layer 1's weights, which several write */
    size_t shared;         /* how many those are; 0: layer 1's task updates its own rows */
    size_t scratch_size;   /* floats for a thread */
    float *scratch;        /* (threads, scratch_size) */
};

/* Lists the tasks; needs network and plan. false when out of memory. */
bool odd_reduction_plan(odd_reduction *r, size_t threads);
void odd_reduction_free(odd_reduction *r);

/* For odd_pool_run over task_count; context is the odd_reduction. */
void odd_reduction_task(void *reduction, size_t index, size_t thread);

/* ---- for the embedding and the tied heads, whose gradients are no plain sums ---- */

/* While the tasks are listed: one more, and how many floats of scratch one needs. */
void odd_reduce_add(odd_reduction *r, odd_task task);
void odd_reduce_need(odd_reduction *r, size_t floats);

/* Of a tensor: its gradient; rows [from, to) and columns [column, column + cols) of it from padded
 * rows; Adam over floats [from, to). And the end of a task that has put a part of layer 1's. */
float *odd_reduce_gradient(const odd_reduction *r, size_t tensor);
void odd_reduce_put(odd_reduction *r, size_t tensor, size_t column, size_t from, size_t to,
                    const float *rows, size_t cols);
void odd_reduce_update(odd_reduction *r, size_t tensor, size_t from, size_t to);
void odd_reduce_layer1(odd_reduction *r);

/* The tasks of the embedding tables, and what the tied heads add to them. */
void odd_embedding_tasks(odd_reduction *r);
size_t odd_tied_scratch(const odd_plan *p, size_t column);
void odd_tied_reduce_folded(odd_reduction *r, const odd_plan *p, size_t column, float *dE,
                            float *scratch);
void odd_tied_reduce_direct(odd_reduction *r, const odd_plan *p, const odd_task *task, size_t shard,
                            float *dE);
void odd_tied_update_direct(odd_reduction *r, const odd_plan *p, const odd_task *task);

#endif
