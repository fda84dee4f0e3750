/* client/batches.h: the records of a CSV file as payloads of a few rows each, in order; private to
 * the room. */
#ifndef ODD_CLIENT_BATCHES_H
#define ODD_CLIENT_BATCHES_H

#include "csv/source.h"
#include "wire/payload.h"

/* A file, or standard input, and how far it was read. One thread. {0} is closed. */
typedef struct odd_batches {
    bool regular; /* a regular file: it can be rewound, and reading it does not wait */
    /* Records seen so far, and records handed out that are no rows; each counted once, however
     * often the file is read. */
    uint64_t seen, rejected;
    /* private */
    const char *path;
    odd_csv_options csv;
    odd_encoding encoding;
    odd_csv_source *source;
    odd_csv_chunk chunk;
    size_t at, row, reject; /* next record of the chunk; next good one; next rejected one */
    uint64_t before;        /* records of the chunks before this one */
    uint64_t counted;       /* records up to here went into `rejected` */
} odd_batches;

/* Opens `path` ("-": standard input), which is borrowed. 0, or what odd_csv_open says; close it in
 * either case. */
int odd_batches_open(odd_batches *b, const char *path, const odd_csv_options *csv,
                     odd_encoding encoding, oddrow_error *err);
void odd_batches_close(odd_batches *b);

/* The next payload: 1 with *count records, from record *first on (counted from 1), in payload,
 * which is cleared before; 0 at the end; or an error of the file. Records before `from` are
 * skipped. *count is at most `most`, and 0 when a part of the file held nothing to send. A payload
 * is at most about as long as a chunk of the file, or one record.
 *
 * A record that is no row goes alone. As CSV it is sent as it stands if a reader finds its end and
 * takes it for CSV. Otherwise it becomes {"_rejected":REASON,"_line":EXCERPT}, which lacks every
 * column, so the worker rejects it as one row, too. */
int odd_batches_next(odd_batches *b, uint64_t from, size_t most, odd_bytes *payload,
                     uint64_t *first, size_t *count, oddrow_error *err);

/* A descriptor to poll before odd_batches_next, which might wait; -1: it does not wait. Only input
 * that is no regular file waits; its records are handed out as they come. */
int odd_batches_descriptor(const odd_batches *b);

/* Back to the first record, by opening the file again. */
int odd_batches_rewind(odd_batches *b, oddrow_error *err);

/* Share of the file that was read, 0 to 1; below 0 when it is unknown. */
double odd_batches_fraction(const odd_batches *b);

#endif
