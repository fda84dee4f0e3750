/* wire/endpoint.h: sockets and their addresses. */
#ifndef ODD_WIRE_ENDPOINT_H
#define ODD_WIRE_ENDPOINT_H

#include <stdbool.h>

#include "oddrow.h"

enum { ODD_ENDPOINT_SIZE = 256 };

/* A ZeroMQ context, to be freed once all its sockets are closed. 0 or ODDROW_EIO. */
int odd_context_new(void **out, oddrow_error *err);
void odd_context_free(void **context);
void odd_socket_close(void **socket);

/* Whether only this machine reaches the endpoint: ipc://, and tcp:// on 127.0.0.0/8, [::1] or
 * localhost; not names of interfaces, and not *. ODDROW_EINVAL: not an endpoint that oddrow serves
 * (tcp://HOST:PORT or ipc://PATH). */
int odd_endpoint_check(const char *endpoint, bool *local, oddrow_error *err);

/* Binds, and writes the address to `bound`, with the port that a wildcard became. Allows IPv6 when
 * the address is of IPv6. ODDROW_EIO with the endpoint and the reason. */
int odd_endpoint_bind(void *socket, const char *endpoint, char bound[ODD_ENDPOINT_SIZE],
                      oddrow_error *err);

/* Connects (which does not wait for the other side). ODDROW_EINVAL with the endpoint. */
int odd_endpoint_connect(void *socket, const char *endpoint, oddrow_error *err);

#endif
