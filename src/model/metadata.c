/* model/metadata.c: the fields of a model's metadata: network, score and calibrations. */
#include "model/metadata.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/fields.h"
#include "model/schema_json.h"
#include "nn/of_schema.h"
#include "score/forest.h"
#include "score/local.h"
#include "score/margins.h"

odd_tail *odd_calibration_tail(odd_calibration *c, size_t index, const char **name)
{
    static const char *const names[] = {"loss", "score_reconstruction", "score_rarity", "score"};
    odd_tail *const others[] = {&c->loss, &c->reconstruction, &c->rarity, &c->score};
    bool measure = index < ODD_MEASURES;
    *name = measure ? odd_measures[index]->name : names[index - ODD_MEASURES];
    return measure ? &c->measures[index] : others[index - ODD_MEASURES];
}

/* ---- fields, for writing and for reading ---- */

/* All of a tail but its knots, which are tensors. */
static void tail_fields(odd_fields *f, const char *key, odd_tail *tail)
{
    odd_place outer = odd_fields_enter(f, key, '{');
    odd_field_size(f, "knots", &tail->count, 1, ODD_TAIL_KNOTS);
    odd_field_float(f, "threshold", &tail->threshold);
    odd_field_float(f, "surprise", &tail->threshold_surprise);
    odd_field_float(f, "scale", &tail->scale);
    f->at = outer;
}

static void calibration_fields(odd_fields *f, const char *key, odd_calibration *c, size_t L)
{
    odd_place outer = odd_fields_enter(f, key, '{'), own = f->at;
    if (f->reading && json_array_size(json_object_get(own.json, "columns")) != L)
        odd_fields_fail(f, "a calibration needs \"columns\", %zu of them", L);
    if (f->reading && !f->rc)
        f->rc = odd_calibration_new(c, L, f->err);
    odd_fields_enter(f, "tails", '{');
    for (size_t i = 0; i < ODD_TAILS && !f->rc; i++) {
        const char *name;
        odd_tail *tail = odd_calibration_tail(c, i, &name);
        tail_fields(f, name, tail);
        odd_prefix(f->err, f->rc, "tail %s: ", name);
    }
    f->at = own;
    odd_fields_enter(f, "columns", '[');
    for (size_t at = 0; at < L && !f->rc; at++)
        tail_fields(f, NULL, &c->columns[at]);
    f->at = outer;
}

/* Whether there is null under a key: `none` says so when writing. */
static bool null_field(odd_fields *f, const char *key, bool none)
{
    if (f->reading)
        return json_is_null(json_object_get(f->at.json, key));
    if (none)
        odd_field_set(f, key, json_null());
    return none;
}

/* What a network has that does not follow from the schema. widths: (layers), those of the config
 * when it is written. */
static void network_fields(odd_fields *f, odd_network_config *c, size_t *widths)
{
    odd_place outer = odd_fields_enter(f, "widths", '[');
    double slope = (double)c->slope;
    for (size_t i = 0; i < c->layers && !f->rc; i++)
        odd_field_size(f, NULL, &widths[i], 1, 1 << 20);
    f->at = outer;
    odd_field_size(f, "projection", &c->P, 0, 1 << 20);
    const char *activation = odd_field_name(f, "activation", odd_activation_name(c->activation));
    odd_field_real(f, "slope", &slope);
    const char *objective = odd_field_name(f, "objective", odd_objective_name(c->objective));
    int found[] = {odd_activation_find(activation), odd_objective_find(objective)};
    if (found[0] < 0 || found[1] < 0 || !(slope >= 0 && slope < 1))
        odd_fields_fail(f, "bad or missing settings");
    if (f->reading && !f->rc) {
        c->slope = (float)slope;
        c->activation = (odd_activation)found[0];
        c->objective = (odd_objective)found[1];
    }
}

/* Null is for models that do without. */
static void forest_fields(odd_fields *f, odd_verdict *v, size_t floats)
{
    odd_forest sizes = v->forest ? *v->forest : (odd_forest){0};
    if (null_field(f, "forest", !v->forest) && v->weight[ODD_MEASURE_FOREST] <= 0)
        return;
    odd_place outer = odd_fields_enter(f, "forest", '{');
    odd_field_size(f, "trees", &sizes.trees, 1, SIZE_MAX);
    odd_field_size(f, "nodes", &sizes.nodes, sizes.trees, floats / ODD_FOREST_NODE);
    odd_field_size(f, "sample", &sizes.sample, 1, 1 << 20);
    f->at = outer;
    if (f->reading && !f->rc)
        f->rc = odd_forest_new(sizes.trees, sizes.nodes, sizes.sample, &v->forest, f->err);
}

/* What the calibration was made with is what this oddrow has. */
static void constant_fields(odd_fields *f)
{
    double hinge = (double)ODD_MARGIN_HINGE, cap = ODD_TAIL_CAP;
    size_t reach = ODD_MARGIN_REACH, steps = ODD_MARGIN_STEPS;
    odd_place outer = odd_fields_enter(f, "constants", '{');
    odd_field_real(f, "hinge", &hinge);
    odd_field_size(f, "reach", &reach, 0, SIZE_MAX);
    odd_field_size(f, "steps", &steps, 0, SIZE_MAX);
    odd_field_real(f, "cap", &cap);
    f->at = outer;
    if (hinge != (double)ODD_MARGIN_HINGE || reach != ODD_MARGIN_REACH ||
        steps != ODD_MARGIN_STEPS || cap != ODD_TAIL_CAP)
        odd_fields_fail(f, "constants of another version; train again");
}

