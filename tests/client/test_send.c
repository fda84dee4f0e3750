/* odd_send against the worker's side played by a thread with a real ROUTER: every row is taken
 * once, whatever is lost on the way. */
#include "client/send.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "base/clock.h"
#include "wire/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 5000 };

typedef enum {
    TAKE,    /* score and acknowledge */
    MUTE,    /* score, and the acknowledgement is lost */
    LOSE,    /* the message is lost */
    RESTART, /* the message is lost, and all that is under way; the journal stays */
    FORGET,  /* the same, and the journal goes back to `back` */
    FOREIGN, /* another process sent rows */
    GARBAGE, /* an answer of another protocol */
    WHOLE    /* a message counts as one row */
} act;

/* The worker's side. The script says what becomes of the message number `seen` (probes are none).
 */
typedef struct worker {
    act (*script)(struct worker *w);
    uint64_t seen, expected, back;
    pthread_t thread;
    atomic_bool end;
    char endpoint[256];
    void *context, *socket;
    unsigned char times[ROWS + 2]; /* how often the row was scored */
    char first_byte[ROWS + 2];     /* of its payload */
    char name[256];
    uint64_t value[ROWS + 2]; /* the last number of the line */
    uint64_t duplicates, naks;
    size_t most; /* longest payload */
} worker;

static void listen_at(worker *w, const char *endpoint)
{
    size_t size = sizeof(w->endpoint);
    w->socket = zmq_socket(w->context, ZMQ_ROUTER);
    zmq_setsockopt(w->socket, ZMQ_LINGER, &(int){0}, sizeof(int));
    while (zmq_bind(w->socket, endpoint))
        assert_int_equal(zmq_errno(), EADDRINUSE);
    zmq_getsockopt(w->socket, ZMQ_LAST_ENDPOINT, w->endpoint, &size);
}

static void reply(worker *w, zmq_msg_t *id, const char *word, uint64_t number)
{
    unsigned char bytes[8];
    odd_put(bytes, 8, number);
    zmq_send(w->socket, zmq_msg_data(id), zmq_msg_size(id), ZMQ_SNDMORE);
    zmq_send(w->socket, word, strlen(word), ZMQ_SNDMORE);
    zmq_send(w->socket, bytes, 8, word[0] == 'N' ? ZMQ_SNDMORE : 0);
    if (word[0] == 'N')
        zmq_send(w->socket, "gap", 3, 0);
    w->naks += word[0] == 'N';
}

/* Rows of a payload: lines, or one. */
static size_t count_rows(const char *data, size_t size)
{
    size_t lines = 0;
    if (size && (data[0] == '{' || data[0] == '['))
        return 1;
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    return lines + (size && data[size - 1] != '\n');
}

static void score(worker *w, uint64_t first, const char *data, size_t size, size_t rows)
{
    const char *at = data, *end = data + size;
    for (uint64_t number = first; number < first + rows; number++) {
        const char *line = at;
        const char *stop = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
        at = stop ? stop + 1 : end;
        if (number < w->expected) {
            w->duplicates++;
            continue;
        }
        if (number <= ROWS) {
            w->times[number]++;
            w->first_byte[number] = line < end ? line[0] : ' ';
            w->value[number] = line < end ? strtoull(line, NULL, 10) : 0;
        }
    }
    if (first + rows > w->expected)
        w->expected = first + rows;
}

static void restart(worker *w)
{
    char endpoint[256];
    strcpy(endpoint, w->endpoint);
    zmq_close(w->socket);
    listen_at(w, endpoint);
}

static void handle(worker *w, zmq_msg_t *frame)
{
    uint64_t first = odd_get(zmq_msg_data(&frame[2]), 8);
    const char *data = zmq_msg_data(&frame[3]);
    size_t size = zmq_msg_size(&frame[3]), rows = count_rows(data, size);
    memcpy(w->name, zmq_msg_data(&frame[1]), zmq_msg_size(&frame[1]));
    act what = TAKE;
    if (first != UINT64_MAX) {
        w->seen++;
        w->most = size > w->most ? size : w->most;
        what = w->script ? w->script(w) : TAKE;
    }
    if (what == LOSE)
        return;
    if (what == FORGET)
        w->expected = w->back;
    if (what == RESTART || what == FORGET) {
        restart(w);
        return;
    }
    if (what == GARBAGE) {
        zmq_send(w->socket, zmq_msg_data(&frame[0]), zmq_msg_size(&frame[0]), ZMQ_SNDMORE);
        zmq_send(w->socket, "", 0, ZMQ_SNDMORE);
        zmq_send(w->socket, "[{}]", 4, 0);
        return;
    }
    if (what == FOREIGN)
        w->expected += 100000;
    if (first > w->expected) {
        reply(w, &frame[0], "NAK", w->expected);
        return;
    }
    score(w, first, data, size, what == WHOLE ? 1 : rows);
    if (what != MUTE)
        reply(w, &frame[0], "ACK", w->expected - 1);
}

