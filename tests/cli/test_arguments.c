/* Words of a command line: options long and short, words, files, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cli/command.h"

enum { MOST = 8 };

static odd_arguments arguments;
static oddrow_error err;

static int read_words(const odd_command *command, const char *const *words)
{
    char *argv[MOST + 1] = {NULL};
    int argc = 0;
    for (; words[argc]; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc];
    err = (oddrow_error){0};
    return odd_arguments_read(command, argc, argv, &arguments, &err);
}

#define READ(command, ...)                                                                         \
    read_words(&odd_command_##command, (const char *const[]){__VA_ARGS__, NULL})

static void test_options(void **state)
{
    (void)state;
    assert_int_equal(READ(score, "m", "--explain", "3", "--only-odd", "a.csv", "-ox.csv"), 0);
    assert_int_equal(arguments.options.scoring.explain, 3);
    assert_true(arguments.options.scoring.only_odd);
    assert_string_equal(arguments.options.scoring.output, "x.csv");
    assert_int_equal(arguments.word_count, 2);
    odd_arguments_free(&arguments);

    assert_int_equal(READ(score, "--explain=2", "--only-odd=no", "--", "--top", "-"), 0);
    assert_int_equal(arguments.options.scoring.explain, 2);
    assert_false(arguments.options.scoring.only_odd);
    assert_int_equal(arguments.word_count, 2);
    assert_string_equal(arguments.words[0], "--top");
    odd_arguments_free(&arguments);

    assert_int_equal(
        READ(train, "--id", "a", "--id", "b,c", "--embeddings", "x", "--embeddings", "y"), 0);
    assert_int_equal(arguments.options.columns.names[ODD_ID].count, 2); /* the last one counts */
    assert_int_equal(arguments.options.training.embeddings.count, 2);   /* this one repeats */
    odd_arguments_free(&arguments);
    odd_arguments_free(NULL);
}

static void refuse(int rc, const char *message)
{
    assert_int_equal(rc, ODDROW_EINVAL);
    assert_string_equal(err.message, message);
    odd_arguments_free(&arguments);
}

static void test_refused(void **state)
{
    (void)state;
    refuse(READ(train, "--explain", "2"), "--explain is an option of 'oddrow score'");
    refuse(READ(train, "--epoch", "2"), "unknown option --epoch; did you mean --epochs?");
    refuse(READ(train, "--zzzzzz"), "unknown option --zzzzzz");
    refuse(READ(train, "-x"), "unknown option -x");
    refuse(READ(train, "--epochs"), "--epochs needs a value");
    refuse(READ(score, "-o"), "-o needs a value");
    refuse(READ(train, "--epochs", "0"),
           "--epochs must be a whole number of at least 1 and at most 1000000, not '0'");
    refuse(READ(inspect, "m", "--pipeline", "p"), "unknown option --pipeline");
    refuse(READ(train, "--id", "a", "--numeric", "a"),
           "the column 'a' is named under numeric and again under id");
}

static void test_files(void **state)
{
    (void)state;
    const char *const *paths = NULL;
    size_t count = 0;
    assert_int_equal(READ(score, "m", "a", "b"), 0);
    assert_int_equal(odd_arguments_model(&arguments, "score MODEL", &paths, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_string_equal(paths[1], "b");
    odd_arguments_free(&arguments);
    assert_int_equal(READ(score, "m"), 0);
    refuse(odd_arguments_model(&arguments, "score MODEL", &paths, &count, &err),
           "no data: name a CSV file, or - for standard input");
    assert_int_equal(READ(score, "m", "-", "-"), 0);
    refuse(odd_arguments_model(&arguments, "score MODEL", &paths, &count, &err),
           "standard input (-) can be read only once");
    assert_int_equal(READ(score, "--top", "1"), 0);
    refuse(odd_arguments_model(&arguments, "score MODEL", &paths, &count, &err),
           "no model: oddrow score MODEL");
}

/* Every command has what help prints, and its name leads its usage. */
static void test_commands(void **state)
{
    (void)state;
    unsigned bits = 0;
    for (const odd_command *const *c = odd_commands; *c; c++) {
        const odd_command *command = *c;
        assert_non_null(command->run);
        assert_true(*command->summary && *command->about && *command->examples);
        assert_int_equal(strncmp(command->usage, command->name, strlen(command->name)), 0);
        assert_int_equal(bits & command->bit, 0);
        bits |= command->bit;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
