/* http/server.h: a few small pages over HTTP, for probes and Prometheus. */
#ifndef ODD_HTTP_SERVER_H
#define ODD_HTTP_SERVER_H

#include "base/bytes.h"
#include "base/log.h"
#include "oddrow.h"

typedef struct odd_http odd_http;

/* One page. `make` appends the body and returns the status (200, 503, …), on the server's thread.
 */
typedef struct odd_http_page {
    const char *method, *path; /* "GET", "/metrics"; ends with a NULL path. GET answers HEAD too */
    const char *type;          /* Content-Type */
    int (*make)(void *context, odd_bytes *body);
} odd_http_page;

typedef struct odd_http_options {
    const char *address;        /* HOST:PORT, [::1]:PORT; port 0 or * : a free one */
    const char *token;          /* a request needs "Authorization: Bearer TOKEN"; NULL: none does */
    const odd_http_page *pages; /* borrowed; unknown paths get 404, other methods 405 */
    void *context;
    odd_log *log; /* borrowed, may be NULL */
} odd_http_options;

/* Binds, and serves on a thread of its own, which takes no signals: at most 64 connections, each of
 * which may be silent for 10 s. Without a token it binds only loopback addresses (ODDROW_EINVAL
 * says what to do) and answers 403 to a Host header that is not the loopback's. A POST needs the
 * header "X-Oddrow: 1", which a browser's form cannot send, or it gets 403. A request with a body
 * gets 413. ODDROW_EIO: the address is in use or not this machine's. */
int odd_http_start(const odd_http_options *options, odd_http **out, oddrow_error *err);

/* "127.0.0.1:5580": what was bound. */
const char *odd_http_address(const odd_http *h);

/* Stops and joins. NULL-safe. */
void odd_http_free(odd_http **h);

/* The first line of a token file: 16 to 1,024 visible ASCII characters, in a file that not
 * everybody may read or write. `out`, the caller's, ends with a NUL that its size does not count.
 * ODDROW_EIO, ODDROW_EINVAL; no message shows the token. */
int odd_http_read_token(const char *path, odd_bytes *out, oddrow_error *err);

/* The client's side: sends one request without a body, with X-Oddrow: 1, and appends the answer's
 * body, at most 4 MiB with its headers, to `body`. Returns the status; or ODDROW_EINVAL (address),
 * ODDROW_EIO (nobody there, not HTTP), ODDROW_ENOMEM. It waits at most 10 s, the lookup of a name
 * not counted. token may be NULL. */
int odd_http_request(const char *address, const char *method, const char *path, const char *token,
                     odd_bytes *body, oddrow_error *err);

#endif
