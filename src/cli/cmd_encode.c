/* oddrow encode: a model and CSV files to one vector a row. */
#include <stdio.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "files/encode.h"
#include "model/model.h"

static void print_summary(const odd_encode_summary *s, const char *output)
{
    char rows[32], encoded[32], rejected[32], speed[32];
    odd_print_notes(s->notes);
    fprintf(stderr,
            "oddrow: %s rows in %.2f s (%s rows/s): %s encoded, %zu numbers each; %s "
            "rejected; wrote %s\n",
            odd_grouped(s->rows, rows), s->seconds,
            odd_grouped(s->seconds > 0 ? (uint64_t)((double)s->rows / s->seconds) : 0, speed),
            odd_grouped(s->encoded, encoded), s->width, odd_grouped(s->rejected, rejected), output);
}

static int run(odd_arguments *arguments, oddrow_error *err)
{
    const odd_options *o = &arguments->options;
    const char *output = o->embeddings.output;
    odd_score_options options = odd_options_score(o);
    odd_encode_summary summary = {0};
    odd_progress_view view;
    odd_model *model = NULL;
    const char *const *paths = NULL;
    size_t path_count = 0;

    int rc = odd_arguments_model(arguments, "encode MODEL DATA.csv... -o X.npy|X.csv", &paths,
                                 &path_count, err);
    if (rc == 0 && !output)
        rc = odd_fail(err, ODDROW_EINVAL,
                      "where should the vectors go? Give -o X.npy, -o X.csv, or -o - for CSV on "
                      "standard output");
    if (rc)
        return rc;

    odd_progress_start(&view, o->scoring.quiet);
    options.progress = odd_progress_show;
    options.progress_context = &view;
    rc = odd_model_load(arguments->words[0], &model, err);
    if (rc == 0)
        rc = odd_encode_files(model, paths, path_count, output, o->embeddings.what, &options,
                              &summary, err);
    odd_progress_end(&view);
    odd_model_free(&model);
    if (rc)
        return rc;
    if (!o->scoring.quiet)
        print_summary(&summary, output);
    return o->scoring.strict && summary.rejected > 0 ? ODD_EXIT_REJECTED : ODD_EXIT_DONE;
}

const odd_command odd_command_encode = {
    .name = "encode",
    .bit = ODD_COMMAND_ENCODE,
    .usage = "encode MODEL DATA.csv... -o X.npy|X.csv [--what input|code|hidden] [OPTION...]",
    .summary = "turn rows into vectors for another model",
    .about =
        "Writes one vector per row, in the order of the rows. Memory stays small, however\n"
        "long the files are.\n"
        "  input   the design matrix: embeddings and scaled numbers side by side, named\n"
        "          occupation[0], occupation[1], ..., age; age[missing] is 1 where the cell is\n"
        "          empty, for columns that had empty cells in training\n"
        "  code    the bottleneck, the narrowest layer\n"
        "  hidden  the last hidden layer\n"
        "A name that ends in .npy gets float32 for numpy.load, and the names of its columns\n"
        "in X.columns.txt; any other name gets CSV with a header. Rejected rows have no\n"
        "vector: see --rejects.",
    .examples = "  oddrow encode orders.model orders.csv -o X.npy\n"
                "  oddrow encode orders.model orders.csv -o - --what code | head\n"
                "  oddrow encode orders.model orders.csv -o X.csv.gz --rejects bad.csv --strict",
    .run = run,
};
