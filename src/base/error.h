/* base/error.h: writing the one error message. The lowest level that knows what went wrong writes
 * it; callers may put where it happened in front. */
#ifndef ODD_BASE_ERROR_H
#define ODD_BASE_ERROR_H

#include "oddrow.h"

/* Writes code and message (cut at the buffer's end) into err, which may be NULL. Returns code, so
 * that `return odd_fail(err, ODDROW_EIO, "…")` reads as one thing. Any thread; err is the caller's.
 */
int odd_fail(oddrow_error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4), cold));

/* Puts text in front of the message that is already in err (NULL allowed). Returns err->code, or
 * ODDROW_EINVAL when err is NULL: callers that pass NULL keep the code they have. */
int odd_prefix(oddrow_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3), cold));

#ifdef __clang_analyzer__
/* The analyzer does not see that the result is the code. */
#define odd_fail(err, code, ...) (odd_fail((err), (code), __VA_ARGS__), (code))
#endif

/* The message that every failed allocation gets. Returns ODDROW_ENOMEM. */
static inline int odd_no_memory(oddrow_error *err)
{
    return odd_fail(err, ODDROW_ENOMEM, "out of memory");
}

#endif
