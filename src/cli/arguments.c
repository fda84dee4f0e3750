/* cli/arguments.c: the words of a command line into options and files. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "cli/command.h"
#include "pipeline/load.h"

typedef struct line {
    const odd_command *command;
    int argc, next;
    char **argv;
    odd_arguments *out;
    oddrow_error *err;
} line;

/* A key that this command does not know: of another command, mistyped, or neither. */
static int unknown(line *l, const char *key)
{
    const char *names[ODD_OPTION_MAX + 2];
    size_t count = 0, n = 0;
    const odd_option *table = odd_option_table(&count);

    for (const odd_command *const *other = odd_commands; *other; other++)
        if (odd_option_of((*other)->bit, key))
            return odd_fail(l->err, ODDROW_EINVAL, "--%s is an option of 'oddrow %s'", key,
                            (*other)->name);
    for (size_t i = 0; i < count; i++)
        if (table[i].commands & l->command->bit)
            names[n++] = table[i].key;
    if (!(l->command->bit & ODD_NO_PIPELINE))
        names[n++] = "pipeline";
    names[n++] = "help";
    const char *nearest = odd_nearest(key, names, n);
    if (nearest)
        return odd_fail(l->err, ODDROW_EINVAL, "unknown option --%s; did you mean --%s?", key,
                        nearest);
    return odd_fail(l->err, ODDROW_EINVAL, "unknown option --%s", key);
}

/* The value of an option: what stood behind its =, else the next word. */
static const char *take_value(line *l, const char *shown, const char *inline_value)
{
    if (inline_value)
        return inline_value;
    if (l->next < l->argc)
        return l->argv[l->next++];
    odd_fail(l->err, ODDROW_EINVAL, "%s needs a value", shown);
    return NULL;
}

static int set(line *l, const odd_option *option, const char *inline_value)
{
    char shown[64];
    snprintf(shown, sizeof(shown), "--%s", option->key);
    const char *value = option->type == ODD_OPTION_SWITCH && !inline_value
                            ? "true"
                            : take_value(l, shown, inline_value);
    if (!value)
        return ODDROW_EINVAL;
    int rc = odd_options_set(&l->out->options, option, value, ODD_FROM_FLAG, l->err);
    return odd_prefix(l->err, rc, "--");
}

static int read_long(line *l, const char *word)
{
    char key[64];
    const char *equals = strchr(word, '=');
    size_t size = equals ? (size_t)(equals - word) : strlen(word);
    const char *value = equals ? equals + 1 : NULL;
    if (size >= sizeof(key))
        return odd_fail(l->err, ODDROW_EINVAL, "unknown option --%.60s…", word);
    memcpy(key, word, size);
    key[size] = '\0';

    const odd_option *option = odd_option_of(l->command->bit, key);
    if (option)
        return set(l, option, value);
    if (strcmp(key, "help") == 0) {
        l->out->help = true;
        return 0;
    }
    if (strcmp(key, "pipeline") == 0 && !(l->command->bit & ODD_NO_PIPELINE)) {
        l->out->pipeline = take_value(l, "--pipeline", value);
        return l->out->pipeline ? 0 : ODDROW_EINVAL;
    }
    return unknown(l, key);
}

static int read_short(line *l, const char *word)
{
    static const char letters[] = "ok", *const keys[] = {"output", "neighbours"};
    const char *letter = strchr(letters, word[0]);
    const odd_option *option =
        letter ? odd_option_of(l->command->bit, keys[letter - letters]) : NULL;
    if (word[0] == 'h' && word[1] == '\0') {
        l->out->help = true;
        return 0;
    }
    if (option) {
        const char shown[] = {'-', word[0], '\0'};
        const char *value = take_value(l, shown, word[1] ? word + 1 : NULL);
        if (!value)
            return ODDROW_EINVAL;
        return odd_options_set(&l->out->options, option, value, ODD_FROM_FLAG, l->err);
    }
    return odd_fail(l->err, ODDROW_EINVAL, "unknown option -%s", word);
}

int odd_arguments_read(const odd_command *command, int argc, char **argv, odd_arguments *arguments,
                       oddrow_error *err)
{
    line l = {command, argc, 0, argv, arguments, err};
    bool only_words = false;
    *arguments = (odd_arguments){0};
    int rc = 0;
    odd_options_init(&arguments->options);
    arguments->words = odd_alloc((size_t)argc + 1, sizeof(char *));
    if (!arguments->words)
        return odd_no_memory(err);
    while (rc == 0 && l.next < argc) {
        const char *word = argv[l.next++];
        if (only_words || word[0] != '-' || word[1] == '\0')
            arguments->words[arguments->word_count++] = word;
        else if (strcmp(word, "--") == 0)
            only_words = true;
        else if (word[1] == '-')
            rc = read_long(&l, word + 2);
        else
            rc = read_short(&l, word + 1);
    }
    if (rc || arguments->help)
        return rc;
    if (arguments->pipeline)
        rc = odd_pipeline_load(arguments->pipeline, &arguments->options, err);
    return rc ? rc : odd_options_check(&arguments->options, err);
}

void odd_arguments_free(odd_arguments *arguments)
{
    if (!arguments)
        return;
    odd_options_clear(&arguments->options);
    odd_free(arguments->words);
    arguments->words = NULL;
}

int odd_arguments_files(const odd_arguments *arguments, size_t first, const char *const **paths,
                        size_t *count, oddrow_error *err)
{
    const odd_names *files = &arguments->options.data.files;
    if (arguments->word_count > first) {
        *paths = arguments->words + first;
        *count = arguments->word_count - first;
    } else {
        *paths = files->items;
        *count = files->count;
    }
    if (*count == 0)
        return odd_fail(err, ODDROW_EINVAL, "no data: name a CSV file, or - for standard input");
    size_t inputs = 0;
    for (size_t i = 0; i < *count; i++)
        inputs += strcmp((*paths)[i], "-") == 0;
    if (inputs > 1)
        return odd_fail(err, ODDROW_EINVAL, "standard input (-) can be read only once");
    return 0;
}

int odd_arguments_model(const odd_arguments *arguments, const char *usage,
                        const char *const **paths, size_t *count, oddrow_error *err)
{
    if (arguments->word_count == 0)
        return odd_fail(err, ODDROW_EINVAL, "no model: oddrow %s", usage);
    return odd_arguments_files(arguments, 1, paths, count, err);
}
