/* worker/journal_lock.h: the journal's file in the file system: named, locked against a second
 * worker, removed when it is a temporary one; private to journal.c. */
#ifndef ODD_WORKER_JOURNAL_LOCK_H
#define ODD_WORKER_JOURNAL_LOCK_H

#include <limits.h>

#include "oddrow.h"

typedef struct odd_journal_lock {
    char path[PATH_MAX], wal[PATH_MAX + 8]; /* absolute */
    char directory[PATH_MAX];               /* of a temporary journal, else "" */
    int file;                               /* what the lock is on, or -1 */
} odd_journal_lock;

/* Makes the file where there is none and locks it; path NULL: one in a new directory in TMPDIR.
 * ODDROW_EIO naming the file. Close it after a failure, too. */
int odd_journal_lock_open(const char *path, odd_journal_lock *out, oddrow_error *err);

/* Once SQLite has closed the file: removes a temporary one, unlocks. */
void odd_journal_lock_close(odd_journal_lock *l);

#endif
