/* base/pool.h: a few threads that share out the tasks of one loop after another. */
#ifndef ODD_BASE_POOL_H
#define ODD_BASE_POOL_H

#include "oddrow.h"

typedef struct odd_pool odd_pool;

/* A pool of `threads` threads, the caller's among them; 0 means one for each CPU this process may
 * use (sched_getaffinity). 0 with *out the caller's, or ODDROW_ENOMEM / ODDROW_EINVAL. */
int odd_pool_new(size_t threads, odd_pool **out, oddrow_error *err);

/* Ends and joins the threads; *p becomes NULL. NULL-safe. Not while a run is under way. */
void odd_pool_free(odd_pool **p);

/* Number of threads, the caller included; at least 1. NULL counts as one thread. */
size_t odd_pool_threads(const odd_pool *p);

/* Calls task(context, index, thread) once for each index in 0 … tasks - 1 and returns when all have
 * returned. Indices are handed out in order, each to whichever thread comes first; thread is in
 * 0 … threads - 1, the caller is 0, and no two tasks with the same thread run at once. What the
 * caller wrote before is seen by the tasks and what they wrote by the caller. One caller at a time;
 * tasks must not run the same pool. tasks < 2^32 - 1. With p NULL or one thread the tasks run
 * inline, without a lock. Threads wait for the next run spinning for about 20 µs, then asleep. */
void odd_pool_run(odd_pool *p, size_t tasks,
                  void (*task)(void *context, size_t index, size_t thread), void *context);

#endif
