#include "train/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "model/fields.h"
#include "model/safetensors.h"

static const char *const KEY = "oddrow-checkpoint";

uint64_t odd_checkpoint_fingerprint(const odd_train_options *options, const odd_dataset *dataset,
                                    const odd_network *network, const bool *frozen)
{
    const odd_network_config *config = &network->config;
    odd_sizes widths = options->widths;
    if (!widths.count && !odd_objective_supervised(config->objective))
        widths = (odd_sizes){config->widths, config->layers};
    double numbers[] = {options->dropout,       options->mask,         options->contamination,
                        options->learning_rate, options->weight_decay, options->validation};
    uint64_t wholes[] = {dataset->hash,       dataset->rows,       options->projection,
                         options->activation, options->objective,  options->epochs,
                         options->min_steps,  options->batch_size, options->patience,
                         options->seed,       options->memory,     widths.count};
    uint64_t hash = odd_hash(numbers, sizeof numbers, 1);
    hash = odd_hash(wholes, sizeof wholes, hash);
    if (widths.count)
        hash = odd_hash(widths.items, widths.count * sizeof *widths.items, hash);
    if (options->embeddings.count || options->columns.embedding_widths.count)
        hash = odd_hash(network->parameters, network->count * sizeof(float), hash);
    if (frozen)
        hash = odd_hash(frozen, network->config.C * sizeof *frozen, hash);
    if (options->class_weights)
        hash = odd_hash("balanced", 8, hash);
    return hash;
}

static int path_of(const char *directory, odd_bytes *path, oddrow_error *err)
{
    return odd_bytes_print(path, "%s/checkpoint.safetensors", directory) ? odd_no_memory(err) : 0;
}

/* ---- writing ---- */

