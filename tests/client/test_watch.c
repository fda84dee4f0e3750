/* odd_watch against a feed and a replay played by a thread with a real XPUB and a real ROUTER:
 * every message once and in order, and what is gone is counted. */
#include "client/watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "wire/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 20000 };

/* The worker's side: message `s` has the topic odd where 3 divides s, else score. Its journal holds
 * oldest to newest. The script runs in the thread; then replay is served until the end. */
typedef struct server {
    void (*script)(struct server *s);
    uint64_t oldest, newest;
    bool empty, refuse; /* replay has nothing; answers ERR */
    unsigned ignore;    /* so many questions get no answer */
    pthread_t thread;
    atomic_bool end;
    char feed_at[256], replay_at[256];
    void *context, *feed, *replay;
    unsigned questions;
    uint64_t drop; /* of the next answer: this one and the 100 behind it; and then none */
} server;

static void *listen_at(server *s, int type, const char *endpoint, char at[256])
{
    size_t size = 256;
    char from[256];
    void *socket = zmq_socket(s->context, type);
    snprintf(from, sizeof(from), "%s", endpoint);
    zmq_setsockopt(socket, ZMQ_LINGER, &(int){0}, sizeof(int));
    while (zmq_bind(socket, from))
        assert_int_equal(zmq_errno(), EADDRINUSE);
    zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, at, &size);
    return socket;
}

static void put(void *socket, uint64_t sequence)
{
    unsigned char number[8];
    char json[64];
    const char *topic = sequence % 3 ? "score" : "odd";
    odd_put(number, 8, sequence);
    int size = snprintf(json, sizeof(json), "{\"seq\":%u}", (unsigned)sequence);
    zmq_send(socket, topic, strlen(topic), ZMQ_SNDMORE);
    zmq_send(socket, number, 8, ZMQ_SNDMORE);
    zmq_send(socket, json, (size_t)size, 0);
}

static void publish(server *s, uint64_t first, uint64_t last)
{
    for (uint64_t i = first; i <= last; i++)
        put(s->feed, i);
    if (last > s->newest)
        s->newest = last;
}

static void await_subscriber(server *s)
{
    char frame[64];
    while (!atomic_load(&s->end)) {
        zmq_pollitem_t item = {.socket = s->feed, .events = ZMQ_POLLIN};
        if (zmq_poll(&item, 1, 5) > 0 && zmq_recv(s->feed, frame, sizeof(frame), 0) >= 1 &&
            frame[0] == 1)
            return;
    }
}

static void end_answer(server *s, const void *id, size_t size, uint64_t next)
{
    unsigned char number[8];
    odd_put(number, 8, next);
    zmq_send(s->replay, id, size, ZMQ_SNDMORE);
    zmq_send(s->replay, s->refuse ? "ERR" : "END", 3, ZMQ_SNDMORE);
    zmq_send(s->replay, s->refuse ? (void *)"no such" : number, s->refuse ? 7 : 8, 0);
}

/* One question: [id][from][at most][prefix]. */
static void answer(server *s)
{
    unsigned char id[64], from[8], most[4];
    char prefix[64] = "";
    int size = zmq_recv(s->replay, id, sizeof(id), 0);
    zmq_recv(s->replay, from, sizeof(from), 0);
    zmq_recv(s->replay, most, sizeof(most), 0);
    int n = zmq_recv(s->replay, prefix, sizeof(prefix), 0);
    s->questions++;
    if (s->ignore) {
        s->ignore--;
        return;
    }
    uint64_t at = odd_get(from, 8), sent = 0, limit = (uint32_t)odd_get(most, 4);
    if (s->empty || s->refuse) {
        end_answer(s, id, (size_t)size, at);
        return;
    }
    at = at > s->oldest ? at : s->oldest;
    for (; at <= s->newest && sent < limit; at++) {
        const char *topic = at % 3 ? "score" : "odd";
        if (memcmp(topic, prefix, (size_t)n) != 0)
            continue;
        if (s->drop && at >= s->drop && at <= s->drop + 100)
            continue;
        zmq_send(s->replay, id, (size_t)size, ZMQ_SNDMORE);
        put(s->replay, at);
        sent++;
    }
    s->drop = 0;
    end_answer(s, id, (size_t)size, at < s->newest + 1 ? at : s->newest + 1);
}

