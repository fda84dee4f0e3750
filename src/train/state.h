/* train/state.h: what a run of training carries from epoch to epoch. */
#ifndef ODD_TRAIN_STATE_H
#define ODD_TRAIN_STATE_H

#include "nn/network.h"
#include "nn/step.h"

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

#endif
