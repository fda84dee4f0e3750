/* oddrow watch: the feed of a worker, a line a message. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/stop.h"
#include "client/watch.h"

typedef struct view {
    bool json, quiet;
    const char *topic; /* --topic, or NULL */
    odd_bytes line;
} view;

/* ---- JSON lines ---- */

/* The object as it came; with "topic" in front, unless --topic says which all of them have. A line
 * end can only stand between its tokens. */
static void write_json(view *v, const odd_watch_message *m)
{
    odd_bytes *line = &v->line;
    const char *data = m->json.data;
    size_t size = m->json.size, at = 0;
    bool known = v->topic && strlen(v->topic) == m->topic.size &&
                 memcmp(v->topic, m->topic.data, m->topic.size) == 0;
    while (at < size && strchr(" \t\r\n", data[at]))
        at++;
    if (!known && at < size && data[at] == '{') {
        odd_json j = {.out = line};
        odd_json_open(&j, NULL, '{');
        odd_json_text(&j, "topic", m->topic);
        at++;
        while (at < size && strchr(" \t\r\n", data[at]))
            at++;
        if (at < size && data[at] != '}')
            odd_bytes_char(line, ',');
    }
    odd_bytes_add(line, data + at, size - at);
    for (size_t i = 0; i < line->size; i++)
        if (line->data[i] == '\n' || line->data[i] == '\r')
            line->data[i] = ' ';
}

/* ---- lines for people ---- */

/* A member of an object as a person would write it, with `before` in front, where it is there. */
static void write_member(odd_bytes *line, const char *before, const json_t *object,
                         const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!value || json_is_null(value))
        return;
    odd_bytes_text(line, before);
    if (json_is_string(value)) {
        odd_bytes_add(line, json_string_value(value), json_string_length(value));
        return;
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
    if (text)
        odd_bytes_text(line, text);
    else
        line->failed = true;
    free(text);
}

/* age 212 (expected 38, out-of-range) */
static void write_reason(odd_bytes *line, const json_t *why, bool first)
{
    const json_t *observed = json_object_get(why, "observed");
    const json_t *expected = json_object_get(why, "expected");
    bool open = expected && !json_is_null(expected);
    write_member(line, first ? "  " : ", ", why, "column");
    if (json_is_string(observed) && json_string_length(observed) == 0)
        odd_bytes_text(line, " empty");
    else
        write_member(line, " ", why, "observed");
    write_member(line, " (expected ", why, "expected");
    if (json_string_length(json_object_get(why, "flag")) > 0) {
        write_member(line, open ? ", " : " (", why, "flag");
        open = true;
    }
    if (open)
        odd_bytes_char(line, ')');
}

/* 2026-11-21T09:00:00.123456Z odd   31.42  order-17  age 212 (expected 38), state ZZ */
static void write_scored(odd_bytes *line, odd_span topic, const json_t *object)
{
    const json_t *why, *list = json_object_get(object, "why"), *id = json_object_get(object, "id");
    bool named = id && !json_is_null(id);
    size_t i;
    write_member(line, "", object, "time");
    odd_bytes_print(line, " %-6.*s %8.2f", (int)topic.size, topic.data,
                    json_number_value(json_object_get(object, "score")));
    if (!named)
        write_member(line, "  ", object, "client");
    write_member(line, named ? "  " : " ", object, named ? "id" : "number");
    json_array_foreach(list, i, why)
    {
        write_reason(line, why, i == 0);
    }
}

/* What comes from afar must not steer a terminal: control characters become question marks. */
static void tame(odd_bytes *line)
{
    for (size_t i = 0; i < line->size; i++) {
        unsigned char c = (unsigned char)line->data[i];
        unsigned char next = i + 1 < line->size ? (unsigned char)line->data[i + 1] : 0;
        if (c < ' ' || c == 127)
            line->data[i] = '?';
        else if (c == 0xc2 && next >= 0x80 && next < 0xa0) /* U+0080 to U+009F */
            line->data[i] = line->data[i + 1] = '?';
    }
}

