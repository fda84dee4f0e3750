/* client/link.h: a client's socket: endpoint, keys, and what the three clients share. */
#ifndef ODD_CLIENT_LINK_H
#define ODD_CLIENT_LINK_H

#include <stdatomic.h>
#include <stdbool.h>

#include "oddrow.h"

typedef struct odd_link_options {
    const char *endpoint;
    const char *keys; /* directory, or NULL */
} odd_link_options;

/* A socket of `type` (ZMQ_DEALER, ZMQ_SUB, …), made ready (linger 0, reconnect 50 ms to 2 s, TCP
 * keep-alive, heartbeats, frames of at most 256 MiB, CURVE where there are keys) and connected.
 * Close with zmq_close. */
int odd_link_open(void *context, int type, const odd_link_options *options, void **out,
                  oddrow_error *err);

#endif
