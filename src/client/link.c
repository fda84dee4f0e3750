/* client/link.c: a client's socket, opened and used. */
#include "client/link.h"

#include "base/error.h"
#include "wire/keys.h"

#include <errno.h>

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
    int rc = odd_keys_read(directory, &keys, err);
    if (!rc)
        rc = odd_prefix(err, odd_keys_apply(&keys, false, socket, err), "%s: ", directory);
    odd_keys_wipe(&keys);
    return rc;
}

int odd_link_open(void *context, int type, const odd_link_options *options, odd_link *out,
                  oddrow_error *err)
{
    int rc;
    *out = (odd_link){zmq_socket(context, type), options->endpoint};
    if (!out->socket)
        return odd_fail(err, ODDROW_EINVAL, "cannot make a socket: %s", zmq_strerror(errno));
    if ((rc = set_options(out->socket, err)) ||
        (options->keys && (rc = set_keys(out->socket, options->keys, err))) ||
        (rc = odd_endpoint_connect(out->socket, options->endpoint, err)))
        odd_link_close(out);
    return rc;
}

void odd_link_close(odd_link *link)
{
    odd_socket_close(&link->socket);
}

int odd_link_send(const odd_link *link, const odd_span *frames, size_t count, oddrow_error *err)
{
    if (!odd_frames_send(link->socket, frames, count, false))
        return 1;
    return errno == EAGAIN ? 0 : odd_link_fail(link, "send", err);
}

int odd_link_receive(const odd_link *link, zmq_msg_t *frames, size_t most, oddrow_error *err)
{
    int count = odd_frames_receive(link->socket, frames, most);
    return count < 0 ? odd_link_fail(link, "receive", err) : count;
}

int odd_link_fail(const odd_link *link, const char *what, oddrow_error *err)
{
    return odd_fail(err, ODDROW_EIO, "%s: cannot %s: %s", link->endpoint, what,
                    zmq_strerror(errno));
}

void odd_link_excerpt(odd_span text, char out[ODD_EXCERPT_MAX + 1])
{
    size_t size = text.size < ODD_EXCERPT_MAX ? text.size : ODD_EXCERPT_MAX;
    for (size_t i = 0; i < size; i++)
        out[i] = text.data[i] < ' ' || text.data[i] == 127 ? '?' : text.data[i];
    out[size] = '\0';
}
