/* wire/frame.c: see frame.h. */
#include "wire/frame.h"

const char *odd_topic_name(odd_topic topic)
{
    static const char *const names[ODD_TOPICS] = {"odd", "score", "reject", "drift", "status"};
    return (unsigned)topic < ODD_TOPICS ? names[topic] : "?";
}
