/* worker/journal_lock.c: see journal_lock.h. */
#include "worker/journal_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"

/* flock(2), which on Linux's own file systems is independent of the fcntl locks of SQLite. Closing
 * any descriptor of a file drops the fcntl locks a process holds on it: hence this one is opened
 * before SQLite's and closed after it, and a process must not try to open a journal twice. */
static int lock_file(odd_journal_lock *l, const char *path, oddrow_error *err)
{
    l->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (l->file < 0)
        return odd_fail(err, ODDROW_EIO, "%s: cannot open the journal: %s", path, strerror(errno));
    struct stat info;
    if (fstat(l->file, &info) || !S_ISREG(info.st_mode))
        return odd_fail(err, ODDROW_EIO, "%s: is no regular file", path);
    if (flock(l->file, LOCK_EX | LOCK_NB)) {
        if (errno == EWOULDBLOCK)
            return odd_fail(err, ODDROW_EIO, "%s: another worker has this journal open", path);
        return odd_fail(err, ODDROW_EIO, "%s: cannot lock the journal: %s", path, strerror(errno));
    }
    /* An absolute path, so that no name means something else to SQLite (":memory:", "file:x"). */
    char *whole = realpath(path, NULL);
    odd_bytes wal = {0};
    if (whole && !odd_bytes_print(&wal, "%s-wal", whole)) {
        l->path = odd_copy(whole, strlen(whole));
        l->wal = odd_copy(wal.data, wal.size);
    }
    free(whole);
    odd_bytes_free(&wal);
    return l->path && l->wal ? 0 : odd_fail(err, ODDROW_ENOMEM, "%s: out of memory", path);
}

static int make_temporary(odd_journal_lock *l, oddrow_error *err)
{
    const char *parent = getenv("TMPDIR");
    odd_bytes path = {0};
    if (odd_bytes_print(&path, "%s/oddrow-journal-XXXXXX", parent && *parent ? parent : "/tmp"))
        return odd_fail(err, ODDROW_ENOMEM, "out of memory for the journal's path");
    int status = 0;
    if (!mkdtemp(path.data))
        status = odd_fail(err, ODDROW_EIO, "%s: cannot make a directory for the journal: %s",
                          path.data, strerror(errno));
    else if (!(l->directory = odd_copy(path.data, path.size))) {
        rmdir(path.data);
        status = odd_fail(err, ODDROW_ENOMEM, "out of memory for the journal's path");
    }
    if (!status && odd_bytes_print(&path, "/journal.db"))
        status = odd_fail(err, ODDROW_ENOMEM, "out of memory for the journal's path");
    if (!status)
        status = lock_file(l, path.data, err);
    odd_bytes_free(&path);
    return status;
}

int odd_journal_lock_open(const char *path, odd_journal_lock *out, oddrow_error *err)
{
    *out = (odd_journal_lock){.file = -1};
    return path ? lock_file(out, path, err) : make_temporary(out, err);
}

static void remove_temporary(odd_journal_lock *l)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    for (size_t k = 0; k < sizeof endings / sizeof *endings; k++) {
        odd_bytes path = {0};
        if (!odd_bytes_print(&path, "%s/journal.db%s", l->directory, endings[k]))
            unlink(path.data);
        odd_bytes_free(&path);
    }
    rmdir(l->directory);
}

void odd_journal_lock_close(odd_journal_lock *l)
{
    if (l->directory)
        remove_temporary(l);
    if (l->file >= 0)
        close(l->file);
    odd_free(l->directory);
    odd_free(l->wal);
    odd_free(l->path);
    *l = (odd_journal_lock){.file = -1};
}
