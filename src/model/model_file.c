/* model/model_file.c: the tensors of a model in the order of its file, saved, loaded and hashed. */
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
    int (*call)(void *context, const odd_stored *tensor, float *data, oddrow_error *err);
    void *context;
    odd_model *model;
    const char *prefix;     /* of all names to come */
    odd_bytes name, column; /* the tensor's; see column_name */
    oddrow_error *err;
    int rc;
} visitor;

/* A tensor named prefix, before, name, after; a vector where cols is 0. */
static void visit(visitor *v, float *data, size_t rows, size_t cols, const char *before,
                  const char *name, const char *after)
{
    odd_bytes_clear(&v->name);
    odd_bytes_print(&v->name, "%s%s%s%s", v->prefix, before, name, after);
    odd_stored tensor = {.name = v->name.data,
                         .dtype = ODD_F32,
                         .dimensions = cols ? 2 : 1,
                         .shape = {rows, cols},
                         .data = data};
    if (!v->rc)
        v->rc = odd_bytes_check(&v->name, v->err);
    if (!v->rc)
        v->rc = v->call(v->context, &tensor, data, v->err);
}

/* A column's name; one that is not UTF-8 becomes column_N, with as many "_" behind it as make it no
 * other column's name. */
static const char *column_name(visitor *v, size_t k)
{
    const odd_schema *s = v->model->schema;
    if (odd_utf8_valid(s->columns[k].name, strlen(s->columns[k].name)))
        return s->columns[k].name;
    odd_bytes_clear(&v->column);
    odd_bytes_print(&v->column, "column_%zu", k + 1);
    for (size_t i = 0; i < s->K && !v->column.failed; i++)
        if (strcmp(s->columns[i].name, v->column.data) == 0) {
            odd_bytes_print(&v->column, "_");
            i = SIZE_MAX; /* from the first one again */
        }
    if (!v->rc)
        v->rc = odd_bytes_check(&v->column, v->err);
    return v->rc ? "" : v->column.data;
}

/* The network's tensors, with columns' names in place of their numbers. */
static void visit_network(visitor *v)
{
    const odd_network *network = v->model->network;
    for (size_t i = 0; i < network->tensor_count && !v->rc; i++) {
        const odd_tensor *tensor = &network->tensors[i];
        const char *before = "", *name = tensor->name;
        char *after = "";
        bool vector = tensor->cols == 1 && strstr(name, "bias") != NULL;
        bool embedding = strncmp(name, "embedding.", 10) == 0;
        if (embedding || strncmp(name, "head.", 5) == 0) {
            size_t at = strtoul(strchr(name, '.') + 1, &after, 10);
            before = embedding ? "embedding." : "head.";
            name = column_name(v, odd_schema_loss_column(v->model->schema, at));
        }
        visit(v, odd_network_tensor(network, i), tensor->rows, vector ? 0 : tensor->cols, before,
              name, after);
    }
}

static void visit_tail(visitor *v, odd_tail *tail, const char *before, const char *name)
{
    visit(v, tail->value, tail->count, 0, before, name, ".value");
    visit(v, tail->surprise, tail->count, 0, before, name, ".surprise");
}

static void visit_calibration(visitor *v, const char *prefix, odd_calibration *calibration)
{
    const odd_schema *s = v->model->schema;
    if (!calibration->present)
        return;
    v->prefix = prefix;
    visit(v, calibration->loss_weight, odd_schema_losses(s), 0, "", "loss_weight", "");
    for (size_t i = 0; i < ODD_TAILS; i++) {
        const char *name;
        odd_tail *tail = odd_calibration_tail(calibration, i, &name);
        visit_tail(v, tail, "tail.", name);
    }
    for (size_t at = 0; at < odd_schema_losses(s) && !v->rc; at++)
        visit_tail(v, &calibration->columns[at], "tail.column.",
                   column_name(v, odd_schema_loss_column(s, at)));
}

static void visit_verdict(visitor *v, odd_verdict *verdict)
{
    odd_shape *shape = &verdict->shape;
    size_t full = shape->n > ODD_SHAPE_FULL ? 0 : shape->n;
    visit(v, verdict->prototypes, verdict->prototype_count, verdict->network->X, "", "prototypes",
          "");
    visit(v, shape->mean, shape->n, 0, "", "shape.mean", "");
    visit(v, shape->whiten, shape->n, full, "", "shape.whiten", "");
    if (verdict->forest)
        visit(v, verdict->forest->node, verdict->forest->nodes, ODD_FOREST_NODE, "", "forest", "");
    for (size_t k = 0; k < verdict->schema->K && !v->rc; k++) {
        const odd_column *c = &verdict->schema->columns[k];
        float *margin = c->features ? verdict->value_margin[c->numeric] : NULL;
        if (margin)
            visit(v, margin, ODD_MARGIN_GRID, 0, "margin.", column_name(v, k), "");
    }
    visit_calibration(v, "calibration.plain.", &verdict->unmasked);
    visit_calibration(v, "calibration.masked.", &verdict->masked);
}

static int each_tensor(odd_model *model,
                       int (*call)(void *, const odd_stored *, float *, oddrow_error *),
                       void *context, oddrow_error *err)
{
    visitor v = {.call = call, .context = context, .model = model, .prefix = "", .err = err};
    visit_network(&v);
    if (!odd_model_supervised(model))
        visit_verdict(&v, &model->verdict);
    odd_bytes_free(&v.name);
    odd_bytes_free(&v.column);
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

static int check_calibration(const odd_model *model, odd_calibration *calibration,
                             oddrow_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && calibration->present && i < ODD_TAILS; i++) {
        const char *name;
        odd_tail *tail = odd_calibration_tail(calibration, i, &name);
        rc = odd_tail_check(tail, err);
    }
    for (size_t at = 0; !rc && calibration->present && at < odd_schema_losses(model->schema);
         at++) {
        rc = odd_tail_check(&calibration->columns[at], err);
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
        rc = check_calibration(model, &model->verdict.unmasked, err);
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
