/* files/encode.h: CSV files in, one vector a row out, in order, on several threads. */
#ifndef ODD_FILES_ENCODE_H
#define ODD_FILES_ENCODE_H

#include "files/options.h"
#include "files/vectorizer.h"

typedef struct odd_encode_summary {
    uint64_t rows, encoded, rejected; /* encoded + rejected == rows */
    size_t width;
    double seconds;
    char notes[1000]; /* columns that were ignored */
} odd_encode_summary;

/* Writes the vectors of all rows: to "X.npy" as float32 (rows, width), with the names of its
 * columns in X.columns.txt, a line each; to any other name, or "-", as CSV with a header. Memory is
 * that of one chunk a thread. Of the options csv, rejects, threads and progress count. */
int odd_encode_files(const odd_model *model, const char *const *paths, size_t path_count,
                     const char *out, odd_what what, const odd_score_options *options,
                     odd_encode_summary *summary, oddrow_error *err);

#endif
