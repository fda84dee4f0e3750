/* score/reconstruction.c: the measure of what the network cannot restore: the mean of a row's
 * column losses, each over its usual size. */
#include "score/measure.h"
#include "score/verdict.h"

/* Nats or squared units added to the usual size: a column that the network restores all but
 * perfectly does not outweigh all others when it errs a little. */
static const double LOSS_FLOOR = 0.02;

static void fit_losses(odd_calibration *calibration, const odd_fitting *fitting, size_t L)
{
    size_t count = fitting->rows->count;
    for (size_t at = 0; at < L; at++) {
        double sum = 0;
        for (size_t i = 0; i < count; i++)
            sum += (double)fitting->losses[i * L + at];
        calibration->loss_weight[at] = (float)(1 / (sum / (double)count + LOSS_FLOOR));
    }
}

static void apply(const odd_pass *pass, float *out)
{
    size_t rows = pass->rows->count, L = odd_schema_losses(pass->verdict->schema);
    for (size_t i = 0; i < rows; i++)
        out[i] = 0;
    for (size_t at = 0; at < L; at++) {
        float weight = pass->calibration->loss_weight[at] / (float)L;
        for (size_t i = 0; i < rows; i++)
            out[i] += pass->losses[i * L + at] * weight;
    }
}

const odd_measure odd_measure_reconstruction = {
    .name = "reconstruction",
    .part = ODD_PART_RECONSTRUCTION,
    .weight = 1,
    .fit_losses = fit_losses,
    .apply = apply,
};
