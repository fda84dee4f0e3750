/* client/exchange.h: a message of rows to the worker, its answer back; private to the room. */
#ifndef ODD_CLIENT_EXCHANGE_H
#define ODD_CLIENT_EXCHANGE_H

#include "client/link.h"

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
