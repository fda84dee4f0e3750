/* model/rarity.h: how far x lies from where training rows lie: the nearest prototype, and the shape
 * of them all.
 *
 * Both are one linear map of the centred input, q = Q (x - mean) + q_0: a row for each prototype,
 * -2 (p - mean) . (x - mean) + |p - mean|^2, which is |x - p|^2 less what all prototypes share,
 * and a row for each whitened coordinate. A categorical column's part of Q x takes as many values
 * as the column, so it is a table, and the map a gather and add (docs/model.md). */
#ifndef ODD_MODEL_RARITY_H
#define ODD_MODEL_RARITY_H

#include "model/parts.h"

typedef struct odd_rarity odd_rarity;

/* The tables, read-only, shared by threads. Borrows the model; without prototypes there is nothing
 * to measure yet, and the result is empty. */
int odd_rarity_new(const odd_model *model, odd_rarity **out, oddrow_error *err);
void odd_rarity_free(odd_rarity **rarity);

/* Scratch that measuring takes, in floats and in ids, a row. */
size_t odd_rarity_floats(const odd_rarity *rarity);
size_t odd_rarity_ids(const odd_rarity *rarity);

/* local (B): Euclidean distance to the nearest prototype; shape (B): squared Mahalanobis distance;
 * each may be NULL. ids (B, C), x (B, X). */
void odd_rarity_measure(const odd_rarity *rarity, const uint32_t *ids, const float *x, size_t rows,
                        float *floats, uint32_t *id_scratch, float *local, float *shape);

/* The same from the definitions, in double: the reference. */
void odd_rarity_measure_plain(const odd_model *model, const float *x, size_t rows, float *local,
                              float *shape);

#endif
