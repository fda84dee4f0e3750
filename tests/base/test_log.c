/* The log: two forms, lines that nobody can forge, and a limit for each event. */
#include "base/log.h"

#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A log on a pipe; what was written is read back without waiting. */
typedef struct fixture {
    int ends[2];
    odd_log *log;
    char text[64 * 1024];
} fixture;

static void begin(fixture *f, bool json, odd_log_level least)
{
    assert_int_equal(pipe2(f->ends, O_NONBLOCK | O_CLOEXEC), 0);
    assert_int_equal(odd_log_new(f->ends[1], json, least, &f->log, NULL), 0);
}

static const char *written(fixture *f)
{
    size_t size = 0;
    ssize_t got;
    while ((got = read(f->ends[0], f->text + size, sizeof f->text - 1 - size)) > 0)
        size += (size_t)got;
    f->text[size] = '\0';
    return f->text;
}

static void end(fixture *f)
{
    odd_log_free(&f->log);
    assert_null(f->log);
    close(f->ends[0]);
    close(f->ends[1]);
}

static size_t count(const char *text, char c)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == c;
    return n;
}

static void writes_text(void **state)
{
    (void)state;
    fixture f;
    begin(&f, false, ODD_LOG_INFO);
    odd_log_write(f.log, ODD_LOG_DEBUG, "quiet", "not written");
    odd_log_write(f.log, ODD_LOG_INFO, "started", "%d rows of \"é\"", 3);
    odd_log_write(f.log, ODD_LOG_ERROR, "disk", "full");
    const char *text = written(&f);
    assert_int_equal(count(text, '\n'), 2);
    assert_memory_equal(text + 4, "-", 1);
    assert_memory_equal(text + 26, "Z info started: 3 rows of \"é\"\n", 31);
    assert_non_null(strstr(text, "Z error disk: full\n"));
    end(&f);
}

static void writes_json(void **state)
{
    (void)state;
    fixture f;
    begin(&f, true, ODD_LOG_DEBUG);
    odd_log_write(f.log, ODD_LOG_WARN, "peer", "a \"quote\" and a \\ and é");
    json_t *line = json_loads(written(&f), 0, NULL);
    assert_non_null(line);
    assert_int_equal(json_object_size(line), 4);
    assert_int_equal(json_string_length(json_object_get(line, "time")), 27);
    assert_string_equal(json_string_value(json_object_get(line, "level")), "warn");
    assert_string_equal(json_string_value(json_object_get(line, "event")), "peer");
    assert_string_equal(json_string_value(json_object_get(line, "message")),
                        "a \"quote\" and a \\ and é");
    json_decref(line);
    end(&f);
}

