/* The metrics page: its text to the letter, and what Prometheus' own tool says to it. */
#include "base/prometheus.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "oddrow.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *text_of(odd_bytes *b)
{
    odd_bytes_add(b, "", 1);
    assert_int_equal(odd_bytes_check(b, NULL), 0);
    return b->data;
}

static void writes_families(void **state)
{
    (void)state;
    odd_bytes out = {0};
    odd_prometheus m = {.out = &out};
    odd_prometheus_family(&m, "oddrow_rows_total", "counter", "Rows, by \"socket\"\\\nand more.");
    odd_prometheus_sample(&m, "", 3, "socket", "pull", "outcome", "odd", NULL);
    odd_prometheus_sample(&m, "", 0.1, NULL);
    assert_int_equal(odd_bytes_check(&out, NULL), 0);
    assert_string_equal(text_of(&out),
                        "# HELP oddrow_rows_total Rows, by \"socket\"\\\\\\nand more.\n"
                        "# TYPE oddrow_rows_total counter\n"
                        "oddrow_rows_total{socket=\"pull\",outcome=\"odd\"} 3\n"
                        "oddrow_rows_total 0.10000000000000001\n");
    odd_bytes_free(&out);
}

static void escapes_labels(void **state)
{
    (void)state;
    static const struct {
        const char *value, *written;
    } cases[] = {{"plain", "plain"},
                 {"", ""},
                 {"a\"b", "a\\\"b"},
                 {"a\\n", "a\\\\n"},
                 {"a\nb", "a\\nb"},
                 {"größe", "größe"},
                 {"a\xff\xc3", "a\xef\xbf\xbd\xef\xbf\xbd"},
                 {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        odd_bytes out = {0};
        odd_prometheus m = {.out = &out, .name = "x"};
        char wanted[64];
        snprintf(wanted, sizeof wanted, "x{c=\"%s\"} 1\n", cases[i].written);
        odd_prometheus_sample(&m, "", 1, "c", cases[i].value, NULL);
        assert_string_equal(text_of(&out), wanted);
        odd_bytes_free(&out);
    }
}

static void writes_numbers(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0, "0"},
                 {-7, "-7"},
                 {1e15, "1000000000000000"},
                 {9007199254740992, "9007199254740992"},
                 {0.5, "0.5"},
                 {1e300, "1.0000000000000001e+300"},
                 {NAN, "NaN"},
                 {INFINITY, "+Inf"},
                 {-INFINITY, "-Inf"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        odd_bytes out = {0};
        odd_prometheus m = {.out = &out, .name = "x"};
        char wanted[64];
        snprintf(wanted, sizeof wanted, "x %s\n", cases[i].text);
        odd_prometheus_sample(&m, "", cases[i].value, NULL);
        assert_string_equal(text_of(&out), wanted);
        odd_bytes_free(&out);
    }
}

/* A page as the worker's: counters, a gauge with hostile labels, a histogram. */
static int make_page(odd_bytes *out)
{
    odd_prometheus m = {.out = out};
    odd_prometheus_family(&m, "oddrow_rows_total", "counter", "Rows by socket and outcome.");
    odd_prometheus_sample(&m, "", 12345678901234, "socket", "pull", "outcome", "scored", NULL);
    odd_prometheus_sample(&m, "", 0, "socket", "rows", "outcome", "rejected", NULL);
    odd_prometheus_family(&m, "oddrow_drift_psi", "gauge",
                          "Population stability \\ index\nby column.");
    odd_prometheus_sample(&m, "", NAN, "column", "a\"b\\c\nd\xff é", NULL);
    odd_prometheus_family(&m, "oddrow_latency_seconds", "histogram", "Receipt to publication.");
    odd_prometheus_sample(&m, "_bucket", 1, "le", "0.001", NULL);
    odd_prometheus_sample(&m, "_bucket", 2, "le", "+Inf", NULL);
    odd_prometheus_sample(&m, "_sum", 0.0125, NULL);
    odd_prometheus_sample(&m, "_count", 2, NULL);
    return odd_bytes_check(out, NULL);
}

static void is_accepted_by_promtool(void **state)
{
    (void)state;
    odd_bytes out = {0};
    if (system("command -v promtool >/dev/null 2>&1") != 0) {
        if (getenv("CI"))
            fail_msg("promtool is not installed (Debian package prometheus)");
        print_message("skipped: promtool is not installed\n");
        skip();
    }
    assert_int_equal(make_page(&out), 0);
    assert_true(odd_utf8_valid(out.data, out.size));
    FILE *tool = popen("promtool check metrics", "w");
    assert_non_null(tool);
    assert_int_equal(fwrite(out.data, 1, out.size, tool), out.size);
    assert_int_equal(pclose(tool), 0);
    odd_bytes_free(&out);
}

static bool fail_nth(void *context, size_t size)
{
    (void)size;
    return --*(int *)context == 0;
}

static void stays_failed(void **state)
{
    (void)state;
    int status = -1;
    for (int nth = 1; status; nth++) {
        odd_bytes out = {0};
        int countdown = nth;
        assert_true(nth < 100);
        odd_memory_hook(fail_nth, &countdown);
        status = make_page(&out);
        odd_memory_hook(NULL, NULL);
        if (status)
            assert_int_equal(status, ODDROW_ENOMEM);
        odd_bytes_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_families), cmocka_unit_test(escapes_labels),
        cmocka_unit_test(writes_numbers), cmocka_unit_test(is_accepted_by_promtool),
        cmocka_unit_test(stays_failed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
