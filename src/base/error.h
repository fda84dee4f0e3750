/* base/error.h: the one error message. The lowest level that knows what went wrong writes it;
 * callers may put in front where it happened. */
#ifndef ODD_BASE_ERROR_H
#define ODD_BASE_ERROR_H

#include "oddrow.h"

/* Writes code and message (cut at the buffer's end) into err, which may be NULL, and returns code:
 * `return odd_fail(err, ODDROW_EIO, "…")`. Any thread. */
int odd_fail(oddrow_error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4), cold));

/* Puts text in front of the message in err, which may be NULL, and returns code. When code is 0 it
 * does nothing: `return odd_prefix(err, read(…), "%s: ", path)`. */
int odd_prefix(oddrow_error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

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
