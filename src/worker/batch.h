/* worker/batch.h: the messages that go through the worker together: gathered, scored, and turned
 * into entries of the feed and places of clients, which one transaction makes safe. One thread. */
#ifndef ODD_WORKER_BATCH_H
#define ODD_WORKER_BATCH_H

#include "base/clock.h"
#include "worker/engine.h"
#include "worker/places.h"

typedef enum { ODD_PULLED, ODD_ASKED, ODD_SENT } odd_message_kind;

/* One message as received. */
typedef struct odd_message {
    odd_message_kind kind;
    bool delimiter;             /* an empty frame stood in front, as REQ sockets have it */
    zmq_msg_t identity, client; /* of the ROUTER socket; initialised, perhaps empty */
    zmq_msg_t payload;
    uint64_t first;      /* number of the first row of a sent message */
    double received;     /* odd_clock */
    const char *refused; /* what is wrong with its frames, or NULL */
    /* as the batch goes through */
    const odd_job *job;
    size_t client_at;  /* index of a sent message's client in the places */
    size_t skip;       /* rows at its start that are not new */
    uint64_t expected; /* not 0: refused for a gap; this row number must come next */
    size_t entry;      /* its first entry among the batch's */
    bool answered;
} odd_message;

void odd_message_open(odd_message *m, odd_message_kind kind);
void odd_message_close(odd_message *m);

/* "pull" or "rows". */
const char *odd_message_socket(const odd_message *m);

/* An entry of the feed that no message caused: drift, status. */
typedef struct odd_note {
    odd_topic topic;
    odd_bytes body; /* entry.h */
} odd_note;

enum { ODD_NOTES = 256 };

typedef struct odd_batch {
    size_t rows;           /* at most, and messages at most */
    odd_message *messages; /* (rows) */
    size_t count;
    double gathered;      /* rows, estimated from bytes */
    double bytes_per_row; /* a slow mean over batches */
    double first_at;      /* receipt of its first message, odd_clock */
    bool asked;           /* a message of it wants an answer now */
    odd_note notes[ODD_NOTES];
    size_t note_count;

    odd_job *jobs; /* (rows) of the messages */

    bool planned; /* the members below and the places are ready for the journal */
    char time[ODD_CLOCK_TEXT];
    odd_bytes json; /* of the entries */
    odd_entry *entries;
    size_t entry_count, entry_capacity;
} odd_batch;

/* An empty batch of at most `rows` rows. 0 or ODDROW_ENOMEM; close it in either case. */
int odd_batch_open(odd_batch *b, size_t rows, oddrow_error *err);
void odd_batch_close(odd_batch *b);

/* Whether it takes no further message. */
bool odd_batch_full(const odd_batch *b);

/* The message that comes next, opened, for the caller to fill; odd_batch_add makes it part of the
 * batch. The batch must not be full. */
odd_message *odd_batch_next(odd_batch *b, odd_message_kind kind);
void odd_batch_add(odd_batch *b, double now);

/* Adds an entry that no message caused; drops it when there are ODD_NOTES, or when its bytes have
 * failed. Takes over the bytes of body. */
void odd_batch_note(odd_batch *b, odd_topic topic, odd_bytes *body);

/* Makes the jobs of the messages, which the engine then runs. */
void odd_batch_list_jobs(odd_batch *b);

/* Once the jobs have run: writes the entries, the first of which has the sequence number `next`,
 * and sets the places of the senders. 0; or what odd_places_find returns, or ODDROW_ENOMEM: the
 * caller settles the places as not committed. */
int odd_batch_plan(odd_batch *b, odd_places *places, uint64_t next, oddrow_error *err);

/* Appends the answer to an asked message: an array of one object for each row. 0 or ODDROW_ENOMEM.
 */
int odd_batch_answer(const odd_batch *b, const odd_message *m, odd_bytes *out);

/* Drops all messages and notes. */
void odd_batch_clear(odd_batch *b);

#endif
