/* files/score.h: CSV files in, scored rows out, in order, on several threads. */
#ifndef ODD_FILES_SCORE_H
#define ODD_FILES_SCORE_H

#include "base/options.h"
#include "files/format.h"
#include "files/stream.h"

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

typedef struct odd_score_summary {
    uint64_t rows; /* records in the files: scored + rejected */
    uint64_t scored;
    uint64_t rejected;
    uint64_t odd;
    double seconds;
    /* thread-seconds spent in each part, for bench/ */
    double parsing, encoding, network, rarity, calibration, writing, reading;
    char notes[1000]; /* extra columns that were ignored */
} odd_score_summary;

/* Scores every record of the files into `out` ("-" is standard output; written under a temporary
 * name and renamed when complete). scored + rejected == rows, always. */
int odd_score_files(const odd_model *model, const char *const *paths, size_t path_count,
                    const char *out, const odd_score_options *options, odd_score_summary *summary,
                    oddrow_error *err);

/* For jobs with these options: what they say of the files, and what there is to tell of a run. */
odd_stream_options odd_score_stream(const odd_score_options *options, const char *out);
void odd_score_count(const odd_stream_summary *stream, odd_score_summary *out);

#endif
