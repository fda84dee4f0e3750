/* csv/input.c: reads files, standard input and memory, and unpacks gzip and zstd. */
#include "csv/input.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { BUFFER = 256 * 1024 };

typedef enum { PLAIN, GZIP, ZSTD } packing;

struct odd_input {
    char *name;
    int file;           /* -1 for memory */
    const char *memory; /* what is left of it */
    size_t memory_size;
    packing packed;
    char *buffer; /* bytes as stored, read ahead: [at, end) */
    size_t at, end;
    bool stored_end; /* nothing more is stored than what is in buffer */
    bool inside;     /* a gzip member or zstd frame has begun and not ended */
    z_stream inflater;
    bool inflating; /* inflater must be ended */
    ZSTD_DCtx *zstd;
    uint64_t total;
    _Atomic uint64_t taken;
};

static int fail_errno(const odd_input *in, const char *what, oddrow_error *err)
{
    return odd_fail(err, ODDROW_EIO, "%s: cannot %s: %s", in->name, what, strerror(errno));
}

/* One read as stored; *got 0 at the end. */
static int read_stored(odd_input *in, char *data, size_t size, size_t *got, oddrow_error *err)
{
    ssize_t count;
    if (in->file < 0) {
        count = (ssize_t)(size < in->memory_size ? size : in->memory_size);
        if (count) {
            memcpy(data, in->memory, (size_t)count);
            in->memory += count;
            in->memory_size -= (size_t)count;
        }
    } else {
        do
            count = read(in->file, data, size);
        while (count < 0 && errno == EINTR);
    }
    if (count < 0)
        return fail_errno(in, "read", err);
    *got = (size_t)count;
    atomic_fetch_add_explicit(&in->taken, (uint64_t)count, memory_order_relaxed);
    return 0;
}

/* Reads ahead until buffer holds `wanted` unread bytes or nothing more is stored. */
static int refill(odd_input *in, size_t wanted, oddrow_error *err)
{
    while (in->end - in->at < wanted && !in->stored_end) {
        if (in->at) {
            memmove(in->buffer, in->buffer + in->at, in->end - in->at);
            in->end -= in->at;
            in->at = 0;
        }
        size_t got;
        int rc = read_stored(in, in->buffer + in->end, BUFFER - in->end, &got, err);
        if (rc)
            return rc;
        in->end += got;
        in->stored_end = !got;
    }
    return 0;
}

static bool is_gzip(const unsigned char *b, size_t size)
{
    return size >= 2 && b[0] == 0x1f && b[1] == 0x8b;
}

/* A frame, or one that decoders skip. */
static bool is_zstd(const unsigned char *b, size_t size)
{
    return size >= 4 && ((b[0] == 0x28 && b[1] == 0xb5 && b[2] == 0x2f && b[3] == 0xfd) ||
                         ((b[0] & 0xf0) == 0x50 && b[1] == 0x2a && b[2] == 0x4d && b[3] == 0x18));
}

static int start_unpacking(odd_input *in, oddrow_error *err)
{
    int rc = refill(in, 4, err);
    if (rc)
        return rc;
    const unsigned char *first = (const unsigned char *)in->buffer;
    if (is_gzip(first, in->end)) {
        in->packed = GZIP;
        in->inflater = (z_stream){.zalloc = odd_zlib_alloc, .zfree = odd_zlib_free};
        in->inflating = inflateInit2(&in->inflater, 15 + 16) == Z_OK; /* gzip, any window */
        in->inside = true;
        if (!in->inflating)
            return odd_no_memory(err);
    } else if (is_zstd(first, in->end)) {
        in->packed = ZSTD;
        in->zstd = ZSTD_createDCtx();
        in->inside = true;
        if (!in->zstd)
            return odd_no_memory(err);
    } else if (odd_path_ends(in->name, ".gz") || odd_path_ends(in->name, ".zst")) {
        return odd_fail(err, ODDROW_EFORMAT, "%s: does not begin as a %s file", in->name,
                        odd_path_ends(in->name, ".gz") ? "gzip" : "zstd");
    }
    return 0;
}

