/* http/server.c: who is answered what; libmicrohttpd speaks HTTP. */
#include "http/server.h"

#include "base/error.h"
#include "base/memory.h"
#include "http/address.h"

#include <errno.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
    CONNECTIONS = 64,
    SECONDS = 10,       /* without a byte */
    MEMORY = 16 * 1024, /* of a connection, headers in and out */
    BACKLOG = 128       /* connections waiting for one of the 64 */
};

struct odd_http {
    struct MHD_Daemon *daemon;
    const odd_http_page *pages;
    void *context;
    odd_log *log;
    char *token; /* or NULL */
    char address[ODD_HTTP_ADDRESS_SIZE];
};

/* libmicrohttpd's own messages: bad requests and the like, which peers can cause. */
static void __attribute__((format(printf, 2, 0)))
log_message(void *context, const char *format, va_list arguments)
{
    char text[512];
    int size = vsnprintf(text, sizeof text, format, arguments);
    size_t n = size < 0 ? 0 : strlen(text);
    while (n && text[n - 1] == '\n')
        text[--n] = '\0';
    if (n)
        odd_log_write(context, ODD_LOG_INFO, "http", "%s", text);
}

/* Queues an answer, with one more header when `name` is given. */
static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, const char *type,
                             odd_span body, const char *name, const char *value)
{
    enum MHD_Result result = MHD_NO; /* closes the connection */
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.size, (void *)(uintptr_t)body.data, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return result;
    if (MHD_add_response_header(response, "Content-Type", type) == MHD_YES &&
        MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES &&
        MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES &&
        (!name || MHD_add_response_header(response, name, value) == MHD_YES))
        result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* A short plain answer. */
static enum MHD_Result say(struct MHD_Connection *connection, unsigned status, const char *text,
                           const char *name, const char *value)
{
    return reply(connection, status, "text/plain; charset=utf-8", (odd_span){text, strlen(text)},
                 name, value);
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* Whether the Authorization header carries the token. The time it takes depends on what was sent,
 * not on how much of it is right. */
static bool carries_token(const char *authorization, const char *token)
{
    static const char scheme[] = "Bearer ";
    if (!authorization || strncasecmp(authorization, scheme, sizeof scheme - 1))
        return false;
    const char *given = authorization + sizeof scheme - 1;
    size_t size = strlen(given), wanted = strlen(token);
    volatile unsigned char different = size != wanted;
    for (size_t i = 0; i < size; i++)
        different |= (unsigned char)(given[i] ^ token[i % wanted]);
    return !different;
}

/* A web page can have its own name resolve to 127.0.0.1 (DNS rebinding); the browser then takes us
 * for that page's server and lets its scripts read and send what they like. The Host header still
 * has that name, so without a token only names of the loopback are answered. */
static bool is_rebound(struct MHD_Connection *connection)
{
    const char *host = header(connection, "Host");
    return host && *host && !odd_http_host_is_loopback(host);
}

static bool has_body(struct MHD_Connection *connection)
{
    const char *length = header(connection, "Content-Length");
    return header(connection, "Transfer-Encoding") || (length && strcmp(length, "0") != 0);
}

/* The page, or NULL; then `allow` holds the methods of the path, "" when there is no such path. */
static const odd_http_page *find_page(const odd_http_page *pages, const char *method,
                                      const char *path, char *allow, size_t size)
{
    size_t used = 0;
    allow[0] = '\0';
    for (const odd_http_page *p = pages; p->path; p++) {
        if (strcmp(p->path, path) != 0)
            continue;
        bool get = !strcmp(p->method, "GET");
        if (!strcmp(p->method, method) || (get && !strcmp(method, "HEAD")))
            return p;
        int n = snprintf(allow + used, size - used, "%s%s%s", used ? ", " : "", p->method,
                         get ? ", HEAD" : "");
        if (n > 0 && (size_t)n < size - used)
            used += (size_t)n;
    }
    return NULL;
}

static enum MHD_Result show(const odd_http *h, struct MHD_Connection *connection,
                            const odd_http_page *page)
{
    odd_bytes body = {0};
    int status = page->make(h->context, &body);
    enum MHD_Result result;
    if (status < 200 || status > 599 || body.failed) {
        odd_log_write(h->log, ODD_LOG_ERROR, "http", "%s could not be made (%d)", page->path,
                      status);
        result = say(connection, 500, "the page could not be made\n", NULL, NULL);
    } else {
        result = reply(connection, (unsigned)status, page->type,
                       (odd_span){body.size ? body.data : "", body.size}, NULL, NULL);
    }
    odd_bytes_free(&body);
    return result;
}

/* Who gets what. */
static enum MHD_Result judge(const odd_http *h, struct MHD_Connection *connection, const char *path,
                             const char *method)
{
    char allow[128];
    if (h->token && !carries_token(header(connection, "Authorization"), h->token))
        return say(connection, 401, "a token is needed: Authorization: Bearer TOKEN\n",
                   "WWW-Authenticate", "Bearer");
    if (!h->token && is_rebound(connection))
        return say(connection, 403, "without a token only Host: localhost is answered\n", NULL,
                   NULL);
    const odd_http_page *page = find_page(h->pages, method, path, allow, sizeof allow);
    if (!page && !*allow)
        return say(connection, 404, "no such page\n", NULL, NULL);
    if (!page)
        return say(connection, 405, "not with this method\n", "Allow", allow);
    /* A form on somebody's web page can POST here, but cannot set a header of its own. */
    const char *ours = header(connection, "X-Oddrow");
    if (!strcmp(method, "POST") && (!ours || strcmp(ours, "1") != 0))
        return say(connection, 403, "POST needs the header X-Oddrow: 1\n", NULL, NULL);
    return show(h, connection, page);
}

/* Called when the headers are there, and again when the request has ended. An answer at the first
 * call closes the connection, so that an announced body is never read; the others stay open. */
static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
    static char seen;
    (void)version, (void)upload;
    if (*state)
        return *upload_size ? MHD_NO : judge(context, connection, path, method);
    if (has_body(connection))
        return say(connection, 413, "no page here takes a body\n", "Connection", "close");
    *state = &seen;
    return MHD_YES;
}

static int bind_one(const char *address, const struct addrinfo *to, int *out, oddrow_error *err)
{
    int yes = 1;
    int file = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* A worker that starts again need not wait for the last one's connections to be forgotten. */
    if (file >= 0 && !setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) &&
        !bind(file, to->ai_addr, to->ai_addrlen) && !listen(file, BACKLOG)) {
        *out = file;
        return 0;
    }
    int reason = errno;
    if (file >= 0)
        close(file);
    if (reason == EADDRINUSE)
        return odd_fail(err, ODDROW_EIO,
                        "http %s: the address is in use, perhaps by another worker: set 'http' to "
                        "a free port, or to port 0",
                        address);
    return odd_fail(err, ODDROW_EIO, "http %s: cannot bind: %s", address, strerror(reason));
}

