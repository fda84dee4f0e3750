/* train/report.c: the record of a run and the report of its epochs, as JSON. */
#include "train/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"

void odd_epoch_fields(odd_fields *f, odd_epoch *e)
{
    static const char *const keys[] = {"loss", "validation_loss", "mse",
                                       "mape", "learning_rate",   "rows_per_second"};
    double *values[] = {&e->loss, &e->validation_loss, &e->mse,
                        &e->mape, &e->learning_rate,   &e->rows_per_second};
    bool list = json_is_array(f->at.json);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        odd_field_real(f, list ? NULL : keys[i], values[i]);
}

/* ---- the training record ---- */

static void set_text(odd_fields *f, const char *key, const char *text)
{
    odd_field_set(f, key, odd_text_to_json(text, strlen(text)));
}

/* The names of the columns whose tables were loaded and frozen. */
static void add_frozen(odd_fields *f, const odd_schema *schema, const bool *frozen)
{
    odd_place outer = odd_fields_enter(f, "frozen", '[');
    for (size_t k = 0; k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        if (odd_kind_is_category(column->kind) && frozen[column->categorical])
            set_text(f, NULL, column->name);
    }
    f->at = outer;
}

static void add_target(odd_fields *f, const odd_train_options *options, const odd_dataset *dataset,
                       const odd_schema *schema, const odd_metrics *metrics)
{
    const odd_column *target = &schema->columns[schema->target];
    bool classes = target->vocabulary != NULL;
    const struct {
        const char *key;
        double value;
    } values[2][3] = {{{"mse", metrics->mse}, {"mae", metrics->mae}, {"mape", metrics->mape}},
                      {{"log_loss", metrics->log_loss},
                       {"auroc", metrics->auroc},
                       {"accuracy", metrics->accuracy}}};
    set_text(f, "target", target->name);
    odd_field_set(f, "unlabelled_rows", json_integer((json_int_t)dataset->unlabelled));
    if (classes) {
        json_object_del(f->at.json, "mse");
        json_object_del(f->at.json, "mape");
        set_text(f, "class_weights", options->class_weights ? "balanced" : "none");
    }
    for (size_t i = 0; i < 3; i++) {
        double value = values[classes][i].value;
        odd_field_set(f, values[classes][i].key, isfinite(value) ? json_real(value) : json_null());
    }
}

int odd_training_record(const odd_train_options *options, const odd_dataset *dataset,
                        const odd_schema *schema, const odd_history *history, const bool *frozen,
                        const odd_metrics *metrics, json_t **out, oddrow_error *err)
{
    const odd_epoch *best = &history->epochs[history->best];
    *out = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:f, s:f, "
        "s:f, s:f, s:f, s:f}",
        "rows", (json_int_t)dataset->rows, "trained_rows", (json_int_t)dataset->train->rows,
        "held_out_rows", (json_int_t)dataset->held->rows, "rejected_rows",
        (json_int_t)dataset->rejected, "seed", (json_int_t)options->seed, "epochs",
        (json_int_t)history->count, "best_epoch", (json_int_t)history->best + 1, "loss", best->loss,
        "validation_loss", best->validation_loss, "mse", best->mse, "mape", best->mape,
        "batch_size", (json_int_t)options->batch_size, "planned_epochs",
        (json_int_t)options->epochs, "min_steps", (json_int_t)options->min_steps, "patience",
        (json_int_t)options->patience, "learning_rate", options->learning_rate, "weight_decay",
        options->weight_decay, "validation", options->validation, "contamination",
        options->contamination, "dropout", options->network.dropout, "mask", options->network.mask);
    odd_fields f = ODD_FIELDS_WRITE(*out, err);
    if (!f.rc && frozen)
        add_frozen(&f, schema, frozen);
    if (!f.rc && metrics)
        add_target(&f, options, dataset, schema, metrics);
    return f.rc;
}

/* ---- the report ---- */

int odd_report_write(const char *path, const odd_dataset *dataset, const odd_history *history,
                     double seconds, size_t threads, oddrow_error *err)
{
    json_t *report =
        json_pack("{s:I, s:I, s:f, s:I, s:I}", "rows", (json_int_t)dataset->rows, "rejected",
                  (json_int_t)dataset->rejected, "seconds", seconds, "threads", (json_int_t)threads,
                  "best_epoch", (json_int_t)history->best + 1);
    odd_fields f = ODD_FIELDS_WRITE(report, err);
    odd_bytes text = {0};
    odd_fields_enter(&f, "epochs", '[');
    odd_place list = f.at;
    for (size_t i = 0; !f.rc && i < history->count; i++) {
        odd_epoch epoch = history->epochs[i];
        f.at = (odd_place){list.json, i};
        odd_fields_enter(&f, NULL, '{');
        odd_field_set(&f, "epoch", json_integer((json_int_t)i + 1));
        odd_epoch_fields(&f, &epoch);
    }
    char *json = f.rc ? NULL : json_dumps(report, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    if (json)
        odd_bytes_print(&text, "%s\n", json);
    int rc = json ? odd_bytes_check(&text, err) : odd_no_memory(err);
    if (!rc)
        rc = odd_output_whole(path, text.data, text.size, err);
    free(json);
    json_decref(report);
    odd_bytes_free(&text);
    return rc;
}
