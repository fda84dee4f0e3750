/* worker/monitor.h: the connections of one socket, counted from the events of its libzmq monitor;
 * private to auth.c. */
#ifndef ODD_WORKER_MONITOR_H
#define ODD_WORKER_MONITOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"

/* What the monitors of a context and its ZAP handler count together. */
typedef struct odd_monitor_counts {
    atomic_uint_fast64_t allowed, failed; /* any thread reads them */
    size_t refused; /* by ZAP, and not yet reported by a monitor; the reading thread's */
} odd_monitor_counts;

/* {0} before open and after close. */
typedef struct odd_monitor {
    const char *name;
    void *pair;   /* NULL once the watched socket is closed */
    int *pending; /* descriptors of connections accepted that had no verdict yet, oldest first */
    size_t pending_count, pending_capacity;
    bool verdict; /* the next connection to close was counted */
} odd_monitor;

/* Starts to watch a socket, before it binds; name: static, for the log. The thread of the socket
 * calls it; from then on the monitor belongs to one other thread. m must not move while it is open.
 * ODDROW_EIO. */
int odd_monitor_open(odd_monitor *m, void *context, void *socket, const char *name,
                     oddrow_error *err);

/* Counts the events that have come, and logs refusals unless log is NULL. Closes the pair when the
 * watched socket is closed. */
void odd_monitor_read(odd_monitor *m, odd_monitor_counts *counts, odd_log *log);

void odd_monitor_close(odd_monitor *m);

#endif
