/* client/send.h: rows of CSV files to a worker, each exactly once. */
#ifndef ODD_CLIENT_SEND_H
#define ODD_CLIENT_SEND_H

#include "base/progress.h"
#include "client/link.h"
#include "csv/source.h"
#include "wire/payload.h"

typedef struct odd_send_options {
    odd_link_options link;
    odd_csv_options csv;
    const char *name; /* of the client; NULL: host, process and random bits, for this run alone */
    double rate;      /* rows a second; 0: as fast as the worker takes them */
    size_t batch;     /* rows a message */
    bool resume;      /* row i of the data has number i: those the worker has are passed over */
    odd_encoding encoding;
    double patience;         /* seconds without any answer before giving up; 0: never */
    const atomic_bool *stop; /* set from a signal handler: end soon; may be NULL */
    odd_progress_call progress;
    void *progress_context;
} odd_send_options;

typedef struct odd_send_summary {
    char name[256];
    uint64_t rows;     /* acknowledged by the worker in this run */
    uint64_t passed;   /* not sent: the worker had them */
    uint64_t rejected; /* records of the file that are no rows; each was sent as it stands when the
                          encoding is CSV (and is rejected there), else not */
    uint64_t messages, resent;
    double seconds;
} odd_send_summary;

/* Sends every row of `path` ("-": standard input). Keeps what is not acknowledged, at most 64
 * messages or 32 MiB, and sends it again when the worker is silent for a second or refuses a gap.
 * 0 when all rows are safe; ODDROW_EIO; ODDROW_EINVAL. */
int odd_send(const char *path, const odd_send_options *options, odd_send_summary *summary,
             oddrow_error *err);

#endif
