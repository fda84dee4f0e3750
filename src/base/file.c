/* base/file.c: files written beside their name, packed by it, and renamed. */
#include "base/file.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { BUFFER = 64 * 1024 };

typedef enum { PLAIN, GZIP, ZSTD } packing;

struct odd_output {
    char *path;      /* as given, for messages */
    char *target;    /* renamed to: path with symbolic links followed */
    char *temporary; /* NULL when written straight */
    int file;        /* descriptor, -1 when closed */
    packing packed;
    char *pending; /* BUFFER bytes waiting to be written, after packing */
    size_t pending_size;
    z_stream deflater;
    bool deflating; /* deflater must be ended */
    ZSTD_CCtx *zstd;
};

static int fail_errno(odd_output *o, const char *what, oddrow_error *err)
{
    return odd_fail(err, ODDROW_EIO, "%s: cannot %s: %s", o->path, what, strerror(errno));
}

static int start_packing(odd_output *o, oddrow_error *err)
{
    if (!strcmp(o->path, "-"))
        return 0;
    if (odd_path_ends(o->path, ".gz")) {
        o->packed = GZIP;
        o->deflater = (z_stream){.zalloc = odd_zlib_alloc, .zfree = odd_zlib_free};
        /* 15 window bits, 16 more for a gzip header. */
        o->deflating = deflateInit2(&o->deflater, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
                                    Z_DEFAULT_STRATEGY) == Z_OK;
        if (!o->deflating)
            return odd_fail(err, ODDROW_ENOMEM, "%s: out of memory for compression", o->path);
    } else if (odd_path_ends(o->path, ".zst")) {
        o->packed = ZSTD;
        o->zstd = ZSTD_createCCtx();
        if (!o->zstd)
            return odd_fail(err, ODDROW_ENOMEM, "%s: out of memory for compression", o->path);
        ZSTD_CCtx_setParameter(o->zstd, ZSTD_c_checksumFlag, 1);
    }
    return 0;
}

static uint64_t random_bits(const odd_output *o)
{
    uint64_t bits;
    if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) == (ssize_t)sizeof bits)
        return bits;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return odd_random_hash((uint64_t)now.tv_nsec, (uint64_t)now.tv_sec, (uint64_t)(uintptr_t)o);
}

