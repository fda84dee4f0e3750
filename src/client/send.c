/* client/send.c: rows to the worker, each exactly once.
 *
 * One thread reads, sends and listens. Whenever the stream is in doubt (silence, a refused gap) the
 * socket is replaced and the whole window sent again: no answer to an older sending can be taken
 * for one to a newer, and what the worker has already is acknowledged and not scored again. */
#include "client/send.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "client/batches.h"
#include "client/window.h"

enum {
    FRUITLESS = 5,
    CHUNK_ROWS = 1024, /* that a usual chunk of the file has at least, in most files */
    MOST_CHUNK = 16 * 1024 * 1024,
    POLL_MS = 100,
};
static const double first_wait = 1, longest_wait = 5; /* seconds of silence before sending again */
static const double stop_wait = 1;        /* seconds for the last acknowledgements after a stop */
static const double probe_wait = 0.1;     /* between two questions for the place */
static const uint64_t probe = UINT64_MAX; /* a row number that no worker expects */

typedef struct sender {
    const odd_send_options *o;
    odd_send_summary *summary;
    odd_batches batches;
    void *context;
    odd_link link;
    odd_window window;

    uint64_t base;     /* record i of the file (from 1) has the number base + i */
    uint64_t start;    /* first number of this run */
    uint64_t safe;     /* highest number acknowledged */
    uint64_t last;     /* highest number ever sent, or safe at the start */
    uint64_t expected; /* what the worker named last; rows below it need not be safe yet */
    bool ended;        /* the file is read */

    double wait;        /* seconds of silence until the window is sent again */
    double since;       /* when the worker last answered, or was last sent to */
    double heard;       /* the same, but sending again does not count */
    double hold;        /* nothing is sent before this moment */
    double due;         /* when the rate allows the next message */
    double stopping;    /* when a stop was seen; 0: not yet */
    double shown;       /* when progress was last told */
    bool answered;      /* on this socket */
    unsigned naks;      /* since the last progress */
    unsigned fruitless; /* sendings since the last progress that ended within a message */
} sender;

/* ---- the socket */

static int reopen(sender *s, oddrow_error *err)
{
    odd_link_close(&s->link);
    s->window.sent = 0;
    s->answered = false;
    s->since = odd_clock();
    return odd_link_open(s->context, ZMQ_DEALER, &s->o->link, &s->link, err);
}

/* 1 with an answer, 0 when none has come. */
static int receive(sender *s, odd_rows_answer *a, oddrow_error *err)
{
    int got = odd_rows_receive(&s->link, a, err);
    if (got > 0) {
        s->since = s->heard = odd_clock();
        s->wait = first_wait;
        s->answered = true;
    }
    return got;
}

static bool may_build(const sender *s)
{
    return !s->ended && !(s->stopping > 0) && !odd_window_full(&s->window);
}

/* Whether reading on does not wait for whoever writes the pipe. */
static bool rows_are_there(const sender *s)
{
    struct pollfd rows = {.fd = odd_batches_descriptor(&s->batches), .events = POLLIN};
    return rows.fd < 0 || poll(&rows, 1, 0) != 0;
}

static int await(sender *s, double seconds, bool room, oddrow_error *err)
{
    int rows = may_build(s) ? odd_batches_descriptor(&s->batches) : -1;
    zmq_pollitem_t items[] = {
        {.socket = s->link.socket, .events = (short)(ZMQ_POLLIN | (room ? ZMQ_POLLOUT : 0))},
        {.fd = rows, .events = ZMQ_POLLIN}};
    long ms = seconds > 0 ? (long)(seconds * 1000) + 1 : 0;
    if (zmq_poll(items, rows < 0 ? 1 : 2, ms < POLL_MS ? ms : POLL_MS) < 0 && errno != EINTR)
        return odd_link_fail(&s->link, "wait", err);
    return 0;
}

/* ---- the place */

static bool stopped(const sender *s)
{
    return s->o->stop && atomic_load(s->o->stop);
}

static int fail_silent(const sender *s, oddrow_error *err)
{
    return odd_fail(err, ODDROW_EIO,
                    "%s: no answer for %g s; rows up to %" PRIu64 " of client %s are safe",
                    s->o->link.endpoint, s->o->patience, s->safe, s->summary->name);
}

