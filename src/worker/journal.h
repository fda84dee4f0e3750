/* worker/journal.h: the feed and the clients' places, in one SQLite file.
 *
 * The worker's thread owns the writer; any other thread opens readers of its own. Entries are kept
 * in segments, one row of SQLite for the entries of a batch (at most about 256 KiB each), so that a
 * commit costs little more than its bytes. */
#ifndef ODD_WORKER_JOURNAL_H
#define ODD_WORKER_JOURNAL_H

#include <stdbool.h>

#include "base/bytes.h"
#include "oddrow.h"
#include "wire/frame.h"

typedef struct odd_journal odd_journal;

typedef struct odd_journal_options {
    bool power;            /* commits survive a power failure, not only the end of the process */
    double retain_seconds; /* entries older than this go; 0: no bound */
    uint64_t retain_bytes; /* the oldest entries go beyond this size of the file; 0: no bound */
} odd_journal_options;

/* What a client is known by. */
typedef struct odd_client_place {
    odd_span name;
    uint64_t highest; /* row number now safe */
} odd_client_place;

/* One entry of the feed. */
typedef struct odd_entry {
    odd_topic topic;
    uint64_t sequence;
    odd_span json;
} odd_entry;

typedef struct odd_journal_state {
    uint64_t next, oldest; /* sequence numbers: of the next entry; of the oldest kept */
    uint64_t bytes;        /* of the file and its WAL */
    uint64_t commits, failures;
    double commit_seconds, last_commit_seconds; /* sum; of the last one */
} odd_journal_state;

/* Opens or makes the file; path NULL: a temporary one in TMPDIR that goes with the process (its
 * path is then in odd_journal_path). Locks it against a second worker: ODDROW_EIO naming the file.
 * A file that is no journal or of a later format: ODDROW_EFORMAT. A worker that was killed left
 * nothing to repair: SQLite rolls back by itself. A process opens a file once at a time. */
int odd_journal_open(const char *path, const odd_journal_options *options, odd_journal **out,
                     oddrow_error *err);
/* Closes, folds the WAL into the file; removes a temporary one. Readers of this process are closed
 * before. NULL-safe. */
void odd_journal_close(odd_journal **j);
/* Absolute. */
const char *odd_journal_path(const odd_journal *j);

/* Sequence number of the next entry, from 1, never used twice whatever was removed. */
uint64_t odd_journal_next(const odd_journal *j);

/* The client's highest safe row number: 1 known, 0 never heard of, or ODDROW_EIO. */
int odd_journal_client(odd_journal *j, odd_span name, uint64_t *highest, oddrow_error *err);

/* Entries (their sequences rise by one from odd_journal_next on) and places in one transaction: all
 * or nothing. time: UTC microseconds. 0, or ODDROW_EIO (disk full among it) with nothing changed;
 * the same call may be made again later. */
int odd_journal_commit(odd_journal *j, const odd_entry *entries, size_t count,
                       const odd_client_place *places, size_t place_count, int64_t time,
                       oddrow_error *err);

/* Removes what retention does not keep, a bounded amount at a call: 1 when there is more to do, 0,
 * or ODDROW_EIO. The newest segment always stays; the file does not shrink, its free pages are used
 * again. Call now and then. */
int odd_journal_trim(odd_journal *j, int64_t now, oddrow_error *err);

odd_journal_state odd_journal_state_of(odd_journal *j);

/* ---- reading, from any thread ---- */

typedef struct odd_journal_reader odd_journal_reader;

int odd_journal_reader_open(const char *path, odd_journal_reader **out, oddrow_error *err);
void odd_journal_reader_close(odd_journal_reader **r);

/* The next entry with sequence >= from whose topic's bit is in `topics` (1 << odd_topic): 1 with
 * *out, borrowed until the next call; 0 at the end, with *next the journal's next sequence (below
 * `from` when that lies in the future); 2 when a bounded number of segments had none, with *next
 * where to go on; ODDROW_EIO, ODDROW_EFORMAT. What was trimmed is passed over. Never blocks the
 * writer. */
int odd_journal_read(odd_journal_reader *r, uint64_t from, unsigned topics, odd_entry *out,
                     uint64_t *next, oddrow_error *err);

#endif
