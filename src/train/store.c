/* train/store.c: records in memory, and from half the budget on in a file. */
#include "train/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

enum { GATHERED = 1 << 20 }; /* bytes before a write to the file */

int odd_store_new(size_t record_size, size_t memory, odd_store **out, oddrow_error *err)
{
    odd_store *s = odd_alloc(1, sizeof *s);
    *out = s;
    if (!s)
        return odd_no_memory(err);
    *s = (odd_store){.record_size = record_size, .memory = memory, .file = -1};
    return 0;
}

void odd_store_free(odd_store **store)
{
    if (!store || !*store)
        return;
    if ((*store)->file >= 0)
        close((*store)->file);
    odd_free((*store)->data);
    odd_free(*store);
    *store = NULL;
}

/* Where the file is; /tmp may be memory. */
static const char *directory(void)
{
    const char *named = getenv("TMPDIR");
    return named && *named ? named : "/var/tmp";
}

/* Writes or reads `size` bytes of the file at `offset`. */
static int transfer(odd_store *s, bool writing, char *data, size_t size, uint64_t offset,
                    oddrow_error *err)
{
    for (size_t done = 0; done < size;) {
        off_t at = (off_t)(offset + done);
        ssize_t moved = writing ? pwrite(s->file, data + done, size - done, at)
                                : pread(s->file, data + done, size - done, at);
        if (moved < 0 && errno == EINTR)
            continue;
        if (moved < 0 || (moved == 0 && !writing))
            return odd_fail(err, ODDROW_EIO, "spool file in %s: %s; TMPDIR names another directory",
                            directory(),
                            moved < 0 ? strerror(errno) : "shorter than what was written");
        done += (size_t)moved;
    }
    return 0;
}

/* What is in memory goes to the file. */
static int spill(odd_store *s, oddrow_error *err)
{
    int rc = transfer(s, true, s->data, s->size, s->spilled, err);
    s->spilled += s->size;
    s->size = 0;
    return rc;
}

/* A file that no name leads to: it is gone when the process is. */
static int open_file(odd_store *s, oddrow_error *err)
{
    char path[4096];
    s->file = open(directory(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (s->file < 0 &&
        (size_t)snprintf(path, sizeof path, "%s/oddrow-XXXXXX", directory()) < sizeof path) {
        s->file = mkostemp(path, O_CLOEXEC);
        if (s->file >= 0)
            unlink(path);
    }
    if (s->file < 0)
        return odd_fail(err, ODDROW_EIO, "cannot make a spool file in %s: %s; set TMPDIR",
                        directory(), strerror(errno));
    int rc = spill(s, err);
    odd_free(s->data);
    s->data = NULL;
    s->capacity = 0;
    return rc;
}

static int reserve(odd_store *s, size_t wanted, oddrow_error *err)
{
    if (wanted <= s->capacity)
        return 0;
    if (wanted < s->capacity + s->capacity / 2)
        wanted = s->capacity + s->capacity / 2;
    char *grown = odd_resize(s->data, s->capacity, wanted, 1);
    if (!grown)
        return odd_fail(err, ODDROW_ENOMEM, "out of memory for %zu bytes of rows", wanted);
    s->data = grown;
    s->capacity = wanted;
    return 0;
}

int odd_store_add(odd_store *s, const void *records, size_t count, oddrow_error *err)
{
    size_t bytes = count * s->record_size;
    int rc = 0;
    /* growing doubles what is resident for a moment, hence the half */
    if (s->file < 0 && s->size + bytes > s->memory / 2)
        rc = open_file(s, err);
    if (!rc)
        rc = reserve(s, s->size + bytes, err);
    if (rc)
        return rc;
    if (bytes) {
        assert(s->data);
        memcpy(s->data + s->size, records, bytes);
    }
    s->size += bytes;
    s->rows += count;
    return s->file >= 0 && s->size >= GATHERED ? spill(s, err) : 0;
}

int odd_store_read(odd_store *s, uint64_t first, size_t count, void *records, oddrow_error *err)
{
    uint64_t offset = first * s->record_size;
    size_t bytes = count * s->record_size;
    if (s->file < 0 && bytes)
        memcpy(records, s->data + offset, bytes);
    if (s->file < 0)
        return 0;
    int rc = spill(s, err);
    return rc ? rc : transfer(s, false, records, bytes, offset, err);
}
