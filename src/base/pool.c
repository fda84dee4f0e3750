/* base/pool.c: threads that wait for runs, first spinning, then asleep.
 *
 * A run is described in one cache line whose number is odd while the description changes; a worker
 * that reads an even number before and after the rest has read one run whole. Each worker says in a
 * line of its own which run it has finished, and the caller waits for those that had a task. So a
 * run costs each worker two lines passed between cores, whatever the number of tasks: on some
 * machines a line takes a microsecond. */
#include "base/pool.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

typedef void (*odd_task)(void *context, size_t index, size_t thread);

typedef struct worker {
    _Alignas(64) atomic_uint finished; /* number of the last run whose tasks it has done */
    odd_pool *pool;
    pthread_t thread;
    size_t number; /* 1 … threads - 1 */
} worker;

struct odd_pool {
    /* Written by the caller in every run, read by all. */
    _Alignas(64) atomic_uint run; /* odd: being described */
    _Atomic(odd_task) task;
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

/* One run, as a worker has read it. */
typedef struct description {
    unsigned run;
    odd_task task;
    void *context;
    size_t tasks;
} description;

/* True while no run later than `seen` is open; else that run is in *out. */
static bool idle(odd_pool *p, unsigned seen, description *out)
{
    out->run = atomic_load(&p->run);
    if (out->run == seen || out->run % 2 != 0)
        return !atomic_load(&p->stop);
    out->task = atomic_load(&p->task);
    out->context = atomic_load(&p->context);
    out->tasks = atomic_load(&p->tasks);
    /* changed meanwhile: this worker had no task in it, or the caller would have waited */
    return atomic_load(&p->run) != out->run && !atomic_load(&p->stop);
}

static void do_tasks(const odd_pool *p, const description *d, size_t thread)
{
    for (size_t i = thread; i < d->tasks; i += p->threads)
        d->task(d->context, i, thread);
}

/* Spins, then sleeps, until a run opens or the pool ends. */
static void wait_for_run(odd_pool *p, unsigned seen, description *out)
{
    for (unsigned spins = p->spins; spins; spins--) {
        if (!idle(p, seen, out))
            return;
        pause_once();
    }
    pthread_mutex_lock(&p->lock);
    /* Announced before the last look: either that look sees the new run or the caller's look at
     * sleepers, made after it opened the run, sees this thread. */
    atomic_fetch_add(&p->sleepers, 1);
    while (idle(p, seen, out))
        pthread_cond_wait(&p->work, &p->lock);
    atomic_fetch_sub(&p->sleepers, 1);
    pthread_mutex_unlock(&p->lock);
}

static void *serve(void *argument)
{
    worker *w = argument;
    odd_pool *p = w->pool;
    description d = {0};
    for (;;) {
        wait_for_run(p, d.run, &d);
        if (atomic_load(&p->stop))
            return NULL;
        do_tasks(p, &d, w->number);
        atomic_store(&w->finished, d.run);
        if (atomic_load(&p->caller_sleeps)) {
            pthread_mutex_lock(&p->lock);
            pthread_cond_signal(&p->finished);
            pthread_mutex_unlock(&p->lock);
        }
    }
}

int odd_thread_start(pthread_t *thread, void *(*run)(void *), void *context)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failure = pthread_create(thread, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return failure;
}

static int start_workers(odd_pool *p, oddrow_error *err)
{
    int failure = 0;
    for (size_t i = 0; i + 1 < p->threads && !failure; i++) {
        p->workers[i].pool = p;
        p->workers[i].number = i + 1;
        failure = odd_thread_start(&p->workers[i].thread, serve, &p->workers[i]);
        p->started += !failure;
    }
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
        return odd_no_memory(err);
    p->threads = threads;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->finished, NULL);
    if (threads > 1 && threads <= cpus)
        p->spins = count_spins();
    p->workers = odd_alloc(threads, sizeof *p->workers);
    int rc = p->workers ? start_workers(p, err) : odd_no_memory(err);
    if (rc)
        odd_pool_free(&p);
    *out = p;
    return rc;
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

/* Whether every worker that has a task in this run is done with it. */
static bool all_finished(const odd_pool *p, unsigned run, size_t tasks)
{
    size_t workers = (tasks < p->threads ? tasks : p->threads) - 1;
    for (size_t i = 0; i < workers; i++)
        if (atomic_load(&p->workers[i].finished) != run)
            return false;
    return true;
}

static void wait_for_workers(odd_pool *p, unsigned run, size_t tasks)
{
    for (unsigned spins = p->spins; spins; spins--) {
        if (all_finished(p, run, tasks))
            return;
        pause_once();
    }
    pthread_mutex_lock(&p->lock);
    /* Announced before the last look, as by the sleepers above. */
    atomic_store(&p->caller_sleeps, true);
    while (!all_finished(p, run, tasks))
        pthread_cond_wait(&p->finished, &p->lock);
    atomic_store(&p->caller_sleeps, false);
    pthread_mutex_unlock(&p->lock);
}

void odd_pool_run(odd_pool *p, size_t tasks,
                  void (*task)(void *context, size_t index, size_t thread), void *context)
{
    if (!p || p->threads == 1 || tasks <= 1) {
        for (size_t i = 0; i < tasks; i++)
            task(context, i, 0);
        return;
    }
    description d = {atomic_load(&p->run) + 2, task, context, tasks};
    atomic_store(&p->run, d.run - 1);
    atomic_store(&p->task, task);
    atomic_store(&p->context, context);
    atomic_store(&p->tasks, tasks);
    atomic_store(&p->run, d.run);
    if (atomic_load(&p->sleepers)) {
        pthread_mutex_lock(&p->lock);
        pthread_cond_broadcast(&p->work);
        pthread_mutex_unlock(&p->lock);
    }
    do_tasks(p, &d, 0);
    wait_for_workers(p, d.run, tasks);
}
