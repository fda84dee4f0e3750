/* base/arena.h: many small pieces of memory that go all at once. */
#ifndef ODD_BASE_ARENA_H
#define ODD_BASE_ARENA_H

#include <stddef.h>

/* Memory in blocks that do not move, given back all at once. {0} is empty. */
typedef struct odd_arena {
    struct odd_arena_block *first, *current;
    size_t total; /* bytes of all blocks */
} odd_arena;

/* size bytes aligned to 16; NULL: no memory. */
void *odd_arena_take(odd_arena *a, size_t size);

/* A copy with a NUL behind it; NULL: no memory. */
char *odd_arena_copy(odd_arena *a, const char *data, size_t size);

/* Takes everything back and keeps the blocks. */
void odd_arena_rewind(odd_arena *a);

/* Frees the blocks and leaves {0}. NULL is fine. */
void odd_arena_free(odd_arena *a);

#endif
