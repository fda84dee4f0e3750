/* worker/replay.h: the replay socket: the feed from any sequence number on, in a thread of its own.
 *
 * Request: [from, 8 bytes][at most, 4 bytes; 0: ODD_REPLAY_DEFAULT][topic prefix], an empty
 * delimiter frame before them allowed (REQ) and then sent back once, before the first frame of each
 * answer. Answer: feed messages, each [topic][sequence][JSON], then ["END"][next sequence, 8
 * bytes]; to a REQ socket, which takes one message, all frames in one multipart message. A request
 * of another form gets ["ERR"][reason]. */
#ifndef ODD_WORKER_REPLAY_H
#define ODD_WORKER_REPLAY_H

#include "base/log.h"
#include "oddrow.h"

typedef struct odd_replay odd_replay;

typedef struct odd_replay_counts {
    uint64_t requests, messages, refused;
} odd_replay_counts;

/* Takes over a bound ROUTER socket and serves it from the journal file until freed. Requests of
 * many clients go forward in turn; one that does not read is waited for without holding up the
 * others, and given up after 60 s; memory is bounded. */
int odd_replay_start(void *socket, const char *journal_path, odd_log *log, odd_replay **out,
                     oddrow_error *err);
/* Ends the thread and closes the socket. NULL-safe. */
void odd_replay_free(odd_replay **r);

odd_replay_counts odd_replay_counts_of(odd_replay *r);

#endif
