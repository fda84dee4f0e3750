/* http/address.h: HOST:PORT taken apart and put together. */
#ifndef ODD_HTTP_ADDRESS_H
#define ODD_HTTP_ADDRESS_H

#include <netdb.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "oddrow.h"

enum { ODD_HTTP_HOST_SIZE = 256, ODD_HTTP_ADDRESS_SIZE = ODD_HTTP_HOST_SIZE + 10 };

/* The addresses of HOST:PORT or [IPv6]:PORT; port * is 0. passive: to bind to, where host * is all
 * of IPv4. The caller frees them with freeaddrinfo. ODDROW_EINVAL: no such form or port;
 * ODDROW_EIO: the name is not found. Both messages name the address. */
int odd_http_resolve(const char *address, bool passive, struct addrinfo **out, oddrow_error *err);

/* Whether only this machine reaches the address: 127.0.0.0/8, also mapped into IPv6, and ::1. */
bool odd_http_is_loopback(const struct sockaddr *address);

/* Writes "127.0.0.1:5580" or "[::1]:5580"; "?" for what is no IP address. */
void odd_http_print_address(const struct sockaddr *address, socklen_t size,
                            char out[ODD_HTTP_ADDRESS_SIZE]);

/* Whether a Host header names this machine's loopback: localhost, 127.0.0.0/8 or [::1], with or
 * without a port. */
bool odd_http_host_is_loopback(const char *host);

#endif
