#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "model/metadata.h"
#include "model/model.h"
#include "model/safetensors.h"
#include "score/forest.h"
#include "score/margins.h"

static const char *const KEY = "oddrow";

/* Called for each tensor of a model in file order; `data` is the model's own memory. */
typedef struct visitor {
    int (*visit)(void *context, const odd_stored *tensor, float *data, oddrow_error *err);
    void *context;
    odd_model *model;
    odd_bytes name;
    oddrow_error *err;
    int rc;
} visitor;

static void visit(visitor *v, const char *name, size_t rows, size_t cols, float *data)
{
    odd_stored tensor = {.name = name, .dtype = ODD_F32, .dimensions = cols ? 2 : 1, .data = data};
    tensor.shape[0] = rows;
    tensor.shape[1] = cols;
    if (!v->rc)
        v->rc = v->visit(v->context, &tensor, data, v->err);
}

static bool is_name(const odd_schema *schema, const char *name)
{
    for (size_t k = 0; k < schema->K; k++)
        if (strcmp(schema->columns[k].name, name) == 0)
            return true;
    return false;
}

/* "embedding." + the column's name + "": a name that is not UTF-8 becomes column_N, with as many
 * "_" behind it as make it no other column's name. */
static const char *name_of(visitor *v, const char *before, size_t k, const char *after)
{
    const char *column = v->model->schema->columns[k].name;
    size_t start = strlen(before);
    odd_bytes_clear(&v->name);
    int rc = odd_bytes_add(&v->name, before, start);
    if (!rc && odd_utf8_valid(column, strlen(column))) {
        rc = odd_bytes_print(&v->name, "%s", column);
    } else if (!rc) {
        rc = odd_bytes_print(&v->name, "column_%zu", k + 1);
        while (!rc && is_name(v->model->schema, v->name.data + start))
            rc = odd_bytes_print(&v->name, "_");
    }
    if (!rc)
        rc = odd_bytes_print(&v->name, "%s", after);
    if (rc && !v->rc)
        v->rc = odd_no_memory(v->err);
    return rc ? "" : v->name.data;
}

/* The network's tensors, with columns' names in place of their numbers. */
static void visit_network(visitor *v)
{
    const odd_network *network = v->model->network;
    for (size_t i = 0; i < network->tensor_count && !v->rc; i++) {
        const odd_tensor *tensor = &network->tensors[i];
        const char *dot = strchr(tensor->name, '.'), *name = tensor->name;
        bool embedding = strncmp(name, "embedding.", 10) == 0;
        if (embedding || strncmp(name, "head.", 5) == 0) {
            char *end;
            size_t column = strtoul(dot + 1, &end, 10);
            name = name_of(v, embedding ? "embedding." : "head.",
                           odd_schema_loss_column(v->model->schema, column), end);
        }
        bool vector = tensor->cols == 1 && strstr(tensor->name, "bias") != NULL;
        visit(v, name, tensor->rows, vector ? 0 : tensor->cols, odd_network_tensor(network, i));
    }
}

static void visit_shape(visitor *v, const char *prefix, odd_shape *shape)
{
    char name[80];
    snprintf(name, sizeof name, "%s.mean", prefix);
    visit(v, name, shape->n, 0, shape->mean);
    snprintf(name, sizeof name, "%s.whiten", prefix);
    visit(v, name, shape->n, shape->n > ODD_SHAPE_FULL ? 0 : shape->n, shape->whiten);
}

