/* oddrow ask: rows of a CSV file to a worker, one answer each. */
#include <stdio.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "client/ask.h"

static int print_answer(void *context, odd_span json, oddrow_error *err)
{
    (void)context;
    fwrite(json.data, 1, json.size, stdout);
    putchar('\n');
    return odd_finish_output(err); /* each as it comes */
}

static void print_summary(const odd_ask_summary *s)
{
    char rows[32], odd[32], errors[32];
    fprintf(stderr, "oddrow: %s rows asked: %s odd, %s errors\n", odd_grouped(s->rows, rows),
            odd_grouped(s->odd, odd), odd_grouped(s->errors, errors));
}

static int run(odd_arguments *arguments, oddrow_error *err)
{
    const odd_options *o = &arguments->options;
    const double usual = 10; /* seconds */
    odd_ask_summary summary = {0};
    int rc = 0;

    if (arguments->word_count != 2)
        rc = odd_fail(err, ODDROW_EINVAL,
                      "give the worker's endpoint and one file, or -: "
                      "oddrow ask EP DATA.csv");
    if (rc == 0) {
        odd_link_options link = {arguments->words[0], o->client.keys};
        double patience = o->client.patience > 0 ? o->client.patience : usual;
        rc = odd_ask(arguments->words[1], &link, &o->data, patience, print_answer, NULL, &summary,
                     err);
    }
    if (summary.rows > 0 && !o->client.quiet)
        print_summary(&summary);
    return rc;
}

const odd_command odd_command_ask = {
    .name = "ask",
    .bit = ODD_COMMAND_ASK,
    .usage = "ask EP DATA.csv|- [--keys DIR]",
    .summary = "ask a worker how odd rows are, one answer per row",
    .about = "Prints one JSON object per row, in order, as soon as it arrives: the feed's object\n"
             "for a scored row, or {\"error\":...,\"row\":N}. EP is the worker's ROUTER socket\n"
             "for rows. Each row waits for the answer to the one before it.",
    .examples = "  oddrow ask tcp://127.0.0.1:5556 orders.csv\n"
                "  head -n 2 orders.csv | oddrow ask tcp://127.0.0.1:5556 - | jq .score",
    .run = run,
};
