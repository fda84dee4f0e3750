/* wire/keys.c: see keys.h. */
#include "wire/keys.h"

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

static int check_file(int file, const char *path, bool secret, oddrow_error *err)
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
    if (info.st_size > FILE_MAX)
        return odd_fail(err, ODDROW_EFORMAT, "%s: is too large for a key file (at most %d bytes)",
                        path, FILE_MAX);
    return 0;
}

/* The whole file into text, FILE_MAX + 1 bytes. Never waits on a pipe that lies there. */
static int read_text(const char *path, bool secret, char *text, size_t *size, oddrow_error *err)
{
    *size = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0)
        return fail_errno(path, "open", err);
    int status = check_file(file, path, secret, err);
    ssize_t got = status ? 0 : odd_read(file, text, FILE_MAX + 1);
    *size = got < 0 ? 0 : (size_t)got;
    if (got < 0)
        status = fail_errno(path, "read", err);
    else if (got > FILE_MAX)
        status = odd_fail(err, ODDROW_EFORMAT, "%s: is too large for a key file (at most %d bytes)",
                          path, FILE_MAX);
    close(file);
    return status;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void trim(const char **from, const char **to)
{
    while (*from < *to && is_blank(**from))
        ++*from;
    while (*from < *to && is_blank((*to)[-1]))
        --*to;
}

/* Whether [from, to) is `name`. */
static bool is_word(const char *from, const char *to, const char *name)
{
    size_t size = strlen(name);
    return (size_t)(to - from) == size && !memcmp(from, name, size);
}

/* The value of `name = value` into key. The message never shows the value. */
static int read_key(const char *from, const char *to, const char *path, size_t line,
                    const char *name, char key[ODD_KEY_SIZE], oddrow_error *err)
{
    uint8_t raw[RAW_SIZE];
    char copy[ODD_KEY_SIZE] = "";
    trim(&from, &to);
    if (to - from >= 2 && (*from == '"' || *from == '\'') && to[-1] == *from)
        from++, to--;
    if (to - from != ODD_KEY_SIZE - 1 || memchr(from, 0, ODD_KEY_SIZE - 1))
        return odd_fail(err, ODDROW_EFORMAT, "%s:%zu: %s must be %d characters of Z85", path, line,
                        name, ODD_KEY_SIZE - 1);
    memcpy(copy, from, ODD_KEY_SIZE - 1);
    int status = 0;
    if (!zmq_z85_decode(raw, copy))
        status = odd_fail(err, ODDROW_EFORMAT, "%s:%zu: %s is not Z85", path, line, name);
    else if (*key)
        status = odd_fail(err, ODDROW_EFORMAT, "%s:%zu: %s is given twice", path, line, name);
    else
        memcpy(key, copy, ODD_KEY_SIZE);
    explicit_bzero(raw, sizeof raw);
    explicit_bzero(copy, sizeof copy);
    return status;
}

/* The two lines that matter of a certificate in ZPL (ZeroMQ RFC 4): public-key and secret-key,
 * indented, under curve. secret_key may be NULL. */
static int parse(const char *text, size_t size, const char *path, char *public_key,
                 char *secret_key, oddrow_error *err)
{
    const char *at = text, *end = text + size;
    bool in_curve = false;
    for (size_t line = 1; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at)), *from = at;
        const char *to = stop ? stop : end;
        bool indented = is_blank(*at);
        at = stop ? stop + 1 : end;
        trim(&from, &to);
        if (from == to || *from == '#')
            continue;
        if (!indented)
            in_curve = is_word(from, to, "curve");
        const char *equals = memchr(from, '=', (size_t)(to - from)), *name_end = equals;
        if (!indented || !in_curve || !equals)
            continue;
        trim(&from, &name_end);
        int status = 0;
        if (is_word(from, name_end, "public-key"))
            status = read_key(equals + 1, to, path, line, "public-key", public_key, err);
        else if (secret_key && is_word(from, name_end, "secret-key"))
            status = read_key(equals + 1, to, path, line, "secret-key", secret_key, err);
        if (status)
            return status;
    }
    if (!*public_key)
        return odd_fail(err, ODDROW_EFORMAT, "%s: has no public-key under curve", path);
    if (secret_key && !*secret_key)
        return odd_fail(err, ODDROW_EFORMAT, "%s: has no secret-key under curve", path);
    return 0;
}

static int read_file(const char *path, char *public_key, char *secret_key, oddrow_error *err)
{
    size_t size;
    char *text = odd_alloc(FILE_MAX + 1, 1);
    if (!text)
        return odd_fail(err, ODDROW_ENOMEM, "%s: out of memory", path);
    int status = read_text(path, secret_key != NULL, text, &size, err);
    if (!status)
        status = parse(text, size, path, public_key, secret_key, err);
    explicit_bzero(text, FILE_MAX + 1);
    odd_free(text);
    return status;
}

int odd_keys_read_public(const char *path, char key[ODD_KEY_SIZE], oddrow_error *err)
{
    memset(key, 0, ODD_KEY_SIZE);
    int status = read_file(path, key, NULL, err);
    if (status)
        memset(key, 0, ODD_KEY_SIZE);
    return status;
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
    int status = join(path, directory, SECRET_NAME, err);
    if (status)
        goto done;
    if (access(path, F_OK) && (errno == ENOENT || errno == ENOTDIR)) {
        status =
            odd_fail(err, ODDROW_EIO, "%s: there is no key: run oddrow keygen %s", path, directory);
        goto done;
    }
    status = read_file(path, out->public_key, out->secret_key, err);
    if (!status)
        status = check_pair(out, path, err);
    if (!status)
        status = join(path, directory, SERVER_NAME, err);
    if (!status && (!access(path, F_OK) || errno != ENOENT))
        status = odd_keys_read_public(path, out->server_key, err);
done:
    if (status)
        odd_keys_wipe(out);
    return status;
}