/* The measures by the names of their tails, and what else the score is made with. */
static void score_fields(odd_fields *f, odd_verdict *v, size_t floats)
{
    odd_place outer = odd_fields_enter(f, "measures", '{');
    for (size_t m = 0; m < ODD_MEASURES && !f->rc; m++) {
        odd_place measures = odd_fields_enter(f, odd_measures[m]->name, '{');
        odd_field_float(f, "weight", &v->weight[m]);
        odd_field_float(f, "hinge", &v->hinge[m]);
        f->at = measures;
        if (!(v->weight[m] >= 0 && v->weight[m] <= 1e6f && v->hinge[m] >= 0 && v->hinge[m] <= 1e6f))
            odd_fields_fail(f, "measure %s needs a weight and a hinge", odd_measures[m]->name);
    }
    f->at = outer;
    odd_field_size(f, "prototypes", &v->prototype_count, 1, floats);
    forest_fields(f, v, floats);
    odd_field_real(f, "alerts", &v->alerts);
    if (!f->reading) {
        float threshold = odd_tail_value(&v->unmasked.score, (float)-log(v->alerts));
        odd_field_float(f, "threshold", &threshold);
    }
    constant_fields(f);
}

/* All that only a model with scores has. `floats` limits what is read. */
static void verdict_fields(odd_fields *f, odd_verdict *v, size_t floats)
{
    size_t L = odd_schema_losses(v->schema);
    odd_place all = odd_fields_enter(f, "score", '{');
    score_fields(f, v, floats);
    odd_prefix(f->err, f->rc, "score: ");
    f->at = all;
    odd_fields_enter(f, "calibration", '{');
    calibration_fields(f, "plain", &v->unmasked, L);
    if (!null_field(f, "masked", !v->masked.present))
        calibration_fields(f, "masked", &v->masked, L);
    f->at = all;
}

/* ---- a model ---- */

char *odd_metadata_write(const odd_model *model)
{
    json_t *json = json_object();
    odd_fields f = ODD_FIELDS_WRITE(json, NULL);
    odd_network_config config = model->network->config;
    bool supervised = odd_model_supervised(model);
    odd_field_set(&f, "format", json_integer(ODD_MODEL_FORMAT));
    odd_field_name(&f, "oddrow", ODDROW_VERSION);
    if (supervised)
        odd_field_name(&f, "task", odd_objective_name(config.objective));
    odd_field_set(&f, "schema", odd_schema_to_json(model->schema));
    odd_place all = odd_fields_enter(&f, "network", '{');
    network_fields(&f, &config, (size_t *)config.widths);
    f.at = all;
    odd_field_set(&f, "training", json_incref(model->training));
    if (!supervised) /* only reading changes it */
        verdict_fields(&f, (odd_verdict *)&model->verdict, SIZE_MAX);
    char *text = f.rc ? NULL : json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(json);
    return text;
}

static int read_network(const json_t *json, const odd_schema *schema, size_t floats,
                        odd_network **out, oddrow_error *err)
{
    odd_network_config config = ODD_NETWORK_CONFIG;
    odd_fields f = ODD_FIELDS_READ(json, err);
    config.layers = json_array_size(json_object_get(json, "widths"));
    if (config.layers == 0 || config.layers > 1000)
        return odd_fail(err, ODDROW_EFORMAT, "network: no layers, or more than 1000");
    size_t *widths = odd_alloc(config.layers, sizeof *widths);
    if (!widths)
        return odd_no_memory(err);
    config.widths = widths;
    network_fields(&f, &config, widths);
    odd_prefix(err, f.rc, "network: ");
    if (!f.rc)
        f.rc = odd_network_for_schema(schema, &config, floats, out, err);
    odd_free(widths);
    return f.rc;
}

/* Room for the tensors whose sizes the metadata tells. */
static int make_room(odd_verdict *v, size_t floats, oddrow_error *err)
{
    if (!(v->alerts > 0 && v->alerts < 1) ||
        (double)v->prototype_count * (double)v->network->X > (double)floats)
        return odd_fail(err, ODDROW_EFORMAT, "score: alerts or prototypes are out of range");
    return odd_verdict_prototypes(v, v->prototype_count, err);
}

static int read_all(const json_t *json, size_t floats, odd_model **out, oddrow_error *err)
{
    odd_schema *schema = NULL;
    odd_network *network = NULL;
    odd_fields f = ODD_FIELDS_READ(json, err);
    const json_t *format = json_object_get(json, "format");
    if (!json_is_integer(format))
        return odd_fail(err, ODDROW_EFORMAT, "no \"format\" number");
    if (json_integer_value(format) != ODD_MODEL_FORMAT)
        return odd_fail(err, ODDROW_EFORMAT, "format %lld is unknown; this oddrow reads format %d",
                        (long long)json_integer_value(format), ODD_MODEL_FORMAT);
    f.rc = odd_schema_from_json(json_object_get(json, "schema"), &schema, err);
    if (!f.rc)
        f.rc = read_network(json_object_get(json, "network"), schema, floats, &network, err);
    if (!f.rc)
        f.rc = odd_model_new(&schema, &network, out, err);
    if (!f.rc)
        (*out)->training = json_incref(json_object_get(json, "training"));
    if (!f.rc && !odd_model_supervised(*out)) {
        verdict_fields(&f, &(*out)->verdict, floats);
        if (!f.rc)
            f.rc = make_room(&(*out)->verdict, floats, err);
    }
    if (f.rc)
        odd_model_free(out);
    odd_schema_free(&schema);
    odd_network_free(&network);
    return f.rc;
}

int odd_metadata_read(const char *text, size_t floats, odd_model **out, oddrow_error *err)
{
    json_t *json = NULL;
    *out = NULL;
    int rc = odd_json_parse(text, strlen(text), "metadata", &json, err);
    if (rc)
        return rc;
    rc = read_all(json, floats, out, err);
    json_decref(json);
    return odd_prefix(err, rc, "metadata: ");
}
