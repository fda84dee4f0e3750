/* http/token.c: the token file, read and judged; see server.h. */
#include "http/server.h"

#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHORTEST = 16, LONGEST = 1024 };

static int check_file(const char *path, int file, oddrow_error *err)
{
    struct stat info;
    if (fstat(file, &info))
        return odd_fail(err, ODDROW_EIO, "%s: %s", path, strerror(errno));
    /* A group may read it: that is how systemd's credentials and mounted secrets come. */
    if (info.st_mode & S_IRWXO)
        return odd_fail(err, ODDROW_EINVAL,
                        "%s: everybody on this machine may use the token file: chmod o= it", path);
    return 0;
}

/* Bytes of the token in the first line, which ends with a newline or the file. */
static int measure(const char *path, const char *text, size_t size, size_t *length,
                   oddrow_error *err)
{
    const char *newline = size ? memchr(text, '\n', size) : NULL;
    size_t n = newline ? (size_t)(newline - text) : size;
    if (n && text[n - 1] == '\r')
        n--;
    if (n < SHORTEST || n > LONGEST)
        return odd_fail(err, ODDROW_EINVAL,
                        "%s: the first line must be a token of %d to %d characters", path, SHORTEST,
                        LONGEST);
    for (size_t i = 0; i < n; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return odd_fail(err, ODDROW_EINVAL,
                            "%s: the token may hold only visible ASCII characters, no blanks",
                            path);
    *length = n;
    return 0;
}

int odd_http_read_token(const char *path, odd_bytes *out, oddrow_error *err)
{
    char text[LONGEST + 2]; /* \r\n behind the longest */
    ssize_t got = 0;
    size_t size = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file < 0)
        return odd_fail(err, ODDROW_EIO, "%s: %s", path, strerror(errno));
    int rc = check_file(path, file, err);
    if (!rc && (got = odd_read(file, text, sizeof text)) < 0)
        rc = odd_fail(err, ODDROW_EIO, "%s: %s", path, strerror(errno));
    if (!rc)
        rc = measure(path, text, (size_t)got, &size, err);
    if (!rc) {
        odd_bytes_print(out, "%.*s", (int)size, text);
        rc = odd_prefix(err, odd_bytes_check(out, err), "%s: ", path);
    }
    explicit_bzero(text, sizeof text);
    close(file);
    return rc;
}