/* Silence: the window goes out again on a fresh socket, after ever longer waits. */
static int check_silence(sender *s, bool *silent, oddrow_error *err)
{
    double now = odd_clock();
    *silent = now - s->since > s->wait;
    if (s->o->patience > 0 && now - s->heard > s->o->patience)
        return fail_silent(s, err);
    if (*silent)
        s->wait = 2 * s->wait < longest_wait ? 2 * s->wait : longest_wait;
    return 0;
}

/* Asks which row number the worker expects: it refuses the probe with just that. 0 with *expected,
 * or 0 with *expected 0 after a stop. */
static int ask_place(sender *s, uint64_t *expected, oddrow_error *err)
{
    odd_rows_answer a = {0};
    bool silent = true;
    *expected = 0;
    s->heard = odd_clock();
    s->wait = first_wait;
    while (!stopped(s)) {
        int rc = silent ? reopen(s, err) : 0, got = 0;
        if (!rc && silent)
            rc = odd_rows_put(&s->link, s->summary->name, probe, (odd_span){"?", 1}, err) < 0
                     ? ODDROW_EIO
                     : 0;
        if (!rc)
            got = receive(s, &a, err);
        if (got > 0 && (a.ack || a.number == 0))
            return odd_fail(err, ODDROW_EIO, "%s does not refuse row %" PRIu64 " of client %s",
                            s->o->link.endpoint, probe, s->summary->name);
        *expected = a.number;
        if (rc || got)
            return rc ? rc : got < 0 ? got : 0;
        rc = check_silence(s, &silent, err);
        if (!rc && !silent)
            rc = await(s, s->since + s->wait - odd_clock(), false, err);
        if (rc)
            return rc;
    }
    return 0;
}

/* What a killed process of the same name left in the worker's queue would shift the numbers under
 * rows that are not the same: then the place must hold still. */
static int find_place(sender *s, uint64_t *expected, oddrow_error *err)
{
    int rc = ask_place(s, expected, err);
    bool still = rc || s->o->resume || !s->o->name;
    while (!still && !stopped(s)) {
        uint64_t before = *expected;
        usleep((useconds_t)(probe_wait * 1e6));
        rc = ask_place(s, expected, err);
        still = rc || *expected == before;
    }
    return rc;
}

/* ---- the window */

/* Reads one message of the file into the window. */
static int build(sender *s, oddrow_error *err)
{
    odd_window_message *m = odd_window_at(&s->window, s->window.count);
    size_t most = s->o->batch ? s->o->batch : 256;
    double before = odd_clock();
    uint64_t record;
    if (s->o->rate > 0 && (double)most > s->o->rate / 10) /* smooth: ten messages a second */
        most = s->o->rate > 10 ? (size_t)(s->o->rate / 10) : 1;
    uint64_t from = s->safe > s->base ? s->safe - s->base + 1 : 1;
    int got = odd_batches_next(&s->batches, from, most, &m->payload, &record, &m->rows, err);
    s->ended = got == 0;
    if (got < 0)
        return got;
    double now = odd_clock();
    if (now - before > first_wait / 2) { /* a slow pipe is no silence of the worker's */
        s->since += now - before;
        s->heard += now - before;
    }
    if (got == 0 || m->rows == 0)
        return 0;
    if (s->window.count == 0)
        s->since = s->heard = now;
    m->first = s->base + record;
    m->again = false;
    odd_window_add(&s->window);
    if (s->o->rate > 0)
        s->due = (s->due > now - 0.1 ? s->due : now) + (double)m->rows / s->o->rate;
    return 0;
}

static int transmit(sender *s, oddrow_error *err)
{
    while (s->window.sent < s->window.count && odd_clock() >= s->hold) {
        odd_window_message *m = odd_window_at(&s->window, s->window.sent);
        const odd_span payload = {m->payload.data, m->payload.size};
        int got = odd_rows_put(&s->link, s->summary->name, m->first, payload, err);
        if (got <= 0)
            return got;
        s->window.sent++;
        s->summary->messages++;
        s->summary->resent += m->again;
        m->again = true;
        if (odd_window_last(m) > s->last)
            s->last = odd_window_last(m);
    }
    return 0;
}

/* ---- answers */

static int fail_foreign(const sender *s, uint64_t number, oddrow_error *err)
{
    return odd_fail(err, ODDROW_EIO,
                    "%s has row %" PRIu64 " of client %s, and this run sent none above %" PRIu64
                    ": another process sends under this name",
                    s->o->link.endpoint, number, s->summary->name, s->last);
}

/* Everything up to `number` is safe. With --resume the rows of an earlier process with this name
 * are the same rows, so that it may be more than was sent. */
