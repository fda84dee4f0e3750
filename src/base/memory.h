/* base/memory.h: every allocation of the library. Blocks are aligned for vector loads; tests can
 * make allocations fail. */
#ifndef ODD_BASE_MEMORY_H
#define ODD_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "oddrow.h"

/* count × size bytes, zeroed, aligned to 64 bytes. NULL when out of memory or when the product
 * overflows. A block of no bytes is a valid pointer. The caller frees it with odd_free. */
void *odd_alloc(size_t count, size_t size) __attribute__((malloc, warn_unused_result));

/* A block of new_count items that begins with the old_count items of p, or as many as fit; the rest
 * is zeroed. A NULL p with old_count 0 allocates. When it returns NULL, p is untouched and still
 * the caller's; otherwise p is gone. */
void *odd_resize(void *p, size_t old_count, size_t new_count, size_t size)
    __attribute__((warn_unused_result));

/* Room for `wanted` items of `size` bytes in the array whose address is *items (a T **) and which
 * has *capacity of them: twice as many as wanted when it has to grow, so that adding stays linear,
 * the new part zeroed. 0, or ODDROW_ENOMEM with "out of memory" in err and everything as it was. */
int odd_grow_now(void *items, size_t *capacity, size_t wanted, size_t size, oddrow_error *err);
static inline int odd_grow(void *items, size_t *capacity, size_t wanted, size_t size,
                           oddrow_error *err)
{
    return wanted <= *capacity ? 0 : odd_grow_now(items, capacity, wanted, size, err);
}

/* Frees what the functions here returned. NULL is fine. */
void odd_free(void *p);

/* A NUL-terminated copy of size bytes; NULL when out of memory. */
char *odd_copy(const char *text, size_t size) __attribute__((malloc, warn_unused_result));

/* The two hooks of zlib, so that its memory is ours too. */
void *odd_zlib_alloc(void *context, unsigned count, unsigned size);
void odd_zlib_free(void *context, void *p);

/* For tests: from now on an allocation of size bytes fails when fail(context, size) is true, until
 * fail is NULL. It holds for the whole process; set it while no other thread allocates. */
void odd_memory_hook(bool (*fail)(void *context, size_t size), void *context);

#endif
