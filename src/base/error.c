/* base/error.c: messages written, and prefixed, without ever leaving their buffer. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifdef __clang_analyzer__
#undef odd_fail
#endif

int odd_fail(oddrow_error *err, int code, const char *format, ...)
{
    if (err) {
        va_list list;
        va_start(list, format);
        vsnprintf(err->message, sizeof err->message, format, list);
        va_end(list);
        err->code = code;
    }
    return code;
}

int odd_prefix(oddrow_error *err, int code, const char *format, ...)
{
    if (!err || !code)
        return code;
    char text[sizeof err->message];
    va_list list;
    va_start(list, format);
    int wanted = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (wanted <= 0)
        return code;
    size_t front = strlen(text);
    size_t rest = strnlen(err->message, sizeof err->message - 1);
    if (rest > sizeof err->message - 1 - front)
        rest = sizeof err->message - 1 - front;
    memmove(err->message + front, err->message, rest);
    memcpy(err->message, text, front);
    err->message[front + rest] = 0;
    return code;
}
