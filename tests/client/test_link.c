/* What a client's socket is set to before it meets a worker that may be hostile. */
#include "client/link.h"

#include <zmq.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void bounds_frames(void **state)
{
    (void)state;
    static const int types[] = {ZMQ_DEALER, ZMQ_SUB, ZMQ_REQ};
    void *context = zmq_ctx_new();
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const odd_link_options options = {.endpoint = "tcp://127.0.0.1:1"};
        oddrow_error err = {0};
        odd_link link = {0};
        int64_t longest = -1;
        size_t size = sizeof longest;
        int code = odd_link_open(context, types[i], &options, &link, &err);
        int got = link.socket ? zmq_getsockopt(link.socket, ZMQ_MAXMSGSIZE, &longest, &size) : -1;
        odd_link_close(&link);
        assert_int_equal(code, 0);
        assert_int_equal(got, 0);
        assert_int_equal(longest, 256 << 20);
    }
    zmq_ctx_term(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bounds_frames)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
