#include "train/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "model/fields.h"

json_t *odd_training_record(const odd_train_options *options, const odd_dataset *dataset,
                            const odd_history *history)
{
    const odd_epoch *best = &history->epochs[history->best];
    return json_pack(
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
        options->contamination, "dropout", options->dropout, "mask", options->mask);
}

static int set(json_t *record, const char *key, json_t *value)
{
    return json_object_set_new(record, key, value);
}

static json_t *real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

int odd_training_record_target(json_t *record, const odd_train_options *options,
                               const odd_dataset *dataset, const char *target,
                               odd_objective objective, const odd_metrics *metrics)
{
    int rc = set(record, "target", odd_text_to_json(target, strlen(target)));
    rc |= set(record, "unlabelled_rows", json_integer((json_int_t)dataset->unlabelled));
    if (objective == ODD_CLASSIFY) {
        json_object_del(record, "mse");
        json_object_del(record, "mape");
        rc |=
            set(record, "class_weights", json_string(options->class_weights ? "balanced" : "none"));
        rc |= set(record, "log_loss", real(metrics->log_loss));
        rc |= set(record, "auroc", real(metrics->auroc));
        rc |= set(record, "accuracy", real(metrics->accuracy));
    } else {
        rc |= set(record, "mse", real(metrics->mse));
        rc |= set(record, "mae", real(metrics->mae));
        rc |= set(record, "mape", real(metrics->mape));
    }
    return rc ? -1 : 0;
}

int odd_training_record_frozen(json_t *record, const odd_schema *schema, const bool *frozen)
{
    json_t *names = json_array();
    int rc = names ? 0 : -1;
    for (size_t k = 0; !rc && k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        if (odd_kind_is_category(column->kind) && frozen[column->categorical])
            rc = json_array_append_new(names, odd_text_to_json(column->name, strlen(column->name)));
    }
    if (!rc)
        rc = json_object_set(record, "frozen", names);
    json_decref(names);
    return rc;
}

int odd_report_write(const char *path, const odd_dataset *dataset, const odd_history *history,
                     double seconds, size_t threads, oddrow_error *err)
{
    json_t *epochs = json_array();
    odd_output *output = NULL;
    char *text = NULL;
    int rc = epochs ? 0 : -1;
    for (size_t i = 0; !rc && i < history->count; i++) {
        const odd_epoch *e = &history->epochs[i];
        json_t *epoch = json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:f}", "epoch", (json_int_t)i + 1,
                                  "loss", e->loss, "validation_loss", e->validation_loss, "mse",
                                  e->mse, "mape", e->mape, "learning_rate", e->learning_rate,
                                  "rows_per_second", e->rows_per_second);
        rc = epoch ? json_array_append_new(epochs, epoch) : -1;
    }
    json_t *report =
        rc ? NULL
           : json_pack("{s:I, s:I, s:f, s:I, s:I, s:O}", "rows", (json_int_t)dataset->rows,
                       "rejected", (json_int_t)dataset->rejected, "seconds", seconds, "threads",
                       (json_int_t)threads, "best_epoch", (json_int_t)history->best + 1, "epochs",
                       epochs);
    text = report ? json_dumps(report, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    rc = text ? odd_output_open(path, &output, err) : odd_no_memory(err);
    if (!rc)
        rc = odd_output_write(output, text, strlen(text), err);
    if (!rc)
        rc = odd_output_write(output, "\n", 1, err);
    rc = odd_output_finish(&output, rc, err);
    free(text);
    json_decref(report);
    json_decref(epochs);
    return rc;
}
