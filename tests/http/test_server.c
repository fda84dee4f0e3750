/* The HTTP pages over real sockets: who is answered, who is refused, and what peers cannot do. */
#include "http/server.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TOKEN "correct-horse-battery"

/* Pages: one fine, one saying no, one that fails, one that changes something. */
typedef struct fixture {
    int promoted; /* written on the server's thread, read after it ended or was answered by it */
    int logged[2];
    odd_log *log;
    odd_http *http;
} fixture;

static int make_hello(void *context, odd_bytes *body)
{
    (void)context;
    odd_bytes_text(body, "hello\n");
    return 200;
}

static int make_busy(void *context, odd_bytes *body)
{
    (void)context;
    odd_bytes_text(body, "draining\n");
    return 503;
}

static int make_broken(void *context, odd_bytes *body)
{
    (void)context, (void)body;
    return ODDROW_ENOMEM;
}

static int make_empty(void *context, odd_bytes *body)
{
    (void)context, (void)body;
    return 200;
}

static int promote(void *context, odd_bytes *body)
{
    __atomic_add_fetch(&((fixture *)context)->promoted, 1, __ATOMIC_SEQ_CST);
    odd_bytes_text(body, "{}\n");
    return 200;
}

static const odd_http_page pages[] = {{"GET", "/hello", "text/plain; version=0.0.4", make_hello},
                                      {"GET", "/busy", "text/plain", make_busy},
                                      {"GET", "/broken", "text/plain", make_broken},
                                      {"GET", "/empty", "text/plain", make_empty},
                                      {"POST", "/promote", "application/json", promote},
                                      {NULL, NULL, NULL, NULL}};

static void begin(fixture *f, const char *address, const char *token)
{
    oddrow_error err = {0};
    *f = (fixture){0};
    assert_int_equal(pipe2(f->logged, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(odd_log_new(f->logged[1], false, ODD_LOG_DEBUG, &f->log, &err), 0);
    odd_http_options options = {
        .address = address, .token = token, .pages = pages, .context = f, .log = f->log};
    if (odd_http_start(&options, &f->http, &err))
        fail_msg("%s", err.message);
}

static void end(fixture *f)
{
    char text[8192];
    odd_http_free(&f->http);
    assert_null(f->http);
    odd_log_free(&f->log);
    ssize_t size = read(f->logged[0], text, sizeof text - 1);
    if (size > 0) {
        text[size] = '\0';
        assert_null(strstr(text, TOKEN));
    }
    close(f->logged[0]);
    close(f->logged[1]);
}

/* A connection to the server, whose reads give up after 5 s. */
static int dial(const fixture *f)
{
    const char *colon = strrchr(odd_http_address(f->http), ':');
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(colon + 1)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(file >= 0);
    assert_int_equal(setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 5},
                                sizeof(struct timeval)),
                     0);
    assert_int_equal(connect(file, (const struct sockaddr *)&to, sizeof to), 0);
    return file;
}

/* Reads until the server closes or is silent. */
static void read_all(int file, char *text, size_t size)
{
    size_t used = 0;
    ssize_t got;
    while (used < size - 1 && (got = recv(file, text + used, size - 1 - used, 0)) > 0)
        used += (size_t)got;
    text[used] = '\0';
    close(file);
}

