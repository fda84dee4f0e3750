/* oddrow predict: a supervised model and CSV files to predictions. */
#include <stdio.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "score/predict_files.h"

static void print_summary(const odd_score_summary *s, const char *output)
{
    char rows[32], predicted[32], rejected[32], speed[32];
    odd_print_notes(s->notes);
    fprintf(stderr, "oddrow: %s rows in %.2f s (%s rows/s): %s predicted; %s rejected; wrote %s\n",
            odd_grouped(s->rows, rows), s->seconds,
            odd_grouped(s->seconds > 0 ? (uint64_t)((double)s->rows / s->seconds) : 0, speed),
            odd_grouped(s->scored, predicted), odd_grouped(s->rejected, rejected), output);
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
        code = odd_fail(&err, ODDROW_EINVAL, "no model: oddrow predict MODEL DATA.csv... -o OUT");
    if (code == 0)
        code = odd_arguments_files(arguments, 1, &paths, &path_count, &err);
    if (code == 0 && !o->scoring.output)
        code = odd_fail(&err, ODDROW_EINVAL,
                        "where should the predictions go? Give -o OUT, or -o - for standard "
                        "output");
    if (code)
        return odd_complain("predict", &err);

    odd_progress_start(&view, o->scoring.quiet);
    odd_options_score(o, &options);
    options.progress = odd_progress_show;
    options.progress_context = &view;
    code = odd_model_load(arguments->words[0], &model, &err);
    if (code == 0)
        code = odd_predict_files(model, paths, path_count, o->scoring.output, &options, &summary,
                                 &err);
    odd_progress_end(&view);
    odd_model_free(&model);
    if (code)
        return odd_complain("predict", &err);
    if (!o->scoring.quiet)
        print_summary(&summary, o->scoring.output);
    return o->scoring.strict && summary.rejected > 0 ? ODD_EXIT_REJECTED : ODD_EXIT_DONE;
}

const odd_command odd_command_predict = {
    .name = "predict",
    .bit = ODD_COMMAND_PREDICT,
    .usage = "predict MODEL DATA.csv... -o OUT [--pipeline FILE.yaml] [OPTION...]",
    .summary = "say what a model trained with --target makes of each row of CSV files",
    .about =
        "Writes one line of CSV per row: row (counted from 1), predicted, and for a class the\n"
        "probability of each, behind the id and target columns where the files have any. A number\n"
        "is in the target's own units. Rows that are no records of the file's shape are rejected\n"
        "and counted, never dropped silently.",
    .examples = "  oddrow train adult.csv -o salary.model --target salary\n"
                "  oddrow predict salary.model new.csv -o salaries.csv\n"
                "  zcat new.csv.gz | oddrow predict salary.model - -o - --rejects bad.csv",
    .run = run,
};
