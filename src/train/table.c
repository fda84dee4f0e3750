#include "train/table.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

struct odd_table {
    size_t record_size;
    size_t memory; /* most bytes held in memory */
    uint64_t rows;
    char *data; /* all records while fd < 0; else the tail that is not in the file yet */
    size_t size, capacity;
    uint64_t spilled; /* bytes in the file */
    int fd;
};

enum { TAIL = 1 << 20 }; /* bytes gathered before a write to the file */

int odd_table_new(size_t record_size, size_t memory, odd_table **out, oddrow_error *err)
{
    odd_table *table = odd_alloc(1, sizeof *table);
    *out = table;
    if (!table)
        return odd_no_memory(err);
    table->record_size = record_size;
    table->memory = memory;
    table->fd = -1;
    return 0;
}

void odd_table_free(odd_table **table)
{
    if (!table || !*table)
        return;
    if ((*table)->fd >= 0)
        close((*table)->fd);
    odd_free((*table)->data);
    odd_free(*table);
    *table = NULL;
}

static int spill(odd_table *table, oddrow_error *err)
{
    for (size_t done = 0; done < table->size;) {
        ssize_t put = pwrite(table->fd, table->data + done, table->size - done,
                             (off_t)(table->spilled + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return odd_fail(err, ODDROW_EIO, "spool file in %s: %s; TMPDIR names another directory",
                            getenv("TMPDIR") ? getenv("TMPDIR") : "/var/tmp", strerror(errno));
        done += (size_t)put;
    }
    table->spilled += table->size;
    table->size = 0;
    return 0;
}

/* A file that no name leads to: it is gone when the process is. */
static int open_file(odd_table *table, oddrow_error *err)
{
    const char *directory = getenv("TMPDIR");
    char path[4096];
    if (!directory || !*directory)
        directory = "/var/tmp"; /* /tmp may be memory */
    table->fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (table->fd < 0 &&
        (size_t)snprintf(path, sizeof path, "%s/oddrow-XXXXXX", directory) < sizeof path) {
        table->fd = mkostemp(path, O_CLOEXEC);
        if (table->fd >= 0)
            unlink(path);
    }
    if (table->fd < 0)
        return odd_fail(err, ODDROW_EIO, "cannot make a spool file in %s: %s; set TMPDIR",
                        directory, strerror(errno));
    int rc = spill(table, err);
    odd_free(table->data);
    table->data = NULL;
    table->capacity = 0;
    return rc;
}

static int reserve(odd_table *table, size_t extra, oddrow_error *err)
{
    size_t wanted = table->size + extra;
    if (wanted <= table->capacity)
        return 0;
    if (wanted < table->capacity + table->capacity / 2)
        wanted = table->capacity + table->capacity / 2;
    if (table->fd < 0 && wanted > table->memory && table->size + extra <= table->memory)
        wanted = table->memory;
    char *grown = odd_resize(table->data, table->capacity, wanted, 1);
    if (!grown)
        return odd_fail(err, ODDROW_ENOMEM, "out of memory for %zu bytes of rows", wanted);
    table->data = grown;
    table->capacity = wanted;
    return 0;
}

int odd_table_add(odd_table *table, const void *records, size_t count, oddrow_error *err)
{
    size_t bytes = count * table->record_size;
    int rc = 0;
    /* growing doubles what is resident for a moment, hence the half */
    if (table->fd < 0 && table->size + bytes > table->memory / 2)
        rc = open_file(table, err);
    if (!rc)
        rc = reserve(table, bytes, err);
    if (rc)
        return rc;
    if (bytes) {
        assert(table->data);
        memcpy(table->data + table->size, records, bytes);
    }
    table->size += bytes;
    table->rows += count;
    return table->fd >= 0 && table->size >= TAIL ? spill(table, err) : 0;
}

int odd_table_read(odd_table *table, uint64_t first, size_t count, void *records, oddrow_error *err)
{
    uint64_t offset = first * table->record_size;
    size_t bytes = count * table->record_size;
    if (table->fd < 0) {
        if (bytes)
            memcpy(records, table->data + offset, bytes);
        return 0;
    }
    int rc = table->size ? spill(table, err) : 0;
    for (size_t done = 0; !rc && done < bytes;) {
        ssize_t got =
            pread(table->fd, (char *)records + done, bytes - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return odd_fail(err, ODDROW_EIO, "spool file: %s",
                            got < 0 ? strerror(errno) : "shorter than what was written");
        done += (size_t)got;
    }
    return rc;
}

uint64_t odd_table_rows(const odd_table *table)
{
    return table->rows;
}

size_t odd_table_record_size(const odd_table *table)
{
    return table->record_size;
}
