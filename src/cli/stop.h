/* cli/stop.h: SIGINT and SIGTERM as a flag, for commands that have last words. */
#ifndef ODD_CLI_STOP_H
#define ODD_CLI_STOP_H

#include <stdatomic.h>
#include <stdbool.h>

/* Catches the first of them, which sets the flag; the second ends the process, for when a read or a
 * write does not come back. Call it first thing. The flag lives for ever. */
const atomic_bool *odd_stop_on_signals(void);

#endif
