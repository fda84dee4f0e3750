/* score/verdict.h: what a trained model knows about normal rows: its measures, their tails and
 * their weights.
 *
 * Legend: K columns, C categorical, M numeric and timestamp, L = C + M columns with a loss, X width
 * of the learned input x. docs/model.md has the mathematics. */
#ifndef ODD_SCORE_VERDICT_H
#define ODD_SCORE_VERDICT_H

#include "column/schema.h"
#include "nn/network.h"
#include "score/measure.h"
#include "score/tail.h"

/* Squared Mahalanobis distance |W (v - mean)|^2, W the inverse of the covariance's lower Cholesky
 * factor; beyond ODD_SHAPE_FULL columns of the variances alone, since n^2 numbers and n^3 work
 * would buy little. */
enum { ODD_SHAPE_FULL = 1024 };
typedef struct odd_shape {
    size_t n;
    float *mean;   /* (n) */
    float *whiten; /* (n, n), lower triangular; (n) when n > ODD_SHAPE_FULL */
} odd_shape;

/* What held-out rows look like. There is one for scoring as usual and one for --masked. */
typedef struct odd_calibration {
    bool present;
    float *loss_weight; /* (L) 1 / (mean loss of the training rows + 0.02) */
    odd_tail measures[ODD_MEASURES];
    odd_tail loss;                   /* of the mean loss */
    odd_tail reconstruction, rarity; /* of the weighted nats: p-values for --score */
    odd_tail score;                  /* of their sum */
    odd_tail *columns;               /* (L) of each column's loss, for explanations */
} odd_calibration;

/* Schema and network are borrowed; the rest belongs to the verdict. */
typedef struct odd_verdict {
    const odd_schema *schema;
    const odd_network *network;
    odd_calibration unmasked, masked;
    odd_shape shape; /* of x */
    size_t prototype_count;
    float *prototypes;          /* (prototype_count, X) */
    float **id_margin;          /* (C) each (V): nats of a category by its count */
    float **value_margin;       /* (M) each (ODD_MARGIN_GRID), NULL for timestamps */
    struct odd_forest *forest;  /* NULL without --contamination */
    float weight[ODD_MEASURES]; /* the score is the sum over the measures of */
    float hinge[ODD_MEASURES];  /* weight * max(0, nats - hinge) */
    double alerts;              /* share of normal rows called odd */
} odd_verdict;

/* Room for the measures of rows of this schema and network, all zero; none of it for a supervised
 * network. Free it also after an error. */
int odd_verdict_init(odd_verdict *verdict, const odd_schema *schema, const odd_network *network,
                     oddrow_error *err);
void odd_verdict_free(odd_verdict *verdict);

/* ESCHEMA with what to use instead: a supervised model has no scores. EINVAL: no masked ones. */
int odd_verdict_wanted(const odd_verdict *verdict, bool masked, oddrow_error *err);

int odd_calibration_new(odd_calibration *calibration, size_t losses, oddrow_error *err);

/* The calibration of a way of scoring. */
static inline const odd_calibration *odd_verdict_calibration(const odd_verdict *v, bool masked)
{
    return masked ? &v->masked : &v->unmasked;
}

#endif