/* Creates .NAME.tmp-PID-RANDOM beside target. A name near the limit of the file system is cut. */
static int open_temporary(odd_output *o, oddrow_error *err)
{
    enum { NAME_KEPT = 200, EXTRA = 64 };
    const char *name = odd_path_name(o->target);
    size_t directory = (size_t)(name - o->target), room = directory + NAME_KEPT + EXTRA;
    o->temporary = odd_alloc(room, 1);
    if (!o->temporary)
        return odd_fail(err, ODDROW_ENOMEM, "%s: out of memory", o->path);
    memcpy(o->temporary, o->target, directory);
    for (int attempt = 0; attempt < 100; attempt++) {
        snprintf(o->temporary + directory, room - directory, ".%.*s.tmp-%ld-%08lx", NAME_KEPT, name,
                 (long)getpid(), (unsigned long)(random_bits(o) & 0xffffffff));
        /* The mode is cut by the umask, as for any new file. */
        o->file = open(o->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (o->file >= 0 || errno != EEXIST)
            break;
    }
    if (o->file < 0) {
        int failure = errno;
        odd_free(o->temporary); /* not ours: nothing to remove */
        o->temporary = NULL;
        errno = failure;
        return fail_errno(o, "create", err);
    }
    return 0;
}

/* Follows symbolic links, so that the file they lead to is replaced, not the link. A link that
 * leads nowhere yet is replaced itself. */
static int find_target(odd_output *o, oddrow_error *err)
{
    char *resolved = realpath(o->path, NULL);
    const char *target = resolved ? resolved : o->path;
    o->target = odd_copy(target, strlen(target));
    free(resolved);
    return o->target ? 0 : odd_fail(err, ODDROW_ENOMEM, "%s: out of memory", o->path);
}

static int open_target(odd_output *o, oddrow_error *err)
{
    if (!strcmp(o->path, "-")) {
        o->file = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        return o->file < 0 ? fail_errno(o, "write to standard output", err) : 0;
    }
    struct stat info;
    bool exists = !stat(o->path, &info);
    if (exists && S_ISDIR(info.st_mode))
        return odd_fail(err, ODDROW_EIO, "%s: is a directory", o->path);
    if (exists && !S_ISREG(info.st_mode)) {
        o->file = open(o->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return o->file < 0 ? fail_errno(o, "open", err) : 0;
    }
    int rc = find_target(o, err);
    if (!rc)
        rc = open_temporary(o, err);
    /* A replaced file keeps its permissions; where that is refused, the new ones do. */
    if (!rc && exists && fchmod(o->file, info.st_mode & 0777))
        errno = 0;
    return rc;
}

int odd_output_open(const char *path, odd_output **out, oddrow_error *err)
{
    *out = NULL;
    odd_output *o = odd_alloc(1, sizeof *o);
    if (!o)
        return odd_fail(err, ODDROW_ENOMEM, "%s: out of memory", path);
    o->file = -1;
    int rc = 0;
    o->path = odd_copy(path, strlen(path));
    o->pending = odd_alloc(BUFFER, 1);
    if (!o->path || !o->pending)
        rc = odd_fail(err, ODDROW_ENOMEM, "%s: out of memory", path);
    if (!rc)
        rc = start_packing(o, err);
    if (!rc)
        rc = open_target(o, err);
    if (rc)
        odd_output_discard(&o);
    *out = o;
    return rc;
}

/* offset: where in the file, or -1 for behind what was written. */
static int write_all(odd_output *o, const char *data, size_t size, off_t offset, oddrow_error *err)
{
    while (size) {
        ssize_t wrote =
            offset < 0 ? write(o->file, data, size) : pwrite(o->file, data, size, offset);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return fail_errno(o, "write", err);
        data += wrote;
        size -= (size_t)wrote;
        offset += offset < 0 ? 0 : wrote;
    }
    return 0;
}

static int write_pending(odd_output *o, oddrow_error *err)
{
    size_t size = o->pending_size;
    o->pending_size = 0;
    return write_all(o, o->pending, size, -1, err);
}

static int write_plain(odd_output *o, const char *data, size_t size, oddrow_error *err)
{
    int rc = size > BUFFER - o->pending_size ? write_pending(o, err) : 0;
    if (rc || size >= BUFFER)
        return rc ? rc : write_all(o, data, size, -1, err);
    if (size)
        memcpy(o->pending + o->pending_size, data, size);
    o->pending_size += size;
    return 0;
}

static int write_gzip(odd_output *o, const char *data, size_t size, bool end, oddrow_error *err)
{
    z_stream *z = &o->deflater;
    int rc;
    do {
        uInt piece = size > INT_MAX ? INT_MAX : (uInt)size;
        z->next_in = (Bytef *)(uintptr_t)data; /* zlib does not write there */
        z->avail_in = piece;
        do {
            if (o->pending_size == BUFFER && (rc = write_pending(o, err)))
                return rc;
            z->next_out = (Bytef *)o->pending + o->pending_size;
            z->avail_out = (uInt)(BUFFER - o->pending_size);
            if (deflate(z, end && size == piece ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR)
                return odd_fail(err, ODDROW_EIO, "%s: cannot compress", o->path);
            o->pending_size = BUFFER - z->avail_out;
        } while (!z->avail_out);
        data += piece;
        size -= piece;
    } while (size);
    return 0;
}

static int write_zstd(odd_output *o, const char *data, size_t size, bool end, oddrow_error *err)
{
    ZSTD_inBuffer in = {data, size, 0};
    size_t left;
    int rc;
    do {
        if (o->pending_size == BUFFER && (rc = write_pending(o, err)))
            return rc;
        ZSTD_outBuffer out = {o->pending, BUFFER, o->pending_size};
        left = ZSTD_compressStream2(o->zstd, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return odd_fail(err, ODDROW_EIO, "%s: cannot compress: %s", o->path,
                            ZSTD_getErrorName(left));
        o->pending_size = out.pos;
    } while (in.pos < in.size || (end && left));
    return 0;
}

/* end: the compressors give out what they hold back. */
static int write_packed(odd_output *o, const char *data, size_t size, bool end, oddrow_error *err)
{
    return o->packed == PLAIN  ? write_plain(o, data, size, err)
           : o->packed == GZIP ? write_gzip(o, data, size, end, err)
                               : write_zstd(o, data, size, end, err);
}

int odd_output_write(odd_output *o, const void *data, size_t size, oddrow_error *err)
{
    return size ? write_packed(o, data, size, false, err) : 0;
}

int odd_output_patch(odd_output *o, size_t offset, const void *data, size_t size, oddrow_error *err)
{
    if (o->packed != PLAIN || !o->temporary)
        return odd_fail(err, ODDROW_EINVAL, "%s: a plain file is needed, no pipe and not packed",
                        o->path);
    int rc = write_pending(o, err);
    return rc ? rc : write_all(o, data, size, (off_t)offset, err);
}

/* Closes the descriptor; errors that a file system reports only now count. */
static int close_file(odd_output *o, oddrow_error *err)
{
    int file = o->file;
    o->file = -1;
    return close(file) && errno != EINTR ? fail_errno(o, "close", err) : 0;
}

/* The new name is in the directory for good only once that is on disk. Some file systems cannot
 * sync a directory; that is no reason to say that the file was not written. */
static void sync_directory(const char *target)
{
    const char *slash = strrchr(target, '/');
    size_t size = slash ? (size_t)(slash - target) : 0;
    char *directory = slash ? odd_copy(size ? target : "/", size ? size : 1) : odd_copy(".", 1);
    if (!directory)
        return;
    int file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    odd_free(directory);
    if (file >= 0) {
        fsync(file);
        close(file);
    }
}

static int finish(odd_output *o, oddrow_error *err)
{
    int rc = write_packed(o, "", 0, true, err);
    if (!rc)
        rc = write_pending(o, err);
    if (rc)
        return rc;
    if (!o->temporary)
        return close_file(o, err);
    if (fsync(o->file))
        return fail_errno(o, "write to disk", err);
    if ((rc = close_file(o, err)))
        return rc;
    if (rename(o->temporary, o->target))
        return fail_errno(o, "rename the finished file", err);
    odd_free(o->temporary); /* nothing left to remove */
    o->temporary = NULL;
    sync_directory(o->target);
    return 0;
}

int odd_output_finish(odd_output **output, int rc, oddrow_error *err)
{
    if (*output && !rc)
        rc = finish(*output, err);
    odd_output_discard(output);
    return rc;
}

int odd_output_commit(odd_output **output, oddrow_error *err)
{
    return odd_output_finish(output, 0, err);
}

int odd_output_whole(const char *path, const void *data, size_t size, oddrow_error *err)
{
    odd_output *output;
    int rc = odd_output_open(path, &output, err);
    if (!rc)
        rc = odd_output_write(output, data, size, err);
    return odd_output_finish(&output, rc, err);
}

void odd_output_discard(odd_output **output)
{
    if (!output || !*output)
        return;
    odd_output *o = *output;
    if (o->deflating)
        deflateEnd(&o->deflater);
    ZSTD_freeCCtx(o->zstd);
    if (o->file >= 0)
        close(o->file);
    if (o->temporary)
        unlink(o->temporary);
    odd_free(o->temporary);
    odd_free(o->target);
    odd_free(o->pending);
    odd_free(o->path);
    odd_free(o);
    *output = NULL;
}

ssize_t odd_read(int file, void *data, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = read(file, (char *)data + done, size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (!got)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

bool odd_path_ends(const char *path, const char *ending)
{
    size_t n = strlen(path), m = strlen(ending);
    return n >= m && !strcmp(path + n - m, ending);
}

const char *odd_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
