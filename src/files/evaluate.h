/* files/evaluate.h: how well a model's scores separate the rows that a label column calls odd. */
#ifndef ODD_FILES_EVALUATE_H
#define ODD_FILES_EVALUATE_H

#include "files/score.h"

typedef struct odd_evaluation {
    uint64_t rows, positives, rejected;
    double auroc;             /* area under the ROC curve, ties counted half */
    double average_precision; /* mean precision over the recall steps, ties in one step */
    double threshold;         /* the score from which a row is called odd */
    uint64_t flagged;         /* rows called odd at the alert budget */
    double precision, recall; /* at the alert budget; precision is NaN when nothing is flagged */
} odd_evaluation;

/* `label` names the label column; rows whose label is `positive` are anomalies (NULL: "1", "true",
 * "yes", "anomaly", "odd", in any case). Errors: no such column, or only one class. */
int odd_evaluate(const odd_model *model, const char *const *paths, size_t path_count,
                 const char *label, const char *positive, const odd_score_options *options,
                 odd_evaluation *out, oddrow_error *err);

#endif
