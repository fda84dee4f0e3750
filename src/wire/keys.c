/* wire/keys.c: key files read, made and given to sockets. */
#include "wire/keys.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

/* A draft option of libzmq, built into Debian's: without it, a CURVE server whose ZAP handler is
 * gone lets everybody in. Where libzmq does not know it, the handler has to outlive the sockets. */
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

enum { FILE_MAX = 64 * 1024, RAW_SIZE = 32 };

#define PUBLIC_NAME "curve.key"
#define SECRET_NAME "curve.key_secret"
#define SERVER_NAME "server.key"
#define CLIENTS_NAME "clients"

static int join(char path[PATH_MAX], const char *directory, const char *name, oddrow_error *err)
{
    int size = snprintf(path, PATH_MAX, "%s/%s", directory, name);
    if (size < 0 || size >= PATH_MAX)
        return odd_fail(err, ODDROW_EINVAL, "the path of the key directory is too long");
    return 0;
}

static int fail_errno(const char *path, const char *what, oddrow_error *err)
{
    return odd_fail(err, ODDROW_EIO, "%s: cannot %s: %s", path, what, strerror(errno));
}

/* The whole of an open file into text, FILE_MAX + 1 bytes. */
static int read_text(int file, const char *path, bool secret, char *text, size_t *size,
                     oddrow_error *err)
{
    struct stat info;
    if (fstat(file, &info))
        return fail_errno(path, "read", err);
    if (!S_ISREG(info.st_mode))
        return odd_fail(err, ODDROW_EFORMAT, "%s: is no regular file", path);
    if (secret && (info.st_mode & (S_IRWXG | S_IRWXO)))
        return odd_fail(err, ODDROW_EINVAL,
                        "%s: holds a secret key that others may use (mode %04o): run chmod 600 %s",
                        path, (unsigned)info.st_mode & 07777, path);
    ssize_t got = odd_read(file, text, FILE_MAX + 1);
    if (got < 0)
        return fail_errno(path, "read", err);
    if (got > FILE_MAX)
        return odd_fail(err, ODDROW_EFORMAT, "%s: is too large for a key file (at most %d bytes)",
                        path, FILE_MAX);
    *size = (size_t)got;
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static odd_span trimmed(const char *from, const char *to)
{
    while (from < to && is_blank(*from))
        from++;
    while (from < to && is_blank(to[-1]))
        to--;
    return (odd_span){from, (size_t)(to - from)};
}

static bool is_word(odd_span text, const char *word)
{
    return text.size == strlen(word) && !memcmp(text.data, word, text.size);
}

/* The value of `name = value` into key. The message never shows the value. */
static int read_key(odd_span value, const char *path, size_t line, const char *name,
                    char key[ODD_KEY_SIZE], oddrow_error *err)
{
    uint8_t raw[RAW_SIZE];
    char copy[ODD_KEY_SIZE] = "";
    const char *quote = value.data;
    if (value.size >= 2 && (*quote == '"' || *quote == '\'') && quote[value.size - 1] == *quote)
        value = (odd_span){quote + 1, value.size - 2};
    if (value.size != ODD_KEY_SIZE - 1 || memchr(value.data, 0, value.size))
        return odd_fail(err, ODDROW_EFORMAT, "%s:%zu: %s must be %d characters of Z85", path, line,
                        name, ODD_KEY_SIZE - 1);
    memcpy(copy, value.data, value.size);
    int rc = 0;
    if (!zmq_z85_decode(raw, copy))
        rc = odd_fail(err, ODDROW_EFORMAT, "%s:%zu: %s is not Z85", path, line, name);
    else if (*key)
        rc = odd_fail(err, ODDROW_EFORMAT, "%s:%zu: %s is given twice", path, line, name);
    else
        memcpy(key, copy, ODD_KEY_SIZE);
    explicit_bzero(raw, sizeof raw);
    explicit_bzero(copy, sizeof copy);
    return rc;
}

/* The two lines that matter of a certificate in ZPL (ZeroMQ RFC 4): public-key and secret-key,
 * indented, under curve. secret_key may be NULL. */
static int parse(const char *text, size_t size, const char *path, char *public_key,
                 char *secret_key, oddrow_error *err)
{
    const char *at = text, *end = text + size, *stop;
    bool in_curve = false;
    int rc = 0;
    for (size_t line = 1; !rc && at < end; line++, at = stop + 1) {
        stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        odd_span content = trimmed(at, stop);
        if (!content.size || *content.data == '#')
            continue;
        if (!is_blank(*at))
            in_curve = is_word(content, "curve");
        const char *equals = memchr(content.data, '=', content.size);
        if (!is_blank(*at) || !in_curve || !equals)
            continue;
        odd_span name = trimmed(content.data, equals);
        odd_span value = trimmed(equals + 1, content.data + content.size);
        if (is_word(name, "public-key"))
            rc = read_key(value, path, line, "public-key", public_key, err);
        else if (secret_key && is_word(name, "secret-key"))
            rc = read_key(value, path, line, "secret-key", secret_key, err);
    }
    if (!rc && !*public_key)
        rc = odd_fail(err, ODDROW_EFORMAT, "%s: has no public-key under curve", path);
    if (!rc && secret_key && !*secret_key)
        rc = odd_fail(err, ODDROW_EFORMAT, "%s: has no secret-key under curve", path);
    return rc;
}

/* Never waits on a pipe that lies there. */
static int read_file(const char *path, char *public_key, char *secret_key, oddrow_error *err)
{
    size_t size = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0)
        return fail_errno(path, "open", err);
    char *text = odd_alloc(FILE_MAX + 1, 1);
    int rc =
        text ? read_text(file, path, secret_key != NULL, text, &size, err) : odd_no_memory(err);
    if (!rc)
        rc = parse(text, size, path, public_key, secret_key, err);
    if (text)
        explicit_bzero(text, FILE_MAX + 1);
    odd_free(text);
    close(file);
    return rc;
}

