/* wire/frame.c: messages of several frames in and out, names of topics. */
#include "wire/frame.h"

#include <errno.h>
#include <string.h>

const char *odd_topic_name(odd_topic topic)
{
    static const char *const names[ODD_TOPICS] = {"odd", "score", "reject", "drift", "status"};
    return (unsigned)topic < ODD_TOPICS ? names[topic] : "?";
}

int odd_frames_receive(void *socket, zmq_msg_t *frames, size_t most)
{
    size_t count = 0;
    for (size_t i = 0; i < most; i++)
        zmq_msg_init(&frames[i]);
    for (int more = 1; more; count++) {
        zmq_msg_t extra, *frame = count < most ? &frames[count] : &extra;
        int got;
        zmq_msg_init(&extra);
        do
            got = zmq_msg_recv(frame, socket, ZMQ_DONTWAIT);
        while (got < 0 && errno == EINTR);
        more = got >= 0 && zmq_msg_more(frame);
        zmq_msg_close(&extra);
        if (got < 0) /* before a message only: its frames arrive together */
            return errno == EAGAIN ? 0 : -1;
    }
    return (int)count;
}

void odd_frames_close(zmq_msg_t *frames, size_t count)
{
    for (size_t i = 0; i < count; i++)
        zmq_msg_close(&frames[i]);
}

odd_span odd_frame_span(zmq_msg_t *frame)
{
    return (odd_span){zmq_msg_data(frame), zmq_msg_size(frame)};
}

int odd_frames_send(void *socket, const odd_span *frames, size_t count, bool more)
{
    for (size_t i = 0; i < count; i++) {
        int flags = ZMQ_DONTWAIT | (more || i + 1 < count ? ZMQ_SNDMORE : 0), sent;
        do
            sent = zmq_send(socket, frames[i].data, frames[i].size, flags);
        while (sent < 0 && errno == EINTR);
        if (sent < 0)
            return -1;
    }
    return 0;
}

int odd_feed_send(void *socket, odd_topic topic, uint64_t sequence, odd_span json, bool more)
{
    unsigned char number[8];
    const char *name = odd_topic_name(topic);
    const odd_span frames[] = {{name, strlen(name)}, {(const char *)number, sizeof number}, json};
    odd_put(number, sizeof number, sequence);
    return odd_frames_send(socket, frames, 3, more);
}
