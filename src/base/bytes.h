/* base/bytes.h: a growable run of bytes, and a borrowed one. */
#ifndef ODD_BASE_BYTES_H
#define ODD_BASE_BYTES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "oddrow.h"

/* Owned bytes; {0} is empty. data is NULL until something was reserved.
 *
 * The error is sticky: when memory runs out, `failed` is set, the bytes stay as they are, and all
 * further appends do nothing. So a writer appends without looking at results and asks
 * odd_bytes_check once at the end. odd_bytes_clear and odd_bytes_free reset the flag. */
typedef struct odd_bytes {
    char *data;
    size_t size, capacity;
    bool failed;
} odd_bytes;

/* Borrowed text, not NUL-terminated; whoever hands it out says how long it lives. */
typedef struct odd_span {
    const char *data;
    size_t size;
} odd_span;

/* Makes room for extra bytes after size; the capacity at least doubles when it has to grow, so
 * that appending stays linear. 0, or ODDROW_ENOMEM: for callers that write to data themselves. */
int odd_bytes_reserve(odd_bytes *b, size_t extra);

/* Appends size bytes. */
void odd_bytes_add(odd_bytes *b, const void *data, size_t size);

/* Appends as printf would print; a NUL follows that size does not count. */
void odd_bytes_print(odd_bytes *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same with its arguments as a list. */
void odd_bytes_print_list(odd_bytes *b, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* Appends a whole number, and a number as odd_number_format writes it. */
void odd_bytes_whole(odd_bytes *b, uint64_t value);
void odd_bytes_number(odd_bytes *b, double value);

/* Appends a character, a NUL-terminated text, a span. */
static inline void odd_bytes_char(odd_bytes *b, char c)
{
    odd_bytes_add(b, &c, 1);
}

static inline void odd_bytes_text(odd_bytes *b, const char *text)
{
    odd_bytes_add(b, text, strlen(text));
}

static inline void odd_bytes_span(odd_bytes *b, odd_span span)
{
    odd_bytes_add(b, span.data, span.size);
}

/* 0 when every append so far succeeded, otherwise ODDROW_ENOMEM with "out of memory" in err. */
int odd_bytes_check(const odd_bytes *b, oddrow_error *err);

/* Empties the bytes and keeps their memory, for the next use. The flag goes too: check first. */
static inline void odd_bytes_clear(odd_bytes *b)
{
    b->size = 0;
    b->failed = false;
}

/* Frees the bytes and leaves {0}. NULL is fine. */
void odd_bytes_free(odd_bytes *b);

#endif
