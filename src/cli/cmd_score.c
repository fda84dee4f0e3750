/* oddrow score: a model and CSV files to scored rows. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/progress.h"

static void print_summary(const odd_score_summary *s, const char *output)
{
    char rows[32], scored[32], rejected[32], odd[32], speed[32];
    odd_print_notes(s->notes);
    fprintf(stderr,
            "oddrow: %s rows in %.2f s (%s rows/s): %s scored, %s of them odd; %s rejected; wrote "
            "%s\n",
            odd_grouped(s->rows, rows), s->seconds,
            odd_grouped(s->seconds > 0 ? (uint64_t)((double)s->rows / s->seconds) : 0, speed),
            odd_grouped(s->scored, scored), odd_grouped(s->odd, odd),
            odd_grouped(s->rejected, rejected), output);
}

static int run(odd_arguments *arguments, oddrow_error *err)
{
    static const odd_rows_command rows = {
        .usage = "score MODEL DATA.csv... -o OUT",
        .missing = "where should the scores go? Give -o OUT, or -o - for standard output",
        .run = odd_score_files,
        .print = print_summary,
    };
    return odd_rows_command_run(&rows, arguments, err);
}

const odd_command odd_command_score = {
    .name = "score",
    .bit = ODD_COMMAND_SCORE,
    .usage = "score MODEL DATA.csv... -o OUT [--explain K] [--pipeline FILE.yaml] [OPTION...]",
    .summary = "say how odd each row of CSV files is, and why",
    .about = "Writes one line per row: row (counted from 1), score (nats; higher is odder),\n"
             "p_value (the share of normal rows that score at least this) and odd (p_value below\n"
             "the alert budget), after the id columns if the model has any. Malformed rows are\n"
             "rejected and counted, never dropped silently.",
    .examples = "  oddrow score orders.model new.csv -o scores.csv\n"
                "  oddrow score orders.model new.csv -o - --explain 3 --only-odd\n"
                "  oddrow score orders.model new.csv -o worst.jsonl --format jsonl --top 20\n"
                "  zcat new.csv.gz | oddrow score orders.model - -o scores.csv --rejects bad.csv",
    .run = run,
};
