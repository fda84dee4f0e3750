/* http/request.c: the client's side: one request over a plain socket, one bounded answer. */
#include "http/server.h"

#include "base/clock.h"
#include "base/error.h"
#include "http/address.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { SECONDS = 10, REPLY = 4 << 20 /* bytes of headers and body */ };

/* With what its messages and its patience need. */
typedef struct connection {
    const char *address;
    int file;
    double end; /* odd_clock */
} connection;

static int fail_errno(const connection *l, const char *what, int reason, oddrow_error *err)
{
    if (reason == ECONNREFUSED)
        return odd_fail(err, ODDROW_EIO, "%s: nobody listens there (connection refused)",
                        l->address);
    return odd_fail(err, ODDROW_EIO, "%s: cannot %s: %s", l->address, what, strerror(reason));
}

/* Waits until the socket is ready for `events` or broken. */
static int await(const connection *l, short events, oddrow_error *err)
{
    for (;;) {
        double left = l->end - odd_clock();
        struct pollfd item = {.fd = l->file, .events = events};
        int ready = left > 0 ? poll(&item, 1, (int)(left * 1000) + 1) : 0;
        if (ready > 0)
            return 0;
        if (!ready)
            return odd_fail(err, ODDROW_EIO, "%s: no answer in %d s", l->address, SECONDS);
        if (errno != EINTR)
            return fail_errno(l, "wait", errno, err);
    }
}

static int connect_one(connection *l, const struct addrinfo *to, oddrow_error *err)
{
    l->file = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->file < 0)
        return fail_errno(l, "open a socket", errno, err);
    int reason = connect(l->file, to->ai_addr, to->ai_addrlen) ? errno : 0, rc = 0;
    socklen_t size = sizeof reason;
    if (reason == EINPROGRESS && !(rc = await(l, POLLOUT, err)) &&
        getsockopt(l->file, SOL_SOCKET, SO_ERROR, &reason, &size))
        reason = errno;
    if (!rc && reason)
        rc = fail_errno(l, "connect", reason, err);
    if (rc)
        close(l->file);
    return rc;
}

static int connect_any(connection *l, oddrow_error *err)
{
    struct addrinfo *all;
    int rc = odd_http_resolve(l->address, false, &all, err);
    if (rc)
        return rc;
    for (const struct addrinfo *a = all; a; a = a->ai_next)
        if (!(rc = connect_one(l, a, err)))
            break;
    freeaddrinfo(all);
    return rc;
}

/* After send or recv gave less than nothing: 0 when it is to be tried again. */
static int wait_or_fail(const connection *l, short events, const char *what, oddrow_error *err)
{
    if (errno == EINTR)
        return 0;
    return errno == EAGAIN ? await(l, events, err) : fail_errno(l, what, errno, err);
}

static int send_all(const connection *l, const odd_bytes *question, oddrow_error *err)
{
    int rc = 0;
    for (size_t done = 0; !rc && done < question->size;) {
        ssize_t sent = send(l->file, question->data + done, question->size - done, MSG_NOSIGNAL);
        if (sent >= 0)
            done += (size_t)sent;
        else
            rc = wait_or_fail(l, POLLOUT, "send", err);
    }
    return rc;
}

/* Reads until the server closes. */
static int receive_all(const connection *l, odd_bytes *reply, oddrow_error *err)
{
    enum { PIECE = 16 * 1024 };
    int rc = 0;
    while (!rc) {
        if (reply->size > REPLY)
            return odd_fail(err, ODDROW_EIO, "%s: the answer is longer than %d bytes", l->address,
                            REPLY);
        if (odd_bytes_reserve(reply, PIECE))
            return odd_no_memory(err);
        ssize_t got = recv(l->file, reply->data + reply->size, PIECE, 0);
        if (!got)
            return 0;
        if (got > 0)
            reply->size += (size_t)got;
        else
            rc = wait_or_fail(l, POLLIN, "receive", err);
    }
    return rc;
}