static int open_file(odd_input *in, oddrow_error *err)
{
    bool standard = !strcmp(in->name, "-");
    in->file = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                        : open(in->name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (in->file < 0)
        return fail_errno(in, "open", err);
    struct stat info;
    if (fstat(in->file, &info))
        return fail_errno(in, "open", err);
    if (S_ISDIR(info.st_mode))
        return odd_fail(err, ODDROW_EIO, "%s: is a directory", in->name);
    if (S_ISREG(info.st_mode)) {
        in->total = (uint64_t)info.st_size;
        posix_fadvise(in->file, 0, 0, POSIX_FADV_SEQUENTIAL); /* advice only */
    }
    in->buffer = odd_alloc(BUFFER, 1);
    if (!in->buffer)
        return odd_no_memory(err);
    return start_unpacking(in, err);
}

static int make(const char *name, odd_input **out, oddrow_error *err)
{
    odd_input *in = *out = odd_alloc(1, sizeof *in);
    if (!in)
        return odd_no_memory(err);
    in->file = -1;
    in->name = odd_copy(name, strlen(name));
    return in->name ? 0 : odd_no_memory(err);
}

int odd_input_open(const char *path, odd_input **out, oddrow_error *err)
{
    int rc = make(path, out, err);
    if (!rc)
        rc = open_file(*out, err);
    if (rc)
        odd_input_free(out);
    return rc;
}

int odd_input_open_memory(const char *name, const void *data, size_t size, odd_input **out,
                          oddrow_error *err)
{
    int rc = make(name, out, err);
    if (rc) {
        odd_input_free(out);
        return rc;
    }
    (*out)->memory = data;
    (*out)->memory_size = (*out)->total = size;
    return 0;
}

static int read_plain(odd_input *in, char *data, size_t size, size_t *got, oddrow_error *err)
{
    size_t ahead = in->end - in->at < size ? in->end - in->at : size;
    if (ahead) {
        memcpy(data, in->buffer + in->at, ahead);
        in->at += ahead;
        *got = ahead;
        return 0;
    }
    return read_stored(in, data, size, got, err);
}

/* Behind a gzip member: another one, the end, or the zero padding that tapes leave. */
static int follow_member(odd_input *in, oddrow_error *err)
{
    size_t left = in->end - in->at;
    if (left < 2 && !in->stored_end)
        return 0; /* the caller reads ahead first */
    if (is_gzip((const unsigned char *)in->buffer + in->at, left)) {
        inflateReset(&in->inflater);
        in->inside = true;
        return 0;
    }
    while (in->at < in->end && !in->buffer[in->at])
        in->at++;
    if (in->at < in->end)
        return odd_fail(err, ODDROW_EFORMAT, "%s: other bytes behind the gzip data", in->name);
    return 0;
}

/* Nothing came out of the unpacker: is that the end, and may it be? */
static int check_end(odd_input *in, bool *end, oddrow_error *err)
{
    if (in->packed == GZIP && !in->inside && in->at < in->end)
        return follow_member(in, err);
    if (in->at < in->end || !in->stored_end)
        return 0;
    if (in->inside)
        return odd_fail(err, ODDROW_EFORMAT, "%s: truncated %s data", in->name,
                        in->packed == GZIP ? "gzip" : "zstd");
    *end = true;
    return 0;
}

static int unpack_gzip(odd_input *in, char *data, size_t size, size_t *got, oddrow_error *err)
{
    z_stream *z = &in->inflater;
    uInt room = size > BUFFER ? BUFFER : (uInt)size;
    z->next_in = (Bytef *)in->buffer + in->at;
    z->avail_in = (uInt)(in->end - in->at);
    z->next_out = (Bytef *)data;
    z->avail_out = room;
    int status = inflate(z, Z_NO_FLUSH);
    in->at = in->end - z->avail_in;
    *got = room - z->avail_out;
    if (status == Z_STREAM_END)
        in->inside = false;
    else if (status == Z_MEM_ERROR)
        return odd_no_memory(err);
    else if (status != Z_OK && status != Z_BUF_ERROR)
        return odd_fail(err, ODDROW_EFORMAT, "%s: corrupt gzip data: %s", in->name,
                        z->msg ? z->msg : "unknown error");
    return 0;
}

static int unpack_zstd(odd_input *in, char *data, size_t size, size_t *got, oddrow_error *err)
{
    ZSTD_inBuffer from = {in->buffer, in->end, in->at};
    ZSTD_outBuffer to = {data, size, 0};
    size_t status = ZSTD_decompressStream(in->zstd, &to, &from);
    if (ZSTD_isError(status))
        return odd_fail(err, ODDROW_EFORMAT, "%s: corrupt zstd data: %s", in->name,
                        ZSTD_getErrorName(status));
    in->at = from.pos;
    in->inside = status != 0;
    *got = to.pos;
    return 0;
}

static int read_packed(odd_input *in, char *data, size_t size, size_t *got, oddrow_error *err)
{
    bool end = false;
    for (*got = 0; !*got && !end;) {
        /* What an unpacker still holds back comes out without more input. */
        int rc = refill(in, in->inside ? 1 : 2, err);
        if (!rc && in->inside)
            rc = in->packed == GZIP ? unpack_gzip(in, data, size, got, err)
                                    : unpack_zstd(in, data, size, got, err);
        else if (!rc && in->packed == ZSTD && in->at < in->end)
            rc = unpack_zstd(in, data, size, got, err);
        if (!rc && !*got)
            rc = check_end(in, &end, err);
        if (rc)
            return rc;
    }
    return 0;
}

int odd_input_read_some(odd_input *in, void *data, size_t size, size_t *got, oddrow_error *err)
{
    *got = 0;
    return in->packed == PLAIN ? read_plain(in, data, size, got, err)
                               : read_packed(in, data, size, got, err);
}

int odd_input_descriptor(const odd_input *in)
{
    return in->packed == PLAIN && in->at == in->end ? in->file : -1;
}

int odd_input_read(odd_input *in, void *data, size_t size, size_t *got, oddrow_error *err)
{
    for (*got = 0; *got < size;) {
        size_t piece = 0;
        int rc = odd_input_read_some(in, (char *)data + *got, size - *got, &piece, err);
        if (rc)
            return rc;
        if (!piece)
            break;
        *got += piece;
    }
    return 0;
}

const char *odd_input_name(const odd_input *in)
{
    return in->name;
}

uint64_t odd_input_total(const odd_input *in)
{
    return in->total;
}

uint64_t odd_input_taken(const odd_input *in)
{
    return atomic_load_explicit(&in->taken, memory_order_relaxed);
}

void odd_input_free(odd_input **input)
{
    if (!input || !*input)
        return;
    odd_input *in = *input;
    if (in->inflating)
        inflateEnd(&in->inflater);
    ZSTD_freeDCtx(in->zstd);
    if (in->file >= 0)
        close(in->file);
    odd_free(in->buffer);
    odd_free(in->name);
    odd_free(in);
    *input = NULL;
}
