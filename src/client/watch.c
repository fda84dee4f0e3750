/* client/watch.c: the feed in order, with what was missed.
 *
 * One thread listens to the feed and to replay. A live message that does not follow the one handed
 * out last is held; replay is asked from the gap on, until it reaches the first message held. */
#include "client/watch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "client/parcel.h"

enum {
    ROUND = 256, /* messages of one socket before the other has its turn */
    POLL_MS = 100,
    PAGE = 500, /* messages a question: a ROUTER drops what is beyond its mark, usually 1,000 */
    STUCK = 3,  /* answers without what the feed has shown, until it counts as missed */
    ERRORS = 3,
};
static const double silence = 1;     /* seconds without a live message until replay is asked */
static const double pause = 0.1;     /* between two questions to replay that bring nothing new */
static const double save_pause = 1;  /* between two writings of the state */
static const double replay_wait = 2; /* for a frame of replay, until it is asked again */
static const double note_wait = 4;

typedef struct watcher {
    const odd_watch_options *o;
    int (*message)(void *context, const odd_watch_message *m, oddrow_error *err);
    void *message_context;
    odd_watch_summary *summary;
    void *context;
    odd_link feed, replay;
    odd_parcel in;

    uint64_t next;    /* the next sequence to hand out, once it is known */
    uint64_t reached; /* everything below was handed out, in this run or an earlier one */
    uint64_t missed;  /* to be told with the next message */

    odd_parcels held; /* live messages that wait for replay */

    uint64_t asked;         /* from where; */
    uint64_t asked_reached; /* and reached, then */
    size_t got;             /* messages of the answer so far */
    double ask_at;          /* not before this moment */
    double replay_heard;    /* a frame of replay, or the question */
    double failing;         /* since when replay is silent; 0: it is not */
    double live_heard;      /* a live message, or a complete answer */

    uint64_t saved;
    double saved_at;

    unsigned stuck, errors;
    bool started; /* next is known */
    bool done;    /* count is reached */
    bool behind;  /* replay has more, or was not asked yet */
    bool asking;  /* a question is under way */
    bool holed;   /* its answer leaves something out behind its first message */
    bool noted;   /* that replay is silent */
} watcher;

/* ---- handing out */

static int hand_out(watcher *w, odd_parcel *p, oddrow_error *err)
{
    odd_watch_message m = {.topic = odd_parcel_span(p, 0),
                           .json = odd_parcel_span(p, 2),
                           .sequence = odd_parcel_sequence(p),
                           .missed = w->missed};
    int rc = w->message(w->message_context, &m, err);
    if (rc)
        return rc;
    w->missed = 0;
    w->next = w->reached = m.sequence + 1;
    w->summary->messages++;
    w->done = w->o->count && w->summary->messages >= w->o->count;
    return 0;
}

static const char *topic_of(const watcher *w)
{
    return w->o->topic ? w->o->topic : "";
}

static bool has_prefix(const watcher *w)
{
    return w->o->topic && w->o->topic[0];
}

/* Nothing between next and `sequence` will come any more. */
static void skip_to(watcher *w, uint64_t sequence)
{
    if (sequence <= w->next)
        return;
    if (!has_prefix(w)) {
        w->missed += sequence - w->next;
        w->summary->missed += sequence - w->next;
    }
    w->next = sequence;
}

/* ---- held messages */

/* Hands out held messages up to the next gap. */
static int release(watcher *w, oddrow_error *err)
{
    int rc = 0;
    while (!rc && w->held.count && !w->done) {
        odd_parcel *p = odd_parcels_first(&w->held);
        uint64_t sequence = odd_parcel_sequence(p);
        if (sequence > w->next)
            break;
        if (sequence == w->next)
            rc = hand_out(w, p, err);
        if (!rc)
            odd_parcels_drop(&w->held);
    }
    return rc;
}

static int take_live(watcher *w, oddrow_error *err)
{
    odd_parcel *p = &w->in;
    if (!odd_parcel_is_message(p, topic_of(w)))
        return 0;
    uint64_t sequence = odd_parcel_sequence(p);
    w->live_heard = odd_clock();
    if (!w->started) {
        w->started = true;
        w->next = sequence;
    }
    if (sequence < w->next || sequence == UINT64_MAX)
        return 0;
    if (w->o->replay && (sequence > w->next || w->behind || w->held.count)) {
        odd_parcels_add(&w->held, p);
        return 0;
    }
    skip_to(w, sequence);
    return hand_out(w, p, err);
}

/* ---- replay */

static int ask(watcher *w, oddrow_error *err)
{
    unsigned char from[8], most[4];
    const char *topic = topic_of(w);
    const odd_span frames[] = {
        {(const char *)from, 8}, {(const char *)most, 4}, {topic, strlen(topic)}};
    odd_put(from, 8, w->next);
    odd_put(most, 4, PAGE);
    w->asking = true;
    w->asked = w->next;
    w->asked_reached = w->reached;
    w->got = 0;
    w->holed = false;
    w->replay_heard = odd_clock();
    int got = odd_link_send(&w->replay, frames, 3, err);
    return got < 0 ? got : 0; /* not sent now: as if no answer came */
}

