/* client/link.h: a client's connection: endpoint, keys, and what all clients share. */
#ifndef ODD_CLIENT_LINK_H
#define ODD_CLIENT_LINK_H

#include <stdatomic.h>

#include "wire/endpoint.h"
#include "wire/frame.h"

typedef struct odd_link_options {
    const char *endpoint;
    const char *keys; /* directory, or NULL */
} odd_link_options;

/* A socket and where it leads. {0} is closed. */
typedef struct odd_link {
    void *socket;
    const char *endpoint; /* borrowed */
} odd_link;

/* Connects a socket of `type` (ZMQ_DEALER, ZMQ_SUB, …): linger 0, reconnect 50 ms to 2 s, TCP
 * keep-alive, heartbeats, frames of at most 256 MiB, CURVE where there are keys. */
int odd_link_open(void *context, int type, const odd_link_options *options, odd_link *out,
                  oddrow_error *err);
void odd_link_close(odd_link *link);

/* Sends one message without waiting: 1 sent, 0 the socket takes nothing now, ODDROW_EIO. */
int odd_link_send(const odd_link *link, const odd_span *frames, size_t count, oddrow_error *err);

/* Receives one message without waiting, as odd_frames_receive: the number of frames, 0 none, or
 * ODDROW_EIO. */
int odd_link_receive(const odd_link *link, zmq_msg_t *frames, size_t most, oddrow_error *err);

/* "endpoint: cannot WHAT: ZeroMQ's reason". ODDROW_EIO. */
int odd_link_fail(const odd_link *link, const char *what, oddrow_error *err);

/* The start of a text from the other side, fit for a terminal. */
void odd_link_excerpt(odd_span text, char out[ODD_EXCERPT_MAX + 1]);

#endif
