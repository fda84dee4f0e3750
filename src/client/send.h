/* client/send.h: rows of CSV files to a worker, each exactly once. */
#ifndef ODD_CLIENT_SEND_H
#define ODD_CLIENT_SEND_H

#include "base/options.h"
#include "base/progress.h"
#include "client/link.h"
#include "csv/source.h"
#include "wire/payload.h"

/* name NULL: host, process and random bits, for this run alone; resume: row i of the data has the
 * number i, and rows that the worker has are not sent; patience: seconds without any answer, 0: for
 * ever; keys: those of `link`; quiet is the command's. */
#define ODD_CLIENT_OPTIONS(X)                                                                      \
    X(const char *, name, NULL, TEXT, "client", SEND, .value = "NAME", .unset = "a new one",       \
      .help = "name under which the worker stores the row numbers of this sender")                 \
    X(bool, resume, false, SWITCH, "resume", SEND,                                                 \
      .help = "give row N of the data the number N and skip the rows the worker has; needs "       \
              "--client")                                                                          \
    X(odd_encoding, encoding, ODD_ENCODING_JSON, CHOICE, "format", SEND, .choice = encoding,       \
      .help = "format of the rows on the wire; csv needs the model's column order")                \
    X(size_t, batch, 256, COUNT, "batch", SEND, .low = 1, .high = 65536, .value = "N",             \
      .help = "rows per message")                                                                  \
    X(double, rate, 0, REAL, "rate", SEND, .high = 1e12, .value = "N",                             \
      .help = "rows per second; 0: as fast as the worker takes them")                              \
    X(double, patience, 0, DURATION, "patience", SEND | ASK, .high = 1e9, .value = "DURATION",     \
      .unset = "ask: 10s; send: for ever",                                                         \
      .help = "how long to wait for the worker before the command fails")                          \
    X(const char *, keys, NULL, TEXT, "keys", SEND | ASK | WATCH, .value = "DIR",                  \
      .help = "directory of CURVE keys: those of oddrow keygen, and the worker's server.key")      \
    X(bool, quiet, false, SWITCH, "quiet", SEND | ASK | WATCH, .help = "print nothing but errors")

typedef struct odd_send_options {
    odd_link_options link;
    odd_csv_options csv;
    ODD_CLIENT_OPTIONS(ODD_OPTION_FIELD)
    const atomic_bool *stop; /* set from a signal handler: end soon; may be NULL */
    odd_progress_call progress;
    void *progress_context;
} odd_send_options;

typedef struct odd_send_summary {
    char name[256];
    uint64_t rows;     /* acknowledged by the worker in this run */
    uint64_t passed;   /* not sent: the worker had them */
    uint64_t rejected; /* records of the file that are no rows: sent, and rejected by the worker */
    uint64_t messages, resent;
    double seconds;
} odd_send_summary;

/* Sends every row of `path` ("-": standard input). Keeps messages until they are acknowledged, at
 * most 64 messages or 32 MiB, and sends them again when the worker is silent for a second or
 * reports a gap. 0 when all rows are safe; ODDROW_EIO; ODDROW_EINVAL. */
int odd_send(const char *path, const odd_send_options *options, odd_send_summary *summary,
             oddrow_error *err);

#endif
