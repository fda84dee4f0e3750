/* files/options.h: the options of the jobs over files. */
#ifndef ODD_FILES_OPTIONS_H
#define ODD_FILES_OPTIONS_H

#include "base/options.h"
#include "base/progress.h"
#include "csv/source.h"
#include "score/scorer.h"

typedef enum { ODD_FORMAT_CSV, ODD_FORMAT_JSONL } odd_format;

/* alerts 0: the model's own; threads 0: as many as the process may use; output, strict, positive,
 * quiet and json are the commands'. */
#define ODD_SCORE_OPTIONS(X)                                                                       \
    X(const char *, output, NULL, TEXT, "output", SCORE | PREDICT, .value = "OUT",                 \
      .help = "file to write the rows to (-o); - is standard output")                              \
    X(odd_format, format, ODD_FORMAT_CSV, CHOICE, "format", SCORE, .choice = format,               \
      .help = "CSV or JSON lines")                                                                 \
    X(size_t, explain, 0, COUNT, "explain", SCORE, .high = 10000, .value = "K",                    \
      .help = "name the K most surprising columns of each row")                                    \
    X(bool, only_odd, false, SWITCH, "only-odd", SCORE, .help = "write odd rows only")             \
    X(size_t, top, 0, COUNT, "top", SCORE, .high = 1e8, .value = "N",                              \
      .help = "write the N oddest rows, oddest first; 0: all, in order")                           \
    X(double, alerts, 0, REAL, "alerts", SCORE | EVAL, .high = 1, .above_low = true,               \
      .below_high = true, .value = "Q", .unset = "the model's",                                    \
      .help = "share of normal rows that may be called odd")                                       \
    X(odd_score_kind, score, ODD_SCORE_BOTH, CHOICE, "score", SCORE | EVAL, .choice = score_kind,  \
      .help = "parts that make up the score; both: reconstruction and rarity")                     \
    X(bool, masked, false, SWITCH, "masked", SCORE | EVAL,                                         \
      .help = "score each column while it is masked, one pass per column")                         \
    X(const char *, rejects, NULL, TEXT, "rejects", SCORE | ENCODE | PREDICT, .value = "FILE",     \
      .help = "file to write rejected rows to, with the reason")                                   \
    X(bool, strict, false, SWITCH, "strict", SCORE | ENCODE | PREDICT,                             \
      .help = "exit with 3 if rows were rejected")                                                 \
    X(const char *, positive, NULL, TEXT, "positive", EVAL, .value = "VALUE",                      \
      .unset = "1, true, yes, anomaly, odd", .help = "label of the odd rows")                      \
    X(size_t, threads, 0, COUNT, "threads", SCORE | EVAL | ENCODE | SIMILAR | PREDICT,             \
      .high = 1024, .value = "N", .help = "threads; 0: one per processor")                         \
    X(bool, quiet, false, SWITCH, "quiet", SCORE | EVAL | EMBEDDINGS | ENCODE | SIMILAR | PREDICT, \
      .help = "print nothing but errors")                                                          \
    X(bool, json, false, SWITCH, "json", EVAL | INSPECT | COLUMNS,                                 \
      .help = "print JSON instead of a table")

typedef struct odd_score_options {
    odd_csv_options csv;
    ODD_SCORE_OPTIONS(ODD_OPTION_FIELD)
    odd_progress_call progress;
    void *progress_context;
} odd_score_options;

#define ODD_SCORE_OPTIONS_INIT                                                                     \
    {                                                                                              \
        ODD_SCORE_OPTIONS(ODD_OPTION_DEFAULT)                                                      \
    }

#endif
