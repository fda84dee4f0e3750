/* Endpoints: which are local, which are none, and binding and connecting real sockets. */
#include "wire/endpoint.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
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

static void *context;

static int setup(void **state)
{
    (void)state;
    context = zmq_ctx_new();
    return context ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return zmq_ctx_term(context);
}

static void *open_socket(int type)
{
    int none = 0, wait = 5000;
    void *socket = zmq_socket(context, type);
    assert_non_null(socket);
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &wait, sizeof wait);
    return socket;
}

static void local_or_not(void **state)
{
    (void)state;
    static const char *const local[] = {
        "tcp://127.0.0.1:5555", "tcp://127.0.0.1:*",    "tcp://127.255.0.3:0", "tcp://[::1]:5555",
        "tcp://localhost:1",    "tcp://LocalHost:*",    "ipc:///tmp/x.sock",   "ipc://relative",
        "ipc://@abstract",      "tcp://[0:0::1]:65535",
    };
    static const char *const distant[] = {
        "tcp://0.0.0.0:5555",    "tcp://*:5555",        "tcp://*:*",
        "tcp://10.0.0.1:5555",   "tcp://[::]:5555",     "tcp://[fe80::1%eth0]:5555",
        "tcp://eth0:5555",       "tcp://lo:5555",       "tcp://localhost.example.com:1",
        "tcp://worker-1:5555",   "tcp://128.0.0.1:1",   "tcp://[::ffff:127.0.0.1]:1",
        "tcp://0x7f000001:5555", "tcp://local_host:22",
    };
    for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
        bool is_local = false;
        assert_int_equal(odd_endpoint_check(local[i], &is_local, NULL), 0);
        if (!is_local)
            fail_msg("%s", local[i]);
    }
    for (size_t i = 0; i < sizeof distant / sizeof *distant; i++) {
        bool is_local = true;
        assert_int_equal(odd_endpoint_check(distant[i], &is_local, NULL), 0);
        if (is_local)
            fail_msg("%s", distant[i]);
    }
}

static void no_endpoints(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "",
        "tcp",
        "tcp://",
        "tcp://:",
        "tcp://:5555",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:",
        "tcp://127.0.0.1:65536",
        "tcp://127.0.0.1:-1",
        "tcp://127.0.0.1:+1",
        "tcp://127.0.0.1: 1",
        "tcp://127.0.0.1:1x",
        "tcp://127.0.0.1:000001",
        "tcp://127.0.0.1:99999999999999999999",
        "tcp://127.0.0.256:1",
        "tcp://127.1:1",
        "tcp://127.0.0.1.:1",
        "tcp://::1:5555",
        "tcp://[::1]",
        "tcp://[::1]5555",
        "tcp://[::1:5555",
        "tcp://[]:5555",
        "tcp://[*]:5555",
        "tcp://[::1%]:5555",
        "tcp://[::1%a/b]:5555",
        "tcp://[127.0.0.1]:5555",
        "tcp://127.0.0.1:1;10.0.0.1:5555",
        "tcp://a;b:5555",
        "tcp://a b:5555",
        "tcp://**:5555",
        "tcp://user@host:5555",
        "tcp://127.0.0.1:5555/path",
        "TCP://127.0.0.1:5555",
        " tcp://127.0.0.1:5555",
        "tcp://127.0.0.1:5555\n",
        "udp://127.0.0.1:5555",
        "inproc://x",
        "http://127.0.0.1:80",
        "ipc://",
        "ipc://@",
        "ipc://*",
        "ipc:///tmp/\x01",
        "127.0.0.1:5555",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        bool local = true;
        oddrow_error err = {0};
        if (odd_endpoint_check(broken[i], &local, &err) != ODDROW_EINVAL || local || !*err.message)
            fail_msg("%s", broken[i]);
    }
    char longer[1000] = "tcp://";
    bool local;
    memset(longer + 6, 'a', sizeof longer - 7);
    for (size_t size = 240; size < sizeof longer; size++) {
        oddrow_error err = {0};
        char text[1000];
        memcpy(text, longer, size);
        memcpy(text + size - 3, ":1", 3);
        int status = odd_endpoint_check(text, &local, &err);
        assert_true(status == 0 || status == ODDROW_EINVAL);
        assert_true(size < 270 || status == ODDROW_EINVAL);
    }
}

static void ipc_paths_have_a_limit(void **state)
{
    (void)state;
    bool local;
    oddrow_error err = {0};
    char text[200] = "ipc://";
    memset(text + 6, 'p', 107);
    assert_int_equal(odd_endpoint_check(text, &local, &err), 0);
    text[6 + 107] = 'p';
    assert_int_equal(odd_endpoint_check(text, &local, &err), ODDROW_EINVAL);
    assert_non_null(strstr(err.message, "108 bytes"));
    assert_non_null(strstr(err.message, "at most 107"));
}

