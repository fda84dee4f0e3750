/* The replay socket: the feed as it was, to every kind of client, one slow one aside. */
#include "worker/replay.h"

#include "base/clock.h"
#include "worker/journal.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <zmq.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* libzmq is not built with ThreadSanitizer, which so does not see how its threads agree. */
#ifdef __SANITIZE_THREAD__
const char *__tsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:libzmq.so.5";
}
#endif

enum { WAIT = 5000, JSON = 200, SOCKETS = 64 };

/* A journal, the replay of it on a port of the system's, and how to reach it. */
typedef struct fixture {
    void *context;
    odd_journal *journal;
    odd_replay *replay;
    char endpoint[100];
    void *sockets[SOCKETS]; /* that the test opened; NULL once closed */
} fixture;

static oddrow_error err;

static void must(int status)
{
    if (status)
        fail_msg("%s", err.message);
}

/* Topics of sequence 1, 2, …: "score" but for every 10th, "odd", and every 100th, "drift". */
static odd_topic topic_of(uint64_t sequence)
{
    if (sequence % 100 == 0)
        return ODD_TOPIC_DRIFT;
    return sequence % 10 == 0 ? ODD_TOPIC_ODD : ODD_TOPIC_SCORE;
}

static void make_json(char *out, size_t size, uint64_t sequence)
{
    memset(out, 'x', size);
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu.", (unsigned long long)sequence);
    memcpy(out, digits, (size_t)n);
}

static void fill(fixture *f, size_t count, size_t size)
{
    odd_entry *entries = calloc(count, sizeof *entries);
    char *json = malloc(count * size);
    for (size_t k = 0; k < count; k++) {
        uint64_t sequence = odd_journal_next(f->journal) + k;
        make_json(json + k * size, size, sequence);
        entries[k] = (odd_entry){topic_of(sequence), sequence, {json + k * size, size}};
    }
    must(odd_journal_commit(f->journal, entries, count, NULL, 0, 0, &err));
    free(entries);
    free(json);
}

/* The end of a context waits for its sockets: what a failed test leaves open, teardown closes. */
static void *open_socket(fixture *f, int type)
{
    size_t k = 0;
    int wait = WAIT, linger = 0;
    while (k < SOCKETS && f->sockets[k])
        k++;
    assert_true(k < SOCKETS);
    void *socket = f->sockets[k] = zmq_socket(f->context, type);
    assert_non_null(socket);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &wait, sizeof wait);
    zmq_setsockopt(socket, ZMQ_SNDTIMEO, &wait, sizeof wait);
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    return socket;
}

static void close_socket(fixture *f, void *socket)
{
    for (size_t k = 0; k < SOCKETS; k++)
        if (f->sockets[k] == socket)
            f->sockets[k] = NULL;
    zmq_close(socket);
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->context = zmq_ctx_new();
    void *socket = zmq_socket(f->context, ZMQ_ROUTER);
    size_t size = sizeof f->endpoint;
    must(odd_journal_open(NULL, NULL, &f->journal, &err));
    assert_int_equal(zmq_bind(socket, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, f->endpoint, &size), 0);
    must(odd_replay_start(socket, odd_journal_path(f->journal), NULL, &f->replay, &err));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    for (size_t k = 0; k < SOCKETS; k++)
        if (f->sockets[k])
            zmq_close(f->sockets[k]);
    odd_replay_free(&f->replay);
    odd_journal_close(&f->journal);
    zmq_ctx_term(f->context);
    free(f);
    return 0;
}

static void *join(fixture *f, int type)
{
    void *socket = open_socket(f, type);
    assert_int_equal(zmq_connect(socket, f->endpoint), 0);
    return socket;
}

static void request(void *socket, uint64_t from, uint32_t most, const char *prefix)
{
    unsigned char number[8], limit[4];
    odd_put(number, 8, from);
    odd_put(limit, 4, most);
    assert_int_equal(zmq_send(socket, number, 8, ZMQ_SNDMORE), 8);
    assert_int_equal(zmq_send(socket, limit, 4, ZMQ_SNDMORE), 4);
    assert_int_equal(zmq_send(socket, prefix, strlen(prefix), 0), strlen(prefix));
}

