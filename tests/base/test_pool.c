/* The pool: every task once, in time, on its own thread. */
#include "base/pool.h"

#include "base/memory.h"

#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TASKS = 1000, THREADS = 5 };

typedef struct tally {
    uint32_t calls[TASKS]; /* written by whoever runs the task: a race if two did */
    uint64_t sum[THREADS]; /* one a thread, not atomic: a race if two shared a number */
    atomic_int inside[THREADS];
    atomic_bool overlap;
} tally;

static void count(void *context, size_t index, size_t thread)
{
    tally *t = context;
    if (atomic_fetch_add(&t->inside[thread], 1))
        atomic_store(&t->overlap, true);
    t->calls[index]++;
    t->sum[thread] += index + 1;
    atomic_fetch_sub(&t->inside[thread], 1);
}

static void check_runs(size_t threads, int runs)
{
    static tally t;
    memset(&t, 0, sizeof t);
    odd_pool *p;
    uint64_t expected = 0, sum = 0;
    assert_int_equal(odd_pool_new(threads, &p, NULL), 0);
    assert_int_equal(odd_pool_threads(p), threads);
    for (int run = 0; run < runs; run++) {
        size_t tasks = (size_t)run * 7 % 50;
        memset(t.calls, 0, sizeof t.calls);
        odd_pool_run(p, tasks, count, &t);
        for (size_t i = 0; i < 50; i++)
            assert_int_equal(t.calls[i], i < tasks);
        expected += tasks * (tasks + 1) / 2;
        if (run % 500 == 0)
            usleep(300); /* long enough for the threads to fall asleep */
    }
    for (size_t i = 0; i < THREADS; i++)
        sum += t.sum[i];
    assert_true(sum == expected);
    assert_false(atomic_load(&t.overlap));
    odd_pool_free(&p);
    assert_null(p);
}

static void runs_every_task_once(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= THREADS; threads++)
        check_runs(threads, 3000);
}

static void wait_for_company(void *context, size_t index, size_t thread)
{
    (void)index;
    (void)thread;
    atomic_int *arrived = context;
    atomic_fetch_add(arrived, 1);
    while (atomic_load(arrived) < 2)
        sched_yield();
}

/* Each of two tasks waits for the other: they end only if two threads run them. */
static void runs_in_parallel(void **state)
{
    (void)state;
    odd_pool *p;
    assert_int_equal(odd_pool_new(2, &p, NULL), 0);
    for (int run = 0; run < 50; run++) {
        atomic_int arrived = 0;
        odd_pool_run(p, 2, wait_for_company, &arrived);
        assert_int_equal(atomic_load(&arrived), 2);
        if (run % 10 == 0)
            usleep(1000);
    }
    odd_pool_free(&p);
}

static void sleep_long(void *context, size_t index, size_t thread)
{
    (void)index;
    (void)thread;
    usleep(2000);
    atomic_fetch_add((atomic_int *)context, 1);
}

/* Longer than the caller spins, so it sleeps and must be woken. */
static void waits_for_slow_tasks(void **state)
{
    (void)state;
    odd_pool *p;
    atomic_int done = 0;
    assert_int_equal(odd_pool_new(3, &p, NULL), 0);
    for (int run = 1; run <= 20; run++) {
        odd_pool_run(p, 7, sleep_long, &done);
        assert_int_equal(atomic_load(&done), 7 * run);
    }
    odd_pool_free(&p);
}

static void starts_and_ends(void **state)
{
    (void)state;
    odd_pool *p = NULL;
    odd_pool_free(&p);
    odd_pool_free(NULL);
    assert_int_equal(odd_pool_threads(NULL), 1);
    assert_int_equal(odd_pool_new(0, &p, NULL), 0);
    assert_true(odd_pool_threads(p) >= 1);
    odd_pool_free(&p);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(odd_pool_new(4, &p, NULL), 0);
        odd_pool_free(&p);
    }
    oddrow_error err;
    assert_int_equal(odd_pool_new(1000000, &p, &err), ODDROW_EINVAL);
    assert_null(p);
    static tally t;
    odd_pool_run(NULL, 10, count, &t);
    assert_true(t.sum[0] == 55);
}

static bool fail_nth(void *context, size_t size)
{
    (void)size;
    return --*(int *)context == 0;
}

static void survives_without_memory(void **state)
{
    (void)state;
    for (int nth = 1; nth <= 2; nth++) {
        int countdown = nth;
        odd_pool *p;
        odd_memory_hook(fail_nth, &countdown);
        int status = odd_pool_new(2, &p, NULL);
        odd_memory_hook(NULL, NULL);
        assert_int_equal(status, ODDROW_ENOMEM);
        assert_null(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_every_task_once), cmocka_unit_test(runs_in_parallel),
        cmocka_unit_test(waits_for_slow_tasks), cmocka_unit_test(starts_and_ends),
        cmocka_unit_test(survives_without_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
