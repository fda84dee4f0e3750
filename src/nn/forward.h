/* nn/forward.h: the network without training: losses, the learned input x, explanations.
 *
 * The folded path puts layer 1 into the embedding tables and the tied heads into one matrix:
 *     T_i = E_i W_1[:, slice i]^T  (V, H_1)      G_i = E_i W_i  (V, H),  g_i = E_i b_i + beta_i
 * so that layer 1 is a gather and add and all logits come from one product. Columns whose
 * vocabularies are too great for that to pay keep the direct product. The plain path is the
 * formulas of nn/network.h in double precision, slow, kept as the reference.
 */
#ifndef ODD_NN_FORWARD_H
#define ODD_NN_FORWARD_H

#include "nn/network.h"

typedef struct odd_folded odd_folded;   /* tables of one network, read-only, shared by threads */
typedef struct odd_forward odd_forward; /* one thread's scratch */

/* The tables for the network's parameters as they are now; borrows the network, which must outlive
 * it. After the parameters change call odd_folded_update (no forward may run meanwhile). ENOMEM. */
int odd_folded_new(const odd_network *network, odd_folded **out, oddrow_error *err);
void odd_folded_update(odd_folded *f);
const odd_network *odd_folded_network(const odd_folded *f);
void odd_folded_free(odd_folded **f);

/* A thread's scratch, for any number of rows at a call. Borrows the folded tables. ENOMEM. */
int odd_forward_new(const odd_folded *folded, odd_forward **out, oddrow_error *err);

/* The same on the plain path (tests; slow). Copies the parameters as they are now. */
int odd_forward_new_plain(const odd_network *network, odd_forward **out, oddrow_error *err);

void odd_forward_free(odd_forward **f);

#define ODD_NO_COLUMN (-1)

/* Losses of rows, row-major: ids (rows, C), beyond a vocabulary = 0; values (rows, F), 0 where
 * missing; missing (rows, M), NULL = nothing is.
 * masked_column: 0..C-1 a categorical, C..C+M-1 a numeric column, hidden at the input of every row
 * (id 0, or value 0 and missing 1) while its loss is against the true cell; ODD_NO_COLUMN for none.
 * Out, each may be NULL: column_losses (rows, C + M); row_losses (rows), the mean over the C + M
 * columns, or over X for embedding-mse, both NULL for a supervised network; x (rows, X), of the
 * masked input where one is masked. With x alone asked for, the layers are not run. A row's results
 * do not depend on the rows around it. Losses are not-a-number or infinite when inputs or
 * parameters are: the caller looks. */
void odd_forward_run(odd_forward *f, const uint32_t *ids, const float *values,
                     const uint8_t *missing, size_t rows, int masked_column, float *column_losses,
                     float *row_losses, float *x);

/* Rows through a supervised network: outputs (rows, Y), the probabilities of the classes or the
 * scaled number, and losses (rows) against targets (rows): a class each, or a scaled number. Each
 * out may be NULL; targets may be NULL when losses is. Otherwise as odd_forward_run. */
void odd_forward_predict(odd_forward *f, const uint32_t *ids, const float *values,
                         const uint8_t *missing, const float *targets, size_t rows, float *losses,
                         float *outputs);

/* What the network expected in one row. Caller's arrays, each may be NULL. Objective row only: for
 * embedding-mse likely, probability and observed are 0 and reconstructed is 0. */
typedef struct odd_forward_expected {
    uint32_t *likely;     /* (C) the most probable id, id 0 (unknown) left out when V > 1 */
    float *probability;   /* (C) of that id */
    float *observed;      /* (C) probability of the id that was there */
    float *reconstructed; /* (F) scaled value */
    float *column_losses; /* (C + M) */
} odd_forward_expected;

/* One row: ids (C), values (F), missing (M) or NULL; masked_column as above. */
void odd_forward_explain(odd_forward *f, const uint32_t *ids, const float *values,
                         const uint8_t *missing, int masked_column, odd_forward_expected *out);

#endif