int odd_keys_read_public(const char *path, char key[ODD_KEY_SIZE], oddrow_error *err)
{
    memset(key, 0, ODD_KEY_SIZE);
    int rc = read_file(path, key, NULL, err);
    if (rc)
        memset(key, 0, ODD_KEY_SIZE);
    return rc;
}

static int check_pair(const odd_keys *keys, const char *path, oddrow_error *err)
{
    char derived[ODD_KEY_SIZE] = "";
    if (zmq_curve_public(derived, keys->secret_key))
        return odd_fail(err, ODDROW_EINVAL, "%s: this libzmq was built without CURVE", path);
    if (strcmp(derived, keys->public_key) != 0)
        return odd_fail(err, ODDROW_EFORMAT, "%s: public-key does not belong to secret-key", path);
    return 0;
}

int odd_keys_read(const char *directory, odd_keys *out, oddrow_error *err)
{
    char path[PATH_MAX];
    memset(out, 0, sizeof *out);
    int rc = join(path, directory, SECRET_NAME, err);
    if (rc)
        return rc;
    if (access(path, F_OK) && (errno == ENOENT || errno == ENOTDIR))
        return odd_fail(err, ODDROW_EIO, "%s: there is no key: run oddrow keygen %s", path,
                        directory);
    if (!(rc = read_file(path, out->public_key, out->secret_key, err)) &&
        !(rc = check_pair(out, path, err)) && !(rc = join(path, directory, SERVER_NAME, err)) &&
        (!access(path, F_OK) || errno != ENOENT))
        rc = odd_keys_read_public(path, out->server_key, err);
    if (rc)
        odd_keys_wipe(out);
    return rc;
}

void odd_keys_wipe(odd_keys *keys)
{
    if (keys)
        explicit_bzero(keys, sizeof *keys);
}

static int make_directory(const char *path, bool *is_new, oddrow_error *err)
{
    struct stat info;
    *is_new = !mkdir(path, S_IRWXU);
    if (*is_new || (errno == EEXIST && !stat(path, &info) && S_ISDIR(info.st_mode)))
        return 0;
    return fail_errno(path, "make the directory", err);
}