/* Sends raw bytes; returns the raw answer, which the next call overwrites. */
static const char *exchange(const fixture *f, const char *request)
{
    static char text[16 * 1024];
    int file = dial(f);
    assert_int_equal(send(file, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    read_all(file, text, sizeof text);
    return text;
}

static int status_of(const char *reply)
{
    int status = -1;
    return sscanf(reply, "HTTP/1.%*d %d", &status) == 1 ? status : -1;
}

static int request(const fixture *f, const char *method, const char *path, const char *token,
                   odd_bytes *body)
{
    oddrow_error err = {0};
    body->size = 0;
    int status = odd_http_request(odd_http_address(f->http), method, path, token, body, &err);
    if (status < 0)
        fail_msg("%s", err.message);
    return status;
}

static void shows_pages(void **state)
{
    (void)state;
    fixture f;
    odd_bytes body = {0};
    begin(&f, "127.0.0.1:0", NULL);
    assert_memory_equal(odd_http_address(f.http), "127.0.0.1:", 10);
    assert_int_equal(request(&f, "GET", "/hello", NULL, &body), 200);
    assert_int_equal(body.size, 6);
    assert_memory_equal(body.data, "hello\n", 6);
    assert_int_equal(request(&f, "GET", "/busy", NULL, &body), 503);
    assert_memory_equal(body.data, "draining\n", 9);
    assert_int_equal(request(&f, "GET", "/empty", NULL, &body), 200);
    assert_int_equal(body.size, 0);
    assert_int_equal(request(&f, "GET", "/broken", NULL, &body), 500);
    assert_int_equal(request(&f, "GET", "/nowhere", NULL, &body), 404);
    assert_int_equal(request(&f, "PUT", "/hello", NULL, &body), 405);
    assert_int_equal(request(&f, "GET", "/promote", NULL, &body), 405);
    assert_int_equal(f.promoted, 0);
    assert_int_equal(request(&f, "POST", "/promote", NULL, &body), 200);
    assert_int_equal(f.promoted, 1);
    odd_bytes_free(&body);
    end(&f);
}

static void answers_as_http_does(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "localhost:*", NULL);
    const char *reply =
        exchange(&f, "GET /hello?x=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_int_equal(status_of(reply), 200);
    assert_non_null(strcasestr(reply, "\r\nContent-Type: text/plain; version=0.0.4\r\n"));
    assert_non_null(strcasestr(reply, "\r\nCache-Control: no-store\r\n"));
    assert_non_null(strcasestr(reply, "\r\nX-Content-Type-Options: nosniff\r\n"));
    assert_non_null(strstr(reply, "\r\n\r\nhello\n"));
    reply = exchange(&f, "HEAD /hello HTTP/1.0\r\n\r\n");
    assert_int_equal(status_of(reply), 200);
    assert_non_null(strcasestr(reply, "\r\nContent-Length: 6\r\n"));
    assert_null(strstr(reply, "hello"));
    reply = exchange(&f, "POST /hello HTTP/1.0\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(status_of(reply), 405);
    assert_non_null(strcasestr(reply, "\r\nAllow: GET, HEAD\r\n"));
    /* two requests on one connection */
    reply = exchange(&f, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"
                         "GET /busy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_int_equal(status_of(reply), 200);
    assert_non_null(strstr(reply, "503"));
    end(&f);
}

static void serves_ipv6(void **state)
{
    (void)state;
    fixture f = {0};
    odd_bytes body = {0};
    oddrow_error err = {0};
    odd_http_options options = {.address = "[::1]:0", .pages = pages, .context = &f};
    if (odd_http_start(&options, &f.http, &err)) {
        assert_int_equal(err.code, ODDROW_EIO);
        print_message("skipped: %s\n", err.message); /* no IPv6 on this machine */
        skip();
    }
    assert_memory_equal(odd_http_address(f.http), "[::1]:", 6);
    assert_int_equal(request(&f, "GET", "/hello", NULL, &body), 200);
    odd_bytes_free(&body);
    odd_http_free(&f.http);
}

static void refuses_other_pages_scripts(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        int status;
    } cases[] = {{"localhost", 200},
                 {"LOCALHOST:80", 200},
                 {"127.0.0.1:5580", 200},
                 {"127.8.9.1", 200},
                 {"[::1]:5580", 200},
                 {"[::1]", 200},
                 {"evil.example", 403},
                 {"localhost.evil.example", 403},
                 {"127.0.0.1.nip.io", 403},
                 {"10.0.0.1", 403},
                 {"[::1", 403},
                 {"[::1]x", 403},
                 {"[fe80::1]", 403},
                 {"::1", 403},
                 {"0.0.0.0", 403}};
    fixture f;
    char text[400];
    begin(&f, "127.0.0.1:0", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text, "GET /hello HTTP/1.0\r\nHost: %s\r\n\r\n", cases[i].host);
        int status = status_of(exchange(&f, text));
        if (status != cases[i].status)
            fail_msg("Host: %s got %d", cases[i].host, status);
    }
    static const char *const posts[] = {"", "X-Oddrow: 0\r\n", "X-Oddrow:\r\n"};
    for (size_t i = 0; i < sizeof posts / sizeof *posts; i++) {
        snprintf(text, sizeof text, "POST /promote HTTP/1.0\r\nContent-Length: 0\r\n%s\r\n",
                 posts[i]);
        assert_int_equal(status_of(exchange(&f, text)), 403);
    }
    assert_int_equal(f.promoted, 0);
    end(&f);
}

static void asks_for_the_token(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer \r\n",
        "Authorization: Bearer correct-horse-batterx\r\n",
        "Authorization: Bearer correct-horse-batter\r\n",
        "Authorization: Bearer correct-horse-batteryy\r\n",
        "Authorization: Bearer correct-horse-batterycorrect-horse-battery\r\n",
        "Authorization: Basic correct-horse-battery\r\n",
        "Authorization: correct-horse-battery\r\n"};
    fixture f;
    odd_bytes body = {0};
    char text[400];
    begin(&f, "0.0.0.0:0", TOKEN);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(text, sizeof text, "GET /hello HTTP/1.0\r\n%s\r\n", wrong[i]);
        const char *reply = exchange(&f, text);
        assert_int_equal(status_of(reply), 401);
        assert_non_null(strcasestr(reply, "\r\nWWW-Authenticate: Bearer\r\n"));
        assert_null(strstr(reply, TOKEN));
    }
    assert_int_equal(status_of(exchange(&f, "GET /nowhere HTTP/1.0\r\n\r\n")), 401);
    assert_int_equal(status_of(exchange(&f, "GET /hello HTTP/1.0\r\nHost: metrics.example\r\n"
                                            "Authorization: bearer " TOKEN "\r\n\r\n")),
                     200);
    assert_int_equal(request(&f, "GET", "/hello", TOKEN, &body), 200);
    assert_int_equal(request(&f, "POST", "/promote", TOKEN, &body), 200);
    assert_int_equal(request(&f, "GET", "/hello", NULL, &body), 401);
    odd_bytes_free(&body);
    end(&f);
}

