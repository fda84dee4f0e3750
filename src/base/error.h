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

/* Puts text in front of the message that is already in err, which may be NULL, and returns code. A
 * code of 0 leaves err alone, so that `return odd_prefix(err, read(…), "%s: ", path)` reads as one
 * thing. */
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
