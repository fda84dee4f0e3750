/* Sorting: the same numbers, none before a smaller one. */
#include "base/sort.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void sorts_what_was_there(void **state)
{
    enum { COUNT = 1000 };
    float values[COUNT];
    double sum = 0, sorted = 0;
    odd_random random;
    (void)state;
    odd_random_start(&random, 1, 1);
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = (float)((int)odd_random_below(&random, 200) - 100);
        sum += (double)values[i];
    }
    odd_sort_floats(values, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        sorted += (double)values[i];
        assert_true(i == 0 || values[i - 1] <= values[i]);
    }
    assert_true(sum == sorted);
    odd_sort_floats(values, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sorts_what_was_there)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
