/* cli/stop.c: SIGINT and SIGTERM as a flag. */
#include "cli/stop.h"

#include <signal.h>
#include <stddef.h>

/* A handler has no other way to say it. */
static atomic_bool stopping;

static void stop(int number)
{
    (void)number;
    atomic_store(&stopping, true);
}

const atomic_bool *odd_stop_on_signals(void)
{
    struct sigaction action = {.sa_handler = stop, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return &stopping;
}
