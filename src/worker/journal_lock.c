/* worker/journal_lock.c: the file of a journal, locked and perhaps temporary. */
#include "worker/journal_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

/* flock(2), which on Linux's own file systems is independent of the fcntl locks of SQLite. Closing
 * any descriptor of a file drops the fcntl locks a process holds on it: hence this one is opened
 * before SQLite's and closed after it, and a process must not try to open a journal twice. */
static int lock_file(odd_journal_lock *l, const char *path, oddrow_error *err)
{
    struct stat info;
    l->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (l->file < 0)
        return odd_fail(err, ODDROW_EIO, "%s: cannot open the journal: %s", path, strerror(errno));
    if (fstat(l->file, &info) || !S_ISREG(info.st_mode))
        return odd_fail(err, ODDROW_EIO, "%s: is no regular file", path);
    if (flock(l->file, LOCK_EX | LOCK_NB))
        return errno == EWOULDBLOCK
                   ? odd_fail(err, ODDROW_EIO, "%s: another worker has this journal open", path)
                   : odd_fail(err, ODDROW_EIO, "%s: cannot lock the journal: %s", path,
                              strerror(errno));
    /* An absolute path, so that no name means something else to SQLite (":memory:", "file:x"). */
    if (!realpath(path, l->path))
        return odd_fail(err, ODDROW_EIO, "%s: has no absolute path: %s", path, strerror(errno));
    snprintf(l->wal, sizeof l->wal, "%s-wal", l->path);
    return 0;
}

static int make_temporary(odd_journal_lock *l, oddrow_error *err)
{
    enum { NAME = 64 }; /* bytes that the names below take */
    const char *parent = getenv("TMPDIR");
    char path[PATH_MAX + NAME];
    if (!parent || !*parent)
        parent = "/tmp";
    if (strlen(parent) + NAME > sizeof l->directory)
        return odd_fail(err, ODDROW_EIO, "TMPDIR is too long a path for the journal");
    snprintf(l->directory, sizeof l->directory, "%s/oddrow-journal-XXXXXX", parent);
    if (!mkdtemp(l->directory)) {
        *l->directory = '\0';
        return odd_fail(err, ODDROW_EIO, "%s: cannot make a directory for the journal: %s", parent,
                        strerror(errno));
    }
    snprintf(path, sizeof path, "%s/journal.db", l->directory);
    return lock_file(l, path, err);
}

int odd_journal_lock_open(const char *path, odd_journal_lock *out, oddrow_error *err)
{
    *out = (odd_journal_lock){.file = -1};
    return path ? lock_file(out, path, err) : make_temporary(out, err);
}

void odd_journal_lock_close(odd_journal_lock *l)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    char path[PATH_MAX + 32];
    for (size_t k = 0; *l->directory && k < sizeof endings / sizeof *endings; k++) {
        snprintf(path, sizeof path, "%s/journal.db%s", l->directory, endings[k]);
        unlink(path);
    }
    if (*l->directory)
        rmdir(l->directory);
    if (l->file >= 0)
        close(l->file);
    *l = (odd_journal_lock){.file = -1};
}
