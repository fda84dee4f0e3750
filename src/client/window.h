/* client/window.h: the messages of rows that are not acknowledged yet; private to the room. */
#ifndef ODD_CLIENT_WINDOW_H
#define ODD_CLIENT_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

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

#endif
