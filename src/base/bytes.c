/* base/bytes.c: bytes that grow, with an error that stays. */
#include "base/bytes.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"

#include <stdarg.h>
#include <stdio.h>

/* Sets the flag. Apart and cold, so that appending stays short. */
static __attribute__((cold)) int fail(odd_bytes *b)
{
    b->failed = true;
    return ODDROW_ENOMEM;
}

int odd_bytes_reserve(odd_bytes *b, size_t extra)
{
    if (b->failed)
        return ODDROW_ENOMEM;
    if (extra <= b->capacity - b->size)
        return 0;
    if (extra > PTRDIFF_MAX - b->size)
        return fail(b);
    size_t wanted = b->size + extra;
    size_t doubled = b->capacity < PTRDIFF_MAX / 2 ? 2 * b->capacity : wanted;
    size_t capacity = wanted > doubled ? wanted : doubled;
    if (capacity < 64)
        capacity = 64;
    char *data = odd_resize(b->data, b->size, capacity, 1);
    if (!data)
        return fail(b);
    b->data = data;
    b->capacity = capacity;
    return 0;
}

void odd_bytes_add(odd_bytes *b, const void *data, size_t size)
{
    if (odd_bytes_reserve(b, size))
        return;
    if (size)
        memcpy(b->data + b->size, data, size);
    b->size += size;
}

void odd_bytes_print_list(odd_bytes *b, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (odd_bytes_reserve(b, size < 0 ? SIZE_MAX : (size_t)size + 1))
        return;
    vsnprintf(b->data + b->size, (size_t)size + 1, format, arguments);
    b->size += (size_t)size;
}

void odd_bytes_print(odd_bytes *b, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    odd_bytes_print_list(b, format, arguments);
    va_end(arguments);
}

void odd_bytes_whole(odd_bytes *b, uint64_t value)
{
    char text[ODD_NUMBER_SIZE];
    odd_bytes_add(b, text, odd_whole_format(text, value));
}

void odd_bytes_number(odd_bytes *b, double value)
{
    char text[ODD_NUMBER_SIZE];
    odd_bytes_add(b, text, odd_number_format(text, value));
}

int odd_bytes_check(const odd_bytes *b, oddrow_error *err)
{
    return b->failed ? odd_no_memory(err) : 0;
}

void odd_bytes_free(odd_bytes *b)
{
    if (!b)
        return;
    odd_free(b->data);
    *b = (odd_bytes){0};
}
