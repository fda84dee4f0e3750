/* http/address.c: HOST:PORT to socket addresses and back, and what is the loopback. */
#include "http/address.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Splits HOST:PORT or [HOST]:PORT at the last colon; false when it has no such form or the parts
 * are too long. */
static bool split(const char *address, char host[ODD_HTTP_HOST_SIZE], const char **port)
{
    const char *colon = strrchr(address, ':');
    if (!colon)
        return false;
    const char *start = address, *end = colon;
    if (*start == '[') {
        if (end[-1] != ']')
            return false;
        start++;
        end--;
    } else if (memchr(start, ':', (size_t)(end - start))) {
        return false; /* IPv6 without brackets: which colon is the port's? */
    }
    size_t size = end > start ? (size_t)(end - start) : 0;
    if (!size || size >= ODD_HTTP_HOST_SIZE)
        return false;
    memcpy(host, start, size);
    host[size] = '\0';
    *port = colon + 1;
    return true;
}

/* One to five digits up to 65535, or * for 0. */
static bool read_port(const char *text, char port[6])
{
    size_t size = strlen(text);
    if (!strcmp(text, "*"))
        text = "0";
    if (!size || size > 5 || text[strspn(text, "0123456789")])
        return false;
    snprintf(port, 6, "%s", text);
    return strtoul(port, NULL, 10) <= UINT16_MAX;
}

int odd_http_resolve(const char *address, bool passive, struct addrinfo **out, oddrow_error *err)
{
    char host[ODD_HTTP_HOST_SIZE], port[6];
    const char *port_text;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    *out = NULL;
    if (!split(address, host, &port_text) || !read_port(port_text, port))
        return odd_fail(err, ODDROW_EINVAL,
                        "%s: not an address: write HOST:PORT, as in 127.0.0.1:5580 or [::1]:5580",
                        address);
    if (passive)
        hints.ai_flags |= AI_PASSIVE;
    const char *name = passive && !strcmp(host, "*") ? "0.0.0.0" : host;
    if (!strcasecmp(name, "localhost")) /* whatever the resolver of a bare container says */
        name = "127.0.0.1";
    int failure = getaddrinfo(name, port, &hints, out);
    return failure ? odd_fail(err, ODDROW_EIO, "%s: %s", address, gai_strerror(failure)) : 0;
}

bool odd_http_is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const void *)address;
        return IN6_IS_ADDR_LOOPBACK(&in->sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr) && in->sin6_addr.s6_addr[12] == 127);
    }
    return false;
}

void odd_http_print_address(const struct sockaddr *address, socklen_t size,
                            char out[ODD_HTTP_ADDRESS_SIZE])
{
    char host[ODD_HTTP_HOST_SIZE], port[8];
    const char *form = address->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s";
    if (getnameinfo(address, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV))
        snprintf(out, ODD_HTTP_ADDRESS_SIZE, "?");
    else
        snprintf(out, ODD_HTTP_ADDRESS_SIZE, form, host, port);
}

bool odd_http_host_is_loopback(const char *host)
{
    char name[ODD_HTTP_HOST_SIZE];
    bool bracket = *host == '[';
    const char *end = bracket ? strchr(host, ']') : strchrnul(host, ':');
    size_t size = end ? (size_t)(end - host) : sizeof name;
    if (size >= sizeof name || (bracket && end[1] && end[1] != ':'))
        return false;
    memcpy(name, host, size);
    name[size] = '\0';
    if (!bracket && !strcasecmp(name, "localhost"))
        return true;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST}, *found = NULL;
    if (getaddrinfo(name + bracket, NULL, &hints, &found))
        return false;
    bool loopback = odd_http_is_loopback(found->ai_addr);
    freeaddrinfo(found);
    return loopback;
}