static void refuses_to_start(void **state)
{
    (void)state;
    static const struct {
        const char *address, *token;
        int code;
        const char *says;
    } cases[] = {{"0.0.0.0:0", NULL, ODDROW_EINVAL, "token"},
                 {"*:0", NULL, ODDROW_EINVAL, "token"},
                 {"[::]:0", NULL, ODDROW_EINVAL, "token"},
                 {"192.0.2.1:0", NULL, ODDROW_EINVAL, "token"},
                 {"192.0.2.1:0", TOKEN, ODDROW_EIO, "cannot bind"},
                 {"127.0.0.1:0", "", ODDROW_EINVAL, "empty"},
                 {"127.0.0.1", NULL, ODDROW_EINVAL, "HOST:PORT"},
                 {"127.0.0.1:", NULL, ODDROW_EINVAL, "HOST:PORT"},
                 {"127.0.0.1:65536", NULL, ODDROW_EINVAL, "HOST:PORT"},
                 {"127.0.0.1:-1", NULL, ODDROW_EINVAL, "HOST:PORT"},
                 {"127.0.0.1:0x50", NULL, ODDROW_EINVAL, "HOST:PORT"},
                 {":80", NULL, ODDROW_EINVAL, "HOST:PORT"},
                 {"", NULL, ODDROW_EINVAL, "HOST:PORT"},
                 {":", NULL, ODDROW_EINVAL, "HOST:PORT"},
                 {"[]:80", NULL, ODDROW_EINVAL, "HOST:PORT"},
                 {"[:80", NULL, ODDROW_EINVAL, "HOST:PORT"},
                 {"::1:80", NULL, ODDROW_EINVAL, "HOST:PORT"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        odd_http_options options = {
            .address = cases[i].address, .token = cases[i].token, .pages = pages};
        oddrow_error err = {0};
        odd_http *http = NULL;
        int status = odd_http_start(&options, &http, &err);
        if (status != cases[i].code || !strstr(err.message, cases[i].says) || http)
            fail_msg("%s: %d %s", cases[i].address, status, err.message);
    }
}

static void says_that_an_address_is_taken(void **state)
{
    (void)state;
    fixture f;
    oddrow_error err = {0};
    odd_http *second = NULL;
    begin(&f, "127.0.0.1:0", NULL);
    odd_http_options options = {.address = odd_http_address(f.http), .pages = pages};
    assert_int_equal(odd_http_start(&options, &second, &err), ODDROW_EIO);
    assert_null(second);
    assert_non_null(strstr(err.message, "in use"));
    assert_non_null(strstr(err.message, odd_http_address(f.http)));
    end(&f);
}

/* What no client sends: the connection may be dropped or wait, the others are served. */
static void survives_garbage(void **state)
{
    (void)state;
    static const char *const garbage[] = {"\xff\xfe\x01\x02 nonsense\r\n\r\n",
                                          "\r\n\r\n\r\n\r\n",
                                          "GET\r\n\r\n",
                                          "GET /%zz%00%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
                                          "GET /hello HTTP/9.9\r\n\r\n",
                                          "GET /hello HTTP/1.1\r\nHost localhost\r\n\r\n",
                                          "GET http://[ HTTP/1.1\r\n: :\r\n\r\n",
                                          "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"};
    fixture f;
    odd_bytes body = {0};
    begin(&f, "127.0.0.1:0", NULL);
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        int file = dial(&f);
        assert_true(send(file, garbage[i], strlen(garbage[i]), MSG_NOSIGNAL) > 0);
        assert_int_equal(request(&f, "GET", "/hello", NULL, &body), 200);
        close(file); /* some of it still waits for its end */
        assert_int_equal(request(&f, "GET", "/hello", NULL, &body), 200);
    }
    odd_bytes_free(&body);
    end(&f);
}

