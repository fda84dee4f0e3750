/* cli/progress.c: a bar on a terminal, sparse lines elsewhere. */
#include "cli/progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { BAR = 24 };
static const double bar_pause = 0.1, line_pause = 5.0;

void odd_progress_start(odd_progress_view *view, bool quiet)
{
    *view = (odd_progress_view){.quiet = quiet, .terminal = isatty(STDERR_FILENO) == 1};
}

/* Time left, as 1:02:03 or 4:05; "" while it cannot be told. */
static void time_left(const odd_progress_view *view, const odd_progress *p, double now, char *text,
                      size_t size)
{
    double spent = now - view->stage_start;
    text[0] = '\0';
    if (!(p->fraction > 0.005) || p->fraction >= 1 || spent < 0.5)
        return;
    double left = spent * (1 - p->fraction) / p->fraction;
    if (!(left >= 0) || left > 359999)
        return;
    unsigned seconds = (unsigned)(left + 0.5);
    if (seconds >= 3600)
        snprintf(text, size, "  %u:%02u:%02u left", seconds / 3600, seconds / 60 % 60,
                 seconds % 60);
    else
        snprintf(text, size, "  %u:%02u left", seconds / 60, seconds % 60);
}

/* Everything but the bar: rows, speed, epoch, losses, time left. */
static void describe(const odd_progress_view *view, const odd_progress *p, double now, char *text,
                     size_t size)
{
    char rows[32], speed[32], left[40];
    size_t at = 0;
    text[0] = '\0';
    if (p->rows > 0)
        at = (size_t)snprintf(text, size, "%s rows", odd_grouped(p->rows, rows));
    if (p->rows_per_second >= 1)
        at += (size_t)snprintf(text + at, size - at, "  %s rows/s",
                               odd_grouped((uint64_t)p->rows_per_second, speed));
    if (p->epochs > 0)
        at += (size_t)snprintf(text + at, size - at, "  epoch %zu/%zu", p->epoch, p->epochs);
    if (p->epochs > 0 && isfinite(p->loss))
        at += (size_t)snprintf(text + at, size - at, "  loss %.4f", p->loss);
    if (p->epochs > 0 && isfinite(p->validation_loss))
        at += (size_t)snprintf(text + at, size - at, "  validation %.4f", p->validation_loss);
    time_left(view, p, now, left, sizeof(left));
    snprintf(text + at, size - at, "%s", left);
}

static void draw_bar(odd_progress_view *view, const odd_progress *p, const char *text)
{
    char bar[BAR + 1];
    double fraction = p->fraction >= 0 && p->fraction <= 1 ? p->fraction : 0;
    size_t full = (size_t)(fraction * BAR + 0.5);
    memset(bar, '.', BAR);
    memset(bar, '#', full);
    bar[BAR] = '\0';
    if (p->fraction >= 0)
        fprintf(stderr, "\r%-10s [%s] %3.0f%%  %s\033[K", p->stage, bar, 100 * fraction, text);
    else
        fprintf(stderr, "\r%-10s %s\033[K", p->stage, text);
    fflush(stderr);
    view->drawn = true;
}

void odd_progress_show(void *context, const odd_progress *p)
{
    odd_progress_view *view = context;
    if (view->quiet)
        return;
    double now = odd_clock();
    bool fresh = view->stage == NULL || strcmp(view->stage, p->stage) != 0;
    if (fresh) {
        odd_progress_end(view);
        view->stage = p->stage;
        view->stage_start = now;
        view->last = view->terminal ? 0 : now; /* short stages leave no plain line */
    }
    bool whole = p->fraction >= 1;
    if (now - view->last < (view->terminal ? bar_pause : line_pause) && !(whole && view->terminal))
        return;
    view->last = now;
    char text[400];
    describe(view, p, now, text, sizeof(text));
    if (view->terminal)
        draw_bar(view, p, text);
    else if (p->fraction >= 0)
        fprintf(stderr, "oddrow: %s %.0f%%  %s\n", p->stage, 100 * p->fraction, text);
    else
        fprintf(stderr, "oddrow: %s  %s\n", p->stage, text);
}

void odd_progress_end(odd_progress_view *view)
{
    if (view->drawn)
        fputs("\r\033[K", stderr);
    view->drawn = false;
}