static void *work(void *context)
{
    worker *w = context;
    while (!atomic_load(&w->end)) {
        zmq_pollitem_t item = {.socket = w->socket, .events = ZMQ_POLLIN};
        if (zmq_poll(&item, 1, 5) <= 0)
            continue;
        zmq_msg_t frame[4];
        int more = 1;
        size_t frames = 0;
        for (; more && frames < 4; frames++) {
            zmq_msg_init(&frame[frames]);
            zmq_msg_recv(&frame[frames], w->socket, 0);
            more = zmq_msg_more(&frame[frames]);
        }
        if (frames == 4 && !more && zmq_msg_size(&frame[2]) == 8)
            handle(w, frame);
        for (size_t i = 0; i < frames; i++)
            zmq_msg_close(&frame[i]);
    }
    return NULL;
}

static worker *running; /* of this test, until it is finished */

static worker *start(act (*script)(worker *), uint64_t expected)
{
    worker *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    w->script = script;
    w->expected = expected;
    w->context = zmq_ctx_new();
    listen_at(w, "tcp://127.0.0.1:*");
    assert_int_equal(pthread_create(&w->thread, NULL, work, w), 0);
    running = w;
    return w;
}

/* From here on the thread's numbers may be looked at. */
static void finish(worker *w)
{
    running = NULL;
    atomic_store(&w->end, true);
    pthread_join(w->thread, NULL);
    zmq_close(w->socket);
    zmq_ctx_term(w->context);
}

static void assert_once(const worker *w, uint64_t from, uint64_t to, uint64_t value)
{
    for (uint64_t i = from; i <= to; i++) {
        if (w->times[i] != 1 || w->value[i] != value + i - from)
            print_error("row %u: %d times, %u\n", (unsigned)i, w->times[i], (unsigned)w->value[i]);
        assert_int_equal(w->times[i], 1);
        assert_int_equal(w->value[i], value + i - from);
    }
}

/* ---- data ---- */

static char path[64];