void odd_keys_wipe(odd_keys *keys)
{
    if (keys)
        explicit_bzero(keys, sizeof *keys);
}

/* What odd_keys_make made so far, in that order. */
typedef struct made {
    char directory[PATH_MAX], clients[PATH_MAX], secret[PATH_MAX], public[PATH_MAX];
    bool has_directory, has_clients, has_secret, has_public;
} made;

static int make_directory(const char *path, bool *is_new, oddrow_error *err)
{
    struct stat info;
    *is_new = !mkdir(path, S_IRWXU);
    if (*is_new)
        return 0;
    if (errno == EEXIST && !stat(path, &info) && S_ISDIR(info.st_mode))
        return 0;
    return fail_errno(path, "make the directory", err);
}

static int write_file(const char *path, mode_t mode, const char *text, bool *is_new,
                      oddrow_error *err)
{
    size_t size = strlen(text);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (file < 0 && errno == EEXIST)
        return odd_fail(err, ODDROW_EINVAL, "%s: is there already, and keys are never overwritten",
                        path);
    if (file < 0)
        return fail_errno(path, "make", err);
    *is_new = true;
    int status = 0;
    while (!status && size) {
        ssize_t wrote = write(file, text, size);
        if (wrote < 0 && errno != EINTR)
            status = fail_errno(path, "write", err);
        if (wrote > 0)
            text += wrote, size -= (size_t)wrote;
    }
    if (!status && fsync(file))
        status = fail_errno(path, "write to disk", err);
    if (close(file) && !status && errno != EINTR)
        status = fail_errno(path, "close", err);
    return status;
}

static int write_pair(made *m, oddrow_error *err)
{
    char public_key[ODD_KEY_SIZE] = "", secret_key[ODD_KEY_SIZE] = "", text[600];
    int status = 0;
    if (zmq_curve_keypair(public_key, secret_key)) {
        status = odd_fail(err, ODDROW_EINVAL, "cannot make keys: %s", zmq_strerror(errno));
        goto done;
    }
    snprintf(text, sizeof text,
             "#   ZeroMQ CURVE **Secret** Certificate, made by oddrow keygen\n"
             "#   Give this file to nobody, and leave its mode as it is.\n"
             "\nmetadata\ncurve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n",
             public_key, secret_key);
    status = write_file(m->secret, S_IRUSR | S_IWUSR, text, &m->has_secret, err);
    if (status)
        goto done;
    snprintf(text, sizeof text,
             "#   ZeroMQ CURVE Public Certificate, made by oddrow keygen\n"
             "#   Give it to the other side in a way that nobody can change it.\n"
             "\nmetadata\ncurve\n    public-key = \"%s\"\n",
             public_key);
    status = write_file(m->public, 0644, text, &m->has_public, err);
done:
    explicit_bzero(text, sizeof text);
    explicit_bzero(secret_key, sizeof secret_key);
    return status;
}

int odd_keys_make(const char *directory, oddrow_error *err)
{
    int status = 0;
    made *m = odd_alloc(1, sizeof *m);
    if (!m)
        return odd_fail(err, ODDROW_ENOMEM, "%s: out of memory", directory);
    if ((status = join(m->clients, directory, CLIENTS_NAME, err)) ||
        (status = join(m->secret, directory, SECRET_NAME, err)) ||
        (status = join(m->public, directory, PUBLIC_NAME, err)))
        goto done;
    snprintf(m->directory, sizeof m->directory, "%s", directory);
    struct stat info;
    if (!lstat(m->public, &info) || !lstat(m->secret, &info)) {
        status = odd_fail(err, ODDROW_EINVAL,
                          "%s: holds keys already, and keys are never overwritten", directory);
        goto done;
    }
    if ((status = make_directory(m->directory, &m->has_directory, err)) ||
        (status = make_directory(m->clients, &m->has_clients, err)) ||
        (status = write_pair(m, err)))
        goto done;
done:
    if (status && m->has_public)
        unlink(m->public);
    if (status && m->has_secret)
        unlink(m->secret);
    if (status && m->has_clients)
        rmdir(m->clients);
    if (status && m->has_directory)
        rmdir(m->directory);
    odd_free(m);
    return status;
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
    int status, on = 1;
    if (!server && !*keys->server_key)
        return odd_fail(err, ODDROW_EINVAL,
                        "the key directory has no " SERVER_NAME ": copy the worker's " PUBLIC_NAME
                        " there under that name");
    if ((status = set_text(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, err)) ||
        (status = set_text(socket, ZMQ_CURVE_PUBLICKEY, keys->public_key, err)))
        return status;
    if (!server)
        return set_text(socket, ZMQ_CURVE_SERVERKEY, keys->server_key, err);
    if ((status = set_text(socket, ZMQ_ZAP_DOMAIN, "oddrow", err)))
        return status;
    if (zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &on, sizeof on))
        return odd_fail(err, ODDROW_EINVAL, "cannot make the socket a CURVE server: %s",
                        zmq_strerror(errno));
    (void)zmq_setsockopt(socket, ZMQ_ZAP_ENFORCE_DOMAIN, &on, sizeof on);
    return 0;
}
