/* The option table: values from text, bounds, origins, and that help can print what is set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "pipeline/options.h"
#include "pipeline/value.h"

static odd_options options;
static oddrow_error err;

static int start(void **state)
{
    (void)state;
    err = (oddrow_error){0};
    odd_options_init(&options);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    odd_options_clear(&options);
    return 0;
}

static int set(const char *section, const char *key, const char *text, odd_origin origin)
{
    const odd_option *option = odd_option_find(section, key);
    assert_non_null(option);
    return odd_options_set(&options, option, text, origin, &err);
}

static void flag(const char *section, const char *key, const char *text)
{
    if (set(section, key, text, ODD_FROM_FLAG))
        fail_msg("%s", err.message);
}

static void refused(const char *section, const char *key, const char *text, const char *message)
{
    assert_int_equal(set(section, key, text, ODD_FROM_FLAG), ODDROW_EINVAL);
    assert_string_equal(err.message, message);
}

static void test_values(void **state)
{
    (void)state;
    flag("training", "epochs", "7");
    assert_int_equal(options.training.epochs, 7);
    flag("training", "learning-rate", "1e-2");
    assert_true(options.training.learning_rate == 0.01);
    flag("training", "memory", "256M");
    assert_int_equal(options.training.memory, 256u << 20);
    flag("training", "memory", "1.5GiB");
    assert_int_equal(options.training.memory, 3u << 29);
    flag("training", "seed", "18446744073709551615");
    assert_true(options.training.seed == SIZE_MAX);
    flag("training", "resume", "yes");
    assert_true(options.training.resume);
    flag("network", "activation", "tanh");
    assert_int_equal(options.training.network.activation, ODD_TANH);
    flag("network", "widths", "8, 2 ,8");
    assert_int_equal(options.training.network.widths.count, 3);
    assert_int_equal(options.training.network.widths.items[1], 2);
    flag("data", "delimiter", "tab");
    assert_int_equal(options.data.delimiter, '\t');
    flag("data", "delimiter", "|");
    assert_int_equal(options.data.delimiter, '|');
    flag("columns", "id", "a,\"b, c\" , d");
    assert_int_equal(options.columns.names[ODD_ID].count, 3);
    assert_string_equal(options.columns.names[ODD_ID].items[1], "b, c");
    assert_string_equal(options.columns.names[ODD_ID].items[2], "d");
    flag("training", "report", "r.json");
    flag("training", "report", "s.json");
    assert_string_equal(options.training.report, "s.json");
}

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        double seconds;
    } cases[] = {{"0", 0}, {"500us", 500e-6}, {"2ms", 2e-3}, {"1.5s", 1.5}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        flag("worker", "batch-wait", cases[i].text);
        assert_true(fabs(options.worker.batch_wait - cases[i].seconds) < 1e-12);
    }
    flag("client", "patience", "5m");
    assert_true(options.client.patience == 300);
    flag("worker", "retain", "7d");
    assert_true(options.worker.retain.seconds == 7 * 86400 && options.worker.retain.bytes == 0);
    flag("worker", "retain", "10G");
    assert_true(options.worker.retain.seconds == 0);
    assert_true(options.worker.retain.bytes == (size_t)10 << 30);
    flag("worker", "retain", "10m"); /* minutes: sizes have capital letters */
    assert_true(options.worker.retain.seconds == 600);
    static const char *const bad[] = {"", "5", "ms", "-1s", "1 s", "5x", "1e3s", "61s"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(set("worker", "batch-wait", bad[i], ODD_FROM_FLAG), ODDROW_EINVAL);
    assert_int_equal(set("worker", "retain", "0s", ODD_FROM_FLAG), ODDROW_EINVAL);
    assert_int_equal(set("worker", "retain", "12", ODD_FROM_FLAG), ODDROW_EINVAL);
    refused("worker", "retain", "7 days",
            "retain must be a duration such as 12h or 7d, or a size of at least 1M such as 500M or "
            "10G, not '7 days'");
}

