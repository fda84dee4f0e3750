/* train/report.h: what a run did: as JSON for a file, and as the training record in the model. */
#ifndef ODD_TRAIN_REPORT_H
#define ODD_TRAIN_REPORT_H

#include "model/fields.h"
#include "train/dataset.h"
#include "train/metrics.h"
#include "train/state.h"

/* The numbers of an epoch: in an object under their names, in a list in the order of odd_epoch. */
void odd_epoch_fields(odd_fields *f, odd_epoch *epoch);

/* The record that the model keeps, *out the caller's: nothing in it depends on the clock or the
 * threads. `schema` is that of the rows, which the model has taken; `frozen` (C) as odd_epochs_run
 * has it; `metrics`, NULL without a target, are written in the place of mse and mape. ENOMEM. */
int odd_training_record(const odd_train_options *options, const odd_dataset *dataset,
                        const odd_schema *schema, const odd_history *history, const bool *frozen,
                        const odd_metrics *metrics, json_t **out, oddrow_error *err);

/* Writes {rows, rejected, seconds, threads, best_epoch, epochs: [{epoch, loss, validation_loss,
 * mse, mape, learning_rate, rows_per_second}]} to a file that appears when complete. */
int odd_report_write(const char *path, const odd_dataset *dataset, const odd_history *history,
                     double seconds, size_t threads, oddrow_error *err);

#endif
