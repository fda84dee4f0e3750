/* score/rarity.h: how far x lies from where training rows lie: the nearest prototype, and the shape
 * of them all.
 *
 * For the nearest prototype a row needs |x - p|^2, for the shape W (x - mean): sums over the slices
 * of x. What a categorical column adds takes as many values as the column, so it is a table, and
 * the sum a gather and add; the projection's slice is a small product (docs/verdict.md). */
#ifndef ODD_SCORE_RARITY_H
#define ODD_SCORE_RARITY_H

#include "column/rows.h"
#include "score/verdict.h"

typedef struct odd_rarity odd_rarity;

/* The tables, read-only, shared by threads. Borrows the verdict; without prototypes there is
 * nothing to measure yet, and the result is empty. */
int odd_rarity_new(const odd_verdict *verdict, odd_rarity **out, oddrow_error *err);
void odd_rarity_free(odd_rarity **rarity);

/* Scratch that measuring takes, in floats and in ids, a row. */
size_t odd_rarity_floats(const odd_rarity *rarity);
size_t odd_rarity_ids(const odd_rarity *rarity);

/* Whether measuring reads x (B, X): only where x is wider than ODD_SHAPE_FULL. */
bool odd_rarity_needs_x(const odd_rarity *rarity);

/* local (B): Euclidean distance to the nearest prototype; shape (B): squared Mahalanobis distance;
 * each may be NULL. Ids within their vocabularies. */
void odd_rarity_measure(const odd_rarity *rarity, const odd_rows *rows, const float *x,
                        float *floats, uint32_t *id_scratch, float *local, float *shape);

/* The same from the definitions, in double: the reference. */
void odd_rarity_measure_plain(const odd_verdict *verdict, const float *x, size_t rows, float *local,
                              float *shape);

#endif
