/* oddrow columns: what training would make of the columns of a file, and why. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "base/pool.h"
#include "cli/command.h"
#include "cli/print.h"
#include "cli/schema_text.h"
#include "train/dataset.h"

static int print_json(const odd_dataset *dataset, oddrow_error *err)
{
    json_t *columns = odd_schema_json(dataset->schema);
    if (!columns)
        return odd_print_json(NULL, err);
    return odd_print_json(json_pack("{s:I, s:I, s:o}", "rows", (json_int_t)dataset->rows,
                                    "rejected", (json_int_t)dataset->rejected, "columns", columns),
                          err);
}

static int print_table(const odd_dataset *dataset, oddrow_error *err)
{
    int rc = odd_schema_print(dataset->schema, err);
    if (rc == 0)
        printf("\n%" PRIu64 " rows, %" PRIu64
               " rejected; %zu columns: %zu categorical, %zu numeric "
               "or timestamp, %zu constant\n",
               dataset->rows, dataset->rejected, dataset->schema->K, dataset->schema->C,
               dataset->schema->M, dataset->schema->D);
    return rc;
}

static int run(odd_arguments *arguments, oddrow_error *err)
{
    odd_train_options options = odd_options_train(&arguments->options);
    odd_dataset dataset = {0};
    odd_pool *pool = NULL;
    const char *const *paths = NULL;
    size_t path_count = 0;

    int rc = odd_arguments_files(arguments, 0, &paths, &path_count, err);
    if (rc == 0)
        rc = odd_pool_new(0, &pool, err);
    if (rc == 0)
        rc = odd_dataset_read(paths, path_count, &options, pool, &dataset, err);
    if (rc == 0)
        rc = arguments->options.scoring.json ? print_json(&dataset, err)
                                             : print_table(&dataset, err);
    if (rc == 0)
        odd_print_notes(dataset.notes.size ? dataset.notes.data : "");
    odd_dataset_free(&dataset);
    odd_pool_free(&pool);
    return rc;
}

const odd_command odd_command_columns = {
    .name = "columns",
    .bit = ODD_COMMAND_COLUMNS,
    .usage = "columns DATA.csv... [--json] [OPTION...]",
    .summary = "show the kind that training would give to each column, and why",
    .about = "Reads the files as training would. Prints the kind of every column, how it was\n"
             "chosen, and what the column contains. Options that set kinds take effect, so you\n"
             "can try a choice here first.",
    .examples = "  oddrow columns orders.csv\n"
                "  oddrow columns orders.csv --categorical zip --id order\n"
                "  oddrow columns orders.csv --json",
    .run = run,
};
