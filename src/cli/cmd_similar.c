/* oddrow similar: the rows nearest to one row in the learned space, and where they differ. */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "files/similar.h"

static bool differs(const odd_similar *s, const odd_similar_row *row, size_t k)
{
    const odd_span *a = &s->itself.cells[k], *b = &row->cells[k];
    return a->size != b->size || (a->size && memcmp(a->data, b->data, a->size) != 0);
}

static json_t *text_of(const odd_span *cell)
{
    odd_bytes copy = {0};
    odd_bytes_add(&copy, cell->data, cell->size);
    odd_bytes_char(&copy, '\0');
    json_t *out = copy.failed ? NULL : odd_text_value(copy.data);
    odd_bytes_free(&copy);
    return out;
}

static json_t *differing(const odd_schema *schema, const odd_similar *s, const odd_similar_row *row)
{
    json_t *out = json_array();
    for (size_t k = 0; k < schema->K && out; k++) {
        if (!odd_kind_is_input(schema->columns[k].kind) || !differs(s, row, k))
            continue;
        json_t *item =
            json_pack("{s:o, s:o, s:o}", "column", odd_text_value(schema->columns[k].name), "here",
                      text_of(&s->itself.cells[k]), "there", text_of(&row->cells[k]));
        if (json_array_append_new(out, item) != 0) {
            json_decref(out);
            out = NULL;
        }
    }
    return out;
}

static int print_json(const odd_schema *schema, const odd_similar *s, oddrow_error *err)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < s->count && rows; i++) {
        json_t *item = json_pack("{s:I, s:o, s:o}", "row", (json_int_t)s->rows[i].row, "distance",
                                 odd_number_value(s->rows[i].distance), "differs",
                                 differing(schema, s, &s->rows[i]));
        if (json_array_append_new(rows, item) != 0) {
            json_decref(rows);
            rows = NULL;
        }
    }
    return odd_print_json(rows ? json_pack("{s:I, s:I, s:o}", "row", (json_int_t)s->itself.row,
                                           "looked_at", (json_int_t)s->looked_at, "similar", rows)
                               : NULL,
                          err);
}

/* "education HS-grad → Bachelors, age 31 → 33" */
static void describe(const odd_schema *schema, const odd_similar *s, const odd_similar_row *row,
                     odd_bytes *out)
{
    odd_bytes_clear(out);
    for (size_t k = 0; k < schema->K; k++) {
        const odd_span *a = &s->itself.cells[k], *b = &row->cells[k];
        if (odd_kind_is_input(schema->columns[k].kind) && differs(s, row, k))
            odd_bytes_print(out, "%s%s %.*s → %.*s", out->size ? ", " : "", schema->columns[k].name,
                            a->size ? (int)a->size : 2, a->size ? a->data : "''",
                            b->size ? (int)b->size : 2, b->size ? b->data : "''");
    }
    if (out->size == 0)
        odd_bytes_text(out, "nothing");
    odd_bytes_char(out, '\0');
}

static int print_table(const odd_schema *schema, const odd_similar *s, oddrow_error *err)
{
    odd_text_table table = {.columns = 3};
    odd_bytes text = {0};
    int rc = 0;
    odd_text_table_cells(&table, ">row", ">distance", "differs in", NULL);
    for (size_t i = 0; i < s->count && !rc; i++) {
        odd_text_table_cell(&table, "%" PRIu64, s->rows[i].row);
        odd_text_table_cell(&table, "%.4f", s->rows[i].distance);
        describe(schema, s, &s->rows[i], &text);
        rc = odd_bytes_check(&text, err);
        odd_text_table_cells(&table, rc ? "" : text.data, NULL);
    }
    odd_bytes_free(&text);
    return odd_text_table_finish(&table, rc, err);
}

static int run(odd_arguments *arguments, oddrow_error *err)
{
    static const char usage[] = "oddrow similar MODEL DATA.csv --row N";
    const odd_options *o = &arguments->options;
    odd_progress_view view;
    odd_score_options options = odd_options_score(o);
    odd_similar similar = {0};
    odd_model *model = NULL;
    int rc = 0;

    if (arguments->word_count != 2)
        rc = odd_fail(err, ODDROW_EINVAL, "give a model and a file: %s", usage);
    else if (o->embeddings.row == 0)
        rc = odd_fail(err, ODDROW_EINVAL, "which row? Rows are counted from 1: %s", usage);
    if (rc)
        return rc;
    odd_progress_start(&view, o->scoring.quiet);
    options.progress = odd_progress_show;
    options.progress_context = &view;
    rc = odd_model_load(arguments->words[0], &model, err);
    if (rc == 0)
        rc = odd_similar_find(model, arguments->words[1], o->embeddings.row, o->embeddings.against,
                              o->embeddings.neighbours, &options, &similar, err);
    odd_progress_end(&view);
    if (rc == 0) {
        const odd_schema *schema = odd_model_schema(model);
        rc = o->embeddings.json ? print_json(schema, &similar, err)
                                : print_table(schema, &similar, err);
    }
    odd_similar_free(&similar);
    odd_model_free(&model);
    return rc;
}

const odd_command odd_command_similar = {
    .name = "similar",
    .bit = ODD_COMMAND_SIMILAR,
    .usage = "similar MODEL DATA.csv --row N [-k K] [--against OTHER.csv] [--json] [OPTION...]",
    .summary = "find the rows nearest to one row, and where they differ",
    .about = "Compares row N of DATA.csv (data rows are counted from 1, as score numbers them)\n"
             "with every other row of the file, or with the rows of OTHER.csv, by the Euclidean\n"
             "distance in the learned input space, where categories that behave alike are close\n"
             "together. Prints the nearest rows and the columns in which they differ: here →\n"
             "there.",
    .examples = "  oddrow similar orders.model orders.csv --row 17\n"
                "  oddrow similar orders.model new.csv --row 3 --against orders.csv -k 5 --json",
    .run = run,
};
