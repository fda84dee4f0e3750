/* The clock goes forward, at about the right speed. */
#include "base/clock.h"

#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void goes_forward(void **state)
{
    (void)state;
    double start = odd_clock(), last = start;
    for (int i = 0; i < 1000; i++) {
        double now = odd_clock();
        assert_true(now >= last);
        last = now;
    }
    usleep(20000);
    assert_true(odd_clock() - start >= 0.02);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(goes_forward)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
