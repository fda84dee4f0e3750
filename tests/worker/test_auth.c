/* CURVE with an allow list, over real sockets: who is served, who is refused, and what is counted.
 */
#include "worker/auth.h"

#include "client/link.h"
#include "wire/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ThreadSanitizer does not see how libzmq's threads hand over their memory. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:libzmq.so\nmutex:libzmq.so\n";
}

enum { WAIT = 10000, SILENCE = 300 }; /* milliseconds: for what must come, and what must not */

static char directory[64];
static char bound[ODD_ENDPOINT_SIZE];
static void *context, *client_context, *server;
static odd_auth *auth;
static bool clean; /* all clients were closed: the test came to its end */

static const char *in_directory(const char *name)
{
    static char path[4][400];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", directory, name);
    return path[turn];
}

static void copy_file(const char *from, const char *to)
{
    char text[2000], path[400];
    snprintf(path, sizeof path, "%s.new", to);
    FILE *in = fopen(from, "rb"), *out = fopen(path, "wb");
    assert_non_null(in);
    assert_non_null(out);
    size_t size = fread(text, 1, sizeof text, in);
    assert_int_equal(fwrite(text, 1, size, out), size);
    fclose(in);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(rename(path, to), 0);
}

/* worker/, listed/ (on its list), stranger/ (not), lost/ (listed, but with a wrong server key). */
static int setup(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/oddrow-auth-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    static const char *const names[] = {"worker", "listed", "stranger", "lost"};
    for (size_t i = 0; i < 4; i++)
        if (odd_keys_make(in_directory(names[i]), NULL))
            return -1;
    copy_file(in_directory("worker/curve.key"), in_directory("listed/server.key"));
    copy_file(in_directory("worker/curve.key"), in_directory("stranger/server.key"));
    copy_file(in_directory("stranger/curve.key"), in_directory("lost/server.key"));
    copy_file(in_directory("listed/curve.key"), in_directory("worker/clients/listed-client.key"));
    copy_file(in_directory("lost/curve.key"), in_directory("worker/clients/lost.key"));
    context = zmq_ctx_new();
    client_context = zmq_ctx_new();
    clean = false;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[200];
    if (server)
        zmq_close(server);
    server = NULL;
    odd_auth_free(&auth);
    /* After a failed assertion clients are open, and the end of their context would wait. */
    if (clean) {
        zmq_ctx_term(client_context);
        zmq_ctx_term(context);
    }
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

static void set_wait(void *socket, int milliseconds)
{
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &milliseconds, sizeof milliseconds);
}

/* A ROUTER, watched and bound. keys NULL: without CURVE. */
static void start_server(const char *keys, const char *endpoint)
{
    int none = 0;
    oddrow_error err = {0};
    if (odd_auth_start(context, keys, NULL, &auth, &err))
        fail_msg("%s", err.message);
    server = zmq_socket(context, ZMQ_ROUTER);
    zmq_setsockopt(server, ZMQ_LINGER, &none, sizeof none);
    assert_int_equal(odd_auth_watch(auth, server, "rows", &err), 0);
    assert_int_equal(odd_endpoint_bind(server, endpoint, bound, &err), 0);
}

static void *open_client(const char *keys)
{
    odd_link link;
    oddrow_error err = {0};
    odd_link_options options = {.endpoint = bound, .keys = keys};
    if (odd_link_open(client_context, ZMQ_DEALER, &options, &link, &err))
        fail_msg("%s", err.message);
    assert_int_equal(zmq_send(link.socket, "ask", 3, 0), 3);
    return link.socket;
}

/* Whether a message of a client arrives in time, and is answered. */
static bool serves(void *client, int wait)
{
    char id[256], text[10];
    set_wait(server, wait);
    set_wait(client, WAIT);
    int size = zmq_recv(server, id, sizeof id, 0);
    if (size < 0)
        return false;
    assert_int_equal(zmq_recv(server, text, sizeof text, 0), 3);
    assert_int_equal(zmq_send(server, id, (size_t)size, ZMQ_SNDMORE), size);
    assert_int_equal(zmq_send(server, "answer", 6, 0), 6);
    assert_int_equal(zmq_recv(client, text, sizeof text, 0), 6);
    return true;
}