static void *serve(void *context)
{
    server *s = context;
    if (s->script)
        s->script(s);
    while (!atomic_load(&s->end)) {
        zmq_pollitem_t item = {.socket = s->replay, .events = ZMQ_POLLIN};
        if (zmq_poll(&item, 1, 5) > 0)
            answer(s);
    }
    return NULL;
}

static server *start(void (*script)(server *), uint64_t oldest, uint64_t newest)
{
    server *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    s->script = script;
    s->oldest = oldest;
    s->newest = newest;
    s->context = zmq_ctx_new();
    s->feed = listen_at(s, ZMQ_XPUB, "tcp://127.0.0.1:*", s->feed_at);
    s->replay = listen_at(s, ZMQ_ROUTER, "tcp://127.0.0.1:*", s->replay_at);
    return s;
}

static server *running; /* of this test, until it is finished */

static void begin(server *s)
{
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    running = s;
}

static void finish(server *s)
{
    running = NULL;
    atomic_store(&s->end, true);
    pthread_join(s->thread, NULL);
    zmq_close(s->feed);
    zmq_close(s->replay);
    zmq_ctx_term(s->context);
}

/* ---- what was handed out ---- */

typedef struct seen {
    uint64_t sequence[MOST], missed[MOST];
    size_t count;
    atomic_bool stop;
    size_t stop_after, fail_after;
} seen;

static seen got;

static int take(void *context, const odd_watch_message *m, oddrow_error *err)
{
    seen *g = context;
    char json[64];
    assert_true(g->count < MOST);
    int size = snprintf(json, sizeof(json), "{\"seq\":%u}", (unsigned)m->sequence);
    assert_int_equal(m->json.size, size);
    assert_memory_equal(m->json.data, json, (size_t)size);
    if (g->fail_after && g->count == g->fail_after) {
        err->code = ODDROW_ENUMERIC;
        return ODDROW_ENUMERIC;
    }
    g->sequence[g->count] = m->sequence;
    g->missed[g->count++] = m->missed;
    if (g->stop_after && g->count == g->stop_after)
        atomic_store(&g->stop, true);
    return 0;
}

static void assert_range(uint64_t first, uint64_t last, uint64_t step)
{
    assert_int_equal(got.count, (last - first) / step + 1);
    for (size_t i = 0; i < got.count; i++)
        assert_int_equal(got.sequence[i], first + i * step);
}

static int watch(const server *s, odd_watch_options o, odd_watch_summary *summary,
                 oddrow_error *err)
{
    memset(&got, 0, sizeof(got));
    o.feed.endpoint = s->feed_at;
    return odd_watch(&o, take, &got, summary, err);
}

/* ---- tests ---- */

static void play_plain(server *s)
{
    await_subscriber(s);
    publish(s, 7, 11);
    publish(s, 10, 11);
    publish(s, 3, 3);
    publish(s, 12, 12);
}

static void test_live(void **state)
{
    (void)state;
    server *s = start(play_plain, 1, 0);
    odd_watch_summary summary;
    begin(s);
    assert_int_equal(watch(s, (odd_watch_options){.count = 6}, &summary, NULL), 0);
    finish(s);
    assert_range(7, 12, 1);
    assert_int_equal(summary.messages, 6);
    assert_int_equal(summary.missed + summary.replayed, 0);
    free(s);
}

static void play_gap(server *s)
{
    await_subscriber(s);
    publish(s, 1, 2);
    publish(s, 6, 7);
}

static void test_gap_told(void **state)
{
    (void)state;
    server *s = start(play_gap, 1, 0);
    odd_watch_summary summary;
    begin(s);
    assert_int_equal(watch(s, (odd_watch_options){.count = 4}, &summary, NULL), 0);
    finish(s);
    assert_int_equal(got.sequence[2], 6);
    assert_int_equal(got.missed[2], 3);
    assert_int_equal(got.missed[3], 0);
    assert_int_equal(summary.missed, 3);
    free(s);
}

