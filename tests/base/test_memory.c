/* Memory: alignment, zeroes, overflow, failures on demand. */
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void gives_aligned_zeroes(void **state)
{
    (void)state;
    for (size_t n = 0; n < 300; n++) {
        unsigned char *p = odd_alloc(n, 3);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (size_t i = 0; i < 3 * n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, 3 * n);
        odd_free(p);
    }
    odd_free(NULL);
}

static void resizes_and_zeroes_the_rest(void **state)
{
    (void)state;
    uint32_t *p = odd_resize(NULL, 0, 10, sizeof *p);
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(p[i], 0);
        p[i] = i + 1;
    }
    p = odd_resize(p, 10, 1000, sizeof *p);
    assert_int_equal((uintptr_t)p % 64, 0);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(p[i], i < 10 ? i + 1 : 0);
    p = odd_resize(p, 1000, 5, sizeof *p);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(p[i], i + 1);
    odd_free(p);
}

static void refuses_overflow(void **state)
{
    (void)state;
    size_t half = SIZE_MAX / 2 + 1;
    assert_null(odd_alloc(half, 2));
    assert_null(odd_alloc(SIZE_MAX, 1));
    char *p = odd_alloc(4, 1);
    p[3] = 'x';
    assert_null(odd_resize(p, 4, half, 2));
    assert_int_equal(p[3], 'x');
    odd_free(p);
}

static void grows_in_proportion(void **state)
{
    (void)state;
    uint32_t *items = NULL;
    size_t capacity = 0, moves = 0;
    for (size_t count = 0; count < 10000; count++) {
        uint32_t *before = items;
        assert_int_equal(odd_grow(&items, &capacity, count + 1, sizeof *items, NULL), 0);
        moves += items != before;
        assert_in_range(capacity, count + 1, 2 * count + 64);
        assert_int_equal(items[capacity - 1], 0);
        items[count] = (uint32_t)count;
    }
    assert_in_range(moves, 1, 12);
    assert_int_equal(odd_grow(&items, &capacity, 50000, sizeof *items, NULL), 0);
    assert_int_equal(capacity, 100000);
    for (size_t i = 0; i < 50000; i++)
        assert_int_equal(items[i], i < 10000 ? i : 0);
    uint32_t *before = items;
    oddrow_error err = {0};
    assert_int_equal(odd_grow(&items, &capacity, SIZE_MAX / 2, sizeof *items, &err), ODDROW_ENOMEM);
    assert_string_equal(err.message, "out of memory");
    assert_ptr_equal(items, before);
    assert_int_equal(capacity, 100000);
    odd_free(items);
}

static void copies_text(void **state)
{
    (void)state;
    char *p = odd_copy("hello", 3);
    assert_string_equal(p, "hel");
    odd_free(p);
    p = odd_copy(NULL, 0);
    assert_string_equal(p, "");
    odd_free(p);
}

static bool fail_large(void *context, size_t size)
{
    ++*(int *)context;
    return size > 100;
}

static void fails_when_told(void **state)
{
    (void)state;
    int calls = 0;
    odd_memory_hook(fail_large, &calls);
    void *small = odd_alloc(100, 1);
    assert_non_null(small);
    assert_null(odd_alloc(101, 1));
    assert_null(odd_resize(small, 100, 200, 1));
    odd_memory_hook(NULL, NULL);
    assert_int_equal(calls, 3);
    odd_free(small);
    void *large = odd_alloc(101, 1);
    assert_non_null(large);
    odd_free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_aligned_zeroes), cmocka_unit_test(resizes_and_zeroes_the_rest),
        cmocka_unit_test(refuses_overflow),     cmocka_unit_test(copies_text),
        cmocka_unit_test(fails_when_told),      cmocka_unit_test(grows_in_proportion)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