typedef struct message {
    char topic[20];
    uint64_t number; /* of a feed message or END */
    size_t size;     /* of the JSON; the reason's with ERR */
    bool more;       /* frames of the same message follow */
} message;

static bool more_frames(void *socket)
{
    int more;
    size_t size = sizeof more;
    assert_int_equal(zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size), 0);
    return more;
}

/* One message of an answer. JSON is checked against its sequence. */
static message receive(void *socket)
{
    message m = {{0}, 0, 0, false};
    static char json[4 << 20], expected[4 << 20];
    unsigned char number[8];
    int size = zmq_recv(socket, m.topic, sizeof m.topic - 1, 0);
    if (size < 0)
        fail_msg("no answer: %s", zmq_strerror(errno));
    assert_true(more_frames(socket));
    if (!strcmp(m.topic, "ERR")) {
        m.size = (size_t)zmq_recv(socket, json, sizeof json, 0);
        assert_in_range(m.size, 5, 200);
        m.more = more_frames(socket);
        return m;
    }
    assert_int_equal(zmq_recv(socket, number, 8, 0), 8);
    m.number = odd_get(number, 8);
    m.more = more_frames(socket);
    if (!strcmp(m.topic, "END"))
        return m;
    assert_true(m.more);
    size = zmq_recv(socket, json, sizeof json, 0);
    m.size = (size_t)size;
    assert_string_equal(m.topic, odd_topic_name(topic_of(m.number)));
    make_json(expected, m.size, m.number);
    assert_memory_equal(json, expected, m.size);
    m.more = more_frames(socket);
    return m;
}

/* Reads an answer of `count` messages from sequence `first` on, `step` apart, and its END. */
static void expect(void *socket, uint64_t first, uint64_t step, uint64_t count, uint64_t next)
{
    for (uint64_t k = 0; k < count; k++) {
        message m = receive(socket);
        if (strcmp(m.topic, "END") == 0)
            fail_msg("END %llu after %llu messages", (unsigned long long)m.number,
                     (unsigned long long)k);
        assert_int_equal(m.number, first + k * step);
    }
    message m = receive(socket);
    assert_string_equal(m.topic, "END");
    assert_int_equal(m.number, next);
    assert_false(m.more);
}

static void expect_error(void *socket)
{
    message m = receive(socket);
    assert_string_equal(m.topic, "ERR");
    assert_false(m.more);
}

static void gives_the_feed(void **state)
{
    fixture *f = *state;
    void *s = join(f, ZMQ_DEALER);
    request(s, 1, 10, "");
    expect(s, 0, 1, 0, 1); /* an empty journal */
    fill(f, 5000, JSON);
    request(s, 0, 5000, "");
    expect(s, 1, 1, 5000, 5001);
    request(s, 1, 0, "");
    expect(s, 1, 1, ODD_REPLAY_DEFAULT, ODD_REPLAY_DEFAULT + 1);
    request(s, 4990, 100, "");
    expect(s, 4990, 1, 11, 5001);
    request(s, 4990, 11, "");
    expect(s, 4990, 1, 11, 5001);
    request(s, 5001, 100, "");
    expect(s, 0, 1, 0, 5001);
    request(s, UINT64_MAX, UINT32_MAX, "");
    expect(s, 0, 1, 0, 5001);
    fill(f, 1, JSON);
    request(s, 5001, 100, "");
    expect(s, 5001, 1, 1, 5002);
    odd_replay_counts c = odd_replay_counts_of(f->replay);
    assert_int_equal(c.requests, 8);
    assert_int_equal(c.messages, 5000 + 1000 + 11 + 11 + 1);
    assert_int_equal(c.refused, 0);
    close_socket(f, s);
}

