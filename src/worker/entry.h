/* worker/entry.h: the JSON of feed entries. Failures stay in the bytes: see odd_bytes_check.
 *
 * Sequence number and time are known only when a batch is committed, so an entry is made in two
 * parts: its body, on any thread, and the head in front of it. */
#ifndef ODD_WORKER_ENTRY_H
#define ODD_WORKER_ENTRY_H

#include "base/json.h"
#include "model/parts.h"
#include "score/explain.h"
#include "wire/payload.h"

/* Where a row came from; client empty: not a sent row. */
typedef struct odd_sender {
    odd_span client; /* any bytes */
    uint64_t number;
} odd_sender;

/* The verdict on a row, for its entry. */
typedef struct odd_scored {
    float score, reconstruction, local, global; /* nats */
    double p_value;
    bool odd;
    const odd_reason *reasons; /* (found), of an odd row */
    size_t found;
} odd_scored;

/* Appends {"name":…,"hash":…}, which each entry of a model contains. */
void odd_entry_model(odd_bytes *out, const odd_model *model, const char *path);

/* Appends `{"seq":7,"time":"…",`; sequence 0 is written as null: not in the feed. */
void odd_entry_head(odd_bytes *out, uint64_t sequence, const char *time);

/* Appends the body of a scored row, closing brace included. model: as odd_entry_model wrote it. */
void odd_entry_row(odd_bytes *out, const odd_schema *schema, odd_span model, const odd_row *row,
                   odd_encoding encoding, const odd_sender *sender, const odd_scored *verdict);

/* Appends the body of a reject entry. index: of the row in its message, from 1; 0: the whole
 * message is rejected. excerpt: is cut to ODD_EXCERPT_MAX bytes. */
void odd_entry_reject(odd_bytes *out, const char *socket, const odd_sender *sender, size_t index,
                      odd_reject reject, const char *reason, odd_span excerpt);

/* Appends {"error":reason,"row":index}: the answer to an asked row that cannot be scored. */
void odd_entry_error(odd_bytes *out, const char *reason, size_t index);

#endif