static void visit_calibration(visitor *v, const char *which, odd_calibration *calibration)
{
    char name[120];
    if (!calibration->present)
        return;
    snprintf(name, sizeof name, "calibration.%s.loss_weight", which);
    visit(v, name, odd_schema_losses(v->model->schema), 0, calibration->loss_weight);
    for (size_t i = 0; i < ODD_TAILS; i++) {
        const char *tail_name;
        odd_tail *tail = odd_calibration_tail(calibration, i, &tail_name);
        snprintf(name, sizeof name, "calibration.%s.tail.%s.value", which, tail_name);
        visit(v, name, tail->count, 0, tail->value);
        snprintf(name, sizeof name, "calibration.%s.tail.%s.surprise", which, tail_name);
        visit(v, name, tail->count, 0, tail->surprise);
    }
    snprintf(name, sizeof name, "calibration.%s.tail.column.", which);
    for (size_t at = 0; at < odd_schema_losses(v->model->schema) && !v->rc; at++) {
        odd_tail *tail = &calibration->columns[at];
        size_t k = odd_schema_loss_column(v->model->schema, at);
        visit(v, name_of(v, name, k, ".value"), tail->count, 0, tail->value);
        visit(v, name_of(v, name, k, ".surprise"), tail->count, 0, tail->surprise);
    }
}

static int each_tensor(odd_model *model,
                       int (*call)(void *, const odd_stored *, float *, oddrow_error *),
                       void *context, oddrow_error *err)
{
    visitor v = {.visit = call, .context = context, .model = model, .err = err};
    visit_network(&v);
    if (odd_model_supervised(model)) {
        odd_bytes_free(&v.name);
        return v.rc;
    }
    visit(&v, "prototypes", model->verdict.prototype_count, model->network->X,
          model->verdict.prototypes);
    visit_shape(&v, "shape", &model->verdict.shape);
    if (model->verdict.forest)
        visit(&v, "forest", model->verdict.forest->nodes, ODD_FOREST_NODE,
              model->verdict.forest->node);
    for (size_t m = 0; m < model->schema->M && !v.rc; m++)
        if (model->verdict.value_margin[m])
            visit(&v,
                  name_of(&v, "margin.",
                          odd_schema_loss_column(model->schema, model->schema->C + m), ""),
                  ODD_MARGIN_GRID, 0, model->verdict.value_margin[m]);
    visit_calibration(&v, "plain", &model->verdict.plain);
    visit_calibration(&v, "masked", &model->verdict.masked);
    odd_bytes_free(&v.name);
    return v.rc;
}

/* ---- hash ---- */

/* FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t fnv(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

static int hash_tensor(void *context, const odd_stored *tensor, float *data, oddrow_error *err)
{
    uint64_t *hash = context;
    (void)err;
    *hash = fnv(*hash, tensor->name, strlen(tensor->name));
    *hash = fnv(*hash, data, odd_stored_count(tensor) * sizeof(float));
    return 0;
}

static int seal(odd_model *model, const char *json, oddrow_error *err)
{
    uint64_t hash = fnv(0xcbf29ce484222325u, json, strlen(json));
    odd_free(model->json);
    model->json = odd_copy(json, strlen(json));
    if (!model->json)
        return odd_no_memory(err);
    int rc = each_tensor(model, hash_tensor, &hash, err);
    snprintf(model->hash, sizeof model->hash, "%016" PRIx64, hash);
    return rc;
}

int odd_model_seal(odd_model *model, oddrow_error *err)
{
    char *json = odd_metadata_write(model);
    int rc = json ? seal(model, json, err) : odd_no_memory(err);
    free(json);
    return rc;
}

/* ---- save ---- */

typedef struct listing {
    odd_stored *tensors;
    size_t count, capacity;
} listing;

static int list_tensor(void *context, const odd_stored *tensor, float *data, oddrow_error *err)
{
    listing *l = context;
    (void)data;
    if (odd_grow(&l->tensors, &l->capacity, l->count + 1, sizeof *l->tensors, err))
        return ODDROW_ENOMEM;
    l->tensors[l->count] = *tensor;
    l->tensors[l->count].name = odd_copy(tensor->name, strlen(tensor->name));
    if (!l->tensors[l->count].name)
        return odd_no_memory(err);
    l->count++;
    return 0;
}

