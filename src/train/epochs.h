/* train/epochs.h: the training loop: epochs of Adam steps on a one-cycle rate, a validation loss
 * after each, early stopping that restores the best weights. */
#ifndef ODD_TRAIN_EPOCHS_H
#define ODD_TRAIN_EPOCHS_H

#include "base/pool.h"
#include "nn/network.h"
#include "nn/step.h"
#include "train/dataset.h"
#include "train/train.h"

/* What one epoch showed; a line of the report. */
typedef struct odd_epoch {
    double loss;            /* mean over the rows trained on, while they were trained on */
    double validation_loss; /* mean over the held-out rows, after the epoch */
    double mse, mape;       /* see nn/step.h */
    double learning_rate;   /* of the epoch's last step */
    double rows_per_second; /* training steps only */
} odd_epoch;

typedef struct odd_history {
    odd_epoch *epochs;
    size_t count, capacity;
    size_t best;      /* index of the epoch whose weights were kept */
    double best_loss; /* its validation loss */
} odd_history;

void odd_history_free(odd_history *history);

/* Everything the loop carries from epoch to epoch, and a checkpoint from process to process. */
typedef struct odd_progress_state {
    odd_network *network; /* borrowed */
    odd_step *step;
    float *best;     /* (network->count) parameters of the best epoch */
    uint64_t number; /* global step number */
    size_t stale;    /* epochs since the best one */
    bool stopped;    /* early stopping has ended the run */
    odd_history history;
} odd_progress_state;

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
