/* client/window.h: messages of rows to the worker, kept until they are acknowledged, and its
 * answers; private to the room. */
#ifndef ODD_CLIENT_WINDOW_H
#define ODD_CLIENT_WINDOW_H

#include "client/link.h"

enum { ODD_WINDOW = 64, ODD_WINDOW_BYTES = 32 * 1024 * 1024 };

typedef struct odd_window_message {
    uint64_t first;
    size_t rows;
    bool again; /* was sent before */
    odd_bytes payload;
} odd_window_message;

/* A ring: count messages from head on, the first `sent` of them sent. {0} is empty. */
typedef struct odd_window {
    odd_window_message ring[ODD_WINDOW];
    size_t head, count, sent;
    size_t bytes; /* of all payloads */
} odd_window;

/* Whether it holds as many messages or bytes as it may. */
bool odd_window_full(const odd_window *w);

/* Message i, from the oldest on; with i = count the slot to fill, unless the window is full. A slot
 * keeps the buffer of its payload. */
odd_window_message *odd_window_at(odd_window *w, size_t i);

/* Makes a message of the slot behind the last one, which is filled. */
void odd_window_add(odd_window *w);

/* Drops the oldest message; there must be one. */
void odd_window_drop(odd_window *w);

/* Number of the message's last row. */
uint64_t odd_window_last(const odd_window_message *m);

/* Frees the buffers. */
void odd_window_close(odd_window *w);

/* What the worker says to rows. */
typedef struct odd_rows_answer {
    bool ack;        /* else it refuses them */
    uint64_t number; /* the highest row that is safe; of a refusal, the row expected */
    char reason[ODD_EXCERPT_MAX + 1];
} odd_rows_answer;

/* Sends [client][first row number][payload], as odd_link_send. */
int odd_rows_put(const odd_link *link, const char *client, uint64_t first, odd_span payload,
                 oddrow_error *err);

/* 1 with an answer, 0 when none has come; ODDROW_EIO, also for what is neither ACK nor NAK. */
int odd_rows_receive(const odd_link *link, odd_rows_answer *out, oddrow_error *err);

#endif