/* Makes a file, or leaves none. */
static int write_file(const char *path, mode_t mode, const char *text, oddrow_error *err)
{
    size_t size = strlen(text);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode), rc = 0;
    if (file < 0 && errno == EEXIST)
        return odd_fail(err, ODDROW_EINVAL, "%s: is there already, and keys are never overwritten",
                        path);
    if (file < 0)
        return fail_errno(path, "make", err);
    while (!rc && size) {
        ssize_t wrote = write(file, text, size);
        if (wrote < 0 && errno != EINTR)
            rc = fail_errno(path, "write", err);
        if (wrote > 0)
            text += wrote, size -= (size_t)wrote;
    }
    if (!rc && fsync(file))
        rc = fail_errno(path, "write to disk", err);
    if (close(file) && !rc && errno != EINTR)
        rc = fail_errno(path, "close", err);
    if (rc)
        unlink(path);
    return rc;
}

static int write_pair(const char *secret_path, const char *public_path, oddrow_error *err)
{
    char public_key[ODD_KEY_SIZE] = "", secret_key[ODD_KEY_SIZE] = "", text[600];
    if (zmq_curve_keypair(public_key, secret_key))
        return odd_fail(err, ODDROW_EINVAL, "cannot make keys: %s", zmq_strerror(errno));
    snprintf(text, sizeof text,
             "#   ZeroMQ CURVE **Secret** Certificate, made by oddrow keygen\n"
             "#   Give this file to nobody, and leave its mode as it is.\n"
             "\nmetadata\ncurve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n",
             public_key, secret_key);
    int rc = write_file(secret_path, S_IRUSR | S_IWUSR, text, err);
    explicit_bzero(text, sizeof text);
    explicit_bzero(secret_key, sizeof secret_key);
    if (rc)
        return rc;
    snprintf(text, sizeof text,
             "#   ZeroMQ CURVE Public Certificate, made by oddrow keygen\n"
             "#   Give it to the other side in a way that nobody can change it.\n"
             "\nmetadata\ncurve\n    public-key = \"%s\"\n",
             public_key);
    rc = write_file(public_path, 0644, text, err);
    if (rc)
        unlink(secret_path);
    return rc;
}

int odd_keys_make(const char *directory, oddrow_error *err)
{
    char clients[PATH_MAX], secret[PATH_MAX], public[PATH_MAX];
    bool new_directory = false, new_clients = false;
    struct stat info;
    int rc;
    if ((rc = join(clients, directory, CLIENTS_NAME, err)) ||
        (rc = join(secret, directory, SECRET_NAME, err)) ||
        (rc = join(public, directory, PUBLIC_NAME, err)))
        return rc;
    if (!lstat(public, &info) || !lstat(secret, &info))
        return odd_fail(err, ODDROW_EINVAL,
                        "%s: holds keys already, and keys are never overwritten", directory);
    if (!(rc = make_directory(directory, &new_directory, err)) &&
        !(rc = make_directory(clients, &new_clients, err)))
        rc = write_pair(secret, public, err);
    if (rc && new_clients)
        rmdir(clients);
    if (rc && new_directory)
        rmdir(directory);
    return rc;
}

static int set_text(void *socket, int option, const char *text, oddrow_error *err)
{
    if (!zmq_setsockopt(socket, option, text, strlen(text)))
        return 0;
    if (!zmq_has("curve"))
        return odd_fail(err, ODDROW_EINVAL, "this libzmq was built without CURVE");
    return odd_fail(err, ODDROW_EINVAL, "cannot give the socket its keys: %s", zmq_strerror(errno));
}

int odd_keys_apply(const odd_keys *keys, bool server, void *socket, oddrow_error *err)
{
    int rc, on = 1;
    if (!server && !*keys->server_key)
        return odd_fail(err, ODDROW_EINVAL,
                        "the key directory has no " SERVER_NAME ": copy the worker's " PUBLIC_NAME
                        " there under that name");
    if ((rc = set_text(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, err)) ||
        (rc = set_text(socket, ZMQ_CURVE_PUBLICKEY, keys->public_key, err)) ||
        (rc = server ? set_text(socket, ZMQ_ZAP_DOMAIN, "oddrow", err)
                     : set_text(socket, ZMQ_CURVE_SERVERKEY, keys->server_key, err)) ||
        !server)
        return rc;
    if (zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &on, sizeof on))
        return odd_fail(err, ODDROW_EINVAL, "cannot make the socket a CURVE server: %s",
                        zmq_strerror(errno));
    (void)zmq_setsockopt(socket, ZMQ_ZAP_ENFORCE_DOMAIN, &on, sizeof on);
    return 0;
}
