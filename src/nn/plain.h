/* nn/plain.h: the formulas of nn/network.h as they stand, in double precision: the reference that
 * the folded panels are tested against, and the plain path of nn/forward.h. Private to the room. */
#ifndef ODD_NN_PLAIN_H
#define ODD_NN_PLAIN_H

#include "nn/network.h"

/* One row with everything in it. The caller owns the arrays. */
typedef struct odd_plain_row {
    const uint32_t *ids, *input_ids; /* (C) target, and what enters the network */
    const float *values;             /* (F) target */
    const float *u;                  /* (F + M) what enters: values, missing flags */
    const uint8_t *missing;          /* (M) of the target; NULL: none */
    const double *keep;              /* (sum of widths) factors on hidden units; NULL: all 1 */
    double target;                   /* supervised: a class, or a scaled number */
    const double *target_x;          /* (X) embedding-mse: the constant target; NULL: x itself */
    double *x;                       /* (X) out */
    double *losses;                  /* (losses) out */
    double *probabilities;           /* (sum of V) out, may be NULL; objective row */
    double *numbers;                 /* (F) out, may be NULL; objective row */
    double *hidden;                  /* (sum of widths) out, may be NULL: the hidden layers */
    double *outputs;                 /* (Y) out, may be NULL; supervised: probabilities, or y */
} odd_plain_row;

/* The row's loss under parameters w (n->count), laid out as n's own. Scratch: odd_plain_scratch
 * doubles. */
size_t odd_plain_scratch(const odd_network *n);
double odd_plain_run(const odd_network *n, const double *w, odd_plain_row *row, double *scratch);

/* The heads of the objective row alone, from the last hidden layer h (H), which is not in scratch.
 */
double odd_plain_heads(const odd_network *n, const double *w, odd_plain_row *row, const double *h,
                       double *scratch);

#endif
