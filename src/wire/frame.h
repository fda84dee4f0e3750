/* wire/frame.h: the small frames: numbers of 8 and 4 bytes, topics, limits. */
#ifndef ODD_WIRE_FRAME_H
#define ODD_WIRE_FRAME_H

#include <stddef.h>
#include <stdint.h>

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

#endif