static void cannot_be_forged(void **state)
{
    (void)state;
    /* line ends of every kind, an escape, C1, bytes that are no character, a cut character */
    static const char hostile[] = "a\nb\rc\x1b[2Jd\x7f\xc2\x85\xe2\x80\xa8\xe2\x80\xa9\xff\xc0\xaf"
                                  "\xed\xa0\x80z\xe2\x82";
    for (int json = 0; json < 2; json++) {
        fixture f;
        begin(&f, json, ODD_LOG_DEBUG);
        odd_log_write(f.log, ODD_LOG_INFO, "peer", "%s", hostile);
        const char *text = written(&f);
        size_t size = strlen(text);
        assert_int_equal(count(text, '\n'), 1);
        assert_int_equal(text[size - 1], '\n');
        assert_true(odd_utf8_valid(text, size));
        for (size_t i = 0; i + 1 < size; i++)
            assert_true((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
        assert_null(strstr(text, "\xc2\x85"));
        assert_null(strstr(text, "\xe2\x80\xa8"));
        assert_null(strstr(text, "\xe2\x80\xa9"));
        assert_non_null(strstr(text, "a b c [2Jd "));
        assert_non_null(strstr(text, "z\xef\xbf\xbd"));
        end(&f);
    }
}

static void cuts_a_long_line(void **state)
{
    (void)state;
    static const char *const fillers[] = {"x", "é", "\"", "\xff", "\xf0\x9f\x98\x80"};
    for (int json = 0; json < 2; json++)
        for (size_t k = 0; k < sizeof fillers / sizeof *fillers; k++) {
            fixture f;
            char message[9000] = "";
            size_t piece = strlen(fillers[k]);
            for (size_t i = 0; i < 2000; i++)
                memcpy(message + i * piece, fillers[k], piece + 1);
            begin(&f, json, ODD_LOG_DEBUG);
            odd_log_write(f.log, ODD_LOG_INFO, "long", "%s", message);
            const char *text = written(&f);
            size_t size = strlen(text);
            assert_in_range(size, 1900, 2000);
            assert_int_equal(text[size - 1], '\n');
            assert_true(odd_utf8_valid(text, size));
            json_t *line = json_loads(text, 0, NULL);
            assert_int_equal(line != NULL, json);
            json_decref(line);
            end(&f);
        }
}

/* Waits until the event may be written again; returns the line. */
static const char *wait_for_line(fixture *f, const char *event)
{
    for (int i = 0; i < 300; i++) {
        odd_log_write(f->log, ODD_LOG_INFO, event, "again");
        const char *text = written(f);
        if (*text)
            return text;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    fail_msg("no line in 3 s");
    return "";
}

static void limits_each_event(void **state)
{
    (void)state;
    for (int json = 0; json < 2; json++) {
        fixture f;
        begin(&f, json, ODD_LOG_DEBUG);
        for (int i = 0; i < 1000; i++)
            odd_log_write(f.log, ODD_LOG_INFO, "flood", "line %d", i);
        for (int i = 0; i < 10; i++)
            odd_log_write(f.log, ODD_LOG_INFO, "calm", "line %d", i);
        const char *text = written(&f);
        assert_int_equal(count(text, '\n'), 20);
        assert_null(strstr(text, "suppressed"));
        text = wait_for_line(&f, "flood");
        const char *at = strstr(text, "suppressed");
        assert_non_null(at);
        long long left_out = atoll(at + strcspn(at, "0123456789"));
        assert_in_range(left_out, 990, 990 + 300);
        if (json) {
            json_t *line = json_loads(text, 0, NULL);
            assert_int_equal(json_integer_value(json_object_get(line, "suppressed")), left_out);
            json_decref(line);
        }
        /* told once */
        odd_log_write(f.log, ODD_LOG_INFO, "flood", "next");
        text = written(&f);
        assert_non_null(strstr(text, "next"));
        assert_null(strstr(text, "suppressed"));
        end(&f);
    }
}

static void further_names_share(void **state)
{
    (void)state;
    static char names[132][16];
    fixture f;
    begin(&f, false, ODD_LOG_DEBUG);
    for (int i = 0; i < 132; i++) {
        snprintf(names[i], sizeof names[i], "e%d", i);
        odd_log_write(f.log, ODD_LOG_INFO, names[i], "line");
    }
    assert_int_equal(count(written(&f), '\n'), 32 + 10);
    end(&f);
}

enum { THREADS = 4, EACH = 50 };

static void *write_many(void *context)
{
    static const char *const names[] = {"one", "two", "three", "four"};
    for (int i = 0; i < EACH; i++)
        odd_log_write(context, ODD_LOG_INFO, names[i % 4], "%0100d", i);
    return NULL;
}

static void takes_many_threads(void **state)
{
    (void)state;
    fixture f;
    pthread_t threads[THREADS];
    begin(&f, true, ODD_LOG_DEBUG);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, f.log), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    char *text = (char *)(uintptr_t)written(&f), *save = NULL;
    size_t lines = 0;
    for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save), lines++) {
        json_t *line = json_loads(l, 0, NULL);
        assert_non_null(line);
        json_decref(line);
    }
    /* ten of each name, more only if this took longer than a second */
    assert_in_range(lines, 40, THREADS * EACH);
    end(&f);
}

static void never_stops_the_work(void **state)
{
    (void)state;
    fixture f;
    odd_log_write(NULL, ODD_LOG_ERROR, "none", "no log");
    begin(&f, false, ODD_LOG_DEBUG);
    char block[4096] = {0};
    while (write(f.ends[1], block, sizeof block) > 0)
        continue;
    errno = 0;
    odd_log_write(f.log, ODD_LOG_ERROR, "full", "the pipe is full");
    assert_int_equal(errno, 0);
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    close(f.ends[0]);
    odd_log_write(f.log, ODD_LOG_ERROR, "closed", "nobody reads");
    signal(SIGPIPE, before);
    f.ends[0] = -1;
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_text),        cmocka_unit_test(writes_json),
        cmocka_unit_test(cannot_be_forged),   cmocka_unit_test(cuts_a_long_line),
        cmocka_unit_test(limits_each_event),  cmocka_unit_test(further_names_share),
        cmocka_unit_test(takes_many_threads), cmocka_unit_test(never_stops_the_work)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