static void bounds_what_it_reads(void **state)
{
    (void)state;
    fixture f;
    odd_bytes body = {0};
    char *long_line = malloc(200000);
    assert_non_null(long_line);
    begin(&f, "127.0.0.1:0", NULL);
    /* a header and a path beyond the memory of a connection */
    static const char *const starts[] = {"GET /hello HTTP/1.0\r\nX-Long: ", "GET /"};
    for (size_t i = 0; i < 2; i++) {
        memset(long_line, 'a', 200000);
        memcpy(long_line, starts[i], strlen(starts[i]));
        int file = dial(&f);
        char text[4096];
        send(file, long_line, 200000, MSG_NOSIGNAL);
        read_all(file, text, sizeof text);
        assert_true(!*text || status_of(text) >= 400);
    }
    free(long_line);
    /* bodies: announced, in pieces, without an end */
    static const char *const bodies[] = {
        "POST /promote HTTP/1.1\r\nHost: localhost\r\nX-Oddrow: 1\r\nContent-Length: 2\r\n\r\n{}",
        "POST /promote HTTP/1.1\r\nHost: localhost\r\nX-Oddrow: 1\r\n"
        "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "POST /promote HTTP/1.1\r\nHost: localhost\r\nX-Oddrow: 1\r\n"
        "Content-Length: 99999999999\r\n\r\n{",
        "GET /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        double start = odd_clock();
        assert_int_equal(status_of(exchange(&f, bodies[i])), 413);
        assert_true(odd_clock() - start < 4); /* closed, not waited for */
    }
    assert_int_equal(f.promoted, 0);
    assert_int_equal(request(&f, "GET", "/hello", NULL, &body), 200);
    odd_bytes_free(&body);
    end(&f);
}

enum { MANY = 100 };

static void serves_many_at_once(void **state)
{
    (void)state;
    static const char question[] = "GET /hello HTTP/1.0\r\n\r\n";
    fixture f;
    odd_bytes body = {0};
    int files[MANY];
    char text[4096];
    begin(&f, "127.0.0.1:0", NULL);
    /* more than there is room for, all of them asking: each is answered */
    for (int i = 0; i < MANY; i++)
        files[i] = dial(&f);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(send(files[i], question, sizeof question - 1, MSG_NOSIGNAL),
                         sizeof question - 1);
    int answered = 0;
    for (int i = 0; i < MANY; i++) {
        read_all(files[i], text, sizeof text);
        answered += status_of(text) == 200;
    }
    assert_true(answered >= 64);
    /* as many that say nothing and go */
    for (int i = 0; i < MANY; i++)
        files[i] = dial(&f);
    for (int i = 0; i < MANY; i++)
        close(files[i]);
    assert_int_equal(request(&f, "GET", "/hello", NULL, &body), 200);
    odd_bytes_free(&body);
    end(&f);
}