/* A fresh socket, so that no answer to an older question comes behind a newer one's. */
static int reopen_replay(watcher *w, oddrow_error *err)
{
    const odd_link_options options = {w->o->replay, w->o->feed.keys};
    odd_link_close(&w->replay);
    w->asking = false;
    return odd_link_open(w->context, ZMQ_DEALER, &options, &w->replay, err);
}

static void tell(watcher *w, const char *text)
{
    char line[400];
    if (!w->o->note)
        return;
    snprintf(line, sizeof(line), "%.300s %s", w->o->replay, text);
    w->o->note(w->message_context, line);
}

static void hear_replay(watcher *w)
{
    w->replay_heard = odd_clock();
    w->failing = 0;
    if (w->noted)
        tell(w, "answers again");
    w->noted = false;
}

/* [END][next]: nothing but what came lies between the question and there. Retention takes the
 * oldest, so that only the beginning of an answer may lack something; a hole further on is what a
 * full queue dropped on the way, and asked for again. */
static int take_end(watcher *w, uint64_t end, oddrow_error *err)
{
    double now = odd_clock();
    if (end < w->asked_reached)
        return odd_fail(err, ODDROW_EIO,
                        "%s: the feed goes up to %" PRIu64 " and was seen up to %" PRIu64
                        ": another worker, or one that lost its journal%s%s",
                        w->o->replay, end ? end - 1 : 0, w->asked_reached - 1,
                        w->o->state ? "; to begin anew, remove " : "",
                        w->o->state ? w->o->state : "");
    w->holed = w->holed || (w->got > 0 && end > w->next && !has_prefix(w));
    if (!w->holed)
        skip_to(w, end);
    bool moved = w->got > 0 || end > w->asked, held = w->held.count > 0 && !w->holed;
    bool met = held && odd_parcel_sequence(odd_parcels_first(&w->held)) <= w->next;
    int rc = release(w, err);
    w->asking = false;
    w->errors = 0;
    w->live_heard = now;
    w->stuck = moved || !w->held.count ? 0 : w->stuck + 1;
    if (!rc && w->stuck >= STUCK) { /* the feed has it, replay does not */
        w->stuck = 0;
        skip_to(w, odd_parcel_sequence(odd_parcels_first(&w->held)));
        rc = release(w, err);
    }
    /* Once live messages follow, all is there; otherwise when an answer brings nothing new. */
    w->behind = w->held.count > 0 || (moved && !held);
    w->ask_at = moved && w->behind && !(met && has_prefix(w)) ? 0 : now + pause;
    return rc;
}

static int take_error(watcher *w, oddrow_error *err)
{
    char text[ODD_EXCERPT_MAX + 1];
    odd_link_excerpt(odd_parcel_span(&w->in, 1), text);
    w->asking = false;
    w->behind = true;
    w->ask_at = odd_clock() + silence;
    return ++w->errors < ERRORS
               ? 0
               : odd_fail(err, ODDROW_EIO, "%s: replay refuses: %s", w->o->replay, text);
}

static int take_replay(watcher *w, oddrow_error *err)
{
    odd_parcel *p = &w->in;
    if (!w->asking)
        return 0;
    if (odd_parcel_is_answer(p, "END") && zmq_msg_size(&p->frame[1]) == 8) {
        hear_replay(w);
        return take_end(w, odd_parcel_sequence(p), err);
    }
    if (odd_parcel_is_answer(p, "ERR")) {
        hear_replay(w);
        return take_error(w, err);
    }
    if (!odd_parcel_is_message(p, topic_of(w)))
        return 0;
    hear_replay(w);
    w->got++;
    uint64_t sequence = odd_parcel_sequence(p);
    if (sequence < w->next || sequence == UINT64_MAX)
        return 0;
    w->holed = w->holed || (w->got > 1 && sequence > w->next && !has_prefix(w));
    if (w->holed)
        return 0;
    skip_to(w, sequence);
    w->summary->replayed++;
    return hand_out(w, p, err);
}

/* Asks when there is something to ask, and again when no answer comes. */
static int drive_replay(watcher *w, oddrow_error *err)
{
    double now = odd_clock();
    if (!w->replay.socket || !w->started || w->done)
        return 0;
    if (w->asking && now - w->replay_heard > replay_wait) {
        if (!(w->failing > 0))
            w->failing = w->replay_heard;
        if (w->o->patience > 0 && now - w->failing > w->o->patience)
            return odd_fail(err, ODDROW_EIO, "%s: replay does not answer for %g s", w->o->replay,
                            w->o->patience);
        if (!w->noted && now - w->failing > note_wait) {
            w->noted = true;
            tell(w, "does not answer; waiting for it, so that nothing is missed");
        }
        int rc = reopen_replay(w, err);
        return rc ? rc : ask(w, err);
    }
    bool quiet = now - w->live_heard > silence;
    if (!w->asking && now >= w->ask_at && (w->held.count || w->behind || quiet))
        return ask(w, err);
    return 0;
}

/* ---- the state */

