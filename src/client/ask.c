#include "client/ask.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "wire/payload.h"

typedef struct asker {
    const odd_link_options *link;
    double patience;
    int (*answer)(void *context, odd_span json, oddrow_error *err);
    void *answer_context;
    odd_ask_summary *summary;
    void *context, *socket;
    odd_bytes payload, text; /* one question; an answer that is written here */
    zmq_msg_t reply;
} asker;

static int fail_socket(const asker *a, const char *what, oddrow_error *err)
{
    return odd_fail(err, ODDROW_EIO, "%s: cannot %s: %s", a->link->endpoint, what,
                    zmq_strerror(zmq_errno()));
}

static int no_memory(oddrow_error *err)
{
    return odd_fail(err, ODDROW_ENOMEM, "out of memory for an answer");
}

static int ask(asker *a, oddrow_error *err)
{
    if (zmq_send(a->socket, "", 0, ZMQ_SNDMORE) < 0 ||
        zmq_send(a->socket, a->payload.data, a->payload.size, 0) < 0)
        return fail_socket(a, "send", err);
    return 0;
}

static int fail_frames(const asker *a, oddrow_error *err)
{
    return odd_fail(err, ODDROW_EIO,
                    "%s answers with other frames than those of an answer: is it a worker's "
                    "endpoint for rows?",
                    a->link->endpoint);
}

/* Leaves the JSON array, the second of two frames, in reply. */
static int listen(asker *a, oddrow_error *err)
{
    double until = odd_clock() + a->patience;
    zmq_pollitem_t item = {.socket = a->socket, .events = ZMQ_POLLIN};
    for (int ready = 0; ready <= 0;) {
        double left = a->patience > 0 ? until - odd_clock() : 1;
        if (left <= 0)
            return odd_fail(err, ODDROW_EIO, "%s: no answer to row %" PRIu64 " for %g s",
                            a->link->endpoint, a->summary->rows, a->patience);
        ready = zmq_poll(&item, 1, left < 1 ? (long)(left * 1000) + 1 : 1000);
        if (ready < 0 && zmq_errno() != EINTR)
            return fail_socket(a, "wait", err);
    }
    if (zmq_msg_recv(&a->reply, a->socket, 0) < 0)
        return fail_socket(a, "receive", err);
    if (zmq_msg_size(&a->reply) != 0 || !zmq_msg_more(&a->reply))
        return fail_frames(a, err);
    if (zmq_msg_recv(&a->reply, a->socket, 0) < 0)
        return fail_socket(a, "receive", err);
    return zmq_msg_more(&a->reply) ? fail_frames(a, err) : 0;
}

/* Writes a JSON value as one line into text. */
static int dump(asker *a, const json_t *value, oddrow_error *err)
{
    char *line = json_dumps(value, JSON_COMPACT);
    odd_bytes_clear(&a->text);
    int code = line ? odd_bytes_add(&a->text, line, strlen(line)) : ODDROW_ENOMEM;
    free(line);
    return code ? no_memory(err) : 0;
}

/* What the worker says about row 1 of the question is about row `rows` of the file. */
static int renumber(asker *a, json_t *object, oddrow_error *err)
{
    json_t *row = json_integer((json_int_t)a->summary->rows);
    if (json_object_set_new(object, "row", row))
        return no_memory(err);
    return dump(a, object, err);
}

/* The one element of the array, as it stands where it is one line, so that numbers stay as they
 * were written. */
static int hand_out(asker *a, oddrow_error *err)
{
    const char *data = zmq_msg_data(&a->reply);
    size_t size = zmq_msg_size(&a->reply);
    json_error_t reason;
    json_t *array = json_loadb(data, size, 0, &reason);
    json_t *object =
        json_is_array(array) && json_array_size(array) == 1 ? json_array_get(array, 0) : NULL;
    int code = 0;
    if (!json_is_object(object)) {
        json_decref(array);
        return odd_fail(err, ODDROW_EIO,
                        "%s: the answer to row %" PRIu64 " is no array of one "
                        "object",
                        a->link->endpoint, a->summary->rows);
    }
    const char *from = (const char *)memchr(data, '[', size) + 1;
    const char *to = memrchr(data, ']', size);
    odd_span json = {from, (size_t)(to - from)};
    if (json_object_get(object, "error")) {
        a->summary->errors++;
        code = renumber(a, object, err);
        json = (odd_span){a->text.data, a->text.size};
    } else {
        a->summary->odd += json_is_true(json_object_get(object, "odd"));
        if (memchr(json.data, '\n', json.size) || memchr(json.data, '\r', json.size)) {
            code = dump(a, object, err);
            json = (odd_span){a->text.data, a->text.size};
        }
    }
    json_decref(array);
    return code ? code : a->answer(a->answer_context, json, err);
}

