/* score/calibrate.h: what normal rows look like to a trained network: every measure fitted to
 * training rows, and its tail to rows that were never trained on. */
#ifndef ODD_SCORE_CALIBRATE_H
#define ODD_SCORE_CALIBRATE_H

#include "base/pool.h"
#include "column/rows.h"
#include "score/verdict.h"

typedef struct odd_calibrate_options {
    double contamination; /* share of the rows that may be odd, 0 to below 0.5 */
    double alerts;        /* share of normal rows that may be called odd */
    uint64_t seed;
} odd_calibrate_options;

/* Fills every part of the verdict from `rest`, a sample of the training
 * rows, and `held`, the held-out rows. */
int odd_calibrate(odd_verdict *verdict, const odd_rows *rest, const odd_rows *held,
                  const odd_calibrate_options *options, odd_pool *pool, oddrow_error *err);

#endif
