/* Growable bytes. */
#include "base/bytes.h"

#include "base/memory.h"
#include "oddrow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void appends(void **state)
{
    (void)state;
    odd_bytes b = {0};
    for (int i = 0; i < 1000; i++)
        assert_int_equal(odd_bytes_print(&b, "%d,", i), 0);
    assert_int_equal(odd_bytes_add(&b, "end", 3), 0);
    assert_int_equal(odd_bytes_add(&b, NULL, 0), 0);
    assert_int_equal(b.size, 10 * 2 + 90 * 3 + 900 * 4 + 3);
    assert_memory_equal(b.data, "0,1,2,", 6);
    assert_memory_equal(b.data + b.size - 7, "999,end", 7);
    odd_bytes_free(&b);
    assert_null(b.data);
    assert_int_equal(b.size + b.capacity, 0);
    odd_bytes_free(NULL);
}

static bool always(void *context, size_t size)
{
    (void)context;
    (void)size;
    return true;
}

static void stays_whole_without_memory(void **state)
{
    (void)state;
    odd_bytes b = {0};
    odd_bytes_add(&b, "abc", 3);
    odd_memory_hook(always, NULL);
    assert_int_equal(odd_bytes_reserve(&b, 10000), ODDROW_ENOMEM);
    char big[200] = {0};
    assert_int_equal(odd_bytes_add(&b, big, sizeof big), ODDROW_ENOMEM);
    assert_int_equal(odd_bytes_print(&b, "%200d", 1), ODDROW_ENOMEM);
    odd_memory_hook(NULL, NULL);
    assert_int_equal(odd_bytes_reserve(&b, SIZE_MAX), ODDROW_ENOMEM);
    assert_int_equal(b.size, 3);
    assert_memory_equal(b.data, "abc", 3);
    odd_bytes_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(appends),
                                       cmocka_unit_test(stays_whole_without_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
