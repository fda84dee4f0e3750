/* nn/fold.h: the parameters as the panels use them: layer 1 and the tied heads folded into the
 * embedding tables where that pays. Private to the room.
 *
 *     T_i = E_i W_1[:, slice i]^T          (V, H_1)   layer 1: a gather and add
 *     G_i = E_i W_i, g_i = E_i b_i + beta_i   (V, H)  all logits by one product; below them the
 *                                                     rows of the numeric head
 * A column that is not folded is direct: its slice of x and its head are computed as written in
 * nn/network.h. With the objective embedding-mse every column is direct.
 */
#ifndef ODD_NN_FOLD_H
#define ODD_NN_FOLD_H

#include "base/pool.h"
#include "math/kernels.h"
#include "nn/network.h"

/* A maximal run of direct slices of x, the projection among them: one product in layer 1. */
typedef struct odd_run {
    size_t first, width;
} odd_run;

typedef struct odd_fold_column {
    bool folded;
    size_t row;     /* folded: the first of its V rows in tables and heads */
    size_t order;   /* folded: index among the folded columns */
    size_t logits;  /* direct: the first of its V rows among the direct logits */
    float *slice;   /* folded: (E, table_stride) W_1[:, slice]^T */
    float *head;    /* folded: (H, padded E) W_i^T */
    float *scratch; /* folded: (V, 16) */
} odd_fold_column;

typedef struct odd_fold {
    const odd_network *network;
    const odd_kernels *kernels;
    odd_curve curve;
    float slope;
    odd_fold_column *columns;         /* (C) */
    size_t folded, *order;            /* how many; their columns */
    size_t rows;                      /* sum of V over the folded columns */
    size_t heads;                     /* rows + F (objective row), else 0 */
    size_t direct_logits;             /* sum of V over direct columns (objective row), else 0 */
    size_t direct_most;               /* greatest V of a direct column (objective row), else 0 */
    size_t table_stride, head_stride; /* padded H_1, padded H */
    float *table;                     /* (rows, table_stride) */
    const float **tables;             /* (folded) each column's rows of table */
    float *head, *bias;               /* (heads, head_stride), (heads) */
    size_t run_count;
    odd_run *runs;
    float *memory;
} odd_fold;

/* Lays the tables out for batches of B rows; a column is folded when that takes fewer operations.
 * B 0: for inference, where folding is done once. Fill before use. */
int odd_fold_new(const odd_network *n, size_t B, odd_fold **out, oddrow_error *err);
void odd_fold_free(odd_fold **f);

/* Multiplications that filling takes. */
double odd_fold_cost(const odd_fold *f);

/* The tasks of filling the tables from the parameters as they are now, for odd_pool_run: context
 * is the odd_fold. Each column is one task, the numeric head the last. */
size_t odd_fold_tasks(const odd_fold *f);
void odd_fold_task(void *fold, size_t index, size_t thread);

#endif
