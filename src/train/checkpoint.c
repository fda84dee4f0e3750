/* train/checkpoint.c: a state as tensors and the JSON beside them, written and read by one list. */
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
#include "model/safetensors.h"
#include "train/report.h"

static const char *const KEY = "oddrow-checkpoint";
#define FILE_IN "%s/checkpoint.safetensors" /* a directory */

uint64_t odd_checkpoint_fingerprint(const odd_train_options *options, const odd_dataset *dataset,
                                    const odd_network *network, const bool *frozen)
{
    const odd_network_config *config = &network->config;
    odd_sizes widths = options->network.widths;
    if (!widths.count && !odd_objective_supervised(config->objective))
        widths = (odd_sizes){config->widths, config->layers};
    double numbers[] = {options->network.dropout, options->network.mask, options->contamination,
                        options->learning_rate,   options->weight_decay, options->validation};
    uint64_t wholes[] = {dataset->hash,
                         dataset->rows,
                         options->network.projection,
                         options->network.activation,
                         options->network.objective,
                         options->epochs,
                         options->min_steps,
                         options->batch_size,
                         options->patience,
                         options->seed,
                         options->memory,
                         widths.count};
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

/* The tensors of a state, all of network->count numbers. */
enum { TENSORS = 4 };
static const char *const names[TENSORS] = {"parameters", "best", "moment1", "moment2"};

static void find_tensors(const odd_progress_state *s, float *out[TENSORS])
{
    out[0] = s->network->parameters;
    out[1] = s->best;
    out[2] = odd_step_state_of(s->step).moment1;
    out[3] = odd_step_state_of(s->step).moment2;
}

/* The history as a list of epochs, a list of six numbers each. */
static void history_fields(odd_fields *f, odd_history *h)
{
    odd_place outer = odd_fields_enter(f, "history", '['), own = f->at;
    if (f->reading && !f->rc) {
        h->count = json_array_size(own.json);
        f->rc = odd_grow(&h->epochs, &h->capacity, h->count, sizeof *h->epochs, f->err);
    }
    for (size_t i = 0; i < h->count && !f->rc; i++) {
        f->at = own;
        f->at.item = i;
        odd_fields_enter(f, NULL, '[');
        odd_epoch_fields(f, &h->epochs[i]);
    }
    f->at = outer;
}

/* All of a state but its tensors. */
static void state_fields(odd_fields *f, odd_progress_state *s, uint64_t *adam, uint64_t fingerprint)
{
    odd_history *h = &s->history;
    uint64_t format = 1;
    char print[32];
    snprintf(print, sizeof print, "%016" PRIx64, fingerprint);
    odd_field_whole(f, "format", &format, 1, 1);
    const char *theirs = odd_field_name(f, "fingerprint", print);
    if (!f->rc && strcmp(theirs, print) != 0)
        f->rc = odd_fail(f->err, ODDROW_EINVAL,
                         "this checkpoint is of other rows or options; train without 'resume', "
                         "or give 'checkpoint' another directory");
    odd_field_whole(f, "number", &s->number, 0, INT64_MAX);
    odd_field_whole(f, "adam", adam, 0, INT64_MAX);
    odd_field_size(f, "stale", &s->stale, 0, INT64_MAX);
    if (!f->reading)
        odd_field_set(f, "stopped", json_boolean(s->stopped));
    const json_t *stopped = json_object_get(f->at.json, "stopped");
    s->stopped = json_is_true(stopped);
    if (!json_is_boolean(stopped))
        odd_fields_fail(f, "stopped is neither true nor false");
    odd_field_size(f, "best", &h->best, 0, INT64_MAX);
    odd_field_real(f, "best_loss", &h->best_loss);
    history_fields(f, h);
    if (!f->rc && h->best >= h->count)
        odd_fields_fail(f, "the best epoch is not in the history");
}

int odd_checkpoint_save(const char *directory, const odd_progress_state *state,
                        uint64_t fingerprint, oddrow_error *err)
{
    odd_progress_state s = *state;
    uint64_t adam = *odd_step_state_of(s.step).count;
    json_t *json = json_object();
    odd_fields f = ODD_FIELDS_WRITE(json, err);
    float *data[TENSORS];
    odd_stored tensors[TENSORS];
    odd_bytes path = {0};
    find_tensors(state, data);
    for (size_t i = 0; i < TENSORS; i++)
        tensors[i] = (odd_stored){names[i], ODD_F32, 1, {s.network->count}, data[i]};
    state_fields(&f, &s, &adam, fingerprint);
    char *text = f.rc ? NULL : json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
    odd_bytes_print(&path, FILE_IN, directory);
    int rc = text ? odd_bytes_check(&path, err) : odd_no_memory(err);
    if (!rc && mkdir(directory, 0777) != 0 && errno != EEXIST)
        rc = odd_fail(err, ODDROW_EIO, "%s: cannot make the directory: %s", directory,
                      strerror(errno));
    if (!rc)
        rc = odd_safetensors_save(path.data, tensors, TENSORS, KEY, text, err);
    free(text);
    json_decref(json);
    odd_bytes_free(&path);
    return rc;
}

static int read_state(const odd_safetensors *file, odd_progress_state *state, uint64_t fingerprint,
                      oddrow_error *err)
{
    const char *text = odd_safetensors_metadata(file, KEY);
    size_t count = state->network->count;
    uint64_t adam = 0;
    float *data[TENSORS];
    json_t *json = NULL;
    int rc = odd_json_parse(text ? text : "", text ? strlen(text) : 0, "checkpoint", &json, err);
    if (rc)
        return rc;
    odd_fields f = ODD_FIELDS_READ(json, err);
    state_fields(&f, state, &adam, fingerprint);
    json_decref(json);
    find_tensors(state, data);
    for (size_t i = 0; !f.rc && i < TENSORS; i++) {
        const odd_stored *tensor = odd_safetensors_find(file, names[i]);
        if (!tensor || tensor->dtype != ODD_F32 || odd_stored_count(tensor) != count)
            f.rc =
                odd_fail(err, ODDROW_EFORMAT, "no tensor \"%s\" of %zu numbers", names[i], count);
        else
            memcpy(data[i], tensor->data, count * sizeof(float));
    }
    if (!f.rc)
        *odd_step_state_of(state->step).count = adam;
    return f.rc;
}

int odd_checkpoint_load(const char *directory, odd_progress_state *state, uint64_t fingerprint,
                        bool *found, oddrow_error *err)
{
    odd_safetensors *file = NULL;
    odd_bytes path = {0};
    *found = false;
    odd_bytes_print(&path, FILE_IN, directory);
    int rc = odd_bytes_check(&path, err);
    if (!rc && access(path.data, F_OK) == 0) {
        rc = odd_safetensors_load(path.data, &file, err);
        if (!rc)
            rc = odd_prefix(err, read_state(file, state, fingerprint, err), "%s: ", path.data);
        *found = !rc;
    }
    odd_safetensors_free(&file);
    odd_bytes_free(&path);
    return rc;
}