static int answer_reject(asker *a, const char *reason, oddrow_error *err)
{
    odd_bytes_clear(&a->text);
    a->summary->errors++;
    odd_json j = {.out = &a->text};
    odd_json_open(&j, NULL, '{');
    odd_json_string(&j, "error", reason);
    odd_json_whole(&j, "row", a->summary->rows);
    odd_json_close(&j, '}');
    int rc = odd_bytes_check(&a->text, err);
    return rc ? rc : a->answer(a->answer_context, (odd_span){a->text.data, a->text.size}, err);
}

static int ask_row(asker *a, const odd_csv_source *source, const odd_span *cells, oddrow_error *err)
{
    odd_bytes_clear(&a->payload);
    if (odd_payload_write(ODD_ENCODING_JSON, odd_csv_names(source), odd_csv_columns(source), cells,
                          1, &a->payload))
        return odd_fail(err, ODDROW_ENOMEM, "out of memory for a message");
    int code = ask(a, err);
    if (code == 0)
        code = listen(a, err);
    return code ? code : hand_out(a, err);
}

static int ask_chunk(asker *a, const odd_csv_source *source, const odd_csv_chunk *c,
                     oddrow_error *err)
{
    size_t row = 0, reject = 0;
    int code = 0;
    for (size_t i = 0; i < c->records && code == 0; i++) {
        a->summary->rows++;
        if (reject < c->reject_count && c->rejects[reject].record == i)
            code = answer_reject(a, c->rejects[reject++].reason, err);
        else
            code = ask_row(a, source, c->cells + row++ * c->columns, err);
    }
    return code;
}

static int ask_all(asker *a, odd_csv_source *source, odd_csv_chunk *chunk, oddrow_error *err)
{
    int got;
    while ((got = odd_csv_next(source, chunk, err)) > 0) {
        int code = odd_csv_split(source, chunk, err);
        if (code == 0)
            code = ask_chunk(a, source, chunk, err);
        if (code)
            return code;
    }
    return got;
}

int odd_ask(const char *path, const odd_link_options *link, const odd_csv_options *csv,
            double patience, int (*answer)(void *context, odd_span json, oddrow_error *err),
            void *context, odd_ask_summary *summary, oddrow_error *err)
{
    asker a = {.link = link,
               .patience = patience,
               .answer = answer,
               .answer_context = context,
               .summary = summary};
    odd_csv_source *source = NULL;
    odd_csv_chunk chunk = {0};
    *summary = (odd_ask_summary){0};
    zmq_msg_init(&a.reply);
    odd_csv_options live = *csv; /* rows of a pipe are asked as they come */
    live.live = true;
    int code = odd_csv_open(&path, 1, &live, &source, err);
    if (code == 0 && !(a.context = zmq_ctx_new()))
        code = odd_fail(err, ODDROW_EIO, "no ZeroMQ context: %s", zmq_strerror(zmq_errno()));
    if (code == 0)
        code = odd_link_open(a.context, ZMQ_DEALER, link, &a.socket, err);
    if (code == 0)
        code = ask_all(&a, source, &chunk, err);
    zmq_msg_close(&a.reply);
    if (a.socket)
        zmq_close(a.socket);
    while (a.context && zmq_ctx_term(a.context) != 0 && zmq_errno() == EINTR)
        ;
    odd_bytes_free(&a.payload);
    odd_bytes_free(&a.text);
    odd_csv_chunk_free(&chunk);
    odd_csv_close(&source);
    return code;
}
