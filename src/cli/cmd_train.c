/* oddrow train: CSV files to a model. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "cli/command.h"
#include "cli/progress.h"

/* A long training should not end in a model that has nowhere to go. */
static int check_output(const char *path, oddrow_error *err)
{
    if (!path)
        return odd_fail(err, ODDROW_EINVAL, "where should the model go? Give -o MODEL");
    if (strcmp(path, "-") == 0)
        return 0;
    const char *slash = strrchr(path, '/');
    char *folder = slash ? odd_copy(path, (size_t)(slash - path) + 1) : odd_copy(".", 1);
    if (!folder)
        return odd_no_memory(err);
    int rc = 0;
    if (access(folder, W_OK) != 0)
        rc = odd_fail(err, ODDROW_EIO, "%s: cannot write into the directory %s: %s", path, folder,
                      strerror(errno));
    odd_free(folder);
    return rc;
}

static void print_summary(const odd_train_summary *s, const char *output)
{
    char rows[32], rejected[32], speed[32];
    odd_print_notes(s->notes);
    fprintf(stderr,
            "oddrow: learned from %s rows in %.1f s, %zu epochs (best %zu, %s rows/s), loss %.4f, "
            "validation %.4f; %s rejected; wrote %s\n",
            odd_grouped(s->rows, rows), s->seconds, s->epochs, s->best_epoch,
            odd_grouped((uint64_t)(s->rows_per_second > 0 ? s->rows_per_second : 0), speed),
            s->loss, s->validation_loss, odd_grouped(s->rejected, rejected), output);
}

/* How well a supervised model predicts the rows that it was not trained on. */
static void print_metrics(const odd_train_summary *s)
{
    const odd_metrics *m = &s->metrics;
    char rows[32];
    if (s->objective == ODD_CLASSIFY)
        fprintf(stderr, "oddrow: %s held-out rows: log-loss %.4f, AUROC %.4f, accuracy %.4f\n",
                odd_grouped(m->rows, rows), m->log_loss, m->auroc, m->accuracy);
    else if (s->objective == ODD_REGRESS)
        fprintf(stderr, "oddrow: %s held-out rows: MSE %.6g, MAE %.6g, MAPE %.4g %%\n",
                odd_grouped(m->rows, rows), m->mse, m->mae, m->mape);
}

static int run(odd_arguments *arguments, oddrow_error *err)
{
    const odd_options *o = &arguments->options;
    odd_train_options options = odd_options_train(o);
    odd_train_summary summary = {0};
    odd_progress_view view;
    odd_model *model = NULL;
    const char *const *paths = NULL;
    size_t path_count = 0;

    int rc = odd_arguments_files(arguments, 0, &paths, &path_count, err);
    if (rc == 0)
        rc = check_output(o->training.output, err);
    if (rc)
        return rc;

    odd_progress_start(&view, o->training.quiet);
    options.progress = odd_progress_show;
    options.progress_context = &view;
    rc = odd_train(paths, path_count, &options, &model, &summary, err);
    odd_progress_end(&view);
    if (rc == 0)
        rc = odd_model_save(model, o->training.output, err);
    odd_model_free(&model);
    if (rc)
        return rc;
    if (!o->training.quiet) {
        print_summary(&summary, o->training.output);
        print_metrics(&summary);
    }
    return ODD_EXIT_DONE;
}

const odd_command odd_command_train = {
    .name = "train",
    .bit = ODD_COMMAND_TRAIN,
    .usage = "train DATA.csv... -o MODEL [--target COLUMN] [--pipeline FILE.yaml] [OPTION...]",
    .summary = "learn what is normal from CSV files, or learn to predict a column",
    .about = "Learns from the rows of CSV files and writes one model file. The kinds of the\n"
             "columns are inferred ('oddrow columns' shows how) unless options set them. - is\n"
             "standard input; .gz and .zst files are unpacked. The same seed and rows give the\n"
             "same model on any number of threads. With --target, the model learns to predict\n"
             "that column from the others, on the same embeddings ('oddrow predict').",
    .examples = "  oddrow train orders.csv -o orders.model\n"
                "  oddrow train adult.csv -o salary.model --target salary\n"
                "  oddrow train adult.csv -o adult.model --embeddings salary.model --freeze all\n"
                "  oddrow train jan.csv.gz feb.csv.gz -o flows.model --id flow --timestamp start\n"
                "  oddrow train dump.csv -o dump.model --contamination 0.05\n"
                "  oddrow train big.csv -o big.model --memory 256M --checkpoint run --resume",
    .run = run,
};