static void stops_with_a_connection_open(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "127.0.0.1:0", NULL);
    int idle = dial(&f), half = dial(&f);
    assert_int_equal(send(half, "GET /hel", 8, MSG_NOSIGNAL), 8);
    double start = odd_clock();
    end(&f);
    assert_true(odd_clock() - start < 3);
    char byte;
    assert_true(recv(idle, &byte, 1, 0) <= 0);
    close(idle);
    close(half);
    odd_http_free(NULL);
}

/* A server of one answer, for the client's side. */
typedef struct teller {
    int file; /* listening */
    const char *reply;
    size_t size, repeat;
} teller;

static void *tell(void *context)
{
    const teller *t = context;
    char text[1024];
    int file = accept(t->file, NULL, NULL);
    if (file < 0)
        return NULL;
    if (recv(file, text, sizeof text, 0) > 0)
        for (size_t i = 0; i < t->repeat; i++)
            if (send(file, t->reply, t->size, MSG_NOSIGNAL) < 0)
                break;
    close(file);
    return NULL;
}

/* What the client makes of a reply. */
static int ask_teller(const char *reply, size_t repeat, odd_bytes *body, oddrow_error *err)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof to;
    pthread_t thread;
    char address[40];
    teller t = {socket(AF_INET, SOCK_STREAM, 0), reply, strlen(reply), repeat};
    assert_int_equal(bind(t.file, (const struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(listen(t.file, 1), 0);
    assert_int_equal(getsockname(t.file, (struct sockaddr *)&to, &size), 0);
    snprintf(address, sizeof address, "127.0.0.1:%d", ntohs(to.sin_port));
    assert_int_equal(pthread_create(&thread, NULL, tell, &t), 0);
    body->size = 0;
    int status = odd_http_request(address, "GET", "/", NULL, body, err);
    assert_int_equal(pthread_join(thread, NULL), 0);
    close(t.file);
    return status;
}

static void reads_replies(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        int status;
        const char *body;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\n\r\nbody", 200, "body"},
        {"HTTP/1.1 409 Conflict\r\nContent-Length: 4\r\n\r\nbodyrest", 409, "body"},
        {"HTTP/1.0 200\ncontent-length:  4 \n\nbody", 200, "body"},
        {"HTTP/1.1 204 No\r\n\r\n", 204, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbody", ODDROW_EIO, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", ODDROW_EIO, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", ODDROW_EIO, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", ODDROW_EIO, ""},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ODDROW_EIO, ""},
        {"HTTP/1.1 200 OK\r\nA: b\r\n", ODDROW_EIO, ""},
        {"HTTP/1.1 2x0 OK\r\n\r\n", ODDROW_EIO, ""},
        {"HTTP/1.1 099 OK\r\n\r\n", ODDROW_EIO, ""},
        {"HTTP/1.1 200", ODDROW_EIO, ""},
        {"HTTP/1.", ODDROW_EIO, ""},
        {"SSH-2.0-OpenSSH\r\n", ODDROW_EIO, ""},
        {"\n", ODDROW_EIO, ""},
        {"", ODDROW_EIO, ""}};
    odd_bytes body = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        oddrow_error err = {0};
        int status = ask_teller(cases[i].reply, 1, &body, &err);
        if (status != cases[i].status)
            fail_msg("%s: %d %s", cases[i].reply, status, err.message);
        assert_int_equal(body.size, strlen(cases[i].body));
        if (body.size)
            assert_memory_equal(body.data, cases[i].body, body.size);
    }
    odd_bytes_free(&body);
}

static void bounds_a_reply(void **state)
{
    (void)state;
    odd_bytes body = {0};
    oddrow_error err = {0};
    static char piece[64 * 1024 + 1];
    memset(piece, 'x', sizeof piece - 1);
    memcpy(piece, "HTTP/1.1 200 OK\r\n\r\n", 19);
    assert_int_equal(ask_teller(piece, 200, &body, &err), ODDROW_EIO);
    assert_non_null(strstr(err.message, "longer"));
    assert_int_equal(body.size, 0);
    odd_bytes_free(&body);
}

