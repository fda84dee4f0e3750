/* The N oddest lines: against a sort, from several threads. */
#include "made.h"

#include <pthread.h>

#include "files/top.h"

typedef struct scored {
    float score;
    uint64_t row;
} scored;

static int oddest(const void *a, const void *b)
{
    const scored *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->row < y->row ? -1 : 1;
}

enum { MANY = 5000 };

static void draw(scored *all, uint64_t seed, uint64_t values)
{
    odd_random r;
    odd_random_start(&r, seed, 1);
    for (size_t i = 0; i < MANY; i++)
        all[i] = (scored){(float)odd_random_below(&r, values) / 8, i + 1};
}

static void add(odd_top *top, const scored *row)
{
    char line[40];
    int size = snprintf(line, sizeof line, "%d:%g", (int)row->row, (double)row->score);
    if (odd_top_wants(top, row->score))
        assert_int_equal(odd_top_add(top, row->score, row->row, line, (size_t)size, NULL), 0);
}

static void check(odd_top *top, scored *all, size_t wanted)
{
    size_t expected = wanted < MANY ? wanted : MANY;
    qsort(all, MANY, sizeof *all, oddest);
    assert_int_equal(odd_top_sort(top), expected);
    for (size_t i = 0; i < expected; i++) {
        char line[40];
        odd_span got = odd_top_at(top, i).line;
        int size = snprintf(line, sizeof line, "%d:%g", (int)all[i].row, (double)all[i].score);
        assert_int_equal(got.size, size);
        assert_memory_equal(got.data, line, got.size);
    }
}

static void as_a_sort(void **state)
{
    (void)state;
    static const size_t wanted[] = {1, 2, 3, 64, 65, 1000, MANY, MANY + 5};
    scored *all = calloc(MANY, sizeof *all);
    for (size_t w = 0; w < sizeof wanted / sizeof *wanted; w++)
        for (uint64_t values = 1; values <= 1000000; values *= 100) { /* few: many ties */
            odd_top *top = NULL;
            draw(all, w, values);
            assert_int_equal(odd_top_new(wanted[w], &top, NULL), 0);
            for (size_t i = 0; i < MANY; i++)
                add(top, &all[i]);
            check(top, all, wanted[w]);
            odd_top_free(&top);
            odd_top_free(&top);
        }
    free(all);
}

typedef struct share {
    odd_top *top;
    const scored *all;
    size_t first;
} share;

static void *work(void *context)
{
    const share *s = context;
    for (size_t i = s->first; i < MANY; i += 3)
        add(s->top, &s->all[i]);
    return NULL;
}

static void several_threads(void **state)
{
    (void)state;
    scored *all = calloc(MANY, sizeof *all);
    pthread_t threads[3];
    share shares[3];
    odd_top *top = NULL;
    draw(all, 9, 500);
    assert_int_equal(odd_top_new(100, &top, NULL), 0);
    for (size_t i = 0; i < 3; i++) {
        shares[i] = (share){top, all, i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &shares[i]), 0);
    }
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    check(top, all, 100);
    odd_top_free(&top);
    free(all);
}

static void empty(void **state)
{
    (void)state;
    odd_top *top = NULL;
    assert_int_equal(odd_top_new(3, &top, NULL), 0);
    assert_true(odd_top_wants(top, -1e30f));
    assert_int_equal(odd_top_sort(top), 0);
    assert_int_equal(odd_top_add(top, 1, 1, "", 0, NULL), 0); /* an empty line */
    assert_int_equal(odd_top_sort(top), 1);
    assert_int_equal(odd_top_at(top, 0).line.size, 0);
    odd_top_free(&top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_a_sort),
                                       cmocka_unit_test(several_threads), cmocka_unit_test(empty)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
