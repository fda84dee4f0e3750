/* wire/endpoint.c: addresses taken apart and judged; bind and connect. */
#include "wire/endpoint.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

/* One endpoint taken apart. */
typedef struct parts {
    bool ipc, local, ipv6;
    bool any_host, any_port;        /* * and *, 0: only for binding */
    char host[ODD_ENDPOINT_SIZE];   /* of tcp, without brackets */
    char target[ODD_ENDPOINT_SIZE]; /* what libzmq is given */
    const char *path;               /* of ipc, borrowed; may begin with @ */
} parts;

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

static int parse_port(const char *text, const char *endpoint, parts *out, oddrow_error *err)
{
    size_t size = strlen(text);
    if (!strcmp(text, "*")) {
        out->any_port = true;
        return 0;
    }
    if (!size || size > 5 || strspn(text, "0123456789") != size || strtol(text, NULL, 10) > 65535)
        return odd_fail(err, ODDROW_EINVAL,
                        "%s: the port must be 0 to 65535, or * for one that is free", endpoint);
    out->any_port = !strtol(text, NULL, 10);
    return 0;
}

/* [ADDRESS] or [ADDRESS%ZONE]. */
static int parse_ipv6(const char *endpoint, parts *out, oddrow_error *err)
{
    struct in6_addr address;
    char bare[ODD_ENDPOINT_SIZE];
    size_t size = strcspn(out->host, "%");
    const char *zone = out->host + size;
    memcpy(bare, out->host, size);
    bare[size] = 0;
    if (inet_pton(AF_INET6, bare, &address) != 1 ||
        (*zone && (!zone[1] || zone[1 + strspn(zone + 1, letters)])))
        return odd_fail(err, ODDROW_EINVAL, "%s: [%s] is not an IPv6 address", endpoint, out->host);
    out->ipv6 = true;
    out->local = IN6_IS_ADDR_LOOPBACK(&address);
    return 0;
}

static int parse_host(const char *endpoint, parts *out, oddrow_error *err)
{
    struct in_addr address;
    const char *host = out->host;
    size_t size = strlen(host);
    if (!strcmp(host, "*")) {
        out->any_host = true;
    } else if (size && strspn(host, "0123456789.") == size) {
        if (inet_pton(AF_INET, host, &address) != 1)
            return odd_fail(err, ODDROW_EINVAL, "%s: %s is not an IPv4 address", endpoint, host);
        out->local = ntohl(address.s_addr) >> 24 == 127;
    } else if (!size || strspn(host, letters) != size) {
        return odd_fail(err, ODDROW_EINVAL,
                        "%s: the host must be an IPv4 address, an [IPv6 address], a name, an "
                        "interface or *",
                        endpoint);
    } else {
        out->local = !strcasecmp(host, "localhost");
    }
    return 0;
}

static int parse_tcp(const char *endpoint, parts *out, oddrow_error *err)
{
    const char *rest = endpoint + strlen("tcp://"), *host = rest;
    const char *host_end = strrchr(rest, ':'), *port = host_end ? host_end + 1 : NULL;
    bool bracket = *rest == '[';
    if (bracket) {
        host++;
        host_end = strchr(rest, ']');
        port = host_end && host_end[1] == ':' ? host_end + 2 : NULL;
    }
    if (!port)
        return odd_fail(err, ODDROW_EINVAL, "%s: there is no port: tcp://HOST:PORT", endpoint);
    memcpy(out->host, host, (size_t)(host_end - host));
    out->host[host_end - host] = 0;
    int rc = bracket ? parse_ipv6(endpoint, out, err) : parse_host(endpoint, out, err);
    if (rc || (rc = parse_port(port, endpoint, out, err)) || bracket)
        return rc;
    /* libzmq binds no names, and a resolver might say anything. */
    if (!strcasecmp(out->host, "localhost"))
        snprintf(out->host, sizeof out->host, "127.0.0.1");
    snprintf(out->target, sizeof out->target, "tcp://%.*s:%.*s", ODD_ENDPOINT_SIZE - 20, out->host,
             5, port);
    return 0;
}

static int parse_ipc(const char *endpoint, parts *out, oddrow_error *err)
{
    enum { PATH_SIZE = sizeof((struct sockaddr_un *)0)->sun_path - 1 };
    out->path = endpoint + strlen("ipc://");
    out->ipc = out->local = true;
    size_t size = strlen(out->path);
    if (!size || !strcmp(out->path, "@") || !strcmp(out->path, "*"))
        return odd_fail(err, ODDROW_EINVAL, "%s: there is no path: ipc://PATH", endpoint);
    if (size > PATH_SIZE)
        return odd_fail(err, ODDROW_EINVAL,
                        "%s: the path has %zu bytes, and the system takes at most %d", endpoint,
                        size, PATH_SIZE);
    return 0;
}