/* A prefix hides whether anything is missing. */
static void test_gap_hidden(void **state)
{
    (void)state;
    server *s = start(play_gap, 1, 0);
    odd_watch_summary summary;
    begin(s);
    odd_watch_options o = {.count = 3, .topic = "score"};
    assert_int_equal(watch(s, o, &summary, NULL), 0);
    finish(s);
    assert_int_equal(got.sequence[2], 7);
    assert_int_equal(summary.missed, 0);
    free(s);
}

static void test_gap_filled(void **state)
{
    (void)state;
    server *s = start(play_gap, 1, 0);
    odd_watch_summary summary;
    begin(s);
    odd_watch_options o = {.count = 7, .replay = s->replay_at};
    assert_int_equal(watch(s, o, &summary, NULL), 0);
    finish(s);
    assert_range(1, 7, 1);
    assert_true(summary.replayed >= 3);
    assert_int_equal(summary.missed, 0);
    free(s);
}

static void play_more(server *s)
{
    await_subscriber(s);
    publish(s, 2501, 2510);
}

static void test_from(void **state)
{
    (void)state;
    server *s = start(play_more, 1, 2500);
    odd_watch_summary summary;
    begin(s);
    odd_watch_options o = {.count = 2510, .replay = s->replay_at, .has_from = true, .from = 1};
    assert_int_equal(watch(s, o, &summary, NULL), 0);
    assert_range(1, 2510, 1);
    assert_int_equal(summary.missed, 0);
    o.count = 10;
    o.from = 100;
    assert_int_equal(watch(s, o, &summary, NULL), 0);
    assert_range(100, 109, 1);
    o.replay = NULL;
    assert_int_equal(watch(s, o, &summary, NULL), ODDROW_EINVAL);
    finish(s);
    free(s);
}

/* What retention took is told before the first message that is there. */
static void test_trimmed(void **state)
{
    (void)state;
    server *s = start(NULL, 50, 60);
    odd_watch_summary summary;
    begin(s);
    odd_watch_options o = {.count = 11, .replay = s->replay_at, .has_from = true, .from = 1};
    assert_int_equal(watch(s, o, &summary, NULL), 0);
    assert_range(50, 60, 1);
    assert_int_equal(got.missed[0], 49);
    assert_int_equal(got.missed[1], 0);
    assert_int_equal(summary.missed, 49);
    o.topic = "odd";
    o.count = 4;
    assert_int_equal(watch(s, o, &summary, NULL), 0);
    assert_range(51, 60, 3);
    finish(s);
    free(s);
}

/* 6 and 24 never come live; no sequence alone can tell. */
static void play_topic(server *s)
{
    await_subscriber(s);
    publish(s, 1, 5);
    publish(s, 7, 23);
    publish(s, 25, 40);
}

static void test_topic(void **state)
{
    (void)state;
    server *s = start(play_topic, 1, 0);
    odd_watch_summary summary;
    begin(s);
    odd_watch_options o = {.count = 13, .replay = s->replay_at, .topic = "od"};
    assert_int_equal(watch(s, o, &summary, NULL), 0);
    finish(s);
    assert_range(3, 39, 3);
    assert_int_equal(summary.missed, 0);
    assert_true(s->questions < 20);
    free(s);
}

static void play_tail(server *s)
{
    await_subscriber(s);
    publish(s, 1, 2);
    s->newest = 4;
}

/* The last messages are lost and none follows to show it. */
static void test_tail(void **state)
{
    (void)state;
    server *s = start(play_tail, 1, 0);
    odd_watch_summary summary;
    begin(s);
    odd_watch_options o = {.count = 4, .replay = s->replay_at};
    assert_int_equal(watch(s, o, &summary, NULL), 0);
    finish(s);
    assert_range(1, 4, 1);
    free(s);
}

static void play_restart(server *s)
{
    await_subscriber(s);
    publish(s, 1, 3);
    zmq_close(s->feed);
    zmq_close(s->replay);
    s->newest = 5;
    s->feed = listen_at(s, ZMQ_XPUB, s->feed_at, s->feed_at);
    s->replay = listen_at(s, ZMQ_ROUTER, s->replay_at, s->replay_at);
    await_subscriber(s);
    publish(s, 6, 6);
}