static void picks_topics_by_prefix(void **state)
{
    fixture *f = *state;
    fill(f, 2000, JSON);
    void *s = join(f, ZMQ_DEALER);
    request(s, 1, 1000, "drift");
    expect(s, 100, 100, 20, 2001);
    request(s, 1, 1000, "d");
    expect(s, 100, 100, 20, 2001);
    request(s, 1, 3, "dri");
    expect(s, 100, 100, 3, 301);
    request(s, 1, 9, "o");
    expect(s, 10, 10, 9, 91);
    request(s, 1, 1000, "drifts");
    expect(s, 0, 1, 0, 2001);
    request(s, 1, 1000, "reject");
    expect(s, 0, 1, 0, 2001);
    request(s, 1, 1000, "no topic has a name as long as this one, not by far");
    expect(s, 0, 1, 0, 2001);
    close_socket(f, s);
}

/* Reads the answer of a REQ socket: all in one message. Returns the messages, *next END's number.
 */
static uint64_t expect_whole(void *s, uint64_t first, uint64_t *next)
{
    for (uint64_t k = 0;; k++) {
        message m = receive(s);
        if (!strcmp(m.topic, "END")) {
            assert_false(m.more);
            *next = m.number;
            return k;
        }
        assert_int_equal(m.number, first + k);
        assert_true(m.more);
    }
}

static void answers_req_in_one_message(void **state)
{
    fixture *f = *state;
    uint64_t next;
    fill(f, 10500, 60);
    void *s = join(f, ZMQ_REQ);
    request(s, 1, 50, "");
    assert_int_equal(expect_whole(s, 1, &next), 50);
    assert_int_equal(next, 51);
    request(s, 1, 1000000, ""); /* more than is given at a time */
    assert_int_equal(expect_whole(s, 1, &next), 10000);
    assert_int_equal(next, 10001);
    request(s, next, 1000000, "");
    assert_int_equal(expect_whole(s, next, &next), 500);
    assert_int_equal(next, 10501);
    fill(f, 10, 400 << 10); /* bounded by bytes, too */
    request(s, next, 1000000, "");
    assert_int_equal(expect_whole(s, next, &next), 2);
    assert_int_equal(next, 10503);
    request(s, 1, 10, "nothing");
    assert_int_equal(expect_whole(s, 0, &next), 0);
    assert_int_equal(next, 10511);
    assert_int_equal(zmq_send(s, "x", 1, 0), 1);
    expect_error(s);
    close_socket(f, s);
}

static void refuses_hostile_frames(void **state)
{
    fixture *f = *state;
    fill(f, 10, JSON);
    void *s = join(f, ZMQ_DEALER);
    static const char bytes[2000];
    for (int count = 1; count < 12; count++)
        for (size_t size = 1; size <= sizeof bytes; size *= 7) {
            for (int k = 0; k < count; k++)
                zmq_send(s, bytes, size, k + 1 < count ? ZMQ_SNDMORE : 0);
            expect_error(s);
        }
    zmq_send(s, "", 0, 0);
    assert_int_equal(zmq_recv(s, NULL, 0, 0), 0); /* the delimiter comes back */
    expect_error(s);
    for (int k = 0; k < 100000; k++) /* one message of many frames */
        zmq_send(s, "", 0, k < 99999 ? ZMQ_SNDMORE : 0);
    assert_int_equal(zmq_recv(s, NULL, 0, 0), 0);
    expect_error(s);
    request(s, 1, 100, "");
    expect(s, 1, 1, 10, 11);
    odd_replay_counts c = odd_replay_counts_of(f->replay);
    assert_int_equal(c.refused, 11 * 4 + 2);
    assert_int_equal(c.requests, c.refused + 1);
    close_socket(f, s);
}

/* More at a time than is served: some are refused, the others are answered, in order. */
static void bounds_what_a_client_asks(void **state)
{
    fixture *f = *state;
    fill(f, 20000, JSON);
    void *s = join(f, ZMQ_DEALER);
    for (int k = 0; k < 50; k++)
        request(s, 1, 20000, "");
    for (int k = 0; k < WAIT && odd_replay_counts_of(f->replay).requests < 50; k++)
        usleep(1000);
    odd_replay_counts c = odd_replay_counts_of(f->replay);
    assert_int_equal(c.requests, 50);
    assert_in_range(c.refused, 1, 46);
    uint64_t ends = 0, errors = 0, next = 1;
    while (ends < 50 - c.refused) {
        message m = receive(s);
        if (!strcmp(m.topic, "END")) {
            assert_int_equal(m.number, 20001);
            next = 1;
            ends++;
        } else if (!strcmp(m.topic, "ERR")) {
            errors++;
        } else {
            assert_int_equal(m.number, next);
            next++;
        }
    }
    assert_in_range(errors, 1, c.refused);
    close_socket(f, s);
}

