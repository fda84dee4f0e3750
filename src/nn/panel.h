/* nn/panel.h: forward and backward over up to 64 rows. Private to the room.
 *
 * Activations are panels (features, 64): one row a feature, so that products take the weights as
 * they lie and every other loop runs over whole vectors of rows. Lanes past the last row hold rows
 * of id 0 and value 0; their gradient is 0.
 */
#ifndef ODD_NN_PANEL_H
#define ODD_NN_PANEL_H

#include "column/rows.h"
#include "nn/fold.h"

/* What goes into a panel. */
typedef struct odd_panel_input {
    odd_rows rows;        /* 1..64 */
    size_t first_row;     /* which row of all the first is */
    int masked_column;    /* as in odd_forward_run */
    double mask, dropout; /* training: drawn from (seed, number, first_row + row, ...) */
    uint64_t seed, number;
} odd_panel_input;

/* Gradient sums of one lane (a fixed set of shards), padded rows; offsets into `sums`. */
typedef struct odd_lane_layout {
    size_t size;        /* floats of one lane */
    size_t biases;      /* [biases, size): sums of rows, to be zeroed before a lane starts */
    size_t *run;        /* (runs): (H_1, padded width) of layer 1's direct slices */
    size_t *dense;      /* (layers): (out, padded in), from the second layer on */
    size_t *dense_bias; /* (layers) */
    size_t projection, projection_bias;
    size_t head, head_bias;       /* (heads, head_stride), (heads) */
    size_t *direct, *direct_bias; /* (C): (E, head_stride), (E) of direct heads */
    size_t output, output_bias;
} odd_lane_layout;

/* A shard's rows kept for the gradients of the embedding tables, which are summed over the whole
 * batch: row-major, strides below. */
typedef struct odd_shard_rows {
    uint32_t *ids; /* (64, C) as they entered the network, masks applied */
    float *layer1; /* (64, table_stride) dL/d(pre-activation of layer 1) */
    float *x;      /* (64, x_stride) dL/dx, direct columns at slot[i] */
    float *query;  /* (64, x_stride) W_i h + b_i of direct columns, at slot[i] */
    float *logits; /* (direct_logits, 64) dL/dlogits of direct columns */
} odd_shard_rows;

typedef struct odd_panel {
    const odd_fold *fold;
    bool training;
    size_t rows, lanes; /* lanes: rows rounded up to 16, or 64 in training */
    size_t x_stride;
    size_t *slot; /* (C): padded offsets of direct columns, for odd_shard_rows */
    uint32_t *ids, *input_ids, *folded_ids; /* (64, C), (64, C), (64, folded): target, input */
    uint8_t *hidden; /* (N, C + M) columns hidden at the input, where hides is set */
    bool hides;
    float *u, *u_rows;       /* (F + M, 64) and (64, padded F + M): the projection's input */
    float *target, *there;   /* (F, 64), (M, 64): 1 where the cell is not missing */
    float *x, *x_rows;       /* (X, 64), (64, padded X): direct slices of x only */
    float *gathered;         /* (64, table_stride) */
    float **y, **d;          /* (layers) each (width, 64): outputs, derivatives */
    float *query;            /* (X, 64) queries of direct heads */
    float *logits;           /* (heads, 64), then probabilities, then their gradients */
    float *direct_logits;    /* (direct_logits, 64) in training, else (direct_most, 64) */
    uint32_t *classes;       /* (64) classify: the targets */
    float *targets;          /* (64) supervised */
    float *out;              /* (Y, 64) output, for classify probabilities */
    float *losses;           /* (losses, 64) */
    float *row_losses;       /* (64) */
    float *dy, *dx;          /* (widest, 64) */
    float *y_rows;           /* (64, padded widest) */
    double squared, percent; /* sums of (t - y)^2 and |t - y| / max(|t|, 1e-7), and over how many */
    size_t measured;
    size_t bytes;
    float *memory;
} odd_panel;

int odd_panel_new(const odd_fold *fold, bool training, odd_panel **out, oddrow_error *err);
void odd_panel_free(odd_panel **p);

/* Takes in rows: targets, inputs with masks applied, and x of the direct columns. */
void odd_panel_load(odd_panel *p, const odd_panel_input *in);

/* Layers and heads; fills losses and row_losses, and in training leaves what backward needs. */
void odd_panel_forward(odd_panel *p, const odd_panel_input *in);

/* Rows of which the last hidden layer h (rows, H) is known, through the heads of the objective row:
 * fills logits, losses and row_losses. Not for training. */
void odd_panel_expect(odd_panel *p, const odd_rows *rows, const float *h);

/* After a forward without training: the logits (V, 64) of column i, good until the next call. A
 * direct column's are computed again. */
float *odd_panel_logits(odd_panel *p, size_t i);

/* scale (64): dL/d(row loss), 0 past the last row. Adds to the lane's sums (starts them when
 * `start`) and fills the shard's rows. Once after each forward. */
void odd_panel_backward(odd_panel *p, const float *scale, const odd_lane_layout *layout,
                        float *sums, bool start, odd_shard_rows *shard);

/* Sizes of everything in a lane. false when out of memory. */
bool odd_lane_layout_fill(odd_lane_layout *layout, const odd_fold *fold);
void odd_lane_layout_free(odd_lane_layout *layout);

#endif
