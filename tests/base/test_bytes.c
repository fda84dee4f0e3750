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
        odd_bytes_print(&b, "%d,", i);
    assert_int_equal(odd_bytes_check(&b, NULL), 0);
    odd_bytes_add(&b, "end", 3);
    assert_int_equal(odd_bytes_check(&b, NULL), 0);
    odd_bytes_add(&b, NULL, 0);
    assert_int_equal(odd_bytes_check(&b, NULL), 0);
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

static void fails_once_for_all(void **state)
{
    (void)state;
    oddrow_error err = {0};
    odd_bytes b = {0};
    odd_bytes_text(&b, "abc");
    odd_memory_hook(always, NULL);
    char big[200] = {0};
    odd_bytes_add(&b, big, sizeof big);
    odd_memory_hook(NULL, NULL);
    /* There is memory again, and room for these, but a hole in the text would be worse. */
    odd_bytes_char(&b, 'd');
    odd_bytes_print(&b, "%d", 1);
    odd_bytes_whole(&b, 7);
    odd_bytes_number(&b, 0.5);
    odd_bytes_span(&b, (odd_span){"x", 1});
    odd_bytes_text(&b, "y");
    assert_int_equal(odd_bytes_reserve(&b, 1), ODDROW_ENOMEM);
    assert_int_equal(odd_bytes_check(&b, &err), ODDROW_ENOMEM);
    assert_string_equal(err.message, "out of memory");
    assert_int_equal(odd_bytes_check(&b, NULL), ODDROW_ENOMEM);
    assert_int_equal(b.size, 3);
    assert_memory_equal(b.data, "abc", 3);
    odd_bytes_clear(&b);
    odd_bytes_text(&b, "again");
    assert_int_equal(odd_bytes_check(&b, NULL), 0);
    assert_memory_equal(b.data, "again", b.size);
    odd_bytes_free(&b);
}

static void fails_whatever_asks(void **state)
{
    (void)state;
    odd_bytes b = {0};
    assert_int_equal(odd_bytes_reserve(&b, SIZE_MAX), ODDROW_ENOMEM);
    assert_int_equal(odd_bytes_check(&b, NULL), ODDROW_ENOMEM);
    odd_bytes_free(&b);
    assert_int_equal(odd_bytes_check(&b, NULL), 0);
    odd_memory_hook(always, NULL);
    odd_bytes_print(&b, "%200d", 1);
    odd_memory_hook(NULL, NULL);
    assert_int_equal(odd_bytes_check(&b, NULL), ODDROW_ENOMEM);
    odd_bytes_free(&b);
}

static void appends_values(void **state)
{
    (void)state;
    odd_bytes b = {0};
    odd_bytes_whole(&b, 0);
    odd_bytes_char(&b, ' ');
    odd_bytes_whole(&b, UINT64_MAX);
    odd_bytes_text(&b, " ");
    odd_bytes_number(&b, -0.125);
    odd_bytes_span(&b, (odd_span){" end", 3});
    odd_bytes_char(&b, '\0');
    assert_string_equal(b.data, "0 18446744073709551615 -0.125 en");
    odd_bytes_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends),
        cmocka_unit_test(fails_once_for_all),
        cmocka_unit_test(fails_whatever_asks),
        cmocka_unit_test(appends_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
