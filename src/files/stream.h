/* files/stream.h: CSV files through a model on several threads, results in the order of the rows.
 *
 * csv/ordered hands each thread its chunks; here they are encoded and scored block by block, and
 * the blocks go to the sink, which forms output for the chunk; the outputs are then written one
 * chunk after another. Memory is that of one chunk a thread, whatever the length of the files. */
#ifndef ODD_FILES_STREAM_H
#define ODD_FILES_STREAM_H

#include "base/bytes.h"
#include "column/encode.h"
#include "csv/source.h"
#include "files/score.h"
#include "model/parts.h"
#include "score/scorer.h"

/* Rows of one chunk, encoded and scored. */
typedef struct odd_block {
    size_t rows;
    const odd_span *cells; /* (rows, columns of the file) */
    size_t columns;
    const uint64_t *row; /* (rows) number of each among the data rows, from 1 */
    const odd_rows *batch;
    const float *loss, *reconstruction, *local, *global; /* (rows) */
    const float *score;                                  /* (rows) what the options ask for */
    const double *p_value;                               /* (rows) */
    const bool *odd;                                     /* (rows) */
    odd_scratch *scratch;                                /* this thread's, for explanations */
    const float *outputs; /* (rows, Y) of a sink that predicts, see odd_forward_run; its other
                             results above are NULL */
} odd_block;

typedef struct odd_sink {
    /* Once, before any row: what the files' columns are. */
    int (*begin)(void *context, const odd_csv_source *source, const odd_encoder *encoder,
                 oddrow_error *err);
    /* On any thread: append what `block` gives to `out`, the chunk's output. */
    int (*block)(void *context, const odd_block *block, odd_bytes *out, oddrow_error *err);
    /* In the order of the rows, one call at a time: the chunk's output and its rejected records,
     * whose row numbers are first_row + record. */
    int (*chunk)(void *context, const odd_bytes *out, const odd_csv_chunk *chunk,
                 uint64_t first_row, oddrow_error *err);
    void *context;
    bool predicts; /* a supervised model's outputs are wanted, not scores */
} odd_sink;

/* Runs all rows through; ESCHEMA when the model is not of the sink's kind. Fills the counts,
 * seconds and notes of the summary. */
int odd_stream_run(const odd_model *model, const char *const *paths, size_t path_count,
                   const odd_score_options *options, const odd_sink *sink,
                   odd_score_summary *summary, oddrow_error *err);

#endif
