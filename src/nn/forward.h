/* nn/forward.h: the network without training: losses, hidden layers, expectations.
 *
 * The folded path puts layer 1 into the embedding tables and the tied heads into one matrix:
 *     T_i = E_i W_1[:, slice i]^T  (V, H_1)      G_i = E_i W_i  (V, H),  g_i = E_i b_i + beta_i
 * so that layer 1 is a gather and add and all logits come from one product. Columns whose
 * vocabularies are too great for that to pay keep the direct product. The plain path is the
 * formulas of nn/network.h in double precision, slow, kept as the reference.
 */
#ifndef ODD_NN_FORWARD_H
#define ODD_NN_FORWARD_H

#include "column/rows.h"
#include "nn/network.h"

typedef struct odd_plan odd_folded;     /* tables of one network, read-only, shared by threads */
typedef struct odd_forward odd_forward; /* one thread's scratch */

/* The tables for the network's parameters as they are now; borrows the network, which must outlive
 * it. After the parameters change call odd_folded_update (no forward may run meanwhile). ENOMEM. */
int odd_folded_new(const odd_network *network, odd_folded **out, oddrow_error *err);
void odd_folded_update(odd_folded *f);
void odd_folded_free(odd_folded **f);

/* A thread's scratch, for any number of rows at a call. Borrows the folded tables. ENOMEM. */
int odd_forward_new(const odd_folded *folded, odd_forward **out, oddrow_error *err);

/* The same on the plain path (tests; slow). Copies the parameters as they are now. */
int odd_forward_new_plain(const odd_network *network, odd_forward **out, oddrow_error *err);

void odd_forward_free(odd_forward **f);

/* What a pass hands out; each may be NULL. */
typedef struct odd_forward_out {
    float *column_losses; /* (B, C + M); not of a supervised network */
    float *row_losses;    /* (B): the mean over the C + M columns, or over X for embedding-mse; of a
                             supervised network the loss against the rows' targets */
    float *x;             /* (B, X), of the masked input where one is masked */
    float *hidden;        /* (B, widths[layer]): h of that layer, 0 the first */
    size_t layer;
    float *outputs; /* (B, Y) of a supervised network: the classes' probabilities, or the scaled
                       number */
} odd_forward_out;

/* Rows through the network. ids beyond a vocabulary count as 0.
 * masked_column: 0..C-1 a categorical, C..C+M-1 a numeric column, hidden at the input of every row
 * (id 0, or value 0 and missing 1) while its loss is against the true cell; or ODD_NO_COLUMN,
 * ODD_OWN_COLUMN. With x alone asked for, the layers are not run. A row's results do not depend on
 * the rows around it. Losses are not-a-number or infinite when inputs or parameters are: the caller
 * looks. */
void odd_forward_run(odd_forward *f, const odd_rows *rows, int masked_column,
                     const odd_forward_out *out);

/* What the network expects in rows; caller's arrays. */
typedef struct odd_forward_expected {
    uint32_t *likely;     /* (B, C) the most probable id, id 0 (unknown) left out when V > 1 */
    float *probability;   /* (B, C) of that id */
    float *reconstructed; /* (B, F) scaled values */
} odd_forward_expected;

/* The expectations that follow from h (B, H), the last hidden layer that odd_forward_run handed out
 * for these rows. On the folded path; nothing is
 * filled where the network has no heads. */
void odd_forward_expect(odd_forward *f, const odd_rows *rows, const float *h,
                        const odd_forward_expected *out);

/* h (B, widths[layer]) of hidden layer `layer` by BLAS, whose sums run in an order of their own:
 * equal to odd_forward_run's but for rounding. It is what `oddrow encode` writes. scratch:
 * odd_forward_vectors_scratch floats. EINVAL when a matrix is too large for BLAS. */
size_t odd_forward_vectors_scratch(const odd_network *network, size_t rows);
int odd_forward_vectors(odd_forward *f, const odd_rows *rows, size_t layer, float *scratch,
                        float *out, oddrow_error *err);

#endif
