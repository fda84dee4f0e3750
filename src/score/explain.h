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

/* The reasons of a row, the most surprising column first; borrowed from the explainer until its
 * next row. */
typedef struct odd_reasons {
    const odd_reason *items;
    size_t count;
} odd_reasons;

typedef struct odd_explainer odd_explainer;

/* Explains rows that the scratch measured or scored. `wanted`: columns named of a row. Borrows the
 * scratch. */
int odd_explainer_new(odd_scratch *scratch, size_t wanted, odd_explainer **out, oddrow_error *err);
void odd_explainer_free(odd_explainer **explainer);

/* The most surprising columns of row `row` of the scratch's latest rows, whose losses and last
 * hidden layer are still there: the network runs again only for a masked scratch, once. Fewer than
 * wanted where the schema has fewer input columns. `cells` is the row's (columns of the file),
 * bound by `encoder`. Expected: a category with its probability, "Private (93%)"; a number or a
 * time in the column's own units; the value of a constant column. */
int odd_explain(odd_explainer *explainer, const odd_encoder *encoder, size_t row,
                const odd_span *cells, odd_reasons *out, oddrow_error *err);

#endif
