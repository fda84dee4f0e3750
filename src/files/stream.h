/* files/stream.h: CSV files through a model on several threads, results in the order of the rows.
 *
 * csv/ordered hands each thread its chunks; here they are encoded block by block, and the blocks go
 * to the job's sink, which forms output for the chunk; the outputs are then written one chunk after
 * another. Memory is that of one chunk a thread, whatever the length of the files. */
#ifndef ODD_FILES_STREAM_H
#define ODD_FILES_STREAM_H

#include "base/file.h"
#include "column/encode.h"
#include "csv/ordered.h"
#include "files/options.h"
#include "model/parts.h"

/* Encoded rows of one chunk. */
typedef struct odd_block {
    const odd_rows *rows;  /* (B) */
    const odd_span *cells; /* (B, columns) */
    size_t columns;        /* of the file */
    const uint64_t *row;   /* (B) number of each among the data rows, from 1 */
} odd_block;

/* What a job does; calls that it has no use for are NULL. `context` is the job's, `own` a thread's:
 * own_size bytes, zeroed. */
typedef struct odd_sink {
    const char *stage; /* for progress */
    size_t own_size;

    /* Once, before any row: what the files' columns are. Appends what comes before all rows. */
    int (*begin)(void *context, const odd_csv_source *source, const odd_encoder *encoder,
                 odd_bytes *out, oddrow_error *err);

    /* Fills a thread's own, for blocks of at most `rows` rows; close follows also after an error.
     */
    int (*open)(void *context, void *own, size_t rows, oddrow_error *err);
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

/* Runs all rows through, into `out`: a file, "-" for standard output, or NULL for a sink that keeps
 * what it needs; then nobody asks for rejected rows either. Files are written under temporary names
 * and renamed when complete. Of the options csv, rejects, threads and progress count. */
int odd_stream_run(const odd_model *model, const char *const *paths, size_t path_count,
                   const char *out, const odd_score_options *options, const odd_sink *sink,
                   void *context, odd_stream_summary *summary, oddrow_error *err);

#endif