static void says_that_nobody_listens(void **state)
{
    (void)state;
    fixture f;
    odd_bytes body = {0};
    oddrow_error err = {0};
    char address[64];
    begin(&f, "127.0.0.1:0", NULL);
    snprintf(address, sizeof address, "%s", odd_http_address(f.http));
    end(&f);
    assert_int_equal(odd_http_request(address, "GET", "/", NULL, &body, &err), ODDROW_EIO);
    assert_non_null(strstr(err.message, "nobody listens"));
    assert_int_equal(odd_http_request("nonsense", "GET", "/", NULL, &body, &err), ODDROW_EINVAL);
    odd_bytes_free(&body);
}

static void reads_a_token(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        mode_t mode;
        int code;
    } cases[] = {{TOKEN "\n", 0600, 0},
                 {TOKEN, 0400, 0},
                 {TOKEN "\r\nsecond line\n", 0640, 0},
                 {TOKEN "\n", 0604, ODDROW_EINVAL},
                 {TOKEN "\n", 0602, ODDROW_EINVAL},
                 {"secret-secret-1\n", 0600, ODDROW_EINVAL}, /* 15 */
                 {"", 0600, ODDROW_EINVAL},
                 {"\n" TOKEN "\n", 0600, ODDROW_EINVAL},
                 {"secret secret secret\n", 0600, ODDROW_EINVAL},
                 {"secret\xc3\xa9secret\xc3\xa9secret\n", 0600, ODDROW_EINVAL}};
    char path[] = "/tmp/oddrow-token-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        odd_bytes token = {0};
        oddrow_error err = {0};
        size_t size = strlen(cases[i].text);
        assert_int_equal(ftruncate(file, 0), 0);
        assert_int_equal(pwrite(file, cases[i].text, size, 0), size);
        assert_int_equal(fchmod(file, cases[i].mode), 0);
        int status = odd_http_read_token(path, &token, &err);
        if (status != cases[i].code)
            fail_msg("case %zu: %d %s", i, status, err.message);
        if (status) {
            assert_non_null(strstr(err.message, path));
            assert_null(strstr(err.message, "secret"));
            assert_null(strstr(err.message, TOKEN));
        } else {
            assert_string_equal(token.data, TOKEN);
            assert_int_equal(token.size, strlen(TOKEN));
        }
        odd_bytes_free(&token);
    }
    /* the longest, and one more */
    for (size_t size = 1024; size <= 1025; size++) {
        char text[1026];
        odd_bytes token = {0};
        memset(text, 'a', size);
        text[size] = '\n';
        assert_int_equal(fchmod(file, 0600), 0);
        assert_int_equal(pwrite(file, text, size + 1, 0), size + 1);
        assert_int_equal(odd_http_read_token(path, &token, NULL), size == 1024 ? 0 : ODDROW_EINVAL);
        odd_bytes_free(&token);
    }
    close(file);
    unlink(path);
    odd_bytes token = {0};
    assert_int_equal(odd_http_read_token(path, &token, NULL), ODDROW_EIO);
    assert_int_equal(odd_http_read_token("/tmp", &token, NULL), ODDROW_EINVAL); /* all may write */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shows_pages),
                                       cmocka_unit_test(answers_as_http_does),
                                       cmocka_unit_test(serves_ipv6),
                                       cmocka_unit_test(refuses_other_pages_scripts),
                                       cmocka_unit_test(asks_for_the_token),
                                       cmocka_unit_test(refuses_to_start),
                                       cmocka_unit_test(says_that_an_address_is_taken),
                                       cmocka_unit_test(survives_garbage),
                                       cmocka_unit_test(bounds_what_it_reads),
                                       cmocka_unit_test(serves_many_at_once),
                                       cmocka_unit_test(stops_with_a_connection_open),
                                       cmocka_unit_test(reads_replies),
                                       cmocka_unit_test(bounds_a_reply),
                                       cmocka_unit_test(says_that_nobody_listens),
                                       cmocka_unit_test(reads_a_token)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
