/* base/memory.c: aligned blocks, zeroed, with a hook that makes them fail. */
#include "base/memory.h"

#include "base/error.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

/* The library's only mutable globals, and only tests ever set them. */
static bool (*_Atomic hook)(void *context, size_t size);
static void *_Atomic hook_context;

static void *take(size_t bytes)
{
    bool (*fail)(void *, size_t) = atomic_load_explicit(&hook, memory_order_acquire);
    if (fail && fail(atomic_load_explicit(&hook_context, memory_order_relaxed), bytes))
        return NULL;
    if (bytes > PTRDIFF_MAX - ALIGNMENT)
        return NULL;
    size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return aligned_alloc(ALIGNMENT, rounded ? rounded : ALIGNMENT);
}

void *odd_alloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    void *p = take(bytes);
    if (p)
        memset(p, 0, bytes);
    return p;
}

void *odd_resize(void *p, size_t old_count, size_t new_count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(new_count, size, &bytes))
        return NULL;
    /* realloc would not keep the alignment. */
    char *fresh = take(bytes);
    if (!fresh)
        return NULL;
    size_t kept = old_count < new_count ? old_count * size : bytes;
    if (p && kept)
        memcpy(fresh, p, kept);
    else
        kept = 0;
    memset(fresh + kept, 0, bytes - kept);
    odd_free(p);
    return fresh;
}

int odd_grow_now(void *items, size_t *capacity, size_t wanted, size_t size, oddrow_error *err)
{
    enum { FIRST = 64 };
    size_t next = wanted < FIRST / 2 ? FIRST : wanted <= SIZE_MAX / 2 ? 2 * wanted : wanted;
    void *old;
    memcpy(&old, items, sizeof old);
    void *fresh = odd_resize(old, *capacity, next, size);
    if (!fresh)
        return odd_no_memory(err);
    memcpy(items, &fresh, sizeof fresh);
    *capacity = next;
    return 0;
}

void odd_free(void *p)
{
    free(p);
}

void *odd_zlib_alloc(void *context, unsigned count, unsigned size)
{
    (void)context;
    return odd_alloc(count, size);
}

void odd_zlib_free(void *context, void *p)
{
    (void)context;
    free(p);
}

char *odd_copy(const char *text, size_t size)
{
    if (size == SIZE_MAX)
        return NULL;
    char *copy = take(size + 1);
    if (!copy)
        return NULL;
    if (size)
        memcpy(copy, text, size);
    copy[size] = 0;
    return copy;
}

void odd_memory_hook(bool (*fail)(void *context, size_t size), void *context)
{
    atomic_store_explicit(&hook, NULL, memory_order_release);
    atomic_store_explicit(&hook_context, context, memory_order_relaxed);
    atomic_store_explicit(&hook, fail, memory_order_release);
}
