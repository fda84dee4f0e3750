/* oddrow send: rows of a CSV file to a worker, each exactly once. */
#include <stdio.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/stop.h"
#include "client/send.h"

static void print_summary(const odd_send_summary *s)
{
    char rows[32], passed[32], rejected[32], resent[32], speed[32];
    fprintf(stderr, "oddrow: %s rows are safe as client %s, in %.2f s (%s rows/s)",
            odd_grouped(s->rows, rows), s->name, s->seconds,
            odd_grouped(s->seconds > 0 ? (uint64_t)((double)s->rows / s->seconds) : 0, speed));
    if (s->passed)
        fprintf(stderr, "; the worker already had %s", odd_grouped(s->passed, passed));
    if (s->rejected)
        fprintf(stderr, "; %s are not rows and the worker rejects them",
                odd_grouped(s->rejected, rejected));
    if (s->resent)
        fprintf(stderr, "; %s messages were sent again", odd_grouped(s->resent, resent));
    fputc('\n', stderr);
}

static int run(odd_arguments *arguments, oddrow_error *err)
{
    const atomic_bool *stop = odd_stop_on_signals();
    const odd_options *o = &arguments->options;
    odd_send_summary summary = {0};
    odd_progress_view view;

    if (arguments->word_count != 2)
        return odd_fail(err, ODDROW_EINVAL,
                        "give the worker's endpoint and one file, or -: oddrow send EP DATA.csv");
    odd_progress_start(&view, o->client.quiet);
    odd_send_options options = odd_options_send(o);
    options.link.endpoint = arguments->words[0];
    options.stop = stop;
    options.progress = odd_progress_show;
    options.progress_context = &view;
    int rc = odd_send(arguments->words[1], &options, &summary, err);
    odd_progress_end(&view);
    if ((!rc || summary.messages > 0) && !o->client.quiet)
        print_summary(&summary);
    return rc;
}

const odd_command odd_command_send = {
    .name = "send",
    .bit = ODD_COMMAND_SEND,
    .usage = "send EP DATA.csv|- [--client NAME] [--resume] [--rate N] [--batch N] [OPTION...]",
    .summary = "send rows to a worker, each exactly once",
    .about = "Numbers the rows, keeps each until the worker has it safe, and sends it again if\n"
             "the worker was killed or is silent. After a send that died, the same --client with\n"
             "--resume continues where it stopped: row N of the data has number N. Malformed\n"
             "records are sent too, and the worker rejects them. EP is the worker's ROUTER\n"
             "socket for rows.",
    .examples = "  oddrow send tcp://127.0.0.1:5556 orders.csv\n"
                "  oddrow send tcp://127.0.0.1:5556 orders.csv --client orders-may --resume\n"
                "  zcat orders.csv.gz | oddrow send tcp://127.0.0.1:5556 - --rate 1000\n"
                "  oddrow send tcp://scorer:5556 orders.csv --keys client-keys",
    .run = run,
};
