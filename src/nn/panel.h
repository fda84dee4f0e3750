/* nn/panel.h: forward and backward over up to 64 rows. Private to the room.
 *
 * Activations are panels (features, N): one row a feature, N = 64 rows of the batch side by side,
 * so that products take the weights as they lie and every other loop runs over whole vectors of
 * rows. Past the last row lie rows of id 0 and value 0; their gradient is 0.
 */
#ifndef ODD_NN_PANEL_H
#define ODD_NN_PANEL_H

#include <math.h>

#include "column/rows.h"
#include "nn/plan.h"

enum { N = ODD_PANEL };

/* What goes into a panel. */
typedef struct odd_panel_input {
    odd_rows rows;        /* 1..64 */
    size_t first_row;     /* which row of all the first is */
    int masked_column;    /* as in odd_forward_run */
    double mask, dropout; /* training: drawn from (seed, number, first_row + row, ...) */
    uint64_t seed, number;
} odd_panel_input;

/* What training keeps of 64 rows for the gradients of the embedding tables, which are summed over
 * the whole batch: row-major, direct columns at their slots. */
typedef struct odd_shard {
    uint32_t *ids; /* (N, C) as they entered the network, masks applied */
    float *layer1; /* (N, table_stride) dL/d(W_1 x + b_1) */
    float *x;      /* (N, x_stride) dL/dx */
    float *query;  /* (N, x_stride) W_i h + b_i */
    float *logits; /* (direct_logits, N) dL/dlogits */
} odd_shard;

/* Sums over numbers y with targets t of (t - y)^2 and |t - y| / max(|t|, 1e-7), and how many. */
typedef struct odd_tally {
    double squared, percent;
    size_t count;
} odd_tally;

typedef struct odd_panel {
    const odd_plan *plan;
    const odd_network *n;
    const odd_kernels *k;
    const odd_panel_input *in;
    size_t rows, padded; /* padded: to a multiple of 16, in training to N */
    /* the layers' own, beginning with the embedding's */
    uint32_t *ids, *input_ids, *folded_ids; /* (N, C), (N, C), (N, folded): target, input */
    uint8_t *masked; /* (N, C + M) columns hidden at the input, where masks is set */
    bool masks;
    float *gathered;       /* (N, table_stride) */
    float *x, *x_rows;     /* (X, N), (N, padded X): direct slices of x only */
    float *u, *u_rows;     /* (F + M, N) and (N, padded F + M): the projection's input */
    float **y, *h;         /* (layers) each (width, N): the hidden layers; the last is h */
    float *query;          /* (X, N) queries of direct heads */
    float *logits;         /* (heads, N); in training then probabilities, then gradients */
    float *direct_logits;  /* (direct_most, N); in training those of the shard */
    float *target, *there; /* (F, N), (M, N): 1 where the cell is not missing */
    float *targets, *out;  /* (N), (Y, N): the output layer's; for classify probabilities */
    uint32_t *classes;     /* (N) targets of classify */
    float **own;           /* (layer_count) of any layer */
    /* results */
    float *losses;     /* (losses, N) */
    float *row_losses; /* (N) */
    /* training */
    odd_tally tally;
    odd_shard *shard;
    float *sums;    /* the lane */
    bool start;     /* the lane's first: its sums are overwritten, not added to */
    float scale[N]; /* dL/d(loss), of a column's loss where columns have losses */
    float *dy, *dx; /* (widest, N): the gradient at hand, and room for the next */
    float *y_rows;  /* (N, padded widest): h (N, head_stride), then a layer's input */
    void *memory;
} odd_panel;

int odd_panel_new(const odd_plan *plan, odd_panel **out, oddrow_error *err);
void odd_panel_free(odd_panel **p);

/* Takes a shard's memory. */
void odd_shard_carve(const odd_plan *plan, odd_shard *shard, odd_carver *c);

/* The layers before `end` over rows; all of them leave losses and row_losses, in training, for
 * which p->shard is set before, also what backward needs. */
void odd_panel_forward(odd_panel *p, const odd_panel_input *in, size_t end);

/* The layers from top on, for rows of which h (B, H) is known. With heads, without training. */
void odd_panel_expect(odd_panel *p, const odd_panel_input *in, const float *h);

/* scale (N): dL/d(row loss), 0 past the last row. Adds to the lane's sums (starts them when
 * `start`) and fills the shard. Once after each forward. */
void odd_panel_backward(odd_panel *p, const float *scale, float *sums, bool start);

/* ---- for the layers ---- */

/* y = W x + b, backward into the sums `sum` and sum + 1 of layer l:
 *     dW (out, in) += dy x^T,  db (out) += sum over rows of dy.  x_rows is x^T (N, stride). */
void odd_panel_weights(const odd_panel *p, const odd_layer *l, size_t sum, const float *dy,
                       const float *x_rows, size_t stride);

/* One more number; there: 0 or 1, whether it counts. */
static inline void odd_tally_add(odd_tally *m, float y, float target, float there)
{
    const double t = (double)target, e = fabs((double)y - t) * (double)there;
    m->squared += e * e;
    m->percent += e / fmax(fabs(t), 1e-7);
    m->count += there > 0;
}

/* Of the embedding: x (B, X), row-major; y = W_1 x + b_1 (H_1, N), and its backward, which leaves
 * dL/dx in p->dx and adds to W_1's sums. */
void odd_embedding_x(const odd_panel *p, float *x);
void odd_embedding_product(odd_panel *p, float *y);
void odd_embedding_product_backward(odd_panel *p, const float *dy);

/* After a forward without training: the logits (V, N) of column i, good until the next call. A
 * direct column's are computed again. */
float *odd_tied_logits(odd_panel *p, size_t i);

#endif
