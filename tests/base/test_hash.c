/* Hash: every byte and the length count, few collisions. */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void every_byte_counts(void **state)
{
    (void)state;
    unsigned char text[100];
    for (size_t n = 0; n <= sizeof text; n++) {
        memset(text, 'a', sizeof text);
        uint64_t plain = odd_hash(text, n, 0);
        assert_true(plain == odd_hash(text, n, 0));
        assert_true(plain != odd_hash(text, n, 1));
        for (size_t i = 0; i < n; i++) {
            text[i] ^= 1;
            assert_true(odd_hash(text, n, 0) != plain);
            text[i] ^= 1;
        }
        if (n)
            assert_true(odd_hash(text, n - 1, 0) != plain);
    }
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The low 32 bits, which tables use, of 100,000 similar strings: about one collision is due. */
static void few_collisions(void **state)
{
    (void)state;
    enum { N = 100000 };
    static uint64_t low[N];
    for (int i = 0; i < N; i++) {
        char text[32];
        int n = snprintf(text, sizeof text, "value_%d", i);
        low[i] = odd_hash(text, (size_t)n, 0) & 0xffffffff;
    }
    qsort(low, N, sizeof *low, compare);
    int collisions = 0;
    for (int i = 1; i < N; i++)
        collisions += low[i] == low[i - 1];
    assert_true(collisions < 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_byte_counts),
                                       cmocka_unit_test(few_collisions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
