/* train/options.h: what a run of training can be told. */
#ifndef ODD_TRAIN_OPTIONS_H
#define ODD_TRAIN_OPTIONS_H

#include "base/options.h"
#include "base/progress.h"
#include "column/fit.h"
#include "csv/source.h"
#include "nn/network.h"

/* Whether each class of a target weighs the same in all, however rare. */
typedef enum odd_weighting { ODD_WEIGHTS_NONE, ODD_WEIGHTS_BALANCED } odd_weighting;

/* epochs: at least this many, unless patience ends them; embeddings and freeze: see tables/saved.h;
 * output and quiet are the command's. */
#define ODD_TRAINING_OPTIONS(X)                                                                    \
    X(const char *, output, NULL, TEXT, "output", TRAIN, .value = "MODEL",                         \
      .help = "file to write the model to (-o)")                                                   \
    X(double, contamination, 0, REAL, "contamination", TRAIN, .high = 0.5, .below_high = true,     \
      .value = "F", .help = "share of the training rows that may be odd")                          \
    X(size_t, epochs, 20, COUNT, "epochs", TRAIN, .low = 1, .high = 1e6, .value = "N",             \
      .help = "number of passes over the rows")                                                    \
    X(size_t, min_steps, 1500, COUNT, "min-steps", TRAIN, .high = 1e9, .value = "N",               \
      .help = "least number of steps; small files get more passes")                                \
    X(size_t, batch_size, 256, COUNT, "batch-size", TRAIN, .low = 1, .high = 1e6, .value = "N",    \
      .help = "rows per step")                                                                     \
    X(double, learning_rate, 3e-3, REAL, "learning-rate", TRAIN, .high = 10, .above_low = true,    \
      .value = "X", .help = "peak of the one-cycle schedule")                                      \
    X(double, weight_decay, 0, REAL, "weight-decay", TRAIN, .high = 1, .value = "X",               \
      .help = "decoupled weight decay")                                                            \
    X(double, validation, 0.1, REAL, "validation", TRAIN, .high = 0.9, .above_low = true,          \
      .value = "F", .help = "share of the rows held out for calibration")                          \
    X(size_t, patience, 10, COUNT, "patience", TRAIN, .high = 1e6, .value = "N",                   \
      .help = "epochs without a better validation loss before stopping; 0: never")                 \
    X(double, alerts, 0.001, REAL, "alerts", TRAIN, .high = 1, .above_low = true,                  \
      .below_high = true, .value = "Q",                                                            \
      .help = "share of normal rows that the model may call odd")                                  \
    X(uint64_t, seed, 1, COUNT, "seed", TRAIN, .high = ODD_ANY, .value = "N",                      \
      .help = "seed of all random numbers")                                                        \
    X(size_t, threads, 0, COUNT, "threads", TRAIN, .high = 1024, .value = "N",                     \
      .help = "threads; 0: one per processor. The model does not depend on it")                    \
    X(size_t, memory, (size_t)1 << 30, BYTES, "memory", TRAIN, .low = 16777216.0, .high = 1e15,    \
      .value = "SIZE", .help = "approximate limit for resident memory, such as 256M or 2G")        \
    X(const char *, checkpoint, NULL, TEXT, "checkpoint", TRAIN, .value = "DIR",                   \
      .help = "directory that keeps the state of the run")                                         \
    X(bool, resume, false, SWITCH, "resume", TRAIN,                                                \
      .help = "continue from the checkpoint, if there is one")                                     \
    X(const char *, report, NULL, TEXT, "report", TRAIN, .value = "FILE.json",                     \
      .help = "file to write a record of every epoch to")                                          \
    X(odd_weighting, class_weights, ODD_WEIGHTS_NONE, CHOICE, "class-weights", TRAIN,              \
      .choice = class_weights,                                                                     \
      .help = "balanced: each class of the target has the same total weight")                      \
    X(odd_names, embeddings, {0}, NAMES, "embeddings", TRAIN, .value = "FILE,A=FILE",              \
      .repeats = true,                                                                             \
      .help = "saved tables to start from: a model, safetensors, or COLUMN=vectors.txt")           \
    X(odd_names, freeze, {0}, NAMES, "freeze", TRAIN, .value = "A,B|all", .repeats = true,         \
      .help = "columns whose loaded tables do not change in training")                             \
    X(bool, quiet, false, SWITCH, "quiet", TRAIN, .help = "print nothing but errors")

typedef struct odd_train_options {
    odd_csv_options csv;
    odd_fit_options columns; /* a target makes a supervised model */
    odd_network_options network;
    ODD_TRAINING_OPTIONS(ODD_OPTION_FIELD)
    odd_progress_call progress; /* or NULL */
    void *progress_context;
} odd_train_options;

#define ODD_TRAIN_OPTIONS_INIT                                                                     \
    {                                                                                              \
        ODD_TRAINING_OPTIONS(ODD_OPTION_DEFAULT).columns = ODD_FIT_OPTIONS_INIT,                   \
        .network = ODD_NETWORK_OPTIONS_INIT                                                        \
    }

#endif
