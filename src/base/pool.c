/* base/pool.c: see pool.h.
 *
 * One 64-bit word, the ticket, holds the number of the run (high half) and the next index (low
 * half). A task is claimed by raising the index with compare-and-swap, so a thread that comes late
 * cannot take anything from a run other than the one it saw, and the caller waits only for tasks,
 * never for threads: a sleeper that has not woken yet delays nobody. The description of the run is
 * changed only while the ticket is closed (its index is CLOSED), which makes the swap of a thread
 * that read a mixture fail. */
#include "base/pool.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#define CLOSED UINT32_MAX

typedef void (*odd_task)(void *context, size_t index, size_t thread);

typedef struct worker {
    odd_pool *pool;
    pthread_t thread;
    size_t number; /* 1 … threads - 1 */
} worker;

struct odd_pool {
    /* Read and written by all threads in every run: a cache line each. */
    _Alignas(64) _Atomic uint64_t ticket;
    _Alignas(64) atomic_size_t done; /* tasks of this run that have returned */
    _Alignas(64) _Atomic(odd_task) task;
    void *_Atomic context;
    atomic_size_t tasks;

    _Alignas(64) atomic_size_t sleepers; /* workers asleep or about to be */
    atomic_bool caller_sleeps, stop;
    pthread_mutex_t lock;
    pthread_cond_t work, finished;

    size_t threads, started; /* started: workers that must be joined */
    unsigned spins;          /* pauses in about 20 µs; 0 where spinning would steal a CPU */
    worker *workers;
};

static void pause_once(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb");
#endif
}

/* A pause takes 5 to 70 ns, depending on the processor, so it is measured. */
static unsigned count_spins(void)
{
    enum { SAMPLE = 512 };
    double best = 1;
    for (int round = 0; round < 3; round++) {
        double start = odd_clock();
        for (int i = 0; i < SAMPLE; i++)
            pause_once();
        double took = odd_clock() - start;
        if (took < best)
            best = took;
    }
    double spins = 20e-6 / (best / SAMPLE + 1e-9);
    return spins < 100 ? 100 : spins > 20000 ? 20000 : (unsigned)spins;
}

static size_t count_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set))
        return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? (size_t)count : 1;
}

/* Takes tasks of the run that is on until none is left. */
static void work(odd_pool *p, size_t thread)
{
    uint64_t ticket = atomic_load(&p->ticket);
    for (;;) {
        uint32_t index = (uint32_t)ticket;
        size_t tasks = atomic_load(&p->tasks);
        odd_task task = atomic_load(&p->task);
        void *context = atomic_load(&p->context);
        if (index == CLOSED || index >= tasks)
            return;
        if (!atomic_compare_exchange_weak(&p->ticket, &ticket, ticket + 1))
            continue;
        task(context, index, thread);
        if (atomic_fetch_add(&p->done, 1) + 1 == tasks && atomic_load(&p->caller_sleeps)) {
            pthread_mutex_lock(&p->lock);
            pthread_cond_signal(&p->finished);
            pthread_mutex_unlock(&p->lock);
        }
        ticket = atomic_load(&p->ticket);
    }
}

/* True while no run later than *seen is open; else *seen becomes that run's number. A run that is
 * still being described does not count: whoever took it for seen would miss it. */
static bool idle(odd_pool *p, uint32_t *seen)
{
    uint64_t ticket = atomic_load(&p->ticket);
    uint32_t run = (uint32_t)(ticket >> 32);
    if (run != *seen && (uint32_t)ticket != CLOSED) {
        *seen = run;
        return false;
    }
    return !atomic_load(&p->stop);
}

/* Spins, then sleeps, until a run opens or the pool ends. */
static void wait_for_run(odd_pool *p, uint32_t *seen)
{
    for (unsigned spins = p->spins; spins; spins--) {
        if (!idle(p, seen))
            return;
        pause_once();
    }
    pthread_mutex_lock(&p->lock);
    /* Announced before the last look: either that look sees the new run or the caller's look at
     * sleepers, made after it opened the run, sees this thread. */
    atomic_fetch_add(&p->sleepers, 1);
    while (idle(p, seen))
        pthread_cond_wait(&p->work, &p->lock);
    atomic_fetch_sub(&p->sleepers, 1);
    pthread_mutex_unlock(&p->lock);
}

