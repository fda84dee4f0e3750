/* wire/endpoint.h: sockets and their addresses. */
#ifndef ODD_WIRE_ENDPOINT_H
#define ODD_WIRE_ENDPOINT_H

#include <stdbool.h>

#include "oddrow.h"

enum { ODD_ENDPOINT_SIZE = 256 };

/* A ZeroMQ context, freed once all its sockets are closed. 0 or ODDROW_EIO. NULL-safe and nulling,
 * as is the next. */
int odd_context_new(void **out, oddrow_error *err);
void odd_context_free(void **context);
void odd_socket_close(void **socket);

/* Whether only this machine reaches the endpoint: ipc://, tcp:// on 127.0.0.0/8, [::1] or
 * localhost. Anything else, interface names and * among it, is not. ODDROW_EINVAL: not an endpoint
 * that oddrow serves (tcp://HOST:PORT or ipc://PATH). */
int odd_endpoint_check(const char *endpoint, bool *local, oddrow_error *err);

/* Binds; writes the address bound (a wildcard port resolved) to `bound`. Allows IPv6 where the
 * address is one. ODDROW_EIO with the endpoint and the reason. */
int odd_endpoint_bind(void *socket, const char *endpoint, char bound[ODD_ENDPOINT_SIZE],
                      oddrow_error *err);

/* Connects (which does not wait for the other side). ODDROW_EINVAL with the endpoint. */
int odd_endpoint_connect(void *socket, const char *endpoint, oddrow_error *err);

#endif