/* How often a client that is refused comes again depends on whether it reads the refusal or the end
 * of the connection first: counts of refusals are lower bounds.
 *
 * Waits until one counter of the counts is at least `least`. */
static odd_auth_counts wait_for(size_t offset, uint64_t least)
{
    odd_auth_counts counts = {0};
    for (int i = 0; i < WAIT; i++) {
        uint64_t value;
        counts = odd_auth_counts_of(auth);
        memcpy(&value, (const char *)&counts + offset, sizeof value);
        if (value >= least)
            return counts;
        usleep(1000);
    }
    fail_msg("allowed %llu, unlisted %llu, failed %llu, clients %llu",
             (unsigned long long)counts.allowed, (unsigned long long)counts.unlisted,
             (unsigned long long)counts.failed, (unsigned long long)counts.clients);
    return counts;
}
#define WAIT_FOR(member, least) wait_for(offsetof(odd_auth_counts, member), least)

static void listed_client_is_served(void **state)
{
    (void)state;
    start_server(in_directory("worker"), "tcp://127.0.0.1:*");
    void *client = open_client(in_directory("listed"));
    assert_true(serves(client, WAIT));
    odd_auth_counts counts = WAIT_FOR(allowed, 1);
    assert_int_equal(counts.allowed, 1);
    assert_int_equal(counts.unlisted, 0);
    assert_int_equal(counts.failed, 0);
    assert_int_equal(counts.clients, 2);
    zmq_close(client);
    clean = true;
}

static void works_over_ipc(void **state)
{
    (void)state;
    char endpoint[500];
    snprintf(endpoint, sizeof endpoint, "ipc://%s", in_directory("socket"));
    start_server(in_directory("worker"), endpoint);
    void *client = open_client(in_directory("listed")), *other = open_client(NULL);
    assert_true(serves(client, WAIT));
    WAIT_FOR(failed, 1);
    zmq_close(client);
    zmq_close(other);
    clean = true;
}

static void user_is_the_name_of_the_key(void **state)
{
    (void)state;
    start_server(in_directory("worker"), "tcp://127.0.0.1:*");
    void *client = open_client(in_directory("listed"));
    zmq_msg_t message;
    zmq_msg_init(&message);
    set_wait(server, WAIT);
    assert_true(zmq_msg_recv(&message, server, 0) > 0);
    assert_true(zmq_msg_recv(&message, server, 0) == 3);
    assert_non_null(zmq_msg_gets(&message, "User-Id"));
    assert_string_equal(zmq_msg_gets(&message, "User-Id"), "listed-c");
    zmq_msg_close(&message);
    zmq_close(client);
    clean = true;
}

static void unlisted_client_is_refused(void **state)
{
    (void)state;
    start_server(in_directory("worker"), "tcp://127.0.0.1:*");
    void *client = open_client(in_directory("stranger"));
    odd_auth_counts counts = WAIT_FOR(unlisted, 1);
    assert_false(serves(client, SILENCE));
    counts = odd_auth_counts_of(auth);
    assert_true(counts.unlisted >= 1);
    assert_int_equal(counts.failed, 0);
    assert_int_equal(counts.allowed, 0);
    zmq_close(client);
    clean = true;
}

static void client_without_curve_is_refused(void **state)
{
    (void)state;
    start_server(in_directory("worker"), "tcp://127.0.0.1:*");
    void *client = open_client(NULL);
    odd_auth_counts counts = WAIT_FOR(failed, 1);
    assert_false(serves(client, SILENCE));
    counts = odd_auth_counts_of(auth);
    assert_true(counts.failed >= 1);
    assert_int_equal(counts.unlisted, 0);
    assert_int_equal(counts.allowed, 0);
    zmq_close(client);
    clean = true;
}

