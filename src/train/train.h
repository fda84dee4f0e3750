/* train/train.h: from CSV files to a model: of what normal rows look like, or of a target. */
#ifndef ODD_TRAIN_TRAIN_H
#define ODD_TRAIN_TRAIN_H

#include "model/model.h"
#include "oddrow.h"
#include "train/metrics.h"
#include "train/options.h"

typedef struct odd_train_summary {
    uint64_t rows;     /* good rows read */
    uint64_t rejected; /* rows that were not records of the file's shape */
    size_t epochs, best_epoch;
    double seconds, loss, validation_loss;
    double rows_per_second; /* of the training steps */
    odd_objective objective;
    odd_metrics metrics; /* with a target: of the held-out rows */
    char notes[2000];    /* lines a person should see: unparsed cells, id guesses, … */
} odd_train_summary;

/* Reads the files once, trains, calibrates on held-out rows (with a target: measures), and gives
 * the model to the caller (odd_model_free). The same seed, options and rows give the same model,
 * bit for bit, for any number of threads and after any number of kills and resumes. */
int odd_train(const char *const *paths, size_t path_count, const odd_train_options *options,
              odd_model **model, odd_train_summary *summary, oddrow_error *err);

#endif
