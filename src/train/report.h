/* train/report.h: what a run did: as JSON for a file, and as the training record in the model. */
#ifndef ODD_TRAIN_REPORT_H
#define ODD_TRAIN_REPORT_H

#include <jansson.h>

#include "train/epochs.h"

/* The record that the model keeps: nothing in it depends on the clock or the threads. NULL: out of
 * memory. */
json_t *odd_training_record(const odd_train_options *options, const odd_dataset *dataset,
                            const odd_history *history);

/* Adds to a record what a supervised model's has: target, unlabelled_rows, class_weights, and the
 * metrics in the place of mse and mape. -1: out of memory. */
int odd_training_record_target(json_t *record, const odd_train_options *options,
                               const odd_dataset *dataset, const char *target,
                               odd_objective objective, const odd_metrics *metrics);

/* Adds the names of the columns whose tables were loaded and frozen, `frozen` (C). -1: out of
 * memory. */
int odd_training_record_frozen(json_t *record, const odd_schema *schema, const bool *frozen);

/* Writes {rows, rejected, seconds, threads, best_epoch, epochs: [{epoch, loss, validation_loss,
 * mse, mape, learning_rate, rows_per_second}]} to a file that appears when complete. */
int odd_report_write(const char *path, const odd_dataset *dataset, const odd_history *history,
                     double seconds, size_t threads, oddrow_error *err);

#endif
