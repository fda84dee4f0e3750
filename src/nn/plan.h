/* nn/plan.h: a network made ready to run: its folded tables, and the sums that make its gradient.
 * Private to the room.
 *
 * Layer 1 and the tied heads are folded into an embedding table where that pays:
 *     T_i = E_i W_1[:, slice i]^T          (V, H_1)   layer 1: a gather and add
 *     G_i = E_i W_i, g_i = E_i b_i + beta_i   (V, H)  all logits by one product; below them the
 *                                                     rows of the numeric head
 * A column that is not folded is direct: its slice of x and its head are computed as they are
 * written. Without heads every column is direct.
 */
#ifndef ODD_NN_PLAN_H
#define ODD_NN_PLAN_H

#include "math/kernels.h"
#include "nn/layer.h"

/* A maximal run of direct slices of x, the projection among them: one product in layer 1. */
typedef struct odd_run {
    size_t first, width;
} odd_run;

typedef struct odd_fold {
    bool folded;
    size_t row;     /* folded: the first of its V rows in table and head */
    float *slice;   /* folded: (E, table_stride) W_1[:, slice]^T */
    float *head;    /* folded: (H, padded E) W_i^T */
    float *scratch; /* folded: (V, 16) */
    size_t logits;  /* direct: the first of its V rows among the direct logits */
    size_t slot;    /* direct: its place in the rows of an odd_shard */
} odd_fold;

/* A sum over the rows of a batch: a matrix (rows, cols), or with cols 0 a vector (rows). */
typedef struct odd_sum {
    size_t tensor, column; /* whose gradient it is, from which column on; or ODD_NO_TENSOR */
    size_t rows, cols;
    size_t stride, at; /* in a lane, see nn/reduce.h */
} odd_sum;

typedef struct odd_plan {
    const odd_network *network;
    const odd_kernels *kernels;
    size_t B; /* rows of a training batch; 0: without training */
    /* the embedding layer's, with the tied heads */
    odd_fold *columns;                /* (C) */
    size_t folded, *order;            /* how many; their columns */
    size_t rows;                      /* sum of V over the folded columns */
    size_t heads;                     /* rows + F, or 0 without heads */
    size_t direct_logits;             /* sum of V over direct columns with heads, else 0 */
    size_t direct_most;               /* greatest V of a direct column with a head, else 0 */
    size_t table_stride, head_stride; /* padded H_1, padded H */
    size_t x_stride;                  /* of the rows of an odd_shard */
    float *table;                     /* (rows, table_stride) */
    const float **tables;             /* (folded) each column's rows of table */
    float *head, *bias;               /* (heads, head_stride), (heads) */
    size_t run_count;
    odd_run *runs;
    size_t tasks; /* of filling the tables: each folded column is one, the numeric head the last */
    double cost;  /* multiplications of all of them */
    uint64_t filled; /* training: the step that they were filled for */
    void *arrays, *memory;
    /* training */
    size_t sum_count, sum_capacity;
    odd_sum *sums;
    size_t *first_sum;   /* (layers) each layer's first */
    size_t lane, biases; /* floats of all sums; where the vectors start */
    bool failed;         /* out of memory while the sums were listed */
} odd_plan;

/* Fill before use. ENOMEM. */
int odd_plan_new(const odd_network *n, size_t B, odd_plan **out, oddrow_error *err);
void odd_plan_free(odd_plan **p);

/* For the layers' `sums`: one more sum; and those of y = W x + b, W being `tensor`. */
void odd_plan_sum(odd_plan *p, size_t tensor, size_t column, size_t rows, size_t cols);
void odd_plan_affine(odd_plan *p, size_t tensor, size_t out, size_t in);

/* Fills a part of the tables from the parameters as they are now, for odd_pool_run over p->tasks;
 * context is the odd_plan. */
void odd_plan_task(void *plan, size_t index, size_t thread);

/* What the layers add to it. Of the embedding: which columns are folded. Then the memory of the
 * tables, and how they are filled. */
void odd_embedding_fold(odd_plan *p);
void odd_embedding_fill(const odd_plan *p, size_t column);
void odd_tied_fill(const odd_plan *p, size_t column);
void odd_numeric_fill(const odd_plan *p);

/* One block of memory for many arrays. odd_carve hands out the next, zeroed and in whole cache
 * lines; odd_carve_all calls `carve` twice, to count (odd_carve gives NULL then) and to hand out,
 * and returns the block (odd_free), in which kernels may read a line past the end; NULL: no memory.
 */
typedef struct odd_carver {
    char *memory;
    size_t used;
} odd_carver;
void *odd_carve(odd_carver *c, size_t count, size_t size);
void *odd_carve_all(void (*carve)(void *owner, odd_carver *c), void *owner);

#endif
