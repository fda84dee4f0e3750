/* score/slices.h: sums over the slices of x, of which measures of x are made.
 *
 * The slices of x are the embeddings of the categorical columns, side by side, and behind them the
 * projection of the numbers. What a column adds to a sum takes as many values as the column has, so
 * it is a table, and the sum over the columns is a gather and add. The projection, and columns too
 * great for tables, are multiplied. One pass gives the sums of all measures (docs/model.md). */
#ifndef ODD_SCORE_SLICES_H
#define ODD_SCORE_SLICES_H

#include "score/verdict.h"

/* What a measure wants summed. */
typedef struct odd_slice_sums {
    /* How many sums a row has; 0: none. */
    size_t (*width)(const odd_verdict *verdict);

    /* What the slice x[first, first + E) = e adds to each sum, into out (width). */
    void (*of_category)(const odd_verdict *verdict, size_t first, const float *e, size_t E,
                        float *out);

    /* In a multiplied slice x[j] adds factor[i] (x[j] - mean[j]) + start[i] to sum i, mean that of
     * the shape: fills factor (width), adds to start (width). */
    void (*of_place)(const odd_verdict *verdict, size_t j, float *factor, float *start);
} odd_slice_sums;

/* The tables, read-only, shared by threads. */
typedef struct odd_slices {
    const odd_verdict *verdict;
    size_t stride;           /* sums of a row: those of a measure begin ... */
    size_t at[ODD_MEASURES]; /* ... here, padded to whole vectors with sums that are never least */
    float *start;            /* (stride): a row's sums without any slice */
    size_t folded;           /* columns that are tables */
    size_t *column;          /* (folded): which they are */
    const float **table;     /* (folded): (V, stride) each */
    size_t depth, width;     /* multiplied places of x, and room for them in z */
    size_t *place;           /* (depth): which they are, rising; the projection's come last */
    float *map;              /* (depth, stride): factors */
    float *z_start;          /* (width): b_p - mean in the projection's places */
    float *projection;       /* (F + M, padded P): W_p^T */
} odd_slices;

/* Borrows the verdict; before it is fitted there are no sums. */
int odd_slices_new(const odd_verdict *verdict, odd_slices **out, oddrow_error *err);
void odd_slices_free(odd_slices **slices);

/* The sums of a block of rows: a thread's scratch. */
typedef struct odd_sums {
    const odd_slices *slices;
    float *q;      /* (B, stride) */
    float *z;      /* (B, width): x - mean in the multiplied places */
    float *u;      /* (B, F + M): what is projected */
    uint32_t *ids; /* (B, folded) */
} odd_sums;

int odd_sums_new(const odd_slices *slices, size_t rows, odd_sums *out, oddrow_error *err);
void odd_sums_free(odd_sums *sums);

/* Ids within their vocabularies. */
void odd_sums_run(odd_sums *sums, const odd_rows *rows);

#endif