static void wrong_server_key_is_refused(void **state)
{
    (void)state;
    start_server(in_directory("worker"), "tcp://127.0.0.1:*");
    void *client = open_client(in_directory("lost"));
    WAIT_FOR(failed, 2); /* such a client comes again */
    assert_false(serves(client, SILENCE));
    odd_auth_counts counts = odd_auth_counts_of(auth);
    assert_int_equal(counts.unlisted, 0);
    assert_int_equal(counts.allowed, 0);
    zmq_close(client);
    clean = true;
}

static int connect_raw(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((uint16_t)atoi(strrchr(bound, ':') + 1));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int file = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(file >= 0);
    assert_int_equal(connect(file, (struct sockaddr *)&address, sizeof address), 0);
    return file;
}

/* Each counts once, and the worker's own client is served all the same. */
static void other_protocols_are_refused(void **state)
{
    (void)state;
    static const char http[] = "GET / HTTP/1.1\r\nHost: worker.example\r\nAccept: */*\r\n\r\n";
    char noise[200];
    memset(noise, 0xff, sizeof noise);
    noise[9] = 0x7f;
    start_server(in_directory("worker"), "tcp://127.0.0.1:*");
    for (uint64_t i = 0; i < 3; i++) {
        int file = connect_raw();
        assert_true(send(file, http, sizeof http - 1, MSG_NOSIGNAL) > 0);
        assert_int_equal(WAIT_FOR(failed, 3 * i + 1).failed, 3 * i + 1);
        close(file);
        file = connect_raw();
        assert_true(send(file, noise, sizeof noise, MSG_NOSIGNAL) > 0);
        assert_int_equal(WAIT_FOR(failed, 3 * i + 2).failed, 3 * i + 2);
        close(file);
        file = connect_raw();
        close(file);
        assert_int_equal(WAIT_FOR(failed, 3 * i + 3).failed, 3 * i + 3);
        void *client = open_client(in_directory("listed"));
        assert_true(serves(client, WAIT));
        assert_int_equal(WAIT_FOR(allowed, i + 1).failed, 3 * i + 3);
        zmq_close(client);
    }
    assert_int_equal(odd_auth_counts_of(auth).failed, 9);
    clean = true;
}

/* A client that was served and goes is no failure, also beside a connection that says nothing. */
static void leaving_is_no_failure(void **state)
{
    (void)state;
    start_server(in_directory("worker"), "tcp://127.0.0.1:*");
    int idle = connect_raw();
    for (uint64_t i = 0; i < 5; i++) {
        void *client = open_client(in_directory("listed"));
        assert_true(serves(client, WAIT));
        zmq_close(client);
    }
    void *client = open_client(in_directory("stranger"));
    odd_auth_counts counts = WAIT_FOR(unlisted, 1);
    zmq_close(client);
    close(idle);
    counts = WAIT_FOR(failed, 1);
    assert_int_equal(counts.allowed, 5);
    assert_int_equal(counts.failed, 1);
    assert_true(counts.unlisted >= 1);
    clean = true;
}

static void key_added_at_run_time_lets_in(void **state)
{
    (void)state;
    start_server(in_directory("worker"), "tcp://127.0.0.1:*");
    void *client = open_client(in_directory("stranger"));
    WAIT_FOR(unlisted, 1);
    zmq_close(client);
    copy_file(in_directory("stranger/curve.key"), in_directory("worker/clients/s.key"));
    WAIT_FOR(clients, 3);
    client = open_client(in_directory("stranger"));
    assert_true(serves(client, WAIT));
    uint64_t unlisted = odd_auth_counts_of(auth).unlisted;
    zmq_close(client);
    /* And one taken away shuts out; a broken file and one that is no file harm nobody. */
    assert_int_equal(mkfifo(in_directory("worker/clients/fifo.key"), 0600), 0);
    assert_int_equal(symlink("/dev/zero", in_directory("worker/clients/zero.key")), 0);
    FILE *f = fopen(in_directory("worker/clients/broken.key"), "w");
    fputs("curve\n    public-key = \"short\"\n", f);
    fclose(f);
    assert_int_equal(unlink(in_directory("worker/clients/s.key")), 0);
    for (int i = 0; i < WAIT && odd_auth_counts_of(auth).clients != 2; i++)
        usleep(1000);
    assert_int_equal(odd_auth_counts_of(auth).clients, 2);
    client = open_client(in_directory("stranger"));
    WAIT_FOR(unlisted, unlisted + 1);
    zmq_close(client);
    client = open_client(in_directory("listed"));
    assert_true(serves(client, WAIT));
    zmq_close(client);
    clean = true;
}

