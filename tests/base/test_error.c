/* Errors: messages are written, cut and prefixed. */
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void writes_code_and_message(void **state)
{
    (void)state;
    oddrow_error err;
    assert_int_equal(odd_fail(&err, ODDROW_EIO, "%s: line %d", "a.csv", 7), ODDROW_EIO);
    assert_int_equal(err.code, ODDROW_EIO);
    assert_string_equal(err.message, "a.csv: line 7");
    assert_int_equal(odd_fail(NULL, ODDROW_ENOMEM, "lost"), ODDROW_ENOMEM);
}

static void puts_text_in_front(void **state)
{
    (void)state;
    oddrow_error err;
    odd_fail(&err, ODDROW_EFORMAT, "bad value");
    assert_int_equal(odd_prefix(&err, ODDROW_EFORMAT, "line %d: ", 3), ODDROW_EFORMAT);
    assert_string_equal(err.message, "line 3: bad value");
    assert_int_equal(odd_prefix(&err, 0, "%s", "not written: "), 0);
    assert_string_equal(err.message, "line 3: bad value");
    assert_int_equal(odd_prefix(NULL, ODDROW_ENOMEM, "x"), ODDROW_ENOMEM);
    assert_int_equal(odd_prefix(NULL, 0, "x"), 0);
}

static void cuts_what_does_not_fit(void **state)
{
    (void)state;
    oddrow_error err;
    char big[2000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    odd_fail(&err, ODDROW_EIO, "%s", big);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    odd_prefix(&err, err.code, "front: ");
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    assert_memory_equal(err.message, "front: xxx", 10);
    odd_prefix(&err, err.code, "%s", big);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(writes_code_and_message),
                                       cmocka_unit_test(puts_text_in_front),
                                       cmocka_unit_test(cuts_what_does_not_fit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
