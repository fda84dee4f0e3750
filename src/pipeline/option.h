/* pipeline/option.h: what an option is, and the values of all of them. */
#ifndef ODD_PIPELINE_OPTION_H
#define ODD_PIPELINE_OPTION_H

#include "base/options.h"
#include "client/send.h"
#include "client/watch.h"
#include "embed/near.h"
#include "embed/picture.h"
#include "files/encode.h"
#include "files/score.h"
#include "oddrow.h"
#include "tables/export.h"
#include "train/train.h"
#include "worker/worker.h"

/* Where a value came from; a higher one is never replaced by a lower one. */
typedef enum { ODD_FROM_DEFAULT, ODD_FROM_PIPELINE, ODD_FROM_FLAG } odd_origin;

enum { ODD_OPTION_MAX = 160 };

/* What embeddings, encode and similar take beside the sections data and scoring. */
#define ODD_EMBEDDINGS_OPTIONS(X)                                                                  \
    X(const char *, output, NULL, TEXT, "output", EMBEDDINGS | ENCODE, .value = "PATH",            \
      .help = "file or directory to write the result to (-o)")                                     \
    X(odd_table_format, format, ODD_TABLE_NPY, CHOICE, "format", EMBEDDINGS,                       \
      .choice = table_format, .help = "export: format of the files")                               \
    X(bool, with_counts, false, SWITCH, "with-counts", EMBEDDINGS,                                 \
      .help = "export: also how many training rows had each value")                                \
    X(size_t, neighbours, 10, COUNT, "neighbours", EMBEDDINGS | SIMILAR, .low = 1, .high = 1e6,    \
      .value = "K", .help = "near, similar: how many to print (-k)")                               \
    X(odd_metric, metric, ODD_COSINE, CHOICE, "metric", EMBEDDINGS, .choice = metric,              \
      .help = "near: cosine similarity or Euclidean distance")                                     \
    X(bool, all, false, SWITCH, "all", EMBEDDINGS,                                                 \
      .help = "plot: every column, each in its own panel")                                         \
    X(odd_method, method, ODD_METHOD_PCA, CHOICE, "method", EMBEDDINGS, .choice = method,          \
      .help = "plot: principal components, or t-SNE (up to 20,000 values)")                        \
    X(size_t, labels, 60, COUNT, "labels", EMBEDDINGS, .high = 1e5, .value = "N",                  \
      .help = "plot: largest number of labels; the most frequent values get them")                 \
    X(uint64_t, seed, 0, COUNT, "seed", EMBEDDINGS, .high = ODD_ANY, .value = "N",                 \
      .help = "plot: seed of t-SNE")                                                               \
    X(odd_what, what, ODD_ENCODE_INPUT, CHOICE, "what", ENCODE, .choice = what,                    \
      .help = "vectors to write: design matrix, bottleneck, or last hidden layer")                 \
    X(uint64_t, row, 0, COUNT, "row", SIMILAR, .high = ODD_ANY, .value = "N", .unset = "",         \
      .help = "number of the row to compare with, data rows counted from 1")                       \
    X(const char *, against, NULL, TEXT, "against", SIMILAR, .value = "OTHER.csv",                 \
      .help = "search the rows of this file instead")                                              \
    X(bool, json, false, SWITCH, "json", EMBEDDINGS | SIMILAR,                                     \
      .help = "list, near, similar: print JSON instead of a table")

/* All values, a member a section of the pipeline file (training: network and training); texts and
 * lists that are no defaults are owned. */
typedef struct odd_options {
    odd_csv_options data;
    odd_fit_options columns;
    odd_train_options training;
    odd_score_options scoring;
    struct {
        ODD_EMBEDDINGS_OPTIONS(ODD_OPTION_FIELD)
    } embeddings;
    odd_worker_options worker;
    odd_send_options client;
    odd_watch_options watch;
    unsigned char origin[ODD_OPTION_MAX]; /* odd_origin of each row of the table */
} odd_options;

typedef enum {
    ODD_OPTION_TEXT,      /* const char * */
    ODD_OPTION_NAMES,     /* odd_names */
    ODD_OPTION_COUNT,     /* size_t */
    ODD_OPTION_COUNTS,    /* odd_sizes */
    ODD_OPTION_REAL,      /* double */
    ODD_OPTION_SWITCH,    /* bool */
    ODD_OPTION_CHOICE,    /* an enum */
    ODD_OPTION_BYTES,     /* size_t, written 256M */
    ODD_OPTION_CHARACTER, /* char, ASCII; 0: auto */
    ODD_OPTION_DURATION,  /* double, seconds, written 500us, 20ms, 10s, 5m, 12h, 7d */
    ODD_OPTION_RETAIN,    /* odd_retain, a duration or a size */
} odd_option_type;

/* The commands that know an option, as bits. */
enum {
    ODD_COMMAND_TRAIN = 1,
    ODD_COMMAND_SCORE = 2,
    ODD_COMMAND_EVAL = 4,
    ODD_COMMAND_INSPECT = 8,
    ODD_COMMAND_COLUMNS = 16,
    ODD_COMMAND_EMBEDDINGS = 1 << 16,
    ODD_COMMAND_ENCODE = 1 << 17,
    ODD_COMMAND_SIMILAR = 1 << 18,
    ODD_COMMAND_SERVE = 32,
    ODD_COMMAND_SEND = 64,
    ODD_COMMAND_ASK = 128,
    ODD_COMMAND_WATCH = 256,
    ODD_COMMAND_KEYGEN = 512,
    ODD_COMMAND_PROMOTE = 1024,
    ODD_COMMAND_PREDICT = 1 << 20
};

typedef struct odd_option {
    const char *section, *key;
    odd_option_type type;
    unsigned commands;
    size_t offset;    /* of the value in odd_options */
    double low, high; /* bounds of a number (of each, in a list), both allowed … */
    bool above_low;   /* … or low itself not allowed */
    bool below_high;  /* … or high itself not allowed */
    bool repeats;     /* a list that flags given again add to */
    const char *(*choice)(int value); /* names of a choice's values from 0 on; "?": no more */
    const char *value;                /* what help calls the value: "N", "FILE" */
    const char *unset; /* what help says where the default is nothing given, or NULL */
    const char *help;
} odd_option;

#endif