static void test_restart(void **state)
{
    (void)state;
    server *s = start(play_restart, 1, 0);
    char feed_at[256], replay_at[256];
    strcpy(feed_at, s->feed_at);
    strcpy(replay_at, s->replay_at);
    odd_watch_summary summary;
    begin(s);
    memset(&got, 0, sizeof(got));
    odd_watch_options o = {.feed = {.endpoint = feed_at},
                           .count = 6,
                           .replay = replay_at,
                           .has_from = true,
                           .from = 1};
    assert_int_equal(odd_watch(&o, take, &got, &summary, NULL), 0);
    finish(s);
    assert_range(1, 6, 1);
    free(s);
}

static void play_flood(server *s)
{
    await_subscriber(s);
    publish(s, 1, 1);
    publish(s, 3, 15000);
}

/* More than can be held, and more than the socket's marks let through. */
static void test_flood(void **state)
{
    (void)state;
    server *s = start(play_flood, 1, 0);
    odd_watch_summary summary;
    begin(s);
    odd_watch_options o = {.count = 15000, .replay = s->replay_at, .has_from = true, .from = 1};
    assert_int_equal(watch(s, o, &summary, NULL), 0);
    finish(s);
    assert_range(1, 15000, 1);
    assert_int_equal(summary.missed, 0);
    free(s);
}

/* ---- replay that does not do its part ---- */

static void test_replay_lost(void **state)
{
    (void)state;
    server *s = start(play_gap, 1, 0);
    odd_watch_summary summary;
    oddrow_error err = {0};
    s->ignore = 1;
    begin(s);
    odd_watch_options o = {.count = 7, .replay = s->replay_at};
    assert_int_equal(watch(s, o, &summary, &err), 0); /* asked again */
    finish(s);
    assert_range(1, 7, 1);
    free(s);
}

static void test_replay_down(void **state)
{
    (void)state;
    server *s = start(play_gap, 1, 0);
    odd_watch_summary summary;
    oddrow_error err = {0};
    begin(s);
    odd_watch_options o = {.count = 7, .replay = "tcp://127.0.0.1:1", .patience = 0.5};
    assert_int_equal(watch(s, o, &summary, &err), ODDROW_EIO);
    finish(s);
    assert_non_null(strstr(err.message, "tcp://127.0.0.1:1: replay does not answer"));
    assert_int_equal(got.count, 2);
    free(s);
}

static void test_replay_refuses(void **state)
{
    (void)state;
    server *s = start(NULL, 1, 10);
    odd_watch_summary summary;
    oddrow_error err = {0};
    s->refuse = true;
    begin(s);
    odd_watch_options o = {.count = 7, .replay = s->replay_at, .has_from = true, .from = 1};
    assert_int_equal(watch(s, o, &summary, &err), ODDROW_EIO);
    finish(s);
    assert_non_null(strstr(err.message, "no such"));
    free(s);
}

/* The feed shows what replay denies: gone, and no reason to wait for ever. */
static void test_replay_empty(void **state)
{
    (void)state;
    server *s = start(play_gap, 1, 0);
    odd_watch_summary summary;
    s->empty = true;
    begin(s);
    odd_watch_options o = {.count = 4, .replay = s->replay_at};
    assert_int_equal(watch(s, o, &summary, NULL), 0);
    finish(s);
    assert_int_equal(got.sequence[2], 6);
    assert_int_equal(got.missed[2], 3);
    free(s);
}

/* What a full queue dropped from the middle or the end of an answer is not gone. */
static void test_replay_holed(void **state)
{
    (void)state;
    const uint64_t drops[] = {50, 250};
    for (size_t i = 0; i < 2; i++) {
        server *s = start(NULL, 20, 300);
        odd_watch_summary summary;
        s->drop = drops[i];
        begin(s);
        odd_watch_options o = {.count = 281, .replay = s->replay_at, .has_from = true, .from = 1};
        assert_int_equal(watch(s, o, &summary, NULL), 0);
        finish(s);
        assert_range(20, 300, 1);
        assert_int_equal(summary.missed, 19);
        free(s);
    }
}

