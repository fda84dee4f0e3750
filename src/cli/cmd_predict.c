/* oddrow predict: a supervised model and CSV files to predictions. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/progress.h"
#include "files/predict.h"

static void print_summary(const odd_score_summary *s, const char *output)
{
    char rows[32], predicted[32], rejected[32], speed[32];
    odd_print_notes(s->notes);
    fprintf(stderr, "oddrow: %s rows in %.2f s (%s rows/s): %s predicted; %s rejected; wrote %s\n",
            odd_grouped(s->rows, rows), s->seconds,
            odd_grouped(s->seconds > 0 ? (uint64_t)((double)s->rows / s->seconds) : 0, speed),
            odd_grouped(s->scored, predicted), odd_grouped(s->rejected, rejected), output);
}

static int run(odd_arguments *arguments, oddrow_error *err)
{
    static const odd_rows_command rows = {
        .usage = "predict MODEL DATA.csv... -o OUT",
        .missing = "where should the predictions go? Give -o OUT, or -o - for standard output",
        .run = odd_predict_files,
        .print = print_summary,
    };
    return odd_rows_command_run(&rows, arguments, err);
}

const odd_command odd_command_predict = {
    .name = "predict",
    .bit = ODD_COMMAND_PREDICT,
    .usage = "predict MODEL DATA.csv... -o OUT [--pipeline FILE.yaml] [OPTION...]",
    .summary = "predict the target of each row of CSV files",
    .about = "Writes one line of CSV per row: row (counted from 1), predicted, and for a class\n"
             "the probability of each class, after the id and target columns if the files have\n"
             "any. A number is in the units of the target. Malformed rows are rejected and\n"
             "counted, never dropped silently.",
    .examples = "  oddrow train adult.csv -o salary.model --target salary\n"
                "  oddrow predict salary.model new.csv -o salaries.csv\n"
                "  zcat new.csv.gz | oddrow predict salary.model - -o - --rejects bad.csv",
    .run = run,
};