static void write_file(const char *text)
{
    strcpy(path, "/tmp/oddrow-send-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
}

/* A column of 1 to rows. */
static void write_rows(unsigned rows)
{
    char *text = malloc(rows * 8 + 8), *at = text;
    at += sprintf(at, "n\n");
    for (unsigned i = 1; i <= rows; i++)
        at += sprintf(at, "%u\n", i);
    write_file(text);
    free(text);
}

static odd_send_options options_for(const worker *w)
{
    return (odd_send_options){.link = {.endpoint = w->endpoint},
                              .csv = {.delimiter = ','},
                              .encoding = ODD_ENCODING_CSV,
                              .batch = 16,
                              .patience = 20};
}

static int teardown(void **state)
{
    (void)state;
    if (running) { /* an assertion failed */
        worker *w = running;
        finish(w);
        free(w);
    }
    return unlink(path);
}

/* ---- tests ---- */

static void test_plain(void **state)
{
    (void)state;
    write_rows(1000);
    worker *w = start(NULL, 1);
    odd_send_options o = options_for(w);
    odd_send_summary s;
    oddrow_error err = {0};
    assert_int_equal(odd_send(path, &o, &s, &err), 0);
    finish(w);
    assert_once(w, 1, 1000, 1);
    assert_int_equal(s.rows, 1000);
    assert_int_equal(s.messages, 63);
    assert_int_equal(s.resent, 0);
    assert_int_equal(s.passed, 0);
    assert_string_equal(s.name, w->name);
    assert_true(strlen(s.name) > 16);
    free(w);
}

static act lose_acks(worker *w)
{
    return w->seen % 7 == 3 || w->seen == 63 ? MUTE : TAKE;
}

static void test_lost_acks(void **state)
{
    (void)state;
    write_rows(1000);
    worker *w = start(lose_acks, 1);
    odd_send_options o = options_for(w);
    odd_send_summary s;
    assert_int_equal(odd_send(path, &o, &s, NULL), 0);
    finish(w);
    assert_once(w, 1, 1000, 1);
    assert_int_equal(s.rows, 1000);
    assert_true(s.resent > 0);
    assert_true(w->duplicates > 0);
    free(w);
}

static act lose_messages(worker *w)
{
    return w->seen == 5 || w->seen == 90 ? LOSE : TAKE;
}

static void test_gap(void **state)
{
    (void)state;
    write_rows(4000);
    worker *w = start(lose_messages, 1);
    odd_send_options o = options_for(w);
    odd_send_summary s;
    double begun = odd_clock();
    assert_int_equal(odd_send(path, &o, &s, NULL), 0);
    assert_true(odd_clock() - begun < 1.9); /* refusals are acted on, not two silences */
    finish(w);
    assert_once(w, 1, 4000, 1);
    assert_true(w->naks > 2);
    free(w);
}

static act restart_often(worker *w)
{
    return w->seen == 9 || w->seen == 40 || w->seen == 41 ? RESTART
           : w->seen % 50 == 49                           ? MUTE
                                                          : TAKE;
}

static void test_restart(void **state)
{
    (void)state;
    write_rows(5000);
    worker *w = start(restart_often, 1);
    odd_send_options o = options_for(w);
    odd_send_summary s;
    assert_int_equal(odd_send(path, &o, &s, NULL), 0);
    finish(w);
    assert_once(w, 1, 5000, 1);
    assert_int_equal(s.rows, 5000);
    free(w);
}

static void test_silence(void **state)
{
    (void)state;
    write_rows(10);
    odd_send_options o = {.link = {.endpoint = "tcp://127.0.0.1:1"}, .patience = 0.3};
    odd_send_summary s;
    oddrow_error err = {0};
    assert_int_equal(odd_send(path, &o, &s, &err), ODDROW_EIO);
    assert_non_null(strstr(err.message, "tcp://127.0.0.1:1: no answer for 0.3 s"));
}

static act lose_all(worker *w)
{
    (void)w;
    return LOSE;
}

static void test_window(void **state)
{
    (void)state;
    write_rows(5000);
    worker *w = start(lose_all, 1);
    odd_send_options o = options_for(w);
    o.patience = 0.5;
    odd_send_summary s;
    oddrow_error err = {0};
    assert_int_equal(odd_send(path, &o, &s, &err), ODDROW_EIO);
    finish(w);
    assert_int_equal(w->seen, 64);
    assert_int_equal(s.rows, 0);
    free(w);
}

static void test_resume(void **state)
{
    (void)state;
    write_rows(1000);
    worker *w = start(NULL, 501);
    odd_send_options o = options_for(w);
    o.name = "again";
    o.resume = true;
    odd_send_summary s;
    assert_int_equal(odd_send(path, &o, &s, NULL), 0);
    assert_int_equal(s.rows, 500);
    assert_int_equal(s.passed, 500);
    assert_string_equal(s.name, "again");
    assert_int_equal(odd_send(path, &o, &s, NULL), 0); /* all are there */
    assert_int_equal(s.rows, 0);
    assert_int_equal(s.passed, 1000);
    assert_int_equal(s.messages, 0);
    finish(w);
    assert_once(w, 501, 1000, 501);
    assert_int_equal(w->times[500], 0);
    free(w);
}

static void test_named(void **state)
{
    (void)state;
    write_rows(300);
    worker *w = start(NULL, 101);
    odd_send_options o = options_for(w);
    o.name = "loader";
    odd_send_summary s;
    assert_int_equal(odd_send(path, &o, &s, NULL), 0);
    finish(w);
    assert_once(w, 101, 400, 1);
    assert_int_equal(s.rows, 300);
    assert_int_equal(s.passed, 0);
    free(w);
}

static act forget(worker *w)
{
    w->back = 17;
    return w->seen == 100 ? FORGET : TAKE;
}

static act forget_older(worker *w)
{
    w->back = 50;
    return w->seen == 100 ? FORGET : TAKE;
}

/* The file is read again from the place that the worker knows. */
static void test_forgotten(void **state)
{
    (void)state;
    write_rows(4000);
    worker *w = start(forget, 1);
    odd_send_options o = options_for(w);
    odd_send_summary s;
    assert_int_equal(odd_send(path, &o, &s, NULL), 0);
    finish(w);
    assert_int_equal(w->expected, 4001);
    assert_int_equal(s.rows, 4000);
    for (unsigned i = 1; i <= 4000; i++) {
        assert_int_equal(w->value[i], i);
        assert_true(w->times[i] == 1 || (i >= 17 && i < 1700 && w->times[i] == 2));
    }
    free(w);
}

static void test_forgotten_for_good(void **state)
{
    (void)state;
    write_rows(4000);
    worker *w = start(forget_older, 101);
    odd_send_options o = options_for(w);
    o.name = "loader";
    odd_send_summary s;
    oddrow_error err = {0};
    assert_int_equal(odd_send(path, &o, &s, &err), ODDROW_EIO);
    assert_non_null(strstr(err.message, "has lost rows 50 to "));
    finish(w);
    free(w);
}

/* Standard input cannot be read again. */
static void test_forgotten_pipe(void **state)
{
    (void)state;
    write_rows(4000);
    int file = open(path, O_RDONLY), kept = dup(STDIN_FILENO);
    assert_true(file >= 0 && dup2(file, STDIN_FILENO) == STDIN_FILENO);
    worker *w = start(forget, 1);
    odd_send_options o = options_for(w);
    odd_send_summary s;
    oddrow_error err = {0};
    assert_int_equal(odd_send("-", &o, &s, &err), ODDROW_EIO);
    assert_non_null(strstr(err.message, "has lost rows 17 to "));
    finish(w);
    free(w);
    close(file);
    if (kept >= 0) {
        dup2(kept, STDIN_FILENO);
        close(kept);
    }
}

static act foreign(worker *w)
{
    return w->seen == 20 ? FOREIGN : TAKE;
}

static void test_foreign(void **state)
{
    (void)state;
    write_rows(1000);
    worker *w = start(foreign, 1);
    odd_send_options o = options_for(w);
    odd_send_summary s;
    oddrow_error err = {0};
    assert_int_equal(odd_send(path, &o, &s, &err), ODDROW_EIO);
    assert_non_null(strstr(err.message, "another process sends under this name"));
    finish(w);
    free(w);
}

/* What an earlier process with the same rows left on the way is taken as sent. */
static act jump(worker *w)
{
    if (w->seen == 3)
        w->expected = 3001;
    return TAKE;
}

static void test_overtaken(void **state)
{
    (void)state;
    write_rows(4000);
    worker *w = start(jump, 1);
    odd_send_options o = options_for(w);
    o.name = "again";
    o.resume = true;
    odd_send_summary s;
    assert_int_equal(odd_send(path, &o, &s, NULL), 0);
    finish(w);
    assert_once(w, 1, 32, 1);
    assert_once(w, 3001, 4000, 3001);
    assert_int_equal(w->times[2999], 0);
    free(w);
}

static act garbage(worker *w)
{
    (void)w;
    return GARBAGE;
}

static act whole(worker *w)
{
    (void)w;
    return WHOLE;
}

static void test_nonsense(void **state)
{
    (void)state;
    write_rows(100);
    worker *w = start(garbage, 1);
    odd_send_options o = options_for(w);
    odd_send_summary s;
    oddrow_error err = {0};
    assert_int_equal(odd_send(path, &o, &s, &err), ODDROW_EIO);
    assert_non_null(strstr(err.message, "neither ACK nor NAK"));
    finish(w);
    free(w);

    w = start(whole, 1);
    o = options_for(w);
    assert_int_equal(odd_send(path, &o, &s, &err), ODDROW_EIO);
    assert_non_null(strstr(err.message, "'batch'"));
    finish(w);
    free(w);
}

/* A row number stays with its record: each record that is no row takes one. */
static void test_rejects(void **state)
{
    (void)state;
    const char *text = "n,m\n1,a\n2,b\n3,b,c\n4,d\n\"5,x\n6,f\n{7}\n8,h\n";
    for (int encoding = ODD_ENCODING_CSV; encoding <= ODD_ENCODING_JSON; encoding++) {
        write_file(text);
        worker *w = start(NULL, 1);
        odd_send_options o = options_for(w);
        o.encoding = (odd_encoding)encoding;
        o.batch = encoding == ODD_ENCODING_JSON ? 1 : 16;
        odd_send_summary s;
        assert_int_equal(odd_send(path, &o, &s, NULL), 0);
        finish(w);
        assert_int_equal(s.rows, 8);
        assert_int_equal(s.rejected, 3);
        assert_int_equal(w->expected, 9);
        for (int i = 1; i <= 8; i++) {
            assert_int_equal(w->times[i], 1);
            bool object = encoding == ODD_ENCODING_JSON || i == 5 || i == 7;
            assert_int_equal(w->first_byte[i], object ? '{' : '0' + i);
        }
        free(w);
        if (encoding == ODD_ENCODING_CSV)
            unlink(path);
    }
}

static void test_rate(void **state)
{
    (void)state;
    write_rows(300);
    worker *w = start(NULL, 1);
    odd_send_options o = options_for(w);
    o.rate = 1000;
    o.batch = 256;
    odd_send_summary s;
    double begun = odd_clock();
    assert_int_equal(odd_send(path, &o, &s, NULL), 0);
    double seconds = odd_clock() - begun;
    finish(w);
    assert_int_equal(s.messages, 3);
    assert_true(seconds > 0.15); /* 100 at once, 200 at their pace */
    free(w);
}

typedef struct stopper {
    atomic_bool stop;
    uint64_t rows;
} stopper;

static void stop_soon(void *context, const odd_progress *progress)
{
    stopper *s = context;
    if (progress->rows >= 100)
        atomic_store(&s->stop, true);
}

static void test_stop(void **state)
{
    (void)state;
    write_rows(5000);
    worker *w = start(NULL, 1);
    odd_send_options o = options_for(w);
    stopper watch = {0};
    o.rate = 1000;
    o.stop = &watch.stop;
    o.progress = stop_soon;
    o.progress_context = &watch;
    odd_send_summary s;
    oddrow_error err = {0};
    assert_int_equal(odd_send(path, &o, &s, &err), ODDROW_EIO);
    finish(w);
    assert_non_null(strstr(err.message, "stopped"));
    assert_true(s.rows >= 100 && s.rows < 5000);
    assert_int_equal(w->expected, s.rows + 1); /* what was sent was waited for */
    free(w);
}

static void test_usage(void **state)
{
    (void)state;
    write_rows(10);
    char name[300];
    odd_send_options o = {.link = {.endpoint = "tcp://127.0.0.1:1"}, .resume = true};
    odd_send_summary s;
    assert_int_equal(odd_send(path, &o, &s, NULL), ODDROW_EINVAL);
    memset(name, 'x', sizeof(name));
    name[256] = '\0';
    o.name = name;
    assert_int_equal(odd_send(path, &o, &s, NULL), ODDROW_EINVAL);
    o.name = "";
    assert_int_equal(odd_send(path, &o, &s, NULL), ODDROW_EINVAL);
    o = (odd_send_options){.link = {.endpoint = "nowhere"}};
    assert_int_equal(odd_send(path, &o, &s, NULL), ODDROW_EINVAL);
    o.link.endpoint = "tcp://127.0.0.1:1";
    assert_int_equal(odd_send("/no/such/file", &o, &s, NULL), ODDROW_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_plain, teardown),
        cmocka_unit_test_teardown(test_lost_acks, teardown),
        cmocka_unit_test_teardown(test_gap, teardown),
        cmocka_unit_test_teardown(test_restart, teardown),
        cmocka_unit_test_teardown(test_silence, teardown),
        cmocka_unit_test_teardown(test_window, teardown),
        cmocka_unit_test_teardown(test_resume, teardown),
        cmocka_unit_test_teardown(test_named, teardown),
        cmocka_unit_test_teardown(test_forgotten, teardown),
        cmocka_unit_test_teardown(test_forgotten_for_good, teardown),
        cmocka_unit_test_teardown(test_forgotten_pipe, teardown),
        cmocka_unit_test_teardown(test_foreign, teardown),
        cmocka_unit_test_teardown(test_overtaken, teardown),
        cmocka_unit_test_teardown(test_nonsense, teardown),
        cmocka_unit_test_teardown(test_rejects, teardown),
        cmocka_unit_test_teardown(test_rate, teardown),
        cmocka_unit_test_teardown(test_stop, teardown),
        cmocka_unit_test_teardown(test_usage, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
