/* oddrow score: a model and CSV files to scored rows. */
#include <stdio.h>

#include "base/error.h"
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

static int run(odd_arguments *arguments)
{
    const odd_options *o = &arguments->options;
    odd_score_options options;
    odd_score_summary summary = {0};
    odd_progress_view view;
    odd_model *model = NULL;
    oddrow_error err = {0};
    const char *const *paths = NULL;
    size_t path_count = 0;
    int code = 0;

    if (arguments->word_count == 0)
        code = odd_fail(&err, ODDROW_EINVAL, "no model: oddrow score MODEL DATA.csv... -o OUT");
    if (code == 0)
        code = odd_arguments_files(arguments, 1, &paths, &path_count, &err);
    if (code == 0 && !o->scoring.output)
        code = odd_fail(&err, ODDROW_EINVAL,
                        "where should the scores go? Give -o OUT, or -o - for standard output");
    if (code)
        return odd_complain("score", &err);

    odd_progress_start(&view, o->scoring.quiet);
    odd_options_score(o, &options);
    options.progress = odd_progress_show;
    options.progress_context = &view;
    code = odd_model_load(arguments->words[0], &model, &err);
    if (code == 0)
        code =
            odd_score_files(model, paths, path_count, o->scoring.output, &options, &summary, &err);
    odd_progress_end(&view);
    odd_model_free(&model);
    if (code)
        return odd_complain("score", &err);
    if (!o->scoring.quiet)
        print_summary(&summary, o->scoring.output);
    return o->scoring.strict && summary.rejected > 0 ? ODD_EXIT_REJECTED : ODD_EXIT_DONE;
}

const odd_command odd_command_score = {
    .name = "score",
    .bit = ODD_COMMAND_SCORE,
    .usage = "score MODEL DATA.csv... -o OUT [--explain K] [--pipeline FILE.yaml] [OPTION...]",
    .summary = "say how odd each row of CSV files is, and why",
    .about =
        "Writes one line per row: row (counted from 1), score (nats; higher is odder), p_value "
        "(the\n"
        "share of normal rows that score at least this) and odd (p_value below the alert budget),\n"
        "behind the id columns where the model has any. Rows that are no records of the file's\n"
        "shape are rejected and counted, never dropped silently.",
    .examples = "  oddrow score orders.model new.csv -o scores.csv\n"
                "  oddrow score orders.model new.csv -o - --explain 3 --only-odd\n"
                "  oddrow score orders.model new.csv -o worst.jsonl --format jsonl --top 20\n"
                "  zcat new.csv.gz | oddrow score orders.model - -o scores.csv --rejects bad.csv",
    .run = run,
};
