/* worker/auth.h: which clients are served: ZAP over the allow list, and counts of the others.
 *
 * A thread answers inproc://zeromq.zap.01 (RFC 27) for the domain "oddrow" and reads the monitors
 * of the sockets. It reads the allow list, DIR/clients/\*.key, again within a second of a change. A
 * client that libzmq has refused does not try again by itself: once its key is listed, it has to
 * open a new socket. When a key is taken off the list, its open connections stay. */
#ifndef ODD_WORKER_AUTH_H
#define ODD_WORKER_AUTH_H

#include "base/log.h"
#include "oddrow.h"
#include "wire/keys.h"

typedef struct odd_auth odd_auth;

typedef struct odd_auth_counts {
    uint64_t allowed;  /* handshakes */
    uint64_t unlisted; /* with a key that is not on the list */
    uint64_t failed;   /* that ended early: no CURVE, a wrong server key, another protocol */
    uint64_t clients;  /* keys on the list */
} odd_auth_counts;

/* Starts the thread, before any socket binds. directory: that of the keys, at most one of a
 * context; NULL: no CURVE and no allow list, the thread only counts what the monitors report.
 * ODDROW_EIO, ODDROW_EFORMAT, ODDROW_EINVAL (keys, no DIR/clients), ODDROW_ENOMEM. */
int odd_auth_start(void *context, const char *directory, odd_log *log, odd_auth **out,
                   oddrow_error *err);

/* Watches a socket, before it binds, for handshakes that fail, and makes it a CURVE server when
 * there are keys. Peers have 10 s for the handshake. name: static, for the log. The thread of the
 * socket calls it; at most 16 sockets. */
int odd_auth_watch(odd_auth *a, void *socket, const char *name, oddrow_error *err);

/* Any thread. */
odd_auth_counts odd_auth_counts_of(odd_auth *a);

/* Ends the service, and the use of the log. Close the watched sockets first. While some are open,
 * the thread goes on without the log and refuses every new client, because a monitor that nobody
 * reads would block libzmq, and without a ZAP handler every client might be served. It ends with
 * the last of them, or with the context. Call it before zmq_ctx_term, which waits for it. */
void odd_auth_free(odd_auth **a);

#endif
