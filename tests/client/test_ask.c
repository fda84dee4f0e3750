/* odd_ask against a ROUTER in a thread: an answer a row, in order, whatever the answers are. */
#include "client/ask.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>
#include <zmq.h>

#include "base/bytes.h"
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Answers question i with answers[i]; NULL: not at all. A text that begins with ! is sent without
 * the empty frame. Keeps the last question. */
typedef struct worker {
    const char *const *answers;
    size_t count, asked;
    char question[256], endpoint[256];
    pthread_t thread;
    atomic_bool end;
    void *context, *socket;
} worker;

static void answer(worker *w)
{
    char id[64];
    int size = zmq_recv(w->socket, id, sizeof(id), 0), more = 1;
    size_t length = sizeof(more);
    zmq_getsockopt(w->socket, ZMQ_RCVMORE, &more, &length);
    assert_int_equal(zmq_recv(w->socket, w->question, sizeof(w->question), 0), 0);
    int n = zmq_recv(w->socket, w->question, sizeof(w->question) - 1, 0);
    w->question[n > 0 ? n : 0] = '\0';
    const char *text = w->asked < w->count ? w->answers[w->asked] : NULL;
    w->asked++;
    if (!text)
        return;
    zmq_send(w->socket, id, (size_t)size, ZMQ_SNDMORE);
    if (text[0] != '!')
        zmq_send(w->socket, "", 0, ZMQ_SNDMORE);
    zmq_send(w->socket, text, strlen(text), 0);
}

static void *work(void *context)
{
    worker *w = context;
    while (!atomic_load(&w->end)) {
        zmq_pollitem_t item = {.socket = w->socket, .events = ZMQ_POLLIN};
        if (zmq_poll(&item, 1, 5) > 0)
            answer(w);
    }
    return NULL;
}

static worker *running; /* of this test, until it is finished */

static void start(worker *w, const char *const *answers, size_t count)
{
    size_t size = sizeof(w->endpoint);
    *w = (worker){.answers = answers, .count = count, .context = zmq_ctx_new()};
    w->socket = zmq_socket(w->context, ZMQ_ROUTER);
    zmq_setsockopt(w->socket, ZMQ_LINGER, &(int){0}, sizeof(int));
    assert_int_equal(zmq_bind(w->socket, "tcp://127.0.0.1:*"), 0);
    zmq_getsockopt(w->socket, ZMQ_LAST_ENDPOINT, w->endpoint, &size);
    assert_int_equal(pthread_create(&w->thread, NULL, work, w), 0);
    running = w;
}

static void finish(worker *w)
{
    running = NULL;
    atomic_store(&w->end, true);
    pthread_join(w->thread, NULL);
    zmq_close(w->socket);
    zmq_ctx_term(w->context);
}

static char path[64];

static void write_file(const char *text)
{
    strcpy(path, "/tmp/oddrow-ask-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
}

static int collect(void *context, odd_span json, oddrow_error *err)
{
    odd_bytes *out = context;
    if (memchr(json.data, '\n', json.size))
        return odd_fail(err, ODDROW_EFORMAT, "two lines");
    odd_bytes_span(out, json);
    odd_bytes_char(out, '\n');
    return odd_bytes_check(out, err);
}

static int ask(const worker *w, odd_bytes *out, odd_ask_summary *summary, oddrow_error *err)
{
    odd_link_options link = {.endpoint = w->endpoint};
    odd_csv_options csv = {.delimiter = ','};
    out->size = 0;
    int code = odd_ask(path, &link, &csv, 0.4, collect, out, summary, err);
    odd_bytes_add(out, "", 1);
    assert_int_equal(odd_bytes_check(out, NULL), 0);
    return code;
}

/* Numbers stay as the worker wrote them; an error's row is the file's; a record that is no row is
 * answered without the worker. */
static void test_answers(void **state)
{
    (void)state;
    const char *answers[] = {"[{\"score\":1.50,\"odd\":false}]",
                             " [ {\"score\":31,\n\"odd\":true} ] ",
                             "[{\"error\":\"b: no such value\",\"row\":1}]"};
    static worker w; /* its thread outlives a test that fails */
    odd_bytes out = {0};
    odd_ask_summary s;
    oddrow_error err = {0};
    write_file("a,b\n1,x\n2,y,z\n3,\n4,\"q\"\"q\"\n");
    start(&w, answers, 3);
    assert_int_equal(ask(&w, &out, &s, &err), 0);
    finish(&w);
    assert_string_equal(out.data, "{\"score\":1.50,\"odd\":false}\n"
                                  "{\"error\":\"3 fields, expected 2\",\"row\":2}\n"
                                  "{\"score\":31,\"odd\":true}\n"
                                  "{\"error\":\"b: no such value\",\"row\":4}\n");
    assert_string_equal(w.question, "{\"a\":4,\"b\":\"q\\\"q\"}");
    assert_int_equal(w.asked, 3);
    assert_int_equal(s.rows, 4);
    assert_int_equal(s.odd, 1);
    assert_int_equal(s.errors, 2);
    odd_bytes_free(&out);
    unlink(path);
}

static void test_silence(void **state)
{
    (void)state;
    const char *answers[] = {"[{}]", NULL};
    static worker w; /* its thread outlives a test that fails */
    odd_bytes out = {0};
    odd_ask_summary s;
    oddrow_error err = {0};
    write_file("a\n1\n2\n3\n");
    start(&w, answers, 2);
    assert_int_equal(ask(&w, &out, &s, &err), ODDROW_EIO);
    finish(&w);
    assert_non_null(strstr(err.message, w.endpoint));
    assert_non_null(strstr(err.message, "no answer to row 2"));
    odd_bytes_free(&out);
    unlink(path);
}

static void test_nonsense(void **state)
{
    (void)state;
    const char *const nonsense[] = {"[]", "[{},{}]", "[1]", "{}", "nothing", "", "[{}", "![{}]"};
    write_file("a\n1\n");
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
        static worker w; /* its thread outlives a test that fails */
        odd_bytes out = {0};
        odd_ask_summary s;
        oddrow_error err = {0};
        start(&w, nonsense + i, 1);
        assert_int_equal(ask(&w, &out, &s, &err), ODDROW_EIO);
        finish(&w);
        assert_non_null(strstr(err.message, w.endpoint));
        assert_string_equal(out.data, "");
        odd_bytes_free(&out);
    }
    unlink(path);
}

static int teardown(void **state)
{
    (void)state;
    if (running) /* an assertion failed */
        finish(running);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_answers, teardown),
        cmocka_unit_test_teardown(test_silence, teardown),
        cmocka_unit_test_teardown(test_nonsense, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
