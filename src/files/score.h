/* files/score.h: CSV files in, scored rows out, in order, on several threads. */
#ifndef ODD_FILES_SCORE_H
#define ODD_FILES_SCORE_H

#include "base/progress.h"
#include "csv/source.h"
#include "model/model.h"
#include "oddrow.h"

typedef enum { ODD_FORMAT_CSV, ODD_FORMAT_JSONL } odd_format;

/* What stands in the column `score`. */
typedef enum {
    ODD_SCORE_BOTH,           /* reconstruction + local + global rarity, nats */
    ODD_SCORE_RECONSTRUCTION, /* the first of them */
    ODD_SCORE_RARITY,         /* local + global rarity */
    ODD_SCORE_LOSS            /* the plain mean reconstruction loss */
} odd_score_kind;

typedef struct odd_score_options {
    odd_csv_options csv;
    odd_format format;
    odd_score_kind score;
    size_t explain;      /* columns named per row, 0: none */
    bool only_odd;       /* write odd rows only */
    size_t top;          /* write the N oddest rows, oddest first; 0: all rows in order */
    double alerts;       /* share of normal rows called odd; 0: the model's own */
    bool masked;         /* score each column with that column masked */
    const char *rejects; /* path for rejected rows, or NULL */
    size_t threads;      /* 0: as many as the process may use */
    odd_progress_call progress;
    void *progress_context;
} odd_score_options;

#define ODD_SCORE_OPTIONS_INIT                                                                     \
    {                                                                                              \
        .format = ODD_FORMAT_CSV                                                                   \
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

#endif
