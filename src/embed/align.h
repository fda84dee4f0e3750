/* embed/align.h: a retrained model's tables rotated onto an older model's, its scores unchanged.
 *
 * Training again with other randomness gives embeddings that say the same in other coordinates.
 * Orthogonal Procrustes (Schoenemann, Psychometrika 31, 1966) over the values that both know:
 *     R = argmax over orthogonal R of sum_i cos(new_i R, old_i) = U V^T,  U S V^T = SVD(N^T O)
 * with the rows of N and O the unit vectors of shared values. The network follows, so that it
 * computes what it did: E' = E R, head W' = R^T W and b' = R^T b, layer 1 W_1' = W_1 R in the
 * column's slice; prototypes, mean and shape of x likewise. */
#ifndef ODD_EMBED_ALIGN_H
#define ODD_EMBED_ALIGN_H

#include "model/model.h"

typedef struct odd_alignment {
    const char *name;     /* the column's, the new model's */
    size_t E, old_E;      /* widths; old_E 0: the old model has no such embedding */
    size_t shared;        /* values that both know, and whose vectors are not zero */
    bool aligned;         /* widths are the same and something is shared */
    double before, after; /* mean cosine over the shared values */
} odd_alignment;

/* Rotates the tables of `model` onto those of `old`; one result a categorical column of `model`
 * into out (C of them). *approximate becomes true when the model keeps only the variances of x
 * (x too wide), whose rotation is not exact: scores then move a little. ODDROW_ESCHEMA: nothing to
 * align. */
int odd_align(odd_model *model, const odd_model *old, odd_alignment *out, bool *approximate,
              oddrow_error *err);

/* The first step alone: R (E, E) for `count` pairs of rows of width E, each of any length. */
int odd_procrustes(const float *const *from, const float *const *to, size_t count, size_t E,
                   double *rotation, oddrow_error *err);

#endif
