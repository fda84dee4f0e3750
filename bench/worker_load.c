/* bench/worker_load.c: puts load on a worker and times it.
 *
 * usage: worker_load push PULL FEED DATA.csv ROWS PER_MESSAGE csv|json|msgpack
 *        worker_load ask ROWS_ENDPOINT DATA.csv REQUESTS [PULL RATE]
 *
 * push sends ROWS rows, repeating the file as often as needed, PER_MESSAGE rows per message. Then
 * it sends a payload that is rejected. The time ends when the reject entry of this payload comes
 * out of the feed, after all the rows. Prints rows per second.
 *
 * ask sends one CSV row after another and waits for each answer. If RATE is given, another thread
 * pushes RATE rows per second at the same time, one per message. Prints p50 and p99 in
 * microseconds.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "base/clock.h"
#include "csv/source.h"
#include "wire/payload.h"

enum { MESSAGES = 4096 };

static void die(const char *what)
{
    fprintf(stderr, "worker_load: %s\n", what);
    exit(1);
}

static odd_bytes messages[MESSAGES];
static size_t message_count;

/* Makes payloads of `per` rows each, from the beginning of the file. */
static void prepare(const char *path, size_t per, odd_encoding encoding)
{
    odd_csv_source *source = NULL;
    odd_csv_chunk chunk = {0};
    oddrow_error err = {0};
    if (odd_csv_open(&path, 1, &(odd_csv_options){.chunk_size = (size_t)4 << 20}, &source, &err))
        die(err.message);
    size_t columns = odd_csv_columns(source);
    while (message_count < MESSAGES && odd_csv_next(source, &chunk, &err) > 0) {
        if (odd_csv_split(source, &chunk, &err))
            die(err.message);
        for (size_t r = 0; r + per <= chunk.rows && message_count < MESSAGES; r += per)
            if (odd_payload_write(encoding, odd_csv_names(source), columns,
                                  chunk.cells + r * columns, per, &messages[message_count++]))
                die("out of memory");
    }
    if (!message_count)
        die("not enough rows in the file");
    odd_csv_chunk_free(&chunk);
    odd_csv_close(&source);
}

static void *open_socket(void *context, int type, const char *endpoint)
{
    int mark = 100000;
    void *socket = zmq_socket(context, type);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &mark, sizeof mark);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &mark, sizeof mark);
    if (type == ZMQ_SUB)
        zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
    if (zmq_connect(socket, endpoint))
        die(zmq_strerror(zmq_errno()));
    return socket;
}

/* Reads the feed until an entry with the marker comes. Returns the number of messages read. */
static size_t wait_for(void *feed, const char *marker)
{
    zmq_msg_t part;
    size_t seen = 0;
    for (;;) {
        bool found = false;
        for (int more = 1, at = 0; more; at++) {
            zmq_msg_init(&part);
            if (zmq_msg_recv(&part, feed, 0) < 0)
                die("the feed ended");
            more = zmq_msg_more(&part);
            if (at == 2 && !found)
                found = memmem(zmq_msg_data(&part), zmq_msg_size(&part), marker, strlen(marker));
            zmq_msg_close(&part);
        }
        seen++;
        if (found)
            return seen;
    }
}

static void mark(void *socket, const char *marker)
{
    char text[64];
    snprintf(text, sizeof text, "{\"%s\"", marker); /* broken JSON: rejected, with this excerpt */
    zmq_send(socket, text, strlen(text), 0);
}

static int push(char **argv)
{
    size_t rows = strtoull(argv[5], NULL, 10), per = strtoull(argv[6], NULL, 10);
    odd_encoding encoding = argv[7][0] == 'c'   ? ODD_ENCODING_CSV
                            : argv[7][0] == 'j' ? ODD_ENCODING_JSON
                                                : ODD_ENCODING_MSGPACK;
    prepare(argv[4], per, encoding);
    void *context = zmq_ctx_new();
    void *feed = open_socket(context, ZMQ_SUB, argv[3]),
         *pull = open_socket(context, ZMQ_PUSH, argv[2]);
    usleep(300000);
    mark(pull, "ready");
    wait_for(feed, "ready");
    double start = odd_clock();
    for (size_t i = 0; i < rows / per; i++) {
        const odd_bytes *m = &messages[i % message_count];
        if (zmq_send(pull, m->data, m->size, 0) < 0)
            die("cannot send");
    }
    mark(pull, "finished");
    size_t seen = wait_for(feed, "finished");
    double seconds = odd_clock() - start;
    printf("%.0f rows/s %zu entries seen\n", (double)(rows / per * per) / seconds, seen);
    zmq_close(feed);
    zmq_close(pull);
    zmq_ctx_term(context);
    return 0;
}

typedef struct stream {
    void *context;
    const char *endpoint;
    double rate;
    atomic_bool stop;
} stream;

static void *keep_pushing(void *argument)
{
    stream *s = argument;
    void *socket = open_socket(s->context, ZMQ_PUSH, s->endpoint);
    double start = odd_clock();
    for (size_t sent = 0; !atomic_load(&s->stop);) {
        size_t due = (size_t)((odd_clock() - start) * s->rate);
        for (; sent < due; sent++) {
            const odd_bytes *m = &messages[sent % message_count];
            zmq_send(socket, m->data, m->size, 0);
        }
        usleep(200);
    }
    int linger = 0;
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_close(socket);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int ask(int argc, char **argv)
{
    size_t n = strtoull(argv[4], NULL, 10);
    double *seconds = calloc(n, sizeof *seconds);
    prepare(argv[3], 1, ODD_ENCODING_CSV);
    stream s = {.context = zmq_ctx_new()};
    void *socket = open_socket(s.context, ZMQ_DEALER, argv[2]);
    pthread_t thread;
    bool loaded = argc > 6;
    if (loaded) {
        s.endpoint = argv[5];
        s.rate = strtod(argv[6], NULL);
        pthread_create(&thread, NULL, keep_pushing, &s);
        sleep(1);
    }
    for (size_t i = 0; i < n + 100; i++) {
        const odd_bytes *m = &messages[i % message_count];
        zmq_msg_t answer;
        zmq_msg_init(&answer);
        double start = odd_clock();
        if (zmq_send(socket, m->data, m->size, 0) < 0 || zmq_msg_recv(&answer, socket, 0) < 0)
            die("no answer");
        if (i >= 100)
            seconds[i - 100] = odd_clock() - start;
        zmq_msg_close(&answer);
        if (loaded)
            usleep(500);
    }
    if (loaded) {
        atomic_store(&s.stop, true);
        pthread_join(thread, NULL);
    }
    qsort(seconds, n, sizeof *seconds, compare);
    printf("p50 %.1f us p99 %.1f us\n", seconds[n / 2] * 1e6, seconds[n * 99 / 100] * 1e6);
    zmq_close(socket);
    zmq_ctx_term(s.context);
    free(seconds);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 8 && strcmp(argv[1], "push") == 0)
        return push(argv);
    if ((argc == 5 || argc == 7) && strcmp(argv[1], "ask") == 0)
        return ask(argc, argv);
    die("usage: see the head of bench/worker_load.c");
}