static void a_list_that_is_gone_serves_nobody(void **state)
{
    (void)state;
    start_server(in_directory("worker"), "tcp://127.0.0.1:*");
    assert_int_equal(rename(in_directory("worker/clients"), in_directory("worker/away")), 0);
    for (int i = 0; i < WAIT && odd_auth_counts_of(auth).clients; i++)
        usleep(1000);
    void *client = open_client(in_directory("listed"));
    WAIT_FOR(unlisted, 1);
    zmq_close(client);
    assert_int_equal(rename(in_directory("worker/away"), in_directory("worker/clients")), 0);
    WAIT_FOR(clients, 2);
    client = open_client(in_directory("listed"));
    assert_true(serves(client, WAIT));
    zmq_close(client);
    clean = true;
}

static void without_keys_it_only_counts(void **state)
{
    (void)state;
    start_server(NULL, "tcp://127.0.0.1:*");
    void *client = open_client(NULL), *other = open_client(in_directory("listed"));
    assert_true(serves(client, WAIT));
    WAIT_FOR(failed, 1);
    odd_auth_counts counts = WAIT_FOR(allowed, 1);
    assert_int_equal(counts.allowed, 1);
    assert_int_equal(counts.clients, 0);
    zmq_close(client);
    zmq_close(other);
    clean = true;
}

/* Sends frames as a session of libzmq would; the status code of the answer. */
static int ask_zap(const char *const *frames, const size_t *sizes, size_t count)
{
    char text[256] = "";
    int code = 0, none = 0;
    void *socket = zmq_socket(context, ZMQ_REQ);
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    set_wait(socket, WAIT);
    assert_int_equal(zmq_connect(socket, "inproc://zeromq.zap.01"), 0);
    for (size_t i = 0; i < count; i++)
        assert_true(zmq_send(socket, frames[i], sizes[i], i + 1 < count ? ZMQ_SNDMORE : 0) >= 0);
    for (int i = 0; i < 6; i++) {
        int size = zmq_recv(socket, text, sizeof text - 1, 0);
        assert_true(size >= 0);
        text[size] = 0;
        if (i == 0)
            assert_string_equal(text, "1.0");
        if (i == 1 && count > 1 && sizes[1] < sizeof text)
            assert_string_equal(text, frames[1]);
        if (i == 2)
            code = atoi(text);
        int more = 0;
        size_t more_size = sizeof more;
        zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &more_size);
        assert_int_equal(more, i < 5);
    }
    zmq_close(socket);
    return code;
}

static void malformed_zap_is_answered(void **state)
{
    (void)state;
    static char key[32], big[100000];
    const char *frames[12] = {"1.0", "7", "oddrow", "10.0.0.1", "", "CURVE", key, key, key, key};
    size_t sizes[12] = {3, 1, 6, 8, 0, 5, 32, 32, 32, 32};
    start_server(in_directory("worker"), "tcp://127.0.0.1:*");
    assert_int_equal(ask_zap(frames, sizes, 7), 400); /* an unlisted key */
    assert_int_equal(odd_auth_counts_of(auth).unlisted, 1);
    for (size_t count = 1; count < 10; count++)
        if (count != 7)
            assert_int_equal(ask_zap(frames, sizes, count), 500);
    sizes[6] = 31;
    assert_int_equal(ask_zap(frames, sizes, 7), 500);
    frames[6] = big, sizes[6] = sizeof big;
    assert_int_equal(ask_zap(frames, sizes, 7), 500);
    frames[6] = key, sizes[6] = 32;
    frames[0] = "1.1";
    assert_int_equal(ask_zap(frames, sizes, 7), 500);
    frames[0] = "1.0";
    frames[2] = "global";
    assert_int_equal(ask_zap(frames, sizes, 7), 400);
    frames[2] = "oddrow";
    frames[5] = "NULL", sizes[5] = 4;
    assert_int_equal(ask_zap(frames, sizes, 6), 400);
    frames[5] = "PLAIN", sizes[5] = 5;
    assert_int_equal(ask_zap(frames, sizes, 8), 400);
    void *client = open_client(in_directory("listed"));
    assert_true(serves(client, WAIT));
    zmq_close(client);
    clean = true;
}

