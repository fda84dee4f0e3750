/* base/arena.c: blocks one behind the other, filled in turn. */
#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"

enum { BLOCK = 16 * 1024 };

struct odd_arena_block {
    struct odd_arena_block *next;
    size_t used, size;
    _Alignas(16) char data[];
};

/* A block with room for size bytes behind the current one. */
static bool add_block(odd_arena *a, size_t size)
{
    size_t room = size > BLOCK ? size : BLOCK;
    struct odd_arena_block *b = odd_alloc(1, sizeof *b + room);
    if (!b)
        return false;
    b->size = room;
    if (a->current) {
        b->next = a->current->next;
        a->current->next = b;
    } else {
        a->first = b;
    }
    a->current = b;
    a->total += sizeof *b + room;
    return true;
}

void *odd_arena_take(odd_arena *a, size_t size)
{
    if (size > PTRDIFF_MAX / 2)
        return NULL;
    size = (size + 15) / 16 * 16;
    while (!a->current || a->current->size - a->current->used < size) {
        if (a->current && a->current->next && a->current->next->size >= size)
            a->current = a->current->next;
        else if (!add_block(a, size))
            return NULL;
    }
    void *p = a->current->data + a->current->used;
    a->current->used += size;
    return p;
}

char *odd_arena_copy(odd_arena *a, const char *data, size_t size)
{
    char *copy = size < PTRDIFF_MAX ? odd_arena_take(a, size + 1) : NULL;
    if (!copy)
        return NULL;
    if (size)
        memcpy(copy, data, size);
    copy[size] = 0;
    return copy;
}

void odd_arena_rewind(odd_arena *a)
{
    for (struct odd_arena_block *b = a->first; b; b = b->next)
        b->used = 0;
    a->current = a->first;
}

void odd_arena_free(odd_arena *a)
{
    if (!a)
        return;
    if (!a)
        return;
    for (struct odd_arena_block *b = a->first, *next; b; b = next) {
        next = b->next;
        odd_free(b);
    }
    *a = (odd_arena){0};
}
