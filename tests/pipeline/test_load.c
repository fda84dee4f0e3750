/* YAML to options: what is read, and the place that every error names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/load.h"

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

static int parse(const char *text)
{
    return odd_pipeline_parse("p.yaml", text, strlen(text), &options, &err);
}

static void refused(const char *text, const char *message)
{
    assert_int_equal(parse(text), ODDROW_EINVAL);
    assert_string_equal(err.message, message);
}

static void test_reads(void **state)
{
    (void)state;
    const char *text = "# a pipeline\n"
                       "data:\n"
                       "  files: [a.csv, \"b, c.csv\"]\n"
                       "  delimiter: ';'\n"
                       "columns:\n"
                       "  id:\n"
                       "    - package\n"
                       "  numeric: size, installed\n"
                       "network:\n"
                       "  widths: [16, 4, 16]\n"
                       "training: {epochs: 4, quiet: true}\n"
                       "scoring:\n";
    if (parse(text))
        fail_msg("%s", err.message);
    assert_int_equal(options.data.files.count, 2);
    assert_string_equal(options.data.files.items[1], "b, c.csv");
    assert_int_equal(options.data.delimiter, ';');
    assert_string_equal(options.columns.names[ODD_ID].items[0], "package");
    assert_int_equal(options.columns.names[ODD_NUMERIC].count, 2);
    assert_string_equal(options.columns.names[ODD_NUMERIC].items[1], "installed");
    assert_int_equal(options.training.network.widths.items[2], 16);
    assert_int_equal(options.training.epochs, 4);
    assert_true(options.training.quiet);
    assert_int_equal(parse(""), 0);
    assert_int_equal(parse("---\n"), 0);
}

static void test_places(void **state)
{
    (void)state;
    refused("training:\n  epochs: ten\n",
            "p.yaml:2:11: epochs must be a whole number of at least 1 and at most 1000000, not "
            "'ten'");
    refused("training:\n  epoch: 3\n", "p.yaml:2:3: unknown key 'epoch'; did you mean 'epochs'?");
    refused("trainign:\n  epochs: 3\n",
            "p.yaml:1:1: unknown section 'trainign'; did you mean 'training'?");
    refused("zebra: 1\n", "p.yaml:1:1: unknown section 'zebra'");
    refused("training: 3\n", "p.yaml:1:11: the section training must hold keys and values");
    refused("- a\n", "p.yaml:1:1: a pipeline file holds sections: data, columns, …");
    refused("training:\n  epochs: 1\n  epochs: 2\n", "p.yaml:3:3: duplicate key 'epochs'");
    refused("data: {}\ndata: {}\n", "p.yaml:2:1: duplicate section 'data'");
    refused("training:\n  epochs:\n",
            "p.yaml:2:10: epochs has no value; leave the key out for its default");
    refused("training:\n  epochs: [1, 2]\n", "p.yaml:2:11: epochs must be one value, not a list");
    refused("training:\n  epochs: {a: 1}\n",
            "p.yaml:2:11: epochs must be a value or a list of values");
    refused("columns:\n  id: [a, [b]]\n", "p.yaml:2:11: id: an item of a list must be plain text");
    refused("columns:\n  id: \"a\\0b\"\n", "p.yaml:2:7: id must be a value or a list of values");
    refused("a: b: c\n", "p.yaml:1:5: mapping values are not allowed in this context");
    refused("data: {}\n---\ndata: {}\n",
            "p.yaml:3:1: a pipeline file is one YAML document, not two");
    refused("data: {}\n---\n[\n",
            "p.yaml:4:1: while parsing a flow node, did not find expected node content");
    refused("data: \"\xff\"\n", "p.yaml: invalid leading UTF-8 octet at byte 8");
}

static void test_flag_wins(void **state)
{
    (void)state;
    assert_int_equal(
        odd_options_set(&options, odd_option_find("training", "epochs"), "2", ODD_FROM_FLAG, &err),
        0);
    assert_int_equal(parse("training:\n  epochs: 9\n  patience: 4\n"), 0);
    assert_int_equal(options.training.epochs, 2);
    assert_int_equal(options.training.patience, 4);
}

static void test_long_and_deep(void **state)
{
    (void)state;
    size_t size = 300 * 1024;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, '#', size);
    assert_int_equal(odd_pipeline_parse("p.yaml", text, size, &options, &err), ODDROW_EINVAL);
    assert_string_equal(err.message, "p.yaml: too long for a pipeline file (over 256 KiB)");
    memset(text, '[', 20000);
    assert_int_equal(odd_pipeline_parse("p.yaml", text, 20000, &options, &err), ODDROW_EINVAL);
    free(text);
}

static void test_files(void **state)
{
    (void)state;
    assert_int_equal(odd_pipeline_load("/nowhere/p.yaml", &options, &err), ODDROW_EIO);
    assert_string_equal(err.message, "/nowhere/p.yaml: cannot open the pipeline file: No such file "
                                     "or directory");
    assert_int_equal(odd_pipeline_load("/", &options, &err), ODDROW_EIO);

    char path[] = "/tmp/oddrow-load-XXXXXX";
    int handle = mkstemp(path);
    assert_true(handle >= 0);
    FILE *file = fdopen(handle, "w");
    fputs("training:\n  epochs: 12\n", file);
    fclose(file);
    int code = odd_pipeline_load(path, &options, &err);
    unlink(path);
    assert_int_equal(code, 0);
    assert_int_equal(options.training.epochs, 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reads, start, stop),
        cmocka_unit_test_setup_teardown(test_places, start, stop),
        cmocka_unit_test_setup_teardown(test_flag_wins, start, stop),
        cmocka_unit_test_setup_teardown(test_long_and_deep, start, stop),
        cmocka_unit_test_setup_teardown(test_files, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