static void test_refusals(void **state)
{
    (void)state;
    refused("training", "epochs", "0",
            "epochs must be a whole number of at least 1 and at most 1000000, not '0'");
    refused("training", "epochs", "1.5",
            "epochs must be a whole number of at least 1 and at most 1000000, not '1.5'");
    refused("training", "epochs", "-1",
            "epochs must be a whole number of at least 1 and at most 1000000, not '-1'");
    refused("training", "epochs", "99999999999999999999999",
            "epochs must be a whole number of at least 1 and at most 1000000, not "
            "'99999999999999999999999'");
    refused("training", "contamination", "0.5",
            "contamination must be a number of at least 0 and below 0.5, not '0.5'");
    refused("training", "contamination", "nan",
            "contamination must be a number of at least 0 and below 0.5, not 'nan'");
    refused("training", "learning-rate", "0",
            "learning-rate must be a number above 0 and at most 10, not '0'");
    refused("training", "memory", "lots",
            "memory must be a size such as 256M or 2G, of at least 16M, not 'lots'");
    refused("training", "memory", "1M",
            "memory must be a size such as 256M or 2G, of at least 16M, not '1M'");
    refused("training", "resume", "maybe", "resume must be true or false, not 'maybe'");
    refused("columns", "scaler", "rank",
            "scaler must be one of gauss-rank, standard, robust, not 'rank'");
    refused("network", "widths", "", "widths must have 1 to 64 items, not 0");
    refused("network", "widths", "8,,8",
            "widths must be a whole number of at least 1 and at most 4096, not ''");
    refused("columns", "id", "a,,b", "id has an empty item");
    refused("scoring", "output", "", "output must not be empty");
    refused(
        "data", "delimiter", "ab",
        "delimiter must be tab, auto, or one character other than a letter, a digit or a quote, "
        "not 'ab'");
    refused(
        "data", "delimiter", "\xff",
        "delimiter must be tab, auto, or one character other than a letter, a digit or a quote, "
        "not '\xff'");
}

static void test_flag_wins(void **state)
{
    (void)state;
    flag("training", "epochs", "3");
    flag("columns", "id", "a");
    assert_int_equal(set("training", "epochs", "9", ODD_FROM_PIPELINE), 0);
    assert_int_equal(set("columns", "id", "b,c", ODD_FROM_PIPELINE), 0);
    assert_int_equal(options.training.epochs, 3);
    assert_string_equal(options.columns.names[ODD_ID].items[0], "a");
    /* what loses is still checked */
    assert_int_equal(set("training", "epochs", "x", ODD_FROM_PIPELINE), ODDROW_EINVAL);
    assert_int_equal(set("training", "patience", "5", ODD_FROM_PIPELINE), 0);
    assert_int_equal(options.training.patience, 5);
    assert_int_equal(odd_options_origin(&options, odd_option_find("training", "patience")),
                     ODD_FROM_PIPELINE);
}

static void test_two_kinds(void **state)
{
    (void)state;
    flag("columns", "id", "a,b");
    assert_int_equal(odd_options_check(&options, &err), 0);
    flag("columns", "numeric", "c,b");
    assert_int_equal(odd_options_check(&options, &err), ODDROW_EINVAL);
    assert_string_equal(err.message, "the column 'b' is named under numeric and again under id");
}

/* Every default, printed and read again, is the same value. */
static void test_print_and_read(void **state)
{
    (void)state;
    size_t count = 0;
    const odd_option *table = odd_option_table(&count);
    for (size_t i = 0; i < count; i++) {
        char first[400], second[400];
        odd_options_print(&options, &table[i], first, sizeof(first));
        if (first[0] == '\0' || strcmp(table[i].key, "alerts") == 0)
            continue;
        if (odd_options_set(&options, &table[i], first, ODD_FROM_FLAG, &err))
            fail_msg("--%s: the default is refused: %s", table[i].key, err.message);
        odd_options_print(&options, &table[i], second, sizeof(second));
        assert_string_equal(first, second);
    }
}

