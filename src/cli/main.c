/* oddrow: the command line. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

static const odd_command *find(const char *name)
{
    const odd_command *const *command = odd_commands;
    while (*command && strcmp((*command)->name, name) != 0)
        command++;
    return *command;
}

static int unknown(const char *name)
{
    const char *names[64];
    size_t count = 0;
    for (; odd_commands[count]; count++)
        names[count] = odd_commands[count]->name;
    const char *nearest = odd_nearest(name, names, count);
    fprintf(stderr, "oddrow: unknown command '%s'%s%s%s\nTry 'oddrow --help'.\n", name,
            nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
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
        odd_help();
        return closed();
    }
    const odd_command *command = find(help ? argv[2] : word);
    if (command == NULL)
        return unknown(help ? argv[2] : word);
    if (help)
        return odd_command_run(command, 1, (char *[]){"--help", NULL});
    return odd_command_run(command, argc - 2, argv + 2);
}