static json_t *history_to_json(const odd_history *history)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < history->count; i++) {
        const odd_epoch *e = &history->epochs[i];
        json_t *epoch = json_pack("[f, f, f, f, f, f]", e->loss, e->validation_loss, e->mse,
                                  e->mape, e->learning_rate, e->rows_per_second);
        if (!epoch || json_array_append_new(list, epoch) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static char *metadata_of(const odd_progress_state *state, uint64_t fingerprint)
{
    char print[32];
    snprintf(print, sizeof print, "%016" PRIx64, fingerprint);
    json_t *history = history_to_json(&state->history);
    json_t *json = history ? json_pack("{s:i, s:s, s:I, s:I, s:I, s:b, s:I, s:f, s:O}", "format", 1,
                                       "fingerprint", print, "number", (json_int_t)state->number,
                                       "adam", (json_int_t)odd_step_count(state->step), "stale",
                                       (json_int_t)state->stale, "stopped", state->stopped, "best",
                                       (json_int_t)state->history.best, "best_loss",
                                       state->history.best_loss, "history", history)
                           : NULL;
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(json);
    json_decref(history);
    return text;
}

int odd_checkpoint_save(const char *directory, const odd_progress_state *state,
                        uint64_t fingerprint, oddrow_error *err)
{
    size_t count = state->network->count;
    const odd_stored tensors[] = {
        {"parameters", ODD_F32, 1, {count}, state->network->parameters},
        {"best", ODD_F32, 1, {count}, state->best},
        {"moment1", ODD_F32, 1, {count}, odd_step_moment1(state->step)},
        {"moment2", ODD_F32, 1, {count}, odd_step_moment2(state->step)},
    };
    odd_bytes path = {0};
    char *metadata = metadata_of(state, fingerprint);
    int rc = metadata ? path_of(directory, &path, err) : odd_no_memory(err);
    if (!rc && mkdir(directory, 0777) != 0 && errno != EEXIST)
        rc = odd_fail(err, ODDROW_EIO, "%s: cannot make the directory: %s", directory,
                      strerror(errno));
    if (!rc)
        rc = odd_safetensors_save(path.data, tensors, 4, KEY, metadata, err);
    free(metadata);
    odd_bytes_free(&path);
    return rc;
}

/* ---- reading ---- */

static int read_history(const json_t *list, odd_history *out, oddrow_error *err)
{
    size_t count = json_array_size(list);
    out->epochs = odd_alloc(count + 1, sizeof *out->epochs);
    if (!out->epochs)
        return odd_no_memory(err);
    out->capacity = count + 1;
    for (size_t i = 0; i < count; i++) {
        const json_t *epoch = json_array_get(list, i);
        double value[6];
        for (size_t j = 0; j < 6; j++) {
            if (!json_is_number(json_array_get(epoch, j)))
                return odd_fail(err, ODDROW_EFORMAT, "epoch %zu of the history is bad", i + 1);
            value[j] = json_number_value(json_array_get(epoch, j));
        }
        out->epochs[i] = (odd_epoch){value[0], value[1], value[2], value[3], value[4], value[5]};
    }
    out->count = count;
    return 0;
}

static int read_metadata(const odd_safetensors *file, odd_progress_state *state,
                         uint64_t fingerprint, uint64_t *adam, oddrow_error *err)
{
    const char *text = odd_safetensors_metadata(file, KEY);
    char print[32];
    const char *theirs = NULL;
    json_int_t number = -1, steps = -1, stale = -1, best = -1;
    int format = 0, stopped = 0;
    double best_loss = 0;
    json_t *history = NULL;
    json_t *json = NULL;
    int rc = odd_json_parse(text ? text : "", text ? strlen(text) : 0, "checkpoint", &json, err);
    if (rc)
        return rc;
    snprintf(print, sizeof print, "%016" PRIx64, fingerprint);
    if (json_unpack(json, "{s:i, s:s, s:I, s:I, s:I, s:b, s:I, s:F, s:o}", "format", &format,
                    "fingerprint", &theirs, "number", &number, "adam", &steps, "stale", &stale,
                    "stopped", &stopped, "best", &best, "best_loss", &best_loss, "history",
                    &history) != 0 ||
        format != 1 || number < 0 || steps < 0 || stale < 0 || best < 0 ||
        (size_t)best >= json_array_size(history)) {
        rc = odd_fail(err, ODDROW_EFORMAT, "this is no checkpoint");
    } else if (strcmp(theirs, print) != 0) {
        rc = odd_fail(err, ODDROW_EINVAL,
                      "this checkpoint is of other rows or options; train without --resume, or "
                      "with another --checkpoint directory");
    } else {
        rc = read_history(history, &state->history, err);
        state->history.best = (size_t)best;
        state->history.best_loss = best_loss;
        state->number = (uint64_t)number;
        state->stale = (size_t)stale;
        state->stopped = stopped;
        *adam = (uint64_t)steps;
    }
    json_decref(json);
    return rc;
}

static int read_tensor(const odd_safetensors *file, const char *name, float *out, size_t count,
                       oddrow_error *err)
{
    const odd_stored *tensor = odd_safetensors_find(file, name);
    if (!tensor || tensor->dtype != ODD_F32 || odd_stored_count(tensor) != count)
        return odd_fail(err, ODDROW_EFORMAT, "no tensor \"%s\" of %zu numbers", name, count);
    memcpy(out, tensor->data, count * sizeof *out);
    return 0;
}

int odd_checkpoint_load(const char *directory, odd_progress_state *state, uint64_t fingerprint,
                        bool *found, oddrow_error *err)
{
    size_t count = state->network->count;
    odd_safetensors *file = NULL;
    odd_bytes path = {0};
    uint64_t adam = 0;
    *found = false;
    int rc = path_of(directory, &path, err);
    if (rc || access(path.data, F_OK) != 0)
        goto done;
    rc = odd_safetensors_load(path.data, &file, err);
    if (rc)
        goto done;
    rc = read_metadata(file, state, fingerprint, &adam, err);
    if (!rc)
        rc = read_tensor(file, "parameters", state->network->parameters, count, err);
    if (!rc)
        rc = read_tensor(file, "best", state->best, count, err);
    if (!rc)
        rc = read_tensor(file, "moment1", odd_step_moment1(state->step), count, err);
    if (!rc)
        rc = read_tensor(file, "moment2", odd_step_moment2(state->step), count, err);
    if (rc) {
        odd_prefix(err, rc, "%s: ", path.data);
        goto done;
    }
    odd_step_set_count(state->step, adam);
    *found = true;
done:
    odd_safetensors_free(&file);
    odd_bytes_free(&path);
    return rc;
}
