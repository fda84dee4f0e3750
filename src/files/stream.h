/* files/stream.h: CSV files through a model on several threads, results in the order of the rows.
 *
 * csv/ordered hands each thread its chunks; here they are encoded block by block, and the blocks go
 * to the job's sink, which forms output for the chunk; the outputs are then written one chunk after
 * another. Memory is that of one chunk a thread, whatever the length of the files. */
#ifndef ODD_FILES_STREAM_H
#define ODD_FILES_STREAM_H

#include "base/file.h"
#include "base/progress.h"
#include "column/encode.h"
#include "csv/ordered.h"
#include "model/parts.h"

typedef struct odd_stream_options {
    odd_csv_options csv;
    const char *out;     /* file for the output, "-": standard output; NULL: there is none */
    const char *rejects; /* file for rejected rows, or NULL */
    size_t threads;      /* 0: as many as the process may use */
    odd_progress_call progress;
    void *progress_context;
} odd_stream_options;

/* Encoded rows of one chunk. */
typedef struct odd_block {
    const odd_rows *rows;  /* (B) */
    const odd_span *cells; /* (B, columns) */
    size_t columns;        /* of the file */
    const uint64_t *row;   /* (B) number of each among the data rows, from 1 */
} odd_block;

/* What a job does; calls that it has no use for are NULL. `context` is the job's, `own` a thread's,
 * which starts NULL. */
typedef struct odd_sink {
    const char *stage; /* for progress */

    /* Once, before any row: what the files' columns are. Appends what comes before all rows. */
    int (*begin)(void *context, const odd_csv_source *source, const odd_encoder *encoder,
                 odd_bytes *out, oddrow_error *err);

    /* A thread's memory for blocks of at most `rows` rows; close also after an error. */
    int (*open)(void *context, size_t rows, void **own, oddrow_error *err);
    void (*close)(void *context, void *own);

    /* Whether rows first to last are looked at; NULL: all are. */
    bool (*wants)(const void *context, uint64_t first, uint64_t last);

    /* On any thread: appends what a block gives to the chunk's output. */
    int (*block)(void *context, void *own, const odd_block *block, odd_bytes *out,
                 oddrow_error *err);

    /* In the order of the rows, one call at a time: a chunk whose records are numbered from
     * first_row, and its output, which is otherwise written. */
    int (*chunk)(void *context, const odd_bytes *out, const odd_csv_chunk *chunk,
                 uint64_t first_row, oddrow_error *err);

    /* Once, behind all rows: the rest of the output. */
    int (*end)(void *context, uint64_t rows, odd_output *out, oddrow_error *err);
} odd_sink;

typedef struct odd_stream_summary {
    odd_csv_counts counts;
    double seconds;          /* from opening the files to closing them */
    double encoding, blocks; /* thread-seconds in the encoder and in the sink's blocks */
    char notes[1000];        /* columns of the files that were ignored */
} odd_stream_summary;

/* Runs all rows through. Output and rejects are written under temporary names and renamed when
 * complete. */
int odd_stream_run(const odd_model *model, const char *const *paths, size_t path_count,
                   const odd_stream_options *options, const odd_sink *sink, void *context,
                   odd_stream_summary *summary, oddrow_error *err);

#endif
