/* worker/replay.h: the replay socket: the feed from any sequence number on, in a thread of its own.
 *
 * Request: [from, 8 bytes][at most, 4 bytes; 0: ODD_REPLAY_DEFAULT][topic prefix], an empty
 * delimiter frame before them allowed (REQ) and then sent back once, before the first frame of each
 * answer. Answer: feed messages, each [topic][sequence][JSON], then ["END"][next sequence, 8
 * bytes]; to a REQ socket, which takes one message, all frames in one multipart message, of at most
 * 10,000 messages and 1 MiB of JSON. END's number is where the next request goes on: behind the
 * last message when a limit ended the answer, else the journal's next. A request of another form,
 * one too many or a journal that cannot be read gets ["ERR"][reason] in place of END. */
#ifndef ODD_WORKER_REPLAY_H
#define ODD_WORKER_REPLAY_H

#include "base/log.h"
#include "oddrow.h"

typedef struct odd_replay odd_replay;

typedef struct odd_replay_counts {
    uint64_t requests, messages, refused;
} odd_replay_counts;

/* Takes over a bound ROUTER socket and serves it from the journal file until freed; on an error the
 * socket is still the caller's. What libzmq holds for one client is bounded by the socket's
 * ZMQ_SNDHWM and ZMQ_MAXMSGSIZE, which only count when set before it was bound. At most 256 clients
 * with 4 requests each are served at a time. Free it before the journal is closed. Requests of
 * many clients go forward in turn; one that does not read is waited for without holding up the
 * others, and given up after 60 s; memory is bounded. */
int odd_replay_start(void *socket, const char *journal_path, odd_log *log, odd_replay **out,
                     oddrow_error *err);
/* Ends the thread and closes the socket. NULL-safe. */
void odd_replay_free(odd_replay **r);

odd_replay_counts odd_replay_counts_of(odd_replay *r);

#endif
