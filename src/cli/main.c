/* oddrow: the command line. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/command.h"

static const odd_command *const commands[] = {
    &odd_command_train,   &odd_command_score,   &odd_command_eval,       &odd_command_inspect,
    &odd_command_columns, &odd_command_predict, &odd_command_embeddings, &odd_command_encode,
    &odd_command_similar, &odd_command_serve,   &odd_command_send,       &odd_command_ask,
    &odd_command_watch,   &odd_command_keygen,  &odd_command_promote};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static const odd_command *find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int unknown(const char *name)
{
    const char *names[COMMANDS], *nearest;
    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = commands[i]->name;
    nearest = odd_nearest(name, names, COMMANDS);
    if (nearest)
        fprintf(stderr, "oddrow: unknown command '%s'; did you mean '%s'?\n", name, nearest);
    else
        fprintf(stderr, "oddrow: unknown command '%s'\n", name);
    fputs("Try 'oddrow --help'.\n", stderr);
    return ODD_EXIT_USAGE;
}

static int closed(void)
{
    oddrow_error err = {0};
    return odd_finish_output(&err) ? odd_complain(NULL, &err) : ODD_EXIT_DONE;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a closed pipe comes back as EPIPE from the write, */
    signal(SIGXFSZ, SIG_IGN); /* a file at its limit (ulimit -f) as EFBIG */
    const char *word = argc > 1 ? argv[1] : NULL;
    if (word == NULL) {
        fputs("oddrow: which command? Try 'oddrow --help'.\n", stderr);
        return ODD_EXIT_USAGE;
    }
    if (strcmp(word, "--version") == 0) {
        puts("oddrow " ODDROW_VERSION);
        return closed();
    }
    bool help = strcmp(word, "help") == 0;
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || (help && argc == 2)) {
        odd_help(commands, COMMANDS);
        return closed();
    }
    const odd_command *command = find(help ? argv[2] : word);
    if (command == NULL)
        return unknown(help ? argv[2] : word);
    if (help)
        return odd_command_run(command, 1, (char *[]){"--help", NULL});
    return odd_command_run(command, argc - 2, argv + 2);
}
