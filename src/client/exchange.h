/* client/exchange.h: a message of rows to the worker, its answer back; private to the room. */
#ifndef ODD_CLIENT_EXCHANGE_H
#define ODD_CLIENT_EXCHANGE_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/error.h"
#include "wire/frame.h"

/* What the worker says to rows. */
typedef struct odd_rows_answer {
    bool ack;        /* else it refuses them */
    uint64_t number; /* the highest row that is safe; of a refusal, the row expected */
    char reason[ODD_EXCERPT_MAX + 1];
} odd_rows_answer;

/* Sends [client][first row number][payload] without waiting. 1: sent; 0: the socket takes nothing
 * now; ODDROW_EIO. `endpoint` is for messages. */
int odd_rows_put(void *socket, const char *endpoint, const char *client, uint64_t first,
                 odd_span payload, oddrow_error *err);

/* 1 with an answer, 0 when none has come; ODDROW_EIO, also for what is neither ACK nor NAK. The
 * reason is fit for a terminal. */
int odd_rows_receive(void *socket, const char *endpoint, odd_rows_answer *out, oddrow_error *err);

/* "endpoint: cannot WHAT: ZeroMQ's reason". ODDROW_EIO. */
int odd_socket_fail(const char *endpoint, const char *what, oddrow_error *err);

#endif