static int load_state(watcher *w, oddrow_error *err)
{
    char text[32];
    FILE *f = fopen(w->o->state, "rb");
    if (!f && errno == ENOENT)
        return 0;
    if (!f)
        return odd_fail(err, ODDROW_EIO, "%s: %s", w->o->state, strerror(errno));
    size_t size = fread(text, 1, sizeof(text), f), digits = 0;
    bool broken = ferror(f) != 0;
    fclose(f);
    if (broken)
        return odd_fail(err, ODDROW_EIO, "%s: cannot be read", w->o->state);
    uint64_t number = 0;
    for (; digits < size && text[digits] >= '0' && text[digits] <= '9'; digits++)
        number = number * 10 + (uint64_t)(text[digits] - '0');
    if (digits == 0 || digits > 18 || digits + 1 < size || (digits < size && text[digits] != '\n'))
        return odd_fail(err, ODDROW_EFORMAT, "%s: must hold a sequence number and nothing else",
                        w->o->state);
    w->started = true;
    w->next = w->reached = w->saved = number;
    return 0;
}

static int save_state(watcher *w, bool last, oddrow_error *err)
{
    double now = odd_clock();
    if (!w->o->state || !w->started || w->saved == w->next ||
        (!last && now - w->saved_at < save_pause))
        return 0;
    char text[32];
    int size = snprintf(text, sizeof(text), "%" PRIu64 "\n", w->next);
    w->saved = w->next;
    w->saved_at = now;
    return odd_output_whole(w->o->state, text, (size_t)size, err);
}

/* ---- the run */

/* Takes what has come on one socket, up to a bound. */
static int drain(watcher *w, const odd_link *link, int (*take)(watcher *w, oddrow_error *err),
                 oddrow_error *err)
{
    int got = 1, rc = 0;
    for (size_t i = 0; i < ROUND && !rc && got > 0 && !w->done && link->socket; i++)
        if ((got = odd_parcel_receive(&w->in, link, err)) > 0)
            rc = take(w, err);
    return got < 0 ? got : rc;
}

static int await(watcher *w, oddrow_error *err)
{
    zmq_pollitem_t items[2] = {{.socket = w->feed.socket, .events = ZMQ_POLLIN},
                               {.socket = w->replay.socket, .events = ZMQ_POLLIN}};
    double left = w->ask_at - odd_clock();
    long ms = POLL_MS;
    if (w->replay.socket && !w->asking && (w->held.count || w->behind))
        ms = left > 0 ? (long)(left * 1000) + 1 : 0;
    if (zmq_poll(items, w->replay.socket ? 2 : 1, ms < POLL_MS ? ms : POLL_MS) < 0 &&
        errno != EINTR)
        return odd_link_fail(&w->feed, "wait", err);
    return 0;
}

static int run(watcher *w, oddrow_error *err)
{
    int rc = 0;
    while (!rc && !w->done && !(w->o->stop && atomic_load(w->o->stop))) {
        if (!(rc = drain(w, &w->feed, take_live, err)) &&
            !(rc = drain(w, &w->replay, take_replay, err)) && !(rc = drive_replay(w, err)) &&
            !(rc = save_state(w, false, err)) && !w->done)
            rc = await(w, err);
    }
    int unsaved = save_state(w, true, rc ? NULL : err);
    return rc ? rc : unsaved;
}

/* Subscribes before replay is asked, so that what comes meanwhile is held. */
static int start(watcher *w, oddrow_error *err)
{
    const odd_watch_options *o = w->o;
    const char *topic = topic_of(w);
    if (o->has_from && !o->replay)
        return odd_fail(err, ODDROW_EINVAL, "to begin at a sequence number, replay is needed");
    if (o->has_from) {
        w->started = true;
        w->next = o->from ? o->from : 1; /* the feed counts from 1 */
    }
    int rc = o->state ? load_state(w, err) : 0;
    if (rc || (rc = odd_parcels_open(&w->held, err)) || (rc = odd_context_new(&w->context, err)) ||
        (rc = odd_link_open(w->context, ZMQ_SUB, &o->feed, &w->feed, err)))
        return rc;
    if (zmq_setsockopt(w->feed.socket, ZMQ_SUBSCRIBE, topic, strlen(topic)))
        return odd_link_fail(&w->feed, "subscribe", err);
    w->behind = w->started && o->replay;
    w->live_heard = w->saved_at = odd_clock();
    return o->replay ? reopen_replay(w, err) : 0;
}

int odd_watch(const odd_watch_options *options,
              int (*message)(void *context, const odd_watch_message *m, oddrow_error *err),
              void *context, odd_watch_summary *summary, oddrow_error *err)
{
    watcher w = {.o = options, .message = message, .message_context = context, .summary = summary};
    *summary = (odd_watch_summary){0};
    int rc = start(&w, err);
    if (!rc)
        rc = run(&w, err);
    odd_parcel_clear(&w.in);
    odd_parcels_close(&w.held);
    odd_link_close(&w.feed);
    odd_link_close(&w.replay);
    odd_context_free(&w.context);
    return rc;
}