/* The number of a Content-Length; false when it is none or beyond any reply of ours. */
static bool read_length(const char *text, const char *end, size_t *value)
{
    *value = 0;
    while (text < end && (*text == ' ' || *text == '\t'))
        text++;
    bool any = text < end && *text >= '0' && *text <= '9';
    for (; text < end && *text >= '0' && *text <= '9'; text++) {
        *value = 10 * *value + (size_t)(*text - '0');
        if (*value > REPLY)
            return false;
    }
    while (text < end && (*text == ' ' || *text == '\t'))
        text++;
    return any && text == end;
}

/* Looks at one header line: the length of the body is kept; a body in pieces was not asked for. */
static bool take_header(const char *line, const char *end, bool *sized, size_t *length)
{
    static const char length_name[] = "Content-Length:", pieces_name[] = "Transfer-Encoding:";
    size_t size = (size_t)(end - line);
    if (size >= sizeof pieces_name - 1 && !strncasecmp(line, pieces_name, sizeof pieces_name - 1))
        return false;
    if (size < sizeof length_name - 1 || strncasecmp(line, length_name, sizeof length_name - 1))
        return true;
    *sized = true;
    return read_length(line + sizeof length_name - 1, end, length);
}

/* "HTTP/1.1 200 OK", headers, an empty line, the body. The status, or -1 when it is no such thing
 * or was cut off. */
static int parse(const odd_bytes *reply, odd_span *body)
{
    static const char start[] = "HTTP/1.";
    const char *at = reply->data, *end = at + reply->size;
    size_t prefix = sizeof start - 1, length = 0;
    bool sized = false;
    int status = 0;
    if (reply->size < prefix + 6 || memcmp(at, start, prefix) || at[prefix + 1] != ' ')
        return -1;
    for (size_t i = prefix + 2; i < prefix + 5; i++) {
        if (at[i] < '0' || at[i] > '9')
            return -1;
        status = 10 * status + (at[i] - '0');
    }
    for (bool first = true;; first = false) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline)
            return -1;
        const char *line_end = newline > at && newline[-1] == '\r' ? newline - 1 : newline;
        bool empty = line_end == at;
        if (!first && !take_header(at, line_end, &sized, &length))
            return -1;
        at = newline + 1;
        if (empty)
            break;
    }
    size_t left = (size_t)(end - at);
    if (sized && left < length)
        return -1;
    *body = (odd_span){at, sized ? length : left};
    return status >= 100 ? status : -1;
}

/* HTTP/1.0, so that the server answers in one piece and closes. X-Oddrow: see odd_http_start. */
static void compose(const char *address, const char *method, const char *path, const char *token,
                    odd_bytes *out)
{
    odd_bytes_print(out,
                    "%s %s HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n"
                    "X-Oddrow: 1\r\nContent-Length: 0\r\n",
                    method, path, address);
    if (token)
        odd_bytes_print(out, "Authorization: Bearer %s\r\n", token);
    odd_bytes_text(out, "\r\n");
}

int odd_http_request(const char *address, const char *method, const char *path, const char *token,
                     odd_bytes *body, oddrow_error *err)
{
    connection l = {.address = address, .end = odd_clock() + SECONDS};
    odd_bytes question = {0}, reply = {0};
    odd_span found = {0};
    int status = 0, rc = connect_any(&l, err);
    if (rc)
        return rc;
    compose(address, method, path, token, &question);
    if (!(rc = odd_bytes_check(&question, err)) && !(rc = send_all(&l, &question, err)) &&
        !(rc = receive_all(&l, &reply, err)) && (status = parse(&reply, &found)) < 0)
        rc = odd_fail(err, ODDROW_EIO, "%s: the answer is not HTTP, or was cut off", address);
    if (!rc) {
        odd_bytes_span(body, found);
        rc = odd_bytes_check(body, err);
    }
    if (question.data)
        explicit_bzero(question.data, question.size); /* the token */
    odd_bytes_free(&question);
    odd_bytes_free(&reply);
    close(l.file);
    return rc ? rc : status;
}
