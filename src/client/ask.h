/* client/ask.h: rows of a CSV file to a worker, one answer each. */
#ifndef ODD_CLIENT_ASK_H
#define ODD_CLIENT_ASK_H

#include "client/link.h"
#include "csv/source.h"

typedef struct odd_ask_summary {
    uint64_t rows, odd, errors;
} odd_ask_summary;

/* Asks row after row, as JSON by column name, and hands each answer, one JSON object, to `answer`,
 * in order. Waits `patience` seconds (0: for ever) for each answer, then fails with ODDROW_EIO.
 * Answers a record of the file that is no row itself, with {"error":…,"row":i}. */
int odd_ask(const char *path, const odd_link_options *link, const odd_csv_options *csv,
            double patience, int (*answer)(void *context, odd_span json, oddrow_error *err),
            void *context, odd_ask_summary *summary, oddrow_error *err);

#endif
