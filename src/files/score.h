/* files/score.h: CSV files in, scored rows out, in order, on several threads. */
#ifndef ODD_FILES_SCORE_H
#define ODD_FILES_SCORE_H

#include "files/format.h"
#include "files/stream.h"

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

/* What there is to tell of a run. */
void odd_score_count(const odd_stream_summary *stream, odd_score_summary *out);

#endif
