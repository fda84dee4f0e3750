/* client/watch.h: the feed without holes: live messages, and from replay those that were missed. */
#ifndef ODD_CLIENT_WATCH_H
#define ODD_CLIENT_WATCH_H

#include "base/bytes.h"
#include "base/options.h"
#include "client/link.h"

/* replay NULL: gaps are reported, not filled; from: used when has_from is set; topic: a prefix,
 * NULL or "": all; state: a file that keeps the next sequence; when it exists at the start, it wins
 * over `from`; form is the command's. */
#define ODD_WATCH_OPTIONS(X)                                                                       \
    X(const char *, replay, NULL, TEXT, "replay", WATCH, .value = "EP",                            \
      .help = "the worker's replay socket, to fetch messages that were missed")                    \
    X(uint64_t, from, 0, COUNT, "from", WATCH, .high = ODD_ANY, .value = "N",                      \
      .unset = "what comes", .help = "start at this sequence number, through replay")              \
    X(const char *, topic, NULL, TEXT, "topic", WATCH, .value = "T", .unset = "all",               \
      .help = "odd, score, reject, drift, status, or the beginning of one")                        \
    X(uint64_t, count, 0, COUNT, "count", WATCH, .high = ODD_ANY, .value = "N",                    \
      .help = "stop after N messages; 0: never")                                                   \
    X(odd_form, form, ODD_FORM_TEXT, CHOICE, "format", WATCH, .choice = form,                      \
      .help = "lines for people, or one JSON object per line")                                     \
    X(const char *, state, NULL, TEXT, "state", WATCH, .value = "FILE",                            \
      .help = "file that stores the next sequence number, so that the next run continues there")

typedef struct odd_watch_options {
    odd_link_options feed;
    bool has_from; /* start at sequence `from`; otherwise with the next message */
    ODD_WATCH_OPTIONS(ODD_OPTION_FIELD)
    double patience;         /* seconds that replay may be silent when it is needed; 0: for ever */
    const atomic_bool *stop; /* may be NULL */
    void (*note)(void *context, const char *text); /* replay has stopped to answer, or answers
                                                      again; may be NULL */
} odd_watch_options;

/* One message, in the order of the sequence. */
typedef struct odd_watch_message {
    odd_span topic, json;
    uint64_t sequence;
    uint64_t missed; /* messages before this one that are gone: removed by retention, or without
                        replay */
} odd_watch_message;

typedef struct odd_watch_summary {
    uint64_t messages, replayed, missed;
} odd_watch_summary;

/* Hands every message to `message` until count, stop or an error. `message` and `note` get
 * `context`.
 *
 * The state file is written about once a second and at the end, under a temporary name, and then
 * renamed; it never names a message that was not handed out. Replay is asked when a live message
 * leaves a gap, and after a second of silence. A topic prefix hides which sequences are gaps: then
 * replay is asked up to ten times a second, a message may wait as long, and messages that retention
 * removed are not counted.
 *
 * 0; ODDROW_EINVAL: `from` without replay; ODDROW_EFORMAT: the state file holds no number;
 * ODDROW_EIO, also when the feed ends before what was handed out already; what `message` returns.
 */
int odd_watch(const odd_watch_options *options,
              int (*message)(void *context, const odd_watch_message *m, oddrow_error *err),
              void *context, odd_watch_summary *summary, oddrow_error *err);

#endif
