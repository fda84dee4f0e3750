/* client/ask.c: one row, one answer, row after row. */
#include "client/ask.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "wire/payload.h"

typedef struct asker {
    odd_link link;
    double patience;
    int (*answer)(void *context, odd_span json, oddrow_error *err);
    void *context; /* of answer */
    odd_ask_summary *summary;
    odd_bytes payload, text; /* one question; an answer that is written here */
} asker;

/* Waits until the socket may be ready for `events`. */
static int await(const asker *a, short events, double until, oddrow_error *err)
{
    zmq_pollitem_t item = {.socket = a->link.socket, .events = events};
    double left = a->patience > 0 ? until - odd_clock() : 1;
    if (left <= 0)
        return odd_fail(err, ODDROW_EIO, "%s: no answer to row %" PRIu64 " for %g s",
                        a->link.endpoint, a->summary->rows, a->patience);
    if (zmq_poll(&item, 1, left < 1 ? (long)(left * 1000) + 1 : 1000) < 0 && errno != EINTR)
        return odd_link_fail(&a->link, "wait", err);
    return 0;
}

/* Sends the payload and takes the two frames of the answer: an empty one, and a JSON array. */
static int exchange(asker *a, zmq_msg_t frames[2], oddrow_error *err)
{
    const odd_span question[] = {{"", 0}, {a->payload.data, a->payload.size}};
    double until = odd_clock() + a->patience;
    int got, rc = 0;
    while (!rc && !(got = odd_link_send(&a->link, question, 2, err)))
        rc = await(a, ZMQ_POLLOUT, until, err);
    if (rc || got < 0)
        return rc ? rc : got;
    while (!rc && !(got = odd_link_receive(&a->link, frames, 2, err)))
        rc = await(a, ZMQ_POLLIN, until, err);
    if (!rc && got > 0 && (got != 2 || zmq_msg_size(&frames[0])))
        return odd_fail(err, ODDROW_EIO,
                        "%s answers with other frames than those of an answer: is it a worker's "
                        "endpoint for rows?",
                        a->link.endpoint);
    return rc ? rc : got < 0 ? got : 0;
}

/* Writes a JSON value as one line into text. */
static int dump(asker *a, const json_t *value, oddrow_error *err)
{
    char *line = json_dumps(value, JSON_COMPACT);
    if (!line)
        return odd_no_memory(err);
    odd_bytes_clear(&a->text);
    odd_bytes_text(&a->text, line);
    free(line);
    return odd_bytes_check(&a->text, err);
}

/* Hands out the one element of the array: as it stands where it is one line, so that numbers stay
 * as they were written. What the worker says about row 1 of the question is about row `rows` of the
 * file. */
static int hand_out(asker *a, odd_span reply, oddrow_error *err)
{
    json_error_t reason;
    json_t *array = json_loadb(reply.data, reply.size, 0, &reason);
    json_t *object = json_array_size(array) == 1 ? json_array_get(array, 0) : NULL;
    json_t *error = json_object_get(object, "error");
    int rc = 0;
    if (!json_is_object(object))
        rc =
            odd_fail(err, ODDROW_EIO, "%s: the answer to row %" PRIu64 " is no array of one object",
                     a->link.endpoint, a->summary->rows);
    else if (error &&
             json_object_set_new(object, "row", json_integer((json_int_t)a->summary->rows)))
        rc = odd_no_memory(err);
    if (!rc) {
        const char *from = (const char *)memchr(reply.data, '[', reply.size) + 1;
        const char *to = memrchr(reply.data, ']', reply.size);
        odd_span json = {from, (size_t)(to - from)};
        a->summary->errors += error != NULL;
        a->summary->odd += !error && json_is_true(json_object_get(object, "odd"));
        if (error || memchr(json.data, '\n', json.size) || memchr(json.data, '\r', json.size)) {
            rc = dump(a, object, err);
            json = (odd_span){a->text.data, a->text.size};
        }
        if (!rc)
            rc = a->answer(a->context, json, err);
    }
    json_decref(array);
    return rc;
}

static int answer_reject(asker *a, const char *reason, oddrow_error *err)
{
    odd_json j = {.out = &a->text};
    odd_bytes_clear(&a->text);
    odd_json_open(&j, NULL, '{');
    odd_json_string(&j, "error", reason);
    odd_json_whole(&j, "row", a->summary->rows);
    odd_json_close(&j, '}');
    a->summary->errors++;
    int rc = odd_bytes_check(&a->text, err);
    return rc ? rc : a->answer(a->context, (odd_span){a->text.data, a->text.size}, err);
}

static int ask_row(asker *a, const odd_csv_source *source, const odd_span *cells, oddrow_error *err)
{
    zmq_msg_t frames[2];
    for (size_t i = 0; i < 2; i++)
        zmq_msg_init(&frames[i]);
    odd_bytes_clear(&a->payload);
    odd_payload_write(ODD_ENCODING_JSON, odd_csv_names(source), odd_csv_columns(source), cells, 1,
                      &a->payload);
    int rc = odd_bytes_check(&a->payload, err);
    if (!rc)
        rc = exchange(a, frames, err);
    if (!rc)
        rc = hand_out(a, odd_frame_span(&frames[1]), err);
    odd_frames_close(frames, 2);
    return rc;
}

static int ask_chunk(asker *a, const odd_csv_source *source, const odd_csv_chunk *c,
                     oddrow_error *err)
{
    size_t row = 0, reject = 0;
    int rc = 0;
    for (size_t i = 0; i < c->records && !rc; i++) {
        a->summary->rows++;
        if (reject < c->reject_count && c->rejects[reject].record == i)
            rc = answer_reject(a, c->rejects[reject++].reason, err);
        else
            rc = ask_row(a, source, c->cells + row++ * c->columns, err);
    }
    return rc;
}

int odd_ask(const char *path, const odd_link_options *link, const odd_csv_options *csv,
            double patience, int (*answer)(void *context, odd_span json, oddrow_error *err),
            void *context, odd_ask_summary *summary, oddrow_error *err)
{
    asker a = {.patience = patience, .answer = answer, .context = context, .summary = summary};
    void *zmq = NULL;
    odd_csv_source *source = NULL;
    odd_csv_chunk chunk = {0};
    odd_csv_options live = *csv; /* rows of a pipe are asked as they come */
    *summary = (odd_ask_summary){0};
    live.live = true;
    int got = 1, rc = odd_csv_open(&path, 1, &live, &source, err);
    if (!rc)
        rc = odd_context_new(&zmq, err);
    if (!rc)
        rc = odd_link_open(zmq, ZMQ_DEALER, link, &a.link, err);
    while (!rc && (got = odd_csv_next(source, &chunk, err)) > 0) {
        rc = odd_csv_split(source, &chunk, err);
        if (!rc)
            rc = ask_chunk(&a, source, &chunk, err);
    }
    odd_link_close(&a.link);
    odd_context_free(&zmq);
    odd_bytes_free(&a.payload);
    odd_bytes_free(&a.text);
    odd_csv_chunk_free(&chunk);
    odd_csv_close(&source);
    return rc ? rc : got;
}