static void needs_keys_and_a_list(void **state)
{
    (void)state;
    odd_auth *second = NULL;
    oddrow_error err = {0};
    assert_int_equal(odd_auth_start(context, in_directory("none"), NULL, &auth, &err), ODDROW_EIO);
    assert_null(auth);
    assert_int_equal(rmdir(in_directory("listed/clients")), 0);
    assert_int_equal(odd_auth_start(context, in_directory("listed"), NULL, &auth, &err),
                     ODDROW_EIO);
    assert_non_null(strstr(err.message, "clients"));
    assert_int_equal(odd_auth_start(context, in_directory("worker"), NULL, &auth, &err), 0);
    assert_int_equal(odd_auth_start(context, in_directory("worker"), NULL, &second, &err),
                     ODDROW_EIO);
    assert_null(second);
    void *sockets[17];
    for (int i = 0; i < 17; i++) {
        sockets[i] = zmq_socket(context, ZMQ_PULL);
        assert_int_equal(odd_auth_watch(auth, sockets[i], "many", &err),
                         i < 16 ? 0 : ODDROW_EINVAL);
    }
    for (int i = 0; i < 17; i++)
        zmq_close(sockets[i]);
    odd_auth_free(&second);
    clean = true;
}

static void stops_while_connections_are_pending(void **state)
{
    (void)state;
    void *clients[12];
    int idle[4];
    start_server(in_directory("worker"), "tcp://127.0.0.1:*");
    for (int i = 0; i < 4; i++)
        idle[i] = connect_raw();
    static const char *const names[] = {"listed", "stranger", "lost"};
    for (int i = 0; i < 12; i++)
        clients[i] = open_client(in_directory(names[i % 3]));
    odd_auth_free(&auth); /* with the socket open and handshakes under way */
    assert_null(auth);
    zmq_close(server);
    server = NULL;
    for (int i = 0; i < 12; i++)
        zmq_close(clients[i]);
    for (int i = 0; i < 4; i++)
        close(idle[i]);
    clean = true;
}

/* libzmq would let anybody with CURVE in when no handler answers, and would wait for ever on a
 * monitor that nobody reads: a socket that outlives the service refuses everybody, and closes. */
static void nobody_gets_in_afterwards(void **state)
{
    (void)state;
    start_server(in_directory("worker"), "tcp://127.0.0.1:*");
    void *client = open_client(in_directory("listed"));
    assert_true(serves(client, WAIT));
    odd_auth_free(&auth);
    void *others[6];
    for (int i = 0; i < 6; i++)
        others[i] = open_client(in_directory(i % 2 ? "listed" : "stranger"));
    assert_int_equal(zmq_send(client, "ask", 3, 0), 3); /* who is in stays in */
    assert_true(serves(client, WAIT));
    assert_false(serves(client, SILENCE));
    for (int i = 0; i < 6; i++)
        zmq_close(others[i]);
    zmq_close(client);
    clean = true;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(listed_client_is_served),         T(works_over_ipc),
        T(user_is_the_name_of_the_key),     T(unlisted_client_is_refused),
        T(client_without_curve_is_refused), T(wrong_server_key_is_refused),
        T(other_protocols_are_refused),     T(leaving_is_no_failure),
        T(key_added_at_run_time_lets_in),   T(a_list_that_is_gone_serves_nobody),
        T(without_keys_it_only_counts),     T(malformed_zap_is_answered),
        T(needs_keys_and_a_list),           T(stops_while_connections_are_pending),
        T(nobody_gets_in_afterwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
