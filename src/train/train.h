/* train/train.h: from CSV files to a model: of what normal rows look like, or of a target. */
#ifndef ODD_TRAIN_TRAIN_H
#define ODD_TRAIN_TRAIN_H

#include "base/progress.h"
#include "column/fit.h"
#include "csv/source.h"
#include "model/model.h"
#include "nn/network.h"
#include "oddrow.h"
#include "tables/saved.h"
#include "train/metrics.h"

typedef struct odd_train_options {
    odd_csv_options csv;
    odd_fit_options columns; /* columns.names[ODD_TARGET] names the target: a supervised model */
    /* network */
    const size_t *widths; /* NULL: 50-32-16-4-16-32-50, with a target odd_supervised_widths */
    size_t layers;
    size_t projection;
    odd_activation activation;
    odd_objective objective; /* of an autoencoder; a target has its own */
    double dropout, mask;
    /* training */
    double contamination; /* share of the rows that may be odd, 0 to below 0.5 */
    size_t epochs;        /* at least this many, unless patience ends them */
    size_t min_steps;     /* more epochs on small files until this many steps */
    size_t batch_size;    /* rows a step */
    double learning_rate; /* peak of the one-cycle schedule */
    double weight_decay;  /* decoupled */
    double validation;    /* share of the rows held out */
    size_t patience;      /* epochs without a better validation loss; 0: never stop early */
    double alerts;        /* share of normal rows that may be called odd */
    uint64_t seed;
    size_t threads;          /* 0: as many as the process may use */
    size_t memory;           /* bytes of resident memory to aim at */
    bool balanced;           /* classes: each weighs the same in all, however rare */
    odd_saved_options saved; /* its seed is not looked at: `seed` counts */
    const char *checkpoint;  /* directory, or NULL */
    bool resume;
    const char *report;         /* path of the JSON report, or NULL */
    odd_progress_call progress; /* or NULL */
    void *progress_context;
} odd_train_options;

#define ODD_TRAIN_OPTIONS_INIT                                                                     \
    {                                                                                              \
        .columns = ODD_FIT_OPTIONS_INIT, .projection = 10, .mask = 0.1,                            \
        .activation = ODD_LEAKY_RELU, .objective = ODD_ROW, .epochs = 20, .min_steps = 1500,       \
        .batch_size = 256, .learning_rate = 3e-3, .validation = 0.1, .patience = 10,               \
        .alerts = 0.001, .seed = 1, .memory = (size_t)1 << 30,                                     \
    }

enum { ODD_SUPERVISED_LAYERS = 2 };
extern const size_t odd_supervised_widths[ODD_SUPERVISED_LAYERS];

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
