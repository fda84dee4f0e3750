/* worker/journal.h: the feed and the clients' places, in one SQLite file.
 *
 * The worker's thread owns the writer; any other thread opens a reader of its own. Entries are kept
 * in segments: one row of SQLite holds the entries of a batch, or about 256 KiB of them, so that a
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
    double retain_seconds; /* older entries are removed; 0: no bound */
    uint64_t
        retain_bytes; /* the oldest entries are removed while the file is larger; 0: no bound */
} odd_journal_options;

/* A client's place, for the file. */
typedef struct odd_client_place {
    odd_span name;
    uint64_t last; /* number of its last safe row */
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

/* Opens or makes the file, and locks it against a second worker. path NULL: a temporary file in
 * TMPDIR, which odd_journal_path names and odd_journal_close removes. ODDROW_EIO, also when it is
 * locked; ODDROW_EFORMAT: no journal, or one of a later format. After a worker was killed there is
 * nothing to repair: SQLite rolls back by itself. A process must not open a file twice at a time.
 */
int odd_journal_open(const char *path, const odd_journal_options *options, odd_journal **out,
                     oddrow_error *err);
/* Folds the WAL into the file and closes it; removes a temporary one. Close the readers of this
 * process first. */
void odd_journal_close(odd_journal **j);
/* Absolute. */
const char *odd_journal_path(const odd_journal *j);

/* The sequence number of the next entry. Numbers begin with 1; none is used twice, even when
 * entries were removed. */
uint64_t odd_journal_next(const odd_journal *j);

/* Reads a client's place: 1 with *last, 0 when the client is unknown, or ODDROW_EIO. */
int odd_journal_client(odd_journal *j, odd_span name, uint64_t *last, oddrow_error *err);

/* Writes entries, whose sequence numbers rise by one from odd_journal_next on, and places in one
 * transaction. time: UTC microseconds. 0, or ODDROW_EIO (also for a full disk) with nothing
 * changed; the same call may be made again later. */
int odd_journal_commit(odd_journal *j, const odd_entry *entries, size_t count,
                       const odd_client_place *places, size_t place_count, int64_t time,
                       oddrow_error *err);

/* Removes what retention does not keep, a bounded amount per call: 1 when there is more to remove,
 * 0, or ODDROW_EIO. The newest segment always stays. The file does not shrink; its free pages are
 * used again. */
int odd_journal_trim(odd_journal *j, int64_t now, oddrow_error *err);

odd_journal_state odd_journal_state_of(odd_journal *j);

/* ---- reading, from any thread ---- */

typedef struct odd_journal_reader odd_journal_reader;

int odd_journal_reader_open(const char *path, odd_journal_reader **out, oddrow_error *err);
void odd_journal_reader_close(odd_journal_reader **r);

/* The next entry with sequence >= from whose topic's bit is in `topics` (1 << odd_topic): 1 with
 * *out, borrowed until the next call; 0 at the end, with *next the journal's next sequence (below
 * `from` when that lies in the future); 2 when a bounded number of segments had none, with *next
 * where to go on; ODDROW_EIO, ODDROW_EFORMAT. Entries that were removed are skipped. It never
 * blocks the writer. */
int odd_journal_read(odd_journal_reader *r, uint64_t from, unsigned topics, odd_entry *out,
                     uint64_t *next, oddrow_error *err);

#endif
