/* worker/auth.h: who may speak: ZAP over the allow list, and counts of those who may not.
 *
 * A thread answers inproc://zeromq.zap.01 (RFC 27) for the domain "oddrow" and reads the monitors
 * of the sockets. The allow list, DIR/clients/\*.key, is read again when the directory or a file in
 * it changed, within a second. A client that reads libzmq's refusal does not try again by itself:
 * once its key is listed, it has to open a new socket. A key taken off the list
 * keeps the connections it has. */
#ifndef ODD_WORKER_AUTH_H
#define ODD_WORKER_AUTH_H

#include "base/log.h"
#include "oddrow.h"
#include "wire/keys.h"

typedef struct odd_auth odd_auth;

typedef struct odd_auth_counts {
    uint64_t allowed;  /* handshakes */
    uint64_t unlisted; /* with a key that is not on the list */
    uint64_t failed;   /* that broke off: no CURVE, a wrong server key, another protocol */
    uint64_t clients;  /* keys on the list */
} odd_auth_counts;

/* Starts the thread. directory: that of the keys, or NULL: no CURVE, no allow list, and the thread
 * only counts what the monitors say. Before any socket binds; one with a directory per context.
 * ODDROW_EIO, ODDROW_EFORMAT, ODDROW_EINVAL (keys, no DIR/clients), ODDROW_ENOMEM. */
int odd_auth_start(void *context, const char *directory, odd_log *log, odd_auth **out,
                   oddrow_error *err);

/* Watches a socket (before it binds; name as in the logs, static) for handshakes that fail, and
 * makes it a CURVE server when there are keys. Gives peers 10 s for the handshake. The thread of
 * the socket calls it; at most 16 sockets. */
int odd_auth_watch(odd_auth *a, void *socket, const char *name, oddrow_error *err);

/* Any thread. */
odd_auth_counts odd_auth_counts_of(odd_auth *a);

/* Ends the service; the log is not used any more when it returns. Close the watched sockets first.
 * While some are open, the thread lives on without the log and refuses every new client (a monitor
 * that nobody reads would block libzmq, and without a ZAP handler everybody might get in); it ends
 * with the last of them, or with the context. Not after zmq_ctx_term, which waits for this. */
void odd_auth_free(odd_auth **a);

#endif