/* Binds to the first address that can be had. */
static int bind_any(const odd_http_options *options, int *file, oddrow_error *err)
{
    struct addrinfo *all;
    int rc = odd_http_resolve(options->address, true, &all, err);
    if (rc)
        return rc;
    for (const struct addrinfo *a = all; a && !rc; a = a->ai_next)
        if (!options->token && !odd_http_is_loopback(a->ai_addr))
            rc = odd_fail(err, ODDROW_EINVAL,
                          "http %s: others can reach this address: set 'http-token' to a file "
                          "with a token, or serve on 127.0.0.1",
                          options->address);
    for (const struct addrinfo *a = rc ? NULL : all; a; a = a->ai_next)
        if (!(rc = bind_one(options->address, a, file, err)))
            break;
    freeaddrinfo(all);
    return rc;
}

static void print_bound(int file, char out[ODD_HTTP_ADDRESS_SIZE])
{
    struct sockaddr_storage bound = {0};
    socklen_t size = sizeof bound;
    if (getsockname(file, (struct sockaddr *)&bound, &size))
        bound.ss_family = AF_UNSPEC;
    odd_http_print_address((const struct sockaddr *)&bound, size, out);
}

/* Hands the listening socket over. The new thread takes no signals: they are the program's. */
static int start_thread(odd_http *h, int file, oddrow_error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    h->daemon = MHD_start_daemon(
        MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0, NULL, NULL, answer, h,
        MHD_OPTION_EXTERNAL_LOGGER, log_message, h->log, MHD_OPTION_LISTEN_SOCKET, file,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    /* On failure the socket may be closed or not, so it is left: closing a number that is another
     * thread's by now would be worse. */
    return h->daemon ? 0
                     : odd_fail(err, ODDROW_EIO, "http %s: the server does not start", h->address);
}

int odd_http_start(const odd_http_options *options, odd_http **out, oddrow_error *err)
{
    int file = -1, rc = 0;
    *out = NULL;
    if (options->token && !*options->token)
        return odd_fail(err, ODDROW_EINVAL, "http: the token is empty");
    odd_http *h = odd_alloc(1, sizeof *h);
    if (!h)
        return odd_no_memory(err);
    h->pages = options->pages;
    h->context = options->context;
    h->log = options->log;
    if (options->token && !(h->token = odd_copy(options->token, strlen(options->token))))
        rc = odd_no_memory(err);
    if (!rc)
        rc = bind_any(options, &file, err);
    if (!rc) {
        print_bound(file, h->address);
        rc = start_thread(h, file, err);
    }
    if (rc)
        odd_http_free(&h);
    *out = h;
    return rc;
}

const char *odd_http_address(const odd_http *h)
{
    return h->address;
}

void odd_http_free(odd_http **h)
{
    if (!h || !*h)
        return;
    if ((*h)->daemon)
        MHD_stop_daemon((*h)->daemon);
    if ((*h)->token)
        explicit_bzero((*h)->token, strlen((*h)->token));
    odd_free((*h)->token);
    odd_free(*h);
    *h = NULL;
}
