/* csv/ordered.h: the chunks of a source through the threads of a pool, results in the order of the
 * rows. Memory is that of one chunk a thread, whatever the length of the files. */
#ifndef ODD_CSV_ORDERED_H
#define ODD_CSV_ORDERED_H

#include "base/pool.h"
#include "base/progress.h"
#include "csv/source.h"

typedef struct odd_csv_job {
    /* On any thread: what a split chunk gives, appended to `out`, which starts empty. Its records
     * are numbered first_row + index, data rows from 1. `thread` < threads of the pool. May be
     * NULL. */
    int (*chunk)(void *context, size_t thread, const odd_csv_chunk *chunk, uint64_t first_row,
                 odd_bytes *out, oddrow_error *err);
    /* In the order of the rows, one call at a time; may be NULL. */
    int (*write)(void *context, const odd_bytes *out, const odd_csv_chunk *chunk,
                 uint64_t first_row, oddrow_error *err);
    void *context;
    const char *stage; /* for progress */
    odd_progress_call progress;
    void *progress_context;
} odd_csv_job;

/* rows + rejected == records. */
typedef struct odd_csv_counts {
    uint64_t records, rows, rejected;
    double seconds;
    double reading, splitting, writing; /* thread-seconds in the source, in its split, in `write` */
} odd_csv_counts;

/* Reads the source to its end. The first failure ends it; counts are then of what came before. */
int odd_csv_run(odd_csv_source *source, odd_pool *pool, const odd_csv_job *job,
                odd_csv_counts *counts, oddrow_error *err);

#endif
