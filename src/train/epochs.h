/* train/epochs.h: the training loop: epochs of Adam steps on a one-cycle rate, a validation loss
 * after each, early stopping that restores the best weights. */
#ifndef ODD_TRAIN_EPOCHS_H
#define ODD_TRAIN_EPOCHS_H

#include "base/pool.h"
#include "train/dataset.h"
#include "train/options.h"
#include "train/state.h"

/* torch.optim.lr_scheduler.OneCycleLR's rate at a step: cosine from peak / 25 up to peak over the
 * first tenth, then down to peak / 250,000 at the last of `total` steps. */
double odd_one_cycle(double peak, uint64_t step, uint64_t total);

/* Epochs that a run plans: options->epochs, more on small files until min_steps. */
size_t odd_epochs_planned(const odd_train_options *options, uint64_t rows);

/* Trains `network`, initialised, on dataset->train; validates on `held`. Leaves the best weights in
 * the network and the epochs in `history` (odd_history_free). Of the tables of `frozen` (C), or
 * NULL, no byte changes. Checkpoints and resumes as the options say. */
int odd_epochs_run(const odd_train_options *options, odd_dataset *dataset, const odd_rows *held,
                   const bool *frozen, odd_pool *pool, odd_network *network, odd_history *history,
                   oddrow_error *err);

#endif
