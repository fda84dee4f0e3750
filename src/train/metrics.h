/* train/metrics.h: how well a supervised network predicts rows that it was not trained on. */
#ifndef ODD_TRAIN_METRICS_H
#define ODD_TRAIN_METRICS_H

#include <stddef.h>

#include "column/scaler.h"
#include "oddrow.h"

/* Classes: log_loss, the mean of -ln p of the true class; auroc, the area under the ROC curve of
 * each class against the others, ties counted half, meaned over the classes that some rows are of
 * and some are not (for two classes the two are one figure), not-a-number where there are none;
 * accuracy, the share of rows whose likeliest class is the true one.
 * Numbers, in the target's own units: mse, mae, and mape = 100 mean |t - y| / max(|t|, 1e-7). */
typedef struct odd_metrics {
    size_t rows;
    double log_loss, auroc, accuracy;
    double mse, mae, mape;
} odd_metrics;

/* p (rows, classes) probabilities; targets (rows) classes; losses (rows) -ln p of them. ENOMEM. */
int odd_metrics_classes(const float *p, const float *targets, const float *losses, size_t rows,
                        size_t classes, odd_metrics *out, oddrow_error *err);

/* y (rows) and targets (rows), scaled by `scaler`. */
void odd_metrics_numbers(const float *y, const float *targets, size_t rows,
                         const odd_scaler *scaler, odd_metrics *out);

#endif
