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

/* Big-endian. */
static inline void odd_put64(unsigned char out[8], uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8)
        out[i] = (unsigned char)value;
}

static inline uint64_t odd_get64(const void *bytes)
{
    const unsigned char *b = bytes;
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | b[i];
    return value;
}

static inline uint32_t odd_get32(const void *bytes)
{
    const unsigned char *b = bytes;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static inline void odd_put32(unsigned char out[4], uint32_t value)
{
    for (int i = 3; i >= 0; i--, value >>= 8)
        out[i] = (unsigned char)value;
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

#endif
