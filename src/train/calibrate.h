/* train/calibrate.h: what normal rows look like to a trained network: prototypes, shape, margins,
 * and the tails of every measure on rows that were never trained on. */
#ifndef ODD_TRAIN_CALIBRATE_H
#define ODD_TRAIN_CALIBRATE_H

#include "base/pool.h"
#include "model/parts.h"
#include "train/dataset.h"

/* Fills every part of the model but the training record from `rest`, a sample of the training
 * rows, and `held`, the held-out rows. */
int odd_calibrate(odd_model *model, const odd_rows *rest, const odd_rows *held,
                  const odd_train_options *options, odd_pool *pool, oddrow_error *err);

#endif