/* What every row must have, and that no command knows two rows by the same key. */
static void test_table(void **state)
{
    (void)state;
    size_t count = 0;
    const odd_option *table = odd_option_table(&count);
    for (size_t i = 0; i < count; i++) {
        assert_non_null(table[i].help);
        assert_true(table[i].type == ODD_OPTION_SWITCH || table[i].value || table[i].choice);
        assert_ptr_equal(odd_option_find(table[i].section, table[i].key), &table[i]);
        for (size_t j = 0; j < i; j++)
            if (strcmp(table[i].key, table[j].key) == 0)
                assert_int_equal(table[i].commands & table[j].commands, 0);
    }
    assert_null(odd_option_of(ODD_COMMAND_TRAIN, "explain"));
}

static void test_conversion(void **state)
{
    (void)state;
    flag("columns", "label", "y");
    flag("network", "widths", "4,2,4");
    flag("training", "alerts", "0.01");
    flag("scoring", "explain", "3");
    odd_train_options train = odd_options_train(&options);
    odd_score_options score = odd_options_score(&options);
    assert_int_equal(train.columns.names[ODD_LABEL].count, 1);
    assert_string_equal(train.columns.names[ODD_LABEL].items[0], "y");
    assert_int_equal(train.network.widths.count, 3);
    assert_true(train.alerts == 0.01);
    assert_true(score.alerts == 0);
    assert_int_equal(score.explain, 3);
}

static void test_nearest(void **state)
{
    (void)state;
    const char *const words[] = {"epochs", "explain", "format"};
    assert_string_equal(odd_nearest("epoch", words, 3), "epochs");
    assert_string_equal(odd_nearest("fromat", words, 3), "format");
    assert_string_equal(odd_nearest("exp", words, 3), "explain");
    assert_null(odd_nearest("zzz", words, 3));
    assert_null(odd_nearest("", words, 3));
}

/* Every allocation of a run of sets fails once; nothing leaks and the message is there. */
typedef struct countdown {
    size_t left;
} countdown;

static bool fails(void *context, size_t size)
{
    countdown *c = context;
    (void)size;
    return c->left-- == 0;
}

static int some_sets(oddrow_error *error)
{
    odd_options o;
    odd_options_init(&o);
    int code = odd_options_set(&o, odd_option_find("columns", "id"), "a,b", ODD_FROM_FLAG, error);
    if (code == 0)
        code = odd_options_set(&o, odd_option_find("network", "widths"), "4,2,4", ODD_FROM_FLAG,
                               error);
    if (code == 0)
        code = odd_options_set(&o, odd_option_find("scoring", "output"), "x", ODD_FROM_FLAG, error);
    odd_options_clear(&o);
    return code;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    for (size_t n = 0;; n++) {
        countdown c = {n};
        oddrow_error error = {0};
        odd_memory_hook(fails, &c);
        int code = some_sets(&error);
        odd_memory_hook(NULL, NULL);
        if (code == 0)
            break;
        assert_int_equal(code, ODDROW_ENOMEM);
        assert_true(strlen(error.message) > 0);
        assert_true(n < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values, start, stop),
        cmocka_unit_test_setup_teardown(test_durations, start, stop),
        cmocka_unit_test_setup_teardown(test_refusals, start, stop),
        cmocka_unit_test_setup_teardown(test_flag_wins, start, stop),
        cmocka_unit_test_setup_teardown(test_two_kinds, start, stop),
        cmocka_unit_test_setup_teardown(test_print_and_read, start, stop),
        cmocka_unit_test_setup_teardown(test_table, start, stop),
        cmocka_unit_test_setup_teardown(test_conversion, start, stop),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
