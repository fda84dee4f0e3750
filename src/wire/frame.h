/* wire/frame.h: messages of several frames, and the small frames: numbers of 8 and 4 bytes, topics,
 * limits. */
#ifndef ODD_WIRE_FRAME_H
#define ODD_WIRE_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#include "base/bytes.h"

enum { ODD_CLIENT_NAME_MAX = 255, ODD_REPLAY_DEFAULT = 1000, ODD_EXCERPT_MAX = 200 };

typedef enum {
    ODD_TOPIC_ODD,
    ODD_TOPIC_SCORE,
    ODD_TOPIC_REJECT,
    ODD_TOPIC_DRIFT,
    ODD_TOPIC_STATUS,
    ODD_TOPICS
} odd_topic;

/* "odd", "score", "reject", "drift", "status". */
const char *odd_topic_name(odd_topic topic);

/* Numbers of `size` bytes, big-endian. */
static inline void odd_put(unsigned char *out, size_t size, uint64_t value)
{
    for (; size; value >>= 8)
        out[--size] = (unsigned char)value;
}

static inline uint64_t odd_get(const void *bytes, size_t size)
{
    const unsigned char *b = bytes;
    uint64_t value = 0;
    while (size--)
        value = value << 8 | *b++;
    return value;
}

/* Receives one whole message without waiting. Keeps its first `most` frames and drops the others.
 * Initialises all of `frames`, and the caller closes them whatever is returned. Returns the number
 * of frames of the message, 0 when there is none, or -1 with errno. */
int odd_frames_receive(void *socket, zmq_msg_t *frames, size_t most);
void odd_frames_close(zmq_msg_t *frames, size_t most);

/* The bytes of a frame, borrowed. */
odd_span odd_frame_span(zmq_msg_t *frame);

/* Sends frames without waiting; the last one ends the message unless there is `more`. 0, or -1 with
 * errno (EAGAIN: the socket takes nothing now). libzmq decides at the first frame of a message
 * whether it can be sent, and takes the others. */
int odd_frames_send(void *socket, const odd_span *frames, size_t count, bool more);

/* Sends [topic][sequence number][JSON], a message of the feed, likewise. */
int odd_feed_send(void *socket, odd_topic topic, uint64_t sequence, odd_span json, bool more);

#endif