static void write_text(view *v, const odd_watch_message *m)
{
    json_error_t reason;
    json_t *object = json_loadb(m->json.data, m->json.size, 0, &reason);
    if (json_is_number(json_object_get(object, "score")) && m->topic.size <= 32) {
        write_scored(&v->line, m->topic, object);
    } else {
        odd_bytes_span(&v->line, m->topic);
        odd_bytes_char(&v->line, ' ');
        odd_bytes_span(&v->line, m->json);
    }
    json_decref(object);
    tame(&v->line);
}

static int print_message(void *context, const odd_watch_message *m, oddrow_error *err)
{
    view *v = context;
    char missed[32];
    if (m->missed && !v->quiet)
        fprintf(stderr, "oddrow: note: %s messages before sequence %" PRIu64 " are gone\n",
                odd_grouped(m->missed, missed), m->sequence);
    odd_bytes_clear(&v->line);
    if (v->json)
        write_json(v, m);
    else
        write_text(v, m);
    odd_bytes_char(&v->line, '\n');
    int rc = odd_bytes_check(&v->line, err);
    if (rc)
        return rc;
    fwrite(v->line.data, 1, v->line.size, stdout);
    return odd_finish_output(err); /* the state must not be ahead of what was printed */
}

static void print_note(void *context, const char *text)
{
    const view *v = context;
    if (!v->quiet)
        fprintf(stderr, "oddrow: note: %s\n", text);
}

static int run(odd_arguments *arguments, oddrow_error *err)
{
    const atomic_bool *stop = odd_stop_on_signals();
    const odd_options *o = &arguments->options;
    odd_watch_summary summary = {0};
    int rc = 0;

    odd_watch_options options = o->watch;
    view v = {
        .json = options.form == ODD_FORM_JSON, .quiet = o->client.quiet, .topic = options.topic};
    if (arguments->word_count != 1)
        rc = odd_fail(err, ODDROW_EINVAL, "give the worker's feed: oddrow watch EP");
    const odd_option *from = odd_option_of(ODD_COMMAND_WATCH, "from");
    options.has_from = from && odd_options_origin(o, from) != ODD_FROM_DEFAULT;
    if (rc == 0 && options.has_from && !options.replay)
        rc = odd_fail(err, ODDROW_EINVAL, "--from needs --replay EP");
    if (rc == 0) {
        options.feed = (odd_link_options){arguments->words[0], o->client.keys};
        options.stop = stop;
        options.note = print_note;
        rc = odd_watch(&options, print_message, &v, &summary, err);
    }
    odd_bytes_free(&v.line);
    char messages[32], replayed[32], missed[32];
    if (rc != ODDROW_EINVAL && !o->client.quiet)
        fprintf(stderr, "oddrow: %s messages, %s of them by replay; %s missed\n",
                odd_grouped(summary.messages, messages), odd_grouped(summary.replayed, replayed),
                odd_grouped(summary.missed, missed));
    return rc;
}

const odd_command odd_command_watch = {
    .name = "watch",
    .bit = ODD_COMMAND_WATCH,
    .usage = "watch EP [--replay EP] [--from N] [--topic T] [--count N] [--format text|json] "
             "[--state FILE] [OPTION...]",
    .summary = "print the feed of a worker, including missed messages",
    .about = "Prints one line per message, in the order of the feed. With --replay, fetches\n"
             "messages that the subscription missed; with --state as well, also those published\n"
             "while no watch ran. Ends on --count, SIGINT or SIGTERM.",
    .examples = "  oddrow watch tcp://127.0.0.1:5557\n"
                "  oddrow watch tcp://127.0.0.1:5557 --replay tcp://127.0.0.1:5558 --from 1\n"
                "  oddrow watch tcp://127.0.0.1:5557 --replay tcp://127.0.0.1:5558 --topic odd \\\n"
                "      --format json --state odd.place >> odd.jsonl",
    .run = run,
};