static int parse(const char *endpoint, parts *out, oddrow_error *err)
{
    *out = (parts){0};
    if (strlen(endpoint) >= ODD_ENDPOINT_SIZE - 8)
        return odd_fail(err, ODDROW_EINVAL, "%.40s...: the endpoint is too long", endpoint);
    memcpy(out->target, endpoint, strlen(endpoint) + 1);
    for (const char *c = endpoint; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return odd_fail(err, ODDROW_EINVAL, "an endpoint with a control character in it");
    if (!strncmp(endpoint, "tcp://", 6))
        return parse_tcp(endpoint, out, err);
    if (!strncmp(endpoint, "ipc://", 6))
        return parse_ipc(endpoint, out, err);
    return odd_fail(err, ODDROW_EINVAL,
                    "%s: is not an endpoint: tcp://HOST:PORT or ipc://PATH, such as "
                    "tcp://127.0.0.1:5555",
                    endpoint);
}

int odd_context_new(void **out, oddrow_error *err)
{
    *out = zmq_ctx_new();
    return *out ? 0 : odd_fail(err, ODDROW_EIO, "cannot start ZeroMQ: %s", zmq_strerror(errno));
}

void odd_context_free(void **context)
{
    while (context && *context && zmq_ctx_term(*context) != 0 && errno == EINTR)
        continue;
    if (context)
        *context = NULL;
}

void odd_socket_close(void **socket)
{
    if (socket && *socket)
        zmq_close(*socket);
    if (socket)
        *socket = NULL;
}

int odd_endpoint_check(const char *endpoint, bool *local, oddrow_error *err)
{
    parts p;
    int rc = parse(endpoint, &p, err);
    *local = !rc && p.local;
    return rc;
}

/* libzmq unlinks whatever lies at the path of an ipc endpoint before it binds: a file of somebody,
 * or the socket of a worker that runs. Both are refused here. */
static int check_path(const char *endpoint, const char *path, oddrow_error *err)
{
    struct stat info;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (*path == '@' || lstat(path, &info))
        return 0;
    if (!S_ISSOCK(info.st_mode))
        return odd_fail(err, ODDROW_EIO, "%s: cannot bind: a file of that name is there", endpoint);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return 0;
    memcpy(address.sun_path, path, strlen(path));
    /* EAGAIN: somebody listens whose backlog is full. */
    bool taken =
        !connect(probe, (const struct sockaddr *)&address, sizeof address) || errno == EAGAIN;
    close(probe);
    if (taken)
        return odd_fail(err, ODDROW_EIO, "%s: cannot bind: in use by another process", endpoint);
    return 0;
}

static const char *why_not(int failure)
{
    switch (failure) {
    case EADDRINUSE:
        return "the address is in use by another process";
    case EADDRNOTAVAIL:
    case ENODEV:
        return "no interface of this machine has that address or name";
    case EACCES:
        return "not permitted (ports below 1024, or the directory of the path)";
    case ENOENT:
        return "the directory of the path does not exist";
    default:
        return zmq_strerror(failure);
    }
}

static int allow_ipv6(void *socket, const parts *p, const char *endpoint, oddrow_error *err)
{
    int on = 1;
    if (p->ipv6 && zmq_setsockopt(socket, ZMQ_IPV6, &on, sizeof on))
        return odd_fail(err, ODDROW_EIO, "%s: no IPv6: %s", endpoint, zmq_strerror(errno));
    return 0;
}

int odd_endpoint_bind(void *socket, const char *endpoint, char bound[ODD_ENDPOINT_SIZE],
                      oddrow_error *err)
{
    parts p;
    size_t size = ODD_ENDPOINT_SIZE;
    int rc;
    *bound = 0;
    if ((rc = parse(endpoint, &p, err)) || (p.ipc && (rc = check_path(endpoint, p.path, err))) ||
        (rc = allow_ipv6(socket, &p, endpoint, err)))
        return rc;
    if (zmq_bind(socket, p.target))
        return odd_fail(err, ODDROW_EIO, "%s: cannot bind: %s", endpoint, why_not(errno));
    if (!zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, bound, &size))
        return 0;
    rc = odd_fail(err, ODDROW_EIO, "%s: cannot tell the address bound: %s", endpoint,
                  zmq_strerror(errno));
    *bound = 0;
    zmq_unbind(socket, p.target);
    return rc;
}

int odd_endpoint_connect(void *socket, const char *endpoint, oddrow_error *err)
{
    parts p;
    int rc = parse(endpoint, &p, err);
    if (!rc && (p.any_host || p.any_port))
        rc = odd_fail(err, ODDROW_EINVAL,
                      "%s: cannot connect: give the host and the port of the worker", endpoint);
    if (!rc && !(rc = allow_ipv6(socket, &p, endpoint, err)) && zmq_connect(socket, p.target))
        rc = odd_fail(err, ODDROW_EINVAL, "%s: cannot connect: %s", endpoint, zmq_strerror(errno));
    return rc;
}