static int advance(sender *s, uint64_t number, oddrow_error *err)
{
    if (number > s->last && !s->o->resume)
        return fail_foreign(s, number, err);
    if (number <= s->safe)
        return 0;
    s->safe = number;
    s->expected = number + 1;
    s->naks = s->fruitless = 0;
    if (number > s->last)
        s->last = number;
    while (s->window.count && odd_window_last(odd_window_at(&s->window, 0)) <= number)
        odd_window_drop(&s->window);
    return 0;
}

/* The worker lost rows that it had acknowledged: they are sent again where the file can be read
 * again. */
static int go_back(sender *s, uint64_t expected, oddrow_error *err)
{
    if (!s->batches.regular || expected <= s->base)
        return odd_fail(err, ODDROW_EIO,
                        "%s has lost rows %" PRIu64 " to %" PRIu64
                        " of client %s, which it had acknowledged, and they cannot be read again%s",
                        s->o->link.endpoint, expected, s->safe, s->summary->name,
                        expected <= s->base ? ": they are older than this run" : "");
    while (s->window.count)
        odd_window_drop(&s->window);
    s->safe = expected - 1;
    if (expected < s->start)
        s->start = expected;
    s->ended = false;
    return odd_batches_rewind(&s->batches, err);
}

/* Sends the window again, all of it: that a row is expected no more does not make it safe. */
static int again(sender *s, oddrow_error *err)
{
    const odd_window_message *m = odd_window_at(&s->window, 0);
    bool within = s->window.count && s->expected > m->first && s->expected < m->first + m->rows;
    if (within && s->answered && ++s->fruitless >= FRUITLESS)
        return odd_fail(err, ODDROW_EIO,
                        "%s counts %" PRIu64 " rows in a message of rows %" PRIu64 " to %" PRIu64
                        ": it may be too long for the worker; try a smaller 'batch'",
                        s->o->link.endpoint, s->expected - m->first, m->first,
                        m->first + m->rows - 1);
    return reopen(s, err);
}

static int refuse(sender *s, const odd_rows_answer *a, oddrow_error *err)
{
    int rc = 0;
    odd_window *w = &s->window;
    const odd_window_message *newest = w->count ? odd_window_at(w, w->count - 1) : NULL;
    if (a->number == 0)
        return odd_fail(err, ODDROW_EIO, "%s refuses rows of client %s: %s", s->o->link.endpoint,
                        s->summary->name, a->reason);
    if (a->number - 1 > s->last && !s->o->resume)
        return fail_foreign(s, a->number - 1, err);
    if (a->number <= s->safe)
        rc = go_back(s, a->number, err);
    else if (newest && a->number > odd_window_last(newest) + 1)
        rc = advance(s, a->number - 1, err); /* an earlier process's rows */
    if (rc)
        return rc;
    s->expected = a->number;
    double pause = 0.025 * (double)(1U << (s->naks < 8 ? s->naks : 8));
    if (s->naks++ > 0) /* refused again at once: nothing is gained by haste */
        s->hold = odd_clock() + (pause < longest_wait ? pause : longest_wait);
    return again(s, err);
}

static int take_answers(sender *s, oddrow_error *err)
{
    odd_rows_answer a;
    int got = 0, rc = 0;
    while (!rc && (got = receive(s, &a, err)) > 0)
        rc = a.ack ? advance(s, a.number, err) : refuse(s, &a, err);
    return rc ? rc : got;
}

/* ---- the run */

static uint64_t safe_rows(const sender *s)
{
    return s->safe + 1 > s->start ? s->safe + 1 - s->start : 0;
}

static void show(sender *s, double begun, bool last)
{
    double now = odd_clock();
    if (!s->o->progress || (!last && now - s->shown < 0.1))
        return;
    s->shown = now;
    uint64_t rows = safe_rows(s);
    s->o->progress(s->o->progress_context,
                   &(odd_progress){
                       .stage = "send",
                       .rows = rows,
                       .fraction = last ? 1 : odd_batches_fraction(&s->batches),
                       .rows_per_second = now > begun ? (double)rows / (now - begun) : 0,
                   });
}

/* Whether a stop ends the run now: at once when all that was sent is safe, else a little later. */
static bool must_end(sender *s)
{
    if (!(s->stopping > 0) && stopped(s))
        s->stopping = odd_clock();
    return s->stopping > 0 && (!s->window.count || odd_clock() - s->stopping > stop_wait);
}

