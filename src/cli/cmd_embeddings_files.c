/* oddrow embeddings export, plot, align: what ends in a file. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/memory.h"
#include "cli/embeddings.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "embed/align.h"
#include "embed/picture.h"
#include "tables/export.h"

static int need_output(const odd_options *o, const char *usage, oddrow_error *err)
{
    if (o->embeddings.output)
        return 0;
    return odd_fail(err, ODDROW_EINVAL, "where should it go? %s", usage);
}

/* ---- export ---- */

static bool is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

int odd_embeddings_export(const odd_options *o, const char **words, size_t count, oddrow_error *err)
{
    const char *path = o->embeddings.output;
    odd_model *model = NULL;
    odd_embedding *tables = NULL;
    size_t found = 0;
    int rc = count ? need_output(o, "oddrow embeddings export MODEL [COLUMN...] -o PATH", err)
                   : odd_fail(err, ODDROW_EINVAL,
                              "no model: oddrow embeddings export MODEL [COLUMN...] -o PATH");
    if (!rc)
        rc = odd_model_load(words[0], &model, err);
    if (!rc)
        rc = odd_embeddings_columns(model, words + 1, count - 1, &tables, &found, err);
    if (!rc)
        rc = odd_export(tables, found, o->embeddings.format, o->embeddings.with_counts, path,
                        count != 2 || is_directory(path), err);
    if (!rc && !o->scoring.quiet)
        fprintf(stderr, "oddrow: %zu table%s; wrote %s\n", found, found == 1 ? "" : "s", path);
    odd_free(tables);
    odd_model_free(&model);
    return rc;
}

/* ---- plot ---- */

int odd_embeddings_plot(const odd_options *o, const char **words, size_t count, oddrow_error *err)
{
    static const char usage[] = "oddrow embeddings plot MODEL COLUMN|--all -o FILE.svg|FILE.html";
    odd_progress_view view;
    odd_picture_options options = {.method = o->embeddings.method,
                                   .labels = o->embeddings.labels,
                                   .seed = o->embeddings.seed,
                                   .progress = odd_progress_show,
                                   .progress_context = &view};
    odd_model *model = NULL;
    odd_embedding *tables = NULL;
    size_t found = 0, left = 0;
    int rc = need_output(o, usage, err);
    if (!rc && (count == 0 || (count == 1) != o->embeddings.all))
        rc = odd_fail(err, ODDROW_EINVAL, "name columns, or all of them by --all: %s", usage);
    if (!rc)
        rc = odd_model_load(words[0], &model, err);
    if (!rc)
        rc = odd_embeddings_columns(model, words + 1, count - 1, &tables, &found, err);
    odd_progress_start(&view, o->scoring.quiet);
    if (!rc)
        rc = odd_picture_write(tables, found, o->embeddings.output, &options, &left, err);
    odd_progress_end(&view);
    if (!rc && left)
        fprintf(stderr,
                "oddrow: note: %zu values are not drawn: a panel shows the %d most "
                "frequent\n",
                left, ODD_PICTURE_MOST);
    if (!rc && !o->scoring.quiet)
        fprintf(stderr, "oddrow: %zu table%s; wrote %s\n", found, found == 1 ? "" : "s",
                o->embeddings.output);
    odd_free(tables);
    odd_model_free(&model);
    return rc;
}

/* ---- align ---- */

static int print_alignments(const odd_alignment *all, size_t count, oddrow_error *err)
{
    odd_text_table table = {.columns = 4};
    for (size_t i = 0; i < count; i++)
        if (!all[i].aligned)
            table.columns = 5; /* there is something to note */
    odd_text_table_cells(&table, "column", ">shared", ">cosine before", ">after",
                         table.columns == 5 ? "note" : NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        const odd_alignment *a = &all[i];
        odd_text_table_cells(&table, a->name, NULL);
        if (a->aligned) {
            odd_text_table_cell(&table, "%zu", a->shared);
            odd_text_table_cell(&table, "%.3f", a->before);
            odd_text_table_cell(&table, "%.3f", a->after);
            odd_text_table_cells(&table, table.columns == 5 ? "" : NULL, NULL);
            continue;
        }
        odd_text_table_cells(&table, "", "", "", NULL);
        if (a->old_E == 0)
            odd_text_table_cells(&table, "not rotated: the old model has no such embedding", NULL);
        else if (a->old_E != a->E)
            odd_text_table_cell(&table, "not rotated: width %zu, in the old model %zu", a->E,
                                a->old_E);
        else
            odd_text_table_cells(&table, "not rotated: the models share no value", NULL);
    }
    return odd_text_table_finish(&table, 0, err);
}

int odd_embeddings_align(const odd_options *o, const char **words, size_t count, oddrow_error *err)
{
    static const char usage[] = "oddrow embeddings align OLD NEW -o MODEL";
    odd_model *old = NULL, *model = NULL;
    odd_alignment *all = NULL;
    bool approximate = false;
    int rc = need_output(o, usage, err);
    if (!rc && count != 2)
        rc = odd_fail(err, ODDROW_EINVAL, "give two models: %s", usage);
    if (!rc)
        rc = odd_model_load(words[0], &old, err);
    if (!rc)
        rc = odd_model_load(words[1], &model, err);
    if (!rc) {
        all = odd_alloc(odd_embedding_count(model) + 1, sizeof *all);
        rc = all ? odd_align(model, old, all, &approximate, err) : odd_no_memory(err);
    }
    if (!rc)
        rc = odd_model_save(model, o->embeddings.output, err);
    if (!rc && !o->scoring.quiet)
        rc = print_alignments(all, odd_embedding_count(model), err);
    if (!rc && approximate)
        fputs("oddrow: note: this model keeps only the variances of its wide input, whose rotation "
              "is "
              "not exact: its scores move\n",
              stderr);
    odd_free(all);
    odd_model_free(&model);
    odd_model_free(&old);
    return rc;
}
