/* Arenas: pieces that stay where they are, and blocks that serve again. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

static void pieces_stay(void **state)
{
    (void)state;
    enum { PIECES = 3000 };
    static char *pieces[PIECES];
    odd_arena a = {0};
    for (int round = 0; round < 2; round++) {
        size_t total = a.total;
        for (size_t i = 0; i < PIECES; i++) {
            size_t size = i % 100 == 0 ? 20000 : i % 40;
            pieces[i] = odd_arena_take(&a, size);
            assert_non_null(pieces[i]);
            assert_int_equal((uintptr_t)pieces[i] % 16, 0);
            memset(pieces[i], (int)i, size);
        }
        for (size_t i = 0; i < PIECES; i++)
            for (size_t j = 0; j < (i % 100 == 0 ? 20000 : i % 40); j++)
                assert_int_equal(pieces[i][j], (char)i);
        if (round == 1)
            assert_int_equal(a.total, total);
        odd_arena_rewind(&a);
    }
    odd_arena_free(&a);
    assert_true(!a.first && !a.current && !a.total);
    odd_arena_free(&a);
    odd_arena_free(NULL);
}

static void copies_end_in_nul(void **state)
{
    (void)state;
    odd_arena a = {0};
    assert_string_equal(odd_arena_copy(&a, "text and more", 4), "text");
    assert_string_equal(odd_arena_copy(&a, NULL, 0), "");
    odd_arena_free(&a);
}

static bool always(void *context, size_t size)
{
    (void)context;
    (void)size;
    return true;
}

static void no_memory_is_null(void **state)
{
    (void)state;
    odd_arena a = {0};
    assert_null(odd_arena_take(&a, SIZE_MAX));
    assert_null(odd_arena_copy(&a, "x", SIZE_MAX));
    odd_memory_hook(always, NULL);
    assert_null(odd_arena_take(&a, 1));
    assert_null(odd_arena_copy(&a, "x", 1));
    odd_memory_hook(NULL, NULL);
    assert_non_null(odd_arena_take(&a, 1));
    odd_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pieces_stay),
                                       cmocka_unit_test(copies_end_in_nul),
                                       cmocka_unit_test(no_memory_is_null)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
