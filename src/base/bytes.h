/* base/bytes.h: a growable run of bytes, and a borrowed one. */
#ifndef ODD_BASE_BYTES_H
#define ODD_BASE_BYTES_H

#include <stddef.h>

/* Owned bytes; {0} is empty. data is NULL until something was reserved. */
typedef struct odd_bytes {
    char *data;
    size_t size, capacity;
} odd_bytes;

/* Borrowed text, not NUL-terminated; whoever hands it out says how long it lives. */
typedef struct odd_span {
    const char *data;
    size_t size;
} odd_span;

/* Makes room for extra bytes after size; the capacity at least doubles when it has to grow, so
 * that appending stays linear. 0, or ODDROW_ENOMEM with b untouched. */
int odd_bytes_reserve(odd_bytes *b, size_t extra);

/* Appends size bytes. 0 or ODDROW_ENOMEM, b untouched then. */
int odd_bytes_add(odd_bytes *b, const void *data, size_t size);

/* Appends as printf would print; a NUL follows that size does not count. 0, ODDROW_ENOMEM, or
 * ODDROW_EINVAL when the C library refuses the format; b is untouched then. */
int odd_bytes_print(odd_bytes *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Frees the bytes and leaves {0}. NULL is fine. */
void odd_bytes_free(odd_bytes *b);

#endif
