/* nn/layer.h: the layers of a network. Private to the room.
 *
 * One file a kind of layer holds all of it: its parameters, its memory, forward, backward, and the
 * plain formula in double that tests hold the others to. network.c lists a network's layers;
 * plan.c, panel.c and plain.c walk the list.
 *
 * The layers [0, hidden) make x. Those of [hidden, top) turn the panel y[index - 1], or x for index
 * 0, into y[index]; the last is h. The others make losses from h.
 */
#ifndef ODD_NN_LAYER_H
#define ODD_NN_LAYER_H

#include "nn/network.h"

struct odd_carver;
struct odd_panel;
struct odd_plain;
struct odd_plan;

typedef struct odd_layer {
    const struct odd_layer_ops *ops;
    size_t id;      /* which of the network's layers it is */
    size_t index;   /* hidden: which of the widths is its own */
    size_t in, out; /* widths, where it has W (out, in) and b (out) */
    size_t tensor;  /* the first of its parameters */
} odd_layer;

/* Members marked * may be NULL. */
typedef struct odd_layer_ops {
    /* *Adds its parameters with odd_network_add. NULL: NAME.weight and NAME.bias. */
    void (*tensors)(const odd_layer *l, odd_network *n);
    const char *name;
    /* *Names the sums over rows that make its gradient, with odd_plan_sum. NULL: those of W, b. */
    void (*sums)(const odd_layer *l, struct odd_plan *p);
    /* *Takes memory for what forward and backward keep, into fields of the panel or own[id]. */
    void (*memory)(const odd_layer *l, struct odd_panel *p, struct odd_carver *c);
    void (*forward)(const odd_layer *l, struct odd_panel *p);
    /* From p->dy, the gradient of what forward made, to that of what forward read. */
    void (*backward)(const odd_layer *l, struct odd_panel *p);
    void (*plain)(const odd_layer *l, struct odd_plain *s);
    /* Hidden layers: rows x (B, in) to rows y (B, out) by BLAS, for odd_forward_vectors. */
    int (*vectors)(const odd_layer *l, const odd_network *n, const float *x, size_t B, float *y,
                   oddrow_error *err);
} odd_layer_ops;

/* For `tensors`: one more, its shape, decay and initial values those of `tensor`; and NAME.weight
 * (out, in) with NAME.bias (out, 1), which starts at 0. Names are formatted. */
void odd_network_add(odd_network *n, odd_tensor tensor, const char *name, ...)
    __attribute__((format(printf, 3, 4)));
void odd_network_affine(odd_network *n, size_t out, size_t in, odd_start start, double gain,
                        const char *name, ...) __attribute__((format(printf, 6, 7)));

/* Parameter i of a layer. */
static inline float *odd_layer_tensor(const odd_layer *l, const odd_network *n, size_t i)
{
    return odd_network_tensor(n, l->tensor + i);
}

#endif