static void check_exchange(const char *endpoint, const char *begins)
{
    char bound[ODD_ENDPOINT_SIZE], text[10] = "";
    oddrow_error err = {0};
    void *outer = context;
    context = zmq_ctx_new(); /* of its own: sockets are gone for sure when it has ended */
    void *in = open_socket(ZMQ_PULL), *out = open_socket(ZMQ_PUSH);
    if (odd_endpoint_bind(in, endpoint, bound, &err))
        fail_msg("%s", err.message);
    if (strncmp(bound, begins, strlen(begins)) != 0)
        fail_msg("%s bound as %s", endpoint, bound);
    assert_null(strchr(bound, '*'));
    assert_int_equal(odd_endpoint_connect(out, bound, &err), 0);
    assert_int_equal(zmq_send(out, "hello", 5, 0), 5);
    assert_int_equal(zmq_recv(in, text, sizeof text, 0), 5);
    assert_string_equal(text, "hello");
    zmq_close(in);
    zmq_close(out);
    zmq_ctx_term(context);
    context = outer;
}

static bool has_ipv6(void)
{
    int on = 1;
    void *socket = open_socket(ZMQ_PULL);
    zmq_setsockopt(socket, ZMQ_IPV6, &on, sizeof on);
    bool has = !zmq_bind(socket, "tcp://[::1]:*");
    zmq_close(socket);
    return has;
}

static void binds_and_connects(void **state)
{
    (void)state;
    char path[100];
    check_exchange("tcp://127.0.0.1:*", "tcp://127.0.0.1:");
    check_exchange("tcp://127.0.0.1:0", "tcp://127.0.0.1:");
    check_exchange("tcp://localhost:*", "tcp://127.0.0.1:");
    check_exchange("tcp://lo:*", "tcp://127.0.0.1:");
    if (has_ipv6())
        check_exchange("tcp://[::1]:*", "tcp://[::1]:");
    snprintf(path, sizeof path, "ipc://@oddrow-endpoint-%ld", (long)getpid());
    check_exchange(path, path);
    snprintf(path, sizeof path, "ipc:///tmp/oddrow-endpoint-%ld", (long)getpid());
    check_exchange(path, path);
    check_exchange(path, path); /* again: what the first left there is no hindrance */
    unlink(path + 6);
}

static void check_refused(const char *endpoint, const char *expected)
{
    char bound[ODD_ENDPOINT_SIZE] = "x";
    oddrow_error err = {0};
    void *socket = open_socket(ZMQ_PULL);
    assert_int_equal(odd_endpoint_bind(socket, endpoint, bound, &err), ODDROW_EIO);
    if (!strstr(err.message, expected) || !strstr(err.message, endpoint))
        fail_msg("\"%s\" is not in \"%s\"", expected, err.message);
    assert_string_equal(bound, "");
    zmq_close(socket);
}

static void says_why_it_cannot_bind(void **state)
{
    (void)state;
    char bound[ODD_ENDPOINT_SIZE], path[100];
    void *first = open_socket(ZMQ_PULL);
    assert_int_equal(odd_endpoint_bind(first, "tcp://127.0.0.1:*", bound, NULL), 0);
    check_refused(bound, "in use");
    check_refused("tcp://192.0.2.1:*", "no interface"); /* a documentation address: RFC 5737 */
    check_refused("tcp://nosuch0:5555", "no interface");
    check_refused("ipc:///nonexistent/oddrow/x", "does not exist");
    snprintf(path, sizeof path, "ipc:///tmp/oddrow-endpoint-%ld", (long)getpid());
    assert_int_equal(odd_endpoint_bind(first, path, bound, NULL), 0);
    check_refused(path, "in use");
    zmq_close(first);
}

static void a_file_in_the_way_is_kept(void **state)
{
    (void)state;
    char path[100];
    snprintf(path, sizeof path, "ipc:///tmp/oddrow-endpoint-file-%ld", (long)getpid());
    FILE *f = fopen(path + 6, "w");
    assert_non_null(f);
    fclose(f);
    check_refused(path, "a file of that name");
    assert_int_equal(access(path + 6, F_OK), 0);
    unlink(path + 6);
}

static void connects_to_a_place_only(void **state)
{
    (void)state;
    static const char *const broken[] = {"tcp://127.0.0.1:*", "tcp://127.0.0.1:0", "tcp://*:5555",
                                         "nonsense"};
    void *socket = open_socket(ZMQ_PUSH);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        oddrow_error err = {0};
        assert_int_equal(odd_endpoint_connect(socket, broken[i], &err), ODDROW_EINVAL);
        assert_non_null(strstr(err.message, broken[i]));
    }
    zmq_close(socket);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(local_or_not),
        T(no_endpoints),
        T(ipc_paths_have_a_limit),
        T(binds_and_connects),
        T(says_why_it_cannot_bind),
        T(a_file_in_the_way_is_kept),
        T(connects_to_a_place_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
