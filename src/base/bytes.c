/* base/bytes.c: see bytes.h. */
#include "base/bytes.h"

#include "base/memory.h"
#include "oddrow.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int odd_bytes_reserve(odd_bytes *b, size_t extra)
{
    if (extra <= b->capacity - b->size)
        return 0;
    if (extra > PTRDIFF_MAX - b->size)
        return ODDROW_ENOMEM;
    size_t wanted = b->size + extra;
    size_t doubled = b->capacity < PTRDIFF_MAX / 2 ? 2 * b->capacity : wanted;
    size_t capacity = wanted > doubled ? wanted : doubled;
    if (capacity < 64)
        capacity = 64;
    char *data = odd_resize(b->data, b->size, capacity, 1);
    if (!data)
        return ODDROW_ENOMEM;
    b->data = data;
    b->capacity = capacity;
    return 0;
}

int odd_bytes_add(odd_bytes *b, const void *data, size_t size)
{
    if (odd_bytes_reserve(b, size))
        return ODDROW_ENOMEM;
    if (size)
        memcpy(b->data + b->size, data, size);
    b->size += size;
    return 0;
}

int odd_bytes_print(odd_bytes *b, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int size = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (size < 0)
        return ODDROW_EINVAL;
    if (odd_bytes_reserve(b, (size_t)size + 1))
        return ODDROW_ENOMEM;
    va_start(list, format);
    vsnprintf(b->data + b->size, (size_t)size + 1, format, list);
    va_end(list);
    b->size += (size_t)size;
    return 0;
}

void odd_bytes_free(odd_bytes *b)
{
    if (!b)
        return;
    odd_free(b->data);
    *b = (odd_bytes){0};
}
