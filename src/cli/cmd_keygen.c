/* oddrow keygen: CURVE keys for a worker or a client. */
#include <stdio.h>

#include "base/error.h"
#include "cli/command.h"
#include "wire/keys.h"

static void print_next(const char *directory)
{
    printf("made %s/curve.key         the public key: give it to the other side\n"
           "made %s/curve.key_secret  the secret key: it stays here\n"
           "made %s/clients/          for a worker: the keys of the clients it serves\n"
           "\n"
           "next, for a worker:\n"
           "  copy each client's curve.key to %s/clients/NAME.key\n"
           "  copy %s/curve.key to the clients, where it is called server.key\n"
           "  oddrow serve MODEL --keys %s\n"
           "next, for a client:\n"
           "  copy %s/curve.key to the worker's clients/NAME.key\n"
           "  copy the worker's curve.key to %s/server.key\n"
           "  oddrow send ENDPOINT DATA.csv --keys %s\n",
           directory, directory, directory, directory, directory, directory, directory, directory,
           directory);
}

static int run(odd_arguments *arguments, oddrow_error *err)
{
    int rc = 0;

    if (arguments->word_count != 1)
        rc = odd_fail(err, ODDROW_EINVAL, "give one directory: oddrow keygen DIR");
    if (rc == 0)
        rc = odd_keys_make(arguments->words[0], err);
    if (rc == 0)
        print_next(arguments->words[0]);
    return rc;
}

const odd_command odd_command_keygen = {
    .name = "keygen",
    .bit = ODD_COMMAND_KEYGEN,
    .usage = "keygen DIR",
    .summary = "make CURVE keys for a worker or a client",
    .about = "Makes DIR with curve.key (public), curve.key_secret (mode 0600) and clients/, the\n"
             "list of the keys that a worker serves. Nothing is ever overwritten. The files have\n"
             "the format of czmq and pyzmq.",
    .examples = "  oddrow keygen worker-keys\n"
                "  oddrow keygen client-keys\n"
                "  cp client-keys/curve.key worker-keys/clients/loader.key\n"
                "  cp worker-keys/curve.key client-keys/server.key",
    .run = run,
};