/* How long there is nothing to do but to listen, in seconds. */
static double idle_time(const sender *s)
{
    double now = odd_clock(), until = now + 1;
    if (may_build(s) && rows_are_there(s))
        until = s->due > now ? s->due : now;
    if (s->window.sent < s->window.count && s->hold > now && s->hold < until)
        until = s->hold;
    if (s->window.count && s->since + s->wait < until)
        until = s->since + s->wait;
    return until - now;
}

/* Reads, sends and takes answers, whatever of it can be done now. */
static int step(sender *s, oddrow_error *err)
{
    bool silent = false;
    int rc = take_answers(s, err);
    if (!rc && may_build(s) && rows_are_there(s) && odd_clock() >= s->due)
        rc = build(s, err);
    if (!rc)
        rc = transmit(s, err);
    if (!rc && s->window.count)
        rc = check_silence(s, &silent, err);
    return !rc && silent ? again(s, err) : rc;
}

static int run(sender *s, double begun, oddrow_error *err)
{
    int rc = 0;
    s->since = s->heard = odd_clock();
    s->wait = first_wait;
    while (!rc && (!s->ended || s->window.count)) {
        rc = step(s, err);
        if (!rc && must_end(s))
            rc = odd_fail(err, ODDROW_EIO, "stopped: rows up to %" PRIu64 " of client %s are safe",
                          s->safe, s->summary->name);
        if (rc)
            break;
        show(s, begun, false);
        double idle = idle_time(s);
        bool full = s->window.sent < s->window.count && odd_clock() >= s->hold;
        if (idle > 0 && (!s->ended || s->window.count))
            rc = await(s, idle, full, err);
    }
    if (!rc)
        show(s, begun, true);
    return rc;
}

static int choose_name(const odd_send_options *o, char name[256], oddrow_error *err)
{
    char host[65] = "";
    uint64_t bits = 0;
    if (o->resume && !o->name)
        return odd_fail(err, ODDROW_EINVAL, "to resume, the client needs the name it had");
    if (o->name && (o->name[0] == '\0' || strlen(o->name) > ODD_CLIENT_NAME_MAX))
        return odd_fail(err, ODDROW_EINVAL, "a client's name has 1 to %d bytes",
                        ODD_CLIENT_NAME_MAX);
    if (o->name) {
        memcpy(name, o->name, strlen(o->name) + 1);
        return 0;
    }
    if (getrandom(&bits, sizeof(bits), 0) != (ssize_t)sizeof(bits))
        return odd_fail(err, ODDROW_EIO, "no random bits for a name: %s", strerror(errno));
    if (gethostname(host, sizeof(host) - 1))
        host[0] = '\0';
    snprintf(name, 256, "%s-%ld-%016" PRIx64, host[0] ? host : "client", (long)getpid(), bits);
    return 0;
}

static void sum_up(sender *s)
{
    uint64_t older = s->start - 1 - s->base; /* records of the file that the worker had */
    s->summary->rows = safe_rows(s);
    s->summary->passed = older < s->batches.seen ? older : s->batches.seen;
    s->summary->rejected = s->batches.rejected;
}

int odd_send(const char *path, const odd_send_options *options, odd_send_summary *summary,
             oddrow_error *err)
{
    sender s = {.o = options, .summary = summary, .start = 1};
    uint64_t expected = 0;
    double begun = odd_clock();
    odd_csv_options csv = options->csv;
    *summary = (odd_send_summary){0};
    if (!csv.chunk_size && options->batch > CHUNK_ROWS) /* no message is longer than a chunk */
        csv.chunk_size = options->batch * 256 < MOST_CHUNK ? options->batch * 256 : MOST_CHUNK;
    int rc;
    if (!(rc = choose_name(options, summary->name, err)) &&
        !(rc = odd_context_new(&s.context, err)) &&
        !(rc = odd_batches_open(&s.batches, path, &csv, options->encoding, err)))
        rc = find_place(&s, &expected, err);
    if (!rc && expected == 0)
        rc = odd_fail(err, ODDROW_EIO, "stopped: nothing was sent");
    if (!rc) {
        s.start = expected;
        s.safe = s.last = expected - 1;
        s.base = options->resume ? 0 : expected - 1;
        rc = run(&s, begun, err);
    }
    sum_up(&s);
    summary->seconds = odd_clock() - begun;
    odd_window_close(&s.window);
    odd_batches_close(&s.batches);
    odd_link_close(&s.link);
    odd_context_free(&s.context);
    return rc;
}
