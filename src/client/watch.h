/* client/watch.h: the feed without holes: subscribed, and what was missed fetched from replay. */
#ifndef ODD_CLIENT_WATCH_H
#define ODD_CLIENT_WATCH_H

#include "base/bytes.h"
#include "base/options.h"
#include "client/link.h"

/* replay NULL: gaps are told, not filled; from: counts where has_from is set; topic: prefix, NULL
 * or
 * "": all; state: keeps the next sequence, read at the start where it exists, and then wins over
 * from; form is the command's. */
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
    bool has_from; /* begin at sequence `from`; otherwise with what comes */
    ODD_WATCH_OPTIONS(ODD_OPTION_FIELD)
    double patience;         /* seconds that replay may be silent when it is needed; 0: for ever */
    const atomic_bool *stop; /* may be NULL */
    void (*note)(void *context, const char *text); /* replay does not answer, or does again; may
                                                      be NULL */
} odd_watch_options;

/* One message, in the order of the sequence. */
typedef struct odd_watch_message {
    odd_span topic, json;
    uint64_t sequence;
    uint64_t missed; /* messages right before this one that are gone for good: retention, or no
                        replay */
} odd_watch_message;

typedef struct odd_watch_summary {
    uint64_t messages, replayed, missed;
} odd_watch_summary;

/* Hands every message to `message` until count, stop or an error. The state file (written under a
 * temporary name and renamed, about once a second and at the end) never names a message that was
 * not handed out. Beside live messages replay is asked after a second of silence, and where a topic
 * prefix hides which sequences are gaps, at most ten times a second: then a message may wait so
 * long. With a prefix what retention took cannot be told from other topics and is not counted.
 * `message` and `note` get `context`. 0; ODDROW_EINVAL, from without replay; ODDROW_EFORMAT, a
 * state file that holds no number; ODDROW_EIO, also when the feed went back behind what was handed
 * out; what `message` returns. */
int odd_watch(const odd_watch_options *options,
              int (*message)(void *context, const odd_watch_message *m, oddrow_error *err),
              void *context, odd_watch_summary *summary, oddrow_error *err);

#endif
