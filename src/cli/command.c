/* cli/command.c: the commands, and what all of them do at their end. */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

const odd_command *const odd_commands[] = {
    &odd_command_train,   &odd_command_score,   &odd_command_eval,       &odd_command_inspect,
    &odd_command_columns, &odd_command_predict, &odd_command_embeddings, &odd_command_encode,
    &odd_command_similar, &odd_command_serve,   &odd_command_send,       &odd_command_ask,
    &odd_command_watch,   &odd_command_keygen,  &odd_command_promote,    NULL};

int odd_finish_output(oddrow_error *err)
{
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout))
        return odd_fail(err, ODDROW_EIO, "cannot write to standard output: %s",
                        strerror(errno ? errno : EIO));
    return 0;
}

int odd_complain(const char *command, const oddrow_error *err)
{
    const char *space = command ? " " : "", *name = command ? command : "";
    fprintf(stderr, "oddrow%s%s: %s\n", space, name, err->message);
    if (err->code != ODDROW_EINVAL)
        return ODD_EXIT_FAILED;
    fprintf(stderr, "Try 'oddrow%s%s --help'.\n", space, name);
    return ODD_EXIT_USAGE;
}

void odd_print_notes(const char *notes)
{
    while (*notes) {
        size_t size = strcspn(notes, "\n");
        if (size > 0)
            fprintf(stderr, "oddrow: note: %.*s\n", (int)size, notes);
        notes += size + (notes[size] == '\n');
    }
}

int odd_command_run(const odd_command *command, int argc, char **argv)
{
    oddrow_error err = {0};
    odd_arguments arguments;
    int rc = odd_arguments_read(command, argc, argv, &arguments, &err);
    if (!rc && arguments.help)
        odd_command_help(command);
    else if (!rc)
        rc = command->run(&arguments, &err);
    odd_arguments_free(&arguments);
    if (!rc)
        rc = odd_finish_output(&err);
    return rc < 0 ? odd_complain(command->name, &err) : rc;
}
