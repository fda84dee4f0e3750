/* cli/progress.h: shows on standard error where a long command stands. */
#ifndef ODD_CLI_PROGRESS_H
#define ODD_CLI_PROGRESS_H

#include <stdbool.h>

#include "base/number.h"
#include "base/progress.h"

/* A bar, redrawn in place, on a terminal; elsewhere a plain line every few seconds and at the end
 * of each stage. {.quiet = true} shows nothing. */
typedef struct odd_progress_view {
    bool quiet;
    bool terminal;
    bool drawn;         /* a bar stands in the current line */
    const char *stage;  /* borrowed; the one shown last */
    double stage_start; /* when it began, seconds of odd_clock */
    double last;        /* when something was last shown */
} odd_progress_view;

void odd_progress_start(odd_progress_view *view, bool quiet);

/* An odd_progress_call; the context is the view. */
void odd_progress_show(void *view, const odd_progress *progress);

/* Clears the bar, so that a closing line or an error can follow. */
void odd_progress_end(odd_progress_view *view);

#endif
