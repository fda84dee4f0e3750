/* train/metrics.c: losses, accuracy and errors of predictions. */
#include "train/metrics.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "math/ranking.h"

int odd_metrics_classes(const float *p, const float *targets, const float *losses, size_t rows,
                        size_t classes, odd_metrics *out, oddrow_error *err)
{
    odd_ranked *sorted = odd_alloc(rows + 1, sizeof *sorted);
    double sum = 0;
    size_t counted = 0, right = 0;
    *out = (odd_metrics){.rows = rows};
    if (!sorted)
        return odd_no_memory(err);
    for (size_t i = 0; i < rows; i++) {
        size_t best = 0;
        for (size_t c = 1; c < classes; c++)
            if (p[i * classes + c] > p[i * classes + best])
                best = c;
        right += (float)best == targets[i];
        out->log_loss += (double)losses[i] / (double)rows;
    }
    for (size_t c = classes == 2; c < classes; c++) {
        for (size_t i = 0; i < rows; i++)
            sorted[i] = (odd_ranked){p[i * classes + c], targets[i] == (float)c};
        double auroc = odd_rank(sorted, rows).auroc;
        if (isfinite(auroc)) {
            sum += auroc;
            counted++;
        }
    }
    out->accuracy = rows ? (double)right / (double)rows : NAN;
    out->auroc = counted ? sum / (double)counted : NAN;
    odd_free(sorted);
    return 0;
}

void odd_metrics_numbers(const float *y, const float *targets, size_t rows,
                         const odd_scaler *scaler, odd_metrics *out)
{
    *out = (odd_metrics){.rows = rows};
    for (size_t i = 0; i < rows; i++) {
        double t = odd_scaler_invert(scaler, targets[i]);
        double e = fabs(odd_scaler_invert(scaler, y[i]) - t);
        out->mse += e * e / (double)rows;
        out->mae += e / (double)rows;
        out->mape += 100 * e / fmax(fabs(t), 1e-7) / (double)rows;
    }
}