static void *serve(void *argument)
{
    worker *w = argument;
    uint32_t seen = 0;
    while (!atomic_load(&w->pool->stop)) {
        wait_for_run(w->pool, &seen);
        work(w->pool, w->number);
    }
    return NULL;
}

static int start_workers(odd_pool *p, oddrow_error *err)
{
    /* Signals are the business of the program's own threads. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failure = 0;
    for (size_t i = 0; i + 1 < p->threads && !failure; i++) {
        p->workers[i].pool = p;
        p->workers[i].number = i + 1;
        failure = pthread_create(&p->workers[i].thread, NULL, serve, &p->workers[i]);
        p->started += !failure;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failure)
        return odd_fail(err, ODDROW_ENOMEM, "cannot start thread %zu of %zu: %s", p->started + 2,
                        p->threads, strerror(failure));
    return 0;
}

int odd_pool_new(size_t threads, odd_pool **out, oddrow_error *err)
{
    *out = NULL;
    size_t cpus = count_cpus();
    if (!threads)
        threads = cpus;
    if (threads > 4096)
        return odd_fail(err, ODDROW_EINVAL, "%zu threads: at most 4096", threads);
    odd_pool *p = odd_alloc(1, sizeof *p);
    if (!p)
        return odd_fail(err, ODDROW_ENOMEM, "out of memory for a thread pool");
    atomic_init(&p->ticket, CLOSED);
    p->threads = threads;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->finished, NULL);
    if (threads > 1 && threads <= cpus)
        p->spins = count_spins();
    int status = 0;
    p->workers = odd_alloc(threads, sizeof *p->workers);
    if (!p->workers)
        status = odd_fail(err, ODDROW_ENOMEM, "out of memory for a thread pool");
    else
        status = start_workers(p, err);
    if (status)
        odd_pool_free(&p);
    *out = p;
    return status;
}

void odd_pool_free(odd_pool **pool)
{
    if (!pool || !*pool)
        return;
    odd_pool *p = *pool;
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->stop, true);
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->started; i++)
        pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->finished);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    odd_free(p->workers);
    odd_free(p);
    *pool = NULL;
}

size_t odd_pool_threads(const odd_pool *p)
{
    return p ? p->threads : 1;
}

/* Until all tasks have returned. */
static void wait_for_tasks(odd_pool *p, size_t tasks)
{
    for (unsigned spins = p->spins; spins; spins--) {
        if (atomic_load(&p->done) == tasks)
            return;
        pause_once();
    }
    if (atomic_load(&p->done) == tasks)
        return;
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->caller_sleeps, true);
    while (atomic_load(&p->done) != tasks)
        pthread_cond_wait(&p->finished, &p->lock);
    atomic_store(&p->caller_sleeps, false);
    pthread_mutex_unlock(&p->lock);
}

void odd_pool_run(odd_pool *p, size_t tasks,
                  void (*task)(void *context, size_t index, size_t thread), void *context)
{
    assert(tasks < CLOSED);
    if (!p || p->threads == 1 || tasks <= 1) {
        for (size_t i = 0; i < tasks; i++)
            task(context, i, 0);
        return;
    }
    uint64_t run = (atomic_load(&p->ticket) >> 32) + 1;
    atomic_store(&p->ticket, run << 32 | CLOSED);
    atomic_store(&p->task, task);
    atomic_store(&p->context, context);
    atomic_store(&p->tasks, tasks);
    atomic_store(&p->done, 0);
    atomic_store(&p->ticket, run << 32);
    if (atomic_load(&p->sleepers)) {
        pthread_mutex_lock(&p->lock);
        pthread_cond_broadcast(&p->work);
        pthread_mutex_unlock(&p->lock);
    }
    work(p, 0);
    wait_for_tasks(p, tasks);
}