static void serves_others_beside_one_that_does_not_read(void **state)
{
    fixture *f = *state;
    for (int k = 0; k < 5; k++)
        fill(f, 2000, 5000); /* 50 MB: more than sockets buffer */
    void *stuck[8], *s = join(f, ZMQ_DEALER), *gone = join(f, ZMQ_DEALER);
    for (int k = 0; k < 8; k++) {
        stuck[k] = join(f, ZMQ_DEALER);
        request(stuck[k], 1, 1000000, "");
    }
    request(gone, 1, 1000000, "");
    receive(gone);
    close_socket(f, gone);
    /* Wait until they are stuck: nothing more is sent. */
    uint64_t before = 0, now = odd_replay_counts_of(f->replay).messages;
    for (int k = 0; k < 100 && (now != before || now == 0); k++) {
        before = now;
        usleep(50000);
        now = odd_replay_counts_of(f->replay).messages;
    }
    assert_true(now < 8 * 10000);
    double start = odd_clock();
    for (int k = 0; k < 3; k++) {
        request(s, 1, 20000, "");
        expect(s, 1, 1, 10000, 10001);
    }
    print_message("3 answers of 10,000 messages beside 8 stuck clients: %.2f s\n",
                  odd_clock() - start);
    expect(stuck[3], 1, 1, 10000, 10001); /* one that reads after all gets everything */
    close_socket(f, s);
    for (int k = 0; k < 8; k++)
        close_socket(f, stuck[k]);
}

static void serves_many_at_once(void **state)
{
    enum { MANY = 40 };
    fixture *f = *state;
    fill(f, 3000, JSON);
    void *s[MANY];
    for (int k = 0; k < MANY; k++) {
        s[k] = join(f, ZMQ_DEALER);
        request(s[k], (uint64_t)k + 1, 2000, "");
        request(s[k], 1, 10, "d");
    }
    for (int k = MANY; k-- > 0;) {
        expect(s[k], (uint64_t)k + 1, 1, 2000, (uint64_t)k + 2001);
        expect(s[k], 100, 100, 10, 1001);
        close_socket(f, s[k]);
    }
}

static void stops_while_answering(void **state)
{
    fixture *f = *state;
    for (int k = 0; k < 10; k++)
        fill(f, 2000, 5000);
    void *s = join(f, ZMQ_DEALER);
    request(s, 1, 1000000, "");
    receive(s);
    double start = odd_clock();
    odd_replay_free(&f->replay);
    assert_null(f->replay);
    odd_replay_free(&f->replay);
    assert_true(odd_clock() - start < 3);
    close_socket(f, s);
}

static void says_why_it_does_not_start(void **state)
{
    fixture *f = *state;
    odd_replay *r;
    void *router = open_socket(f, ZMQ_ROUTER), *pull = open_socket(f, ZMQ_PULL);
    assert_int_equal(odd_replay_start(router, "/no/such/file.db", NULL, &r, &err), ODDROW_EIO);
    assert_null(r);
    assert_non_null(strstr(err.message, "/no/such/file.db"));
    const char *path = odd_journal_path(f->journal);
    assert_int_equal(odd_replay_start(pull, path, NULL, &r, &err), ODDROW_EINVAL);
    close_socket(f, router);
    close_socket(f, pull);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(gives_the_feed),
                                       TEST(picks_topics_by_prefix),
                                       TEST(answers_req_in_one_message),
                                       TEST(refuses_hostile_frames),
                                       TEST(bounds_what_a_client_asks),
                                       TEST(serves_others_beside_one_that_does_not_read),
                                       TEST(serves_many_at_once),
                                       TEST(stops_while_answering),
                                       TEST(says_why_it_does_not_start)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
