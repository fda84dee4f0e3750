/* worker/entry.h: the JSON of feed entries.
 *
 * Sequence number and time are known only when a batch is committed, so an entry is made in two
 * parts: its tail, on any thread, and the head in front of it. */
#ifndef ODD_WORKER_ENTRY_H
#define ODD_WORKER_ENTRY_H

#include "base/bytes.h"
#include "model/parts.h"
#include "score/explain.h"
#include "wire/payload.h"

/* Whom a row came from; both spans empty, number 0: not a sent row. */
typedef struct odd_sender {
    odd_span client; /* any bytes */
    uint64_t number;
} odd_sender;

typedef struct odd_scored {
    float score, reconstruction, local, global; /* nats */
    double p_value;
    bool odd;
} odd_scored;

/* What all entries of one model share: its name and hash as JSON, names of columns as JSON. */
typedef struct odd_entry_names {
    odd_bytes model;    /* {"name":…,"hash":…} */
    odd_bytes *columns; /* (K) */
    size_t K;
} odd_entry_names;

int odd_entry_names_new(const odd_model *model, const char *path, odd_entry_names *out,
                        oddrow_error *err);
void odd_entry_names_free(odd_entry_names *names);

/* Appends `{"seq":7,"time":"…",`; sequence 0 is written as null: not in the feed. 0 or
 * ODDROW_ENOMEM, like all below. */
int odd_entry_head(odd_bytes *out, uint64_t sequence, const char *time);

/* Appends the tail of a scored row, closing brace included. */
int odd_entry_row(odd_bytes *out, const odd_entry_names *names, const odd_row *row,
                  odd_encoding encoding, const odd_sender *sender, const odd_scored *verdict,
                  const odd_reason *reasons, size_t found);

/* Appends the tail of a reject entry. index: of the row in its message, from 1; 0: the message as a
 * whole. excerpt: cut to ODD_EXCERPT_MAX bytes. */
int odd_entry_reject(odd_bytes *out, const char *socket, const odd_sender *sender, size_t index,
                     odd_reject reject, const char *reason, odd_span excerpt);

/* Appends {"error":reason,"row":index}: the answer to an asked row that cannot be scored. */
int odd_entry_error(odd_bytes *out, const char *reason, size_t index);

/* Appends `,"key":` and a number, null where it is not finite. */
int odd_entry_number(odd_bytes *out, const char *key, double value);

#endif
