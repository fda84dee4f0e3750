/* worker/replay.h: the replay socket: the feed from any sequence number on, in a thread of its own.
 *
 * Request: [from, 8 bytes][at most, 4 bytes; 0: ODD_REPLAY_DEFAULT][topic prefix]. Answer: feed
 * messages, each [topic][sequence][JSON], then ["END"][next sequence, 8 bytes]. END's number is
 * where the next request continues: behind the last message when a limit ended the answer, else the
 * journal's next. A request of another form, one too many, or a journal that cannot be read gets
 * ["ERR"][reason] instead of END.
 *
 * An empty delimiter frame may stand before a request, as REQ sockets send it. The whole answer is
 * then one multipart message behind an empty frame, of at most 10,000 messages and 1 MiB of JSON.
 */
#ifndef ODD_WORKER_REPLAY_H
#define ODD_WORKER_REPLAY_H

#include "base/log.h"
#include "oddrow.h"

typedef struct odd_replay odd_replay;

typedef struct odd_replay_counts {
    uint64_t requests, messages, refused;
} odd_replay_counts;

/* Takes over a bound ROUTER socket and serves it from the journal file until freed; on an error the
 * socket is still the caller's. It serves at most 256 clients with 4 requests each at a time, in
 * turn. A client that does not read does not hold up the others, and is dropped after 60 s. Memory
 * is bounded; what libzmq holds for one client is bounded by the socket's ZMQ_SNDHWM and
 * ZMQ_MAXMSGSIZE, which count only when they were set before the socket was bound. Free it before
 * the journal is closed. */
int odd_replay_start(void *socket, const char *journal_path, odd_log *log, odd_replay **out,
                     oddrow_error *err);
/* Ends the thread and closes the socket. */
void odd_replay_free(odd_replay **r);

odd_replay_counts odd_replay_counts_of(odd_replay *r);

#endif
