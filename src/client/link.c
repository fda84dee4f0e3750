/* client/link.c: see link.h. */
#include "client/link.h"

#include "base/error.h"
#include "wire/endpoint.h"
#include "wire/keys.h"

#include <errno.h>
#include <zmq.h>

/* Milliseconds. A worker that went away without a word is noticed after HEARTBEAT_TIMEOUT. */
static const struct {
    int name, value;
} settings[] = {
    {ZMQ_LINGER, 0},
    {ZMQ_RECONNECT_IVL, 50},
    {ZMQ_RECONNECT_IVL_MAX, 2000},
    {ZMQ_TCP_KEEPALIVE, 1},
    {ZMQ_HEARTBEAT_IVL, 5000},
    {ZMQ_HEARTBEAT_TIMEOUT, 15000},
    {ZMQ_HANDSHAKE_IVL, 10000},
};

/* Bytes of a frame: more than any worker sends; a hostile one could otherwise fill the memory. */
static const int64_t longest_frame = (int64_t)256 << 20;

static int set_options(void *socket, oddrow_error *err)
{
    if (zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &longest_frame, sizeof longest_frame))
        return odd_fail(err, ODDROW_EINVAL, "cannot bound frames: %s", zmq_strerror(errno));
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (zmq_setsockopt(socket, settings[i].name, &settings[i].value, sizeof(int)))
            return odd_fail(err, ODDROW_EINVAL, "cannot set socket option %d: %s", settings[i].name,
                            zmq_strerror(errno));
    return 0;
}

static int set_keys(void *socket, const char *directory, oddrow_error *err)
{
    odd_keys keys = {0};
    int status = odd_keys_read(directory, &keys, err);
    if (!status)
        status = odd_prefix(err, odd_keys_apply(&keys, false, socket, err), "%s: ", directory);
    odd_keys_wipe(&keys);
    return status;
}

int odd_link_open(void *context, int type, const odd_link_options *options, void **out,
                  oddrow_error *err)
{
    *out = NULL;
    void *socket = zmq_socket(context, type);
    if (!socket)
        return odd_fail(err, ODDROW_EINVAL, "cannot make a socket: %s", zmq_strerror(errno));
    int status = set_options(socket, err);
    if (!status && options->keys)
        status = set_keys(socket, options->keys, err);
    if (!status)
        status = odd_endpoint_connect(socket, options->endpoint, err);
    if (status)
        zmq_close(socket);
    else
        *out = socket;
    return status;
}