static void play_noise(server *s)
{
    await_subscriber(s);
    zmq_send(s->feed, "odd", 3, 0);
    zmq_send(s->feed, "odd", 3, ZMQ_SNDMORE);
    zmq_send(s->feed, "12345678", 8, 0);
    zmq_send(s->feed, "odd", 3, ZMQ_SNDMORE);
    zmq_send(s->feed, "1234567", 7, ZMQ_SNDMORE);
    zmq_send(s->feed, "{}", 2, 0);
    for (int i = 0; i < 5; i++)
        zmq_send(s->feed, "odd", 3, i < 4 ? ZMQ_SNDMORE : 0);
    publish(s, 1, 2);
}

static void test_noise(void **state)
{
    (void)state;
    server *s = start(play_noise, 1, 0);
    odd_watch_summary summary;
    begin(s);
    assert_int_equal(watch(s, (odd_watch_options){.count = 2}, &summary, NULL), 0);
    finish(s);
    assert_range(1, 2, 1);
    free(s);
}

/* ---- the state ---- */

static char place[64];

static void read_state(char text[32])
{
    FILE *f = fopen(place, "rb");
    assert_non_null(f);
    text[fread(text, 1, 31, f)] = '\0';
    fclose(f);
}

static void write_state(const char *text)
{
    FILE *f = fopen(place, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_state(void **state)
{
    (void)state;
    char text[32];
    server *s = start(NULL, 1, 20);
    odd_watch_summary summary;
    oddrow_error err = {0};
    begin(s);
    odd_watch_options o = {
        .count = 3, .replay = s->replay_at, .has_from = true, .from = 1, .state = place};
    assert_int_equal(watch(s, o, &summary, NULL), 0);
    assert_range(1, 3, 1);
    read_state(text);
    assert_string_equal(text, "4\n");
    o.count = 17;
    assert_int_equal(watch(s, o, &summary, NULL), 0); /* and not from 1 */
    assert_range(4, 20, 1);
    read_state(text);
    assert_string_equal(text, "21\n");

    write_state("5\n");
    got.fail_after = 2;
    o.feed.endpoint = s->feed_at;
    got.count = 0;
    assert_int_equal(odd_watch(&o, take, &got, &summary, &err), ODDROW_ENUMERIC);
    read_state(text);
    assert_string_equal(text, "7\n"); /* the third was refused, and is not passed over */

    write_state("5000\n");
    assert_int_equal(watch(s, o, &summary, &err), ODDROW_EIO);
    assert_non_null(strstr(err.message, "another worker"));
    const char *bad[] = {"", "x\n", "12x\n", "-1\n", "5\n6\n", "99999999999999999999999\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_state(bad[i]);
        assert_int_equal(watch(s, o, &summary, &err), ODDROW_EFORMAT);
    }
    finish(s);
    free(s);
}

static void test_stop(void **state)
{
    (void)state;
    char text[32];
    server *s = start(NULL, 1, 2000);
    odd_watch_summary summary;
    begin(s);
    memset(&got, 0, sizeof(got));
    got.stop_after = 5;
    odd_watch_options o = {.feed = {.endpoint = s->feed_at},
                           .replay = s->replay_at,
                           .has_from = true,
                           .from = 1,
                           .state = place,
                           .stop = &got.stop};
    assert_int_equal(odd_watch(&o, take, &got, &summary, NULL), 0);
    finish(s);
    assert_true(got.count >= 5 && got.count < 2000);
    read_state(text);
    assert_int_equal(strtoull(text, NULL, 10), got.sequence[got.count - 1] + 1);
    free(s);
}

static int setup(void **state)
{
    (void)state;
    snprintf(place, sizeof(place), "/tmp/oddrow-watch-%d", (int)getpid());
    unlink(place);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (running) { /* an assertion failed */
        server *s = running;
        finish(s);
        free(s);
    }
    unlink(place);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_live, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gap_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gap_hidden, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gap_filled, setup, teardown),
        cmocka_unit_test_setup_teardown(test_from, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trimmed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_topic, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tail, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replay_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replay_down, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replay_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replay_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replay_holed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_noise, setup, teardown),
        cmocka_unit_test_setup_teardown(test_state, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
