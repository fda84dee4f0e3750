/* oddrow eval: how well a model's scores find the rows that a label column calls odd. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "files/evaluate.h"

static int print_json(const odd_evaluation *e, oddrow_error *err)
{
    json_t *out = json_pack(
        "{s:I, s:I, s:I, s:o, s:o, s:o, s:I, s:o, s:o}", "rows", (json_int_t)e->rows, "positives",
        (json_int_t)e->positives, "rejected", (json_int_t)e->rejected, "auroc",
        odd_number_value(e->auroc), "average_precision", odd_number_value(e->average_precision),
        "threshold", odd_number_value(e->threshold), "flagged", (json_int_t)e->flagged, "precision",
        odd_number_value(e->precision), "recall", odd_number_value(e->recall));
    return odd_print_json(out, err);
}

static void print_number(const char *name, double value)
{
    if (isfinite(value))
        printf("%-18s %.4f\n", name, value);
    else
        printf("%-18s -\n", name);
}

static void print_table(const odd_evaluation *e)
{
    printf("%-18s %" PRIu64 "\n", "rows", e->rows);
    printf("%-18s %" PRIu64 "\n", "rejected", e->rejected);
    printf("%-18s %" PRIu64 "\n", "labelled odd", e->positives);
    print_number("AUROC", e->auroc);
    print_number("average precision", e->average_precision);
    puts("at the alert budget");
    print_number("  threshold", e->threshold);
    printf("  %-16s %" PRIu64 "\n", "rows called odd", e->flagged);
    print_number("  precision", e->precision);
    print_number("  recall", e->recall);
}

static int run(odd_arguments *arguments, oddrow_error *err)
{
    const odd_options *o = &arguments->options;
    odd_score_options options = odd_options_score(o);
    const odd_names *labels = &o->columns.names[ODD_LABEL];
    odd_evaluation evaluation = {0};
    odd_progress_view view;
    odd_model *model = NULL;
    const char *const *paths = NULL;
    size_t path_count = 0;

    int rc = odd_arguments_model(arguments, "eval MODEL DATA.csv --label COLUMN", &paths,
                                 &path_count, err);
    if (rc == 0 && labels->count != 1)
        rc = odd_fail(err, ODDROW_EINVAL,
                      "which column says what is odd? Give --label and one column");
    if (rc)
        return rc;

    odd_progress_start(&view, o->scoring.quiet);
    options.progress = odd_progress_show;
    options.progress_context = &view;
    rc = odd_model_load(arguments->words[0], &model, err);
    if (rc == 0)
        rc = odd_evaluate(model, paths, path_count, labels->items[0], o->scoring.positive, &options,
                          &evaluation, err);
    odd_progress_end(&view);
    odd_model_free(&model);
    if (rc == 0 && o->scoring.json)
        rc = print_json(&evaluation, err);
    else if (rc == 0)
        print_table(&evaluation);
    return rc;
}

const odd_command odd_command_eval = {
    .name = "eval",
    .bit = ODD_COMMAND_EVAL,
    .usage = "eval MODEL DATA.csv... --label COLUMN [--positive VALUE] [--json] [OPTION...]",
    .summary = "measure the scores against a column of labels",
    .about = "Prints the area under the ROC curve, the average precision, and precision and\n"
             "recall at the alert budget.",
    .examples = "  oddrow eval orders.model labelled.csv --label fraud\n"
                "  oddrow eval orders.model labelled.csv --label state --positive refused --json",
    .run = run,
};
