/* base/pool.h: a few threads that share out the tasks of one loop after another. */
#ifndef ODD_BASE_POOL_H
#define ODD_BASE_POOL_H

#include <pthread.h>

#include "oddrow.h"

typedef struct odd_pool odd_pool;

/* A pool of `threads` threads, the caller's among them; 0 means one for each CPU that this process
 * may use (sched_getaffinity). *out is the caller's. ODDROW_ENOMEM, ODDROW_EINVAL. */
int odd_pool_new(size_t threads, odd_pool **out, oddrow_error *err);

/* Ends and joins the threads; *p becomes NULL. NULL-safe. Not while a run is under way. */
void odd_pool_free(odd_pool **p);

/* Number of threads, the caller included; at least 1. NULL counts as one thread. */
size_t odd_pool_threads(const odd_pool *p);

/* Calls task(context, index, thread) once for each index in 0 … tasks - 1 and returns when all
 * calls have returned. Index i runs on thread i % threads, and a thread takes its indices in rising
 * order, so what a task left in a core's cache is there for the same task of the next run. The
 * caller is thread 0. The tasks see what the caller wrote before, and the caller sees what they
 * wrote. One caller at a time; a task must not run its own pool. With a NULL pool, one thread or
 * one task, the tasks run inline, without a lock. Threads wait for the next run by spinning for
 * about 20 µs, then asleep. */
void odd_pool_run(odd_pool *p, size_t tasks,
                  void (*task)(void *context, size_t index, size_t thread), void *context);

/* Starts a thread apart from any pool. It takes no signals: those are for the threads that wait for
 * them. 0, or the error number of pthread_create. */
int odd_thread_start(pthread_t *thread, void *(*run)(void *), void *context);

#endif