int odd_model_save(const odd_model *model, const char *path, oddrow_error *err)
{
    listing l = {0};
    /* the visitor hands out writable data for load's sake; nothing is written here */
    int rc = each_tensor((odd_model *)model, list_tensor, &l, err);
    if (!rc)
        rc = odd_safetensors_save(path, l.tensors, l.count, KEY, model->json, err);
    for (size_t i = 0; i < l.count; i++)
        odd_free((char *)l.tensors[i].name);
    odd_free(l.tensors);
    return rc;
}

/* ---- load ---- */

static int fill_tensor(void *context, const odd_stored *tensor, float *data, oddrow_error *err)
{
    const odd_safetensors *file = context;
    const odd_stored *stored = odd_safetensors_find(file, tensor->name);
    if (!stored)
        return odd_fail(err, ODDROW_EFORMAT, "tensor %.200s is absent", tensor->name);
    bool same = stored->dtype == ODD_F32 && stored->dimensions == tensor->dimensions;
    for (size_t i = 0; same && i < tensor->dimensions; i++)
        same = stored->shape[i] == tensor->shape[i];
    if (!same)
        return odd_fail(err, ODDROW_EFORMAT,
                        "tensor %.200s is not F32 of the shape that the "
                        "metadata says",
                        tensor->name);
    memcpy(data, stored->data, odd_stored_count(stored) * sizeof(float));
    return 0;
}

static int check_tail(odd_tail *tail, oddrow_error *err)
{
    int rc = odd_tail_check(tail, err);
    if (!rc)
        odd_tail_close(tail);
    return rc;
}

static int check_calibration(const odd_model *model, odd_calibration *calibration,
                             oddrow_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && calibration->present && i < ODD_TAILS; i++) {
        const char *name;
        odd_tail *tail = odd_calibration_tail(calibration, i, &name);
        rc = check_tail(tail, err);
    }
    for (size_t at = 0; !rc && calibration->present && at < odd_schema_losses(model->schema);
         at++) {
        rc = check_tail(&calibration->columns[at], err);
        if (!rc && !(calibration->loss_weight[at] > 0))
            rc = odd_fail(err, ODDROW_EFORMAT, "loss_weight %zu is not above 0", at);
    }
    return rc;
}

static int from_file(const odd_safetensors *file, odd_model **out, oddrow_error *err)
{
    const char *text = odd_safetensors_metadata(file, KEY);
    size_t floats = 0;
    odd_model *model = NULL;
    if (!text)
        return odd_fail(err, ODDROW_EFORMAT,
                        "a safetensors file, but not an oddrow model: no \"%s\" in __metadata__",
                        KEY);
    for (size_t i = 0; i < odd_safetensors_count(file); i++)
        floats += odd_stored_count(odd_safetensors_at(file, i));
    int rc = odd_metadata_read(text, floats, &model, err);
    if (!rc)
        rc = each_tensor(model, fill_tensor, (void *)file, err);
    if (!rc)
        rc = check_calibration(model, &model->verdict.plain, err);
    if (!rc)
        rc = check_calibration(model, &model->verdict.masked, err);
    if (!rc && model->verdict.forest)
        rc = odd_forest_check(model->verdict.forest, model->schema->C, model->schema->F, err);
    if (!rc)
        rc = seal(model, text, err);
    if (rc)
        odd_model_free(&model);
    *out = model;
    return rc;
}

int odd_model_parse(const void *bytes, size_t size, odd_model **out, oddrow_error *err)
{
    odd_safetensors *file = NULL;
    *out = NULL;
    int rc = odd_safetensors_parse(bytes, size, &file, err);
    if (!rc)
        rc = from_file(file, out, err);
    odd_safetensors_free(&file);
    return rc;
}

int odd_model_load(const char *path, odd_model **out, oddrow_error *err)
{
    odd_safetensors *file = NULL;
    *out = NULL;
    int rc = odd_safetensors_load(path, &file, err);
    if (!rc)
        rc = odd_prefix(err, from_file(file, out, err), "%s: ", path);
    odd_safetensors_free(&file);
    return rc;
}
