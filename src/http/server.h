/* http/server.h: a few small pages over HTTP, for probes and Prometheus. */
#ifndef ODD_HTTP_SERVER_H
#define ODD_HTTP_SERVER_H

#include "base/bytes.h"
#include "base/log.h"
#include "oddrow.h"

typedef struct odd_http odd_http;

/* One page: appends its body, returns its status (200, 503, …). Called on the server's thread. */
typedef struct odd_http_page {
    const char *method, *path; /* "GET", "/metrics"; ends with a NULL path. GET answers HEAD too */
    const char *type;          /* Content-Type */
    int (*make)(void *context, odd_bytes *body);
} odd_http_page;

typedef struct odd_http_options {
    const char *address; /* HOST:PORT, [::1]:PORT; port 0 or * : a free one */
    const char *token;   /* "Authorization: Bearer TOKEN" is asked for, or NULL: nobody is asked */
    const odd_http_page *pages; /* borrowed; unknown paths get 404, other methods 405 */
    void *context;
    odd_log *log; /* borrowed, may be NULL */
} odd_http_options;

/* Binds and serves on a thread of its own, at most 64 connections, 10 s each without a byte.
 * Without a token only loopback addresses are bound: ODDROW_EINVAL says what to do. POST pages
 * want the header "X-Oddrow: 1", which a browser's form cannot send: 403 without it. A body is
 * refused (413). Without a token a Host header that is not the loopback's gets 403. ODDROW_EIO: the
 * address is in use or not this machine's. The server's thread takes no signals. */
int odd_http_start(const odd_http_options *options, odd_http **out, oddrow_error *err);

/* "127.0.0.1:5580": what was bound. */
const char *odd_http_address(const odd_http *h);

/* Stops and joins. NULL-safe. */
void odd_http_free(odd_http **h);

/* The first line of a token file: 16 to 1,024 visible ASCII characters, the file neither readable
 * nor writable by everybody. `out` ends with a NUL that size does not count and is the caller's
 * (odd_bytes_free). ODDROW_EIO, ODDROW_EINVAL; the token is never in a message. */
int odd_http_read_token(const char *path, odd_bytes *out, oddrow_error *err);

/* A client's side: one request, without a body and with X-Oddrow: 1; the answer's body, at most
 * 4 MiB with its headers, is appended to `body`. The status; or ODDROW_EINVAL (address), ODDROW_EIO
 * (nobody there, not HTTP), ODDROW_ENOMEM. Waits at most 10 s, a name's lookup not counted. token
 * may be NULL. */
int odd_http_request(const char *address, const char *method, const char *path, const char *token,
                     odd_bytes *body, oddrow_error *err);

#endif
