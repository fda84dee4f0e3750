/* score/explain.h: which cells make a row odd: observed, expected, surprise, flag. */
#ifndef ODD_SCORE_EXPLAIN_H
#define ODD_SCORE_EXPLAIN_H

#include "base/bytes.h"
#include "column/encode.h"
#include "score/scorer.h"

typedef struct odd_reason {
    size_t column;  /* index in the schema */
    float surprise; /* nats: -ln P(a held-out row's loss in this column is at least this) */
    odd_flag flag;
    odd_span observed; /* the cell as it stands in the file, borrowed */
    odd_span expected; /* borrowed from the explainer until its next row */
} odd_reason;

/* One thread's scratch for a verdict. */
typedef struct odd_explainer odd_explainer;

int odd_explainer_new(const odd_verdict *verdict, odd_explainer **out, oddrow_error *err);
void odd_explainer_free(odd_explainer **explainer);

/* The `wanted` most surprising columns of row `row` of the batch that the lane scored last, most
 * surprising first, into reasons; fewer where the schema has fewer input columns. `cells` is the
 * row's (columns of the file), bound by `encoder`. Expected: a category with its probability,
 * "Private (93%)"; a number or a time in the column's own units; the value of a constant column. */
int odd_explain(odd_explainer *explainer, odd_lane *lane, const odd_encoder *encoder,
                const odd_rows *batch, size_t row, const odd_span *cells, bool masked,
                odd_reason *reasons, size_t wanted, size_t *found, oddrow_error *err);

#endif
