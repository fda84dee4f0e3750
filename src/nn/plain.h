/* nn/plain.h: the formulas of nn/network.h as they stand, in double precision and one row at a
 * time: the reference that panels are tested against, and the plain path of nn/forward.h. Private
 * to the room. */
#ifndef ODD_NN_PLAIN_H
#define ODD_NN_PLAIN_H

#include "column/rows.h"
#include "nn/layer.h"

typedef struct odd_plain {
    const odd_network *network;
    double *w; /* (count) the parameters as they were when this was made; may be changed */
    /* in; odd_plain_load fills them, and they may be changed before odd_plain_run */
    uint32_t *ids, *input_ids; /* (C) target, and what enters the network */
    double *values;            /* (F) target */
    double *u;                 /* (F + M) what enters: values, missing flags */
    uint8_t *missing;          /* (M) of the target */
    double target;             /* supervised: a class, or a scaled number */
    const double *keep;        /* (sum of widths) factors on hidden units; NULL: all 1 */
    const double *target_x;    /* (X) embedding-mse: the constant target; NULL: x itself */
    /* out */
    double loss;           /* the row's */
    double *x;             /* (X) */
    double *hidden;        /* (sum of widths) the hidden layers */
    double *losses;        /* (losses) */
    double *probabilities; /* (sum of V) with heads */
    double *numbers;       /* (F) with heads */
    double *outputs;       /* (Y) probabilities of classify, or y */
    /* the layers' */
    double *h;    /* what the latest of them made, before the first hidden one x */
    double *next; /* in hidden: where the next puts its own */
    double *scratch;
    void *memory;
} odd_plain;

int odd_plain_new(const odd_network *n, odd_plain **out, oddrow_error *err);
void odd_plain_free(odd_plain **s);

/* Row r of rows, with a column masked as in odd_forward_run. */
void odd_plain_load(odd_plain *s, const odd_rows *rows, size_t r, int masked_column);

/* All layers; returns the row's loss. */
double odd_plain_run(odd_plain *s);

/* For the layers: parameter i; y (out) = W (out, in) x + b, with the layer's W and b or with any;
 * ln sum exp(l) - l[id], where l (V) becomes the probabilities. */
static inline double *odd_plain_tensor(const odd_plain *s, const odd_layer *l, size_t i)
{
    return s->w + s->network->tensors[l->tensor + i].offset;
}
void odd_plain_product(const odd_plain *s, const odd_layer *l, double *y, const double *x);
void odd_plain_affine(double *y, const double *w, const double *b, const double *x, size_t out,
                      size_t in);
double odd_plain_entropy(double *l, size_t V, size_t id);

#endif
