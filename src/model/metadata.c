#include "model/metadata.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/schema_json.h"
#include "score/forest.h"
#include "score/margins.h"

odd_tail *odd_calibration_tail(odd_calibration *c, size_t index, const char **name)
{
    static const char *const names[ODD_TAILS] = {
        "reconstruction",       "local",        "shape", "margins", "forest", "loss",
        "score_reconstruction", "score_rarity", "score"};
    *name = names[index];
    if (index < ODD_MEASURES)
        return &c->measures[index];
    odd_tail *const others[] = {&c->loss, &c->reconstruction, &c->rarity, &c->score};
    return others[index - ODD_MEASURES];
}

/* ---- writing ---- */

static json_t *tail_to_json(const odd_tail *tail)
{
    return json_pack("{s:I, s:f, s:f, s:f}", "knots", (json_int_t)tail->count, "threshold",
                     (double)tail->threshold, "surprise", (double)tail->threshold_surprise, "scale",
                     (double)tail->scale);
}

static json_t *calibration_to_json(const odd_model *model, const odd_calibration *calibration)
{
    odd_calibration view = *calibration; /* odd_calibration_tail hands out writable tails */
    json_t *tails = json_object(), *columns = json_array();
    int rc = tails && columns ? 0 : -1;
    for (size_t i = 0; !rc && i < ODD_TAILS; i++) {
        const char *name;
        const odd_tail *tail = odd_calibration_tail(&view, i, &name);
        rc = json_object_set_new(tails, name, tail_to_json(tail));
    }
    for (size_t at = 0; !rc && at < odd_schema_losses(model->schema); at++)
        rc = json_array_append_new(columns, tail_to_json(&calibration->columns[at]));
    json_t *out = rc ? NULL : json_pack("{s:O, s:O}", "tails", tails, "columns", columns);
    json_decref(tails);
    json_decref(columns);
    return out;
}

static json_t *network_to_json(const odd_network_config *config)
{
    json_t *widths = json_array();
    for (size_t i = 0; widths && i < config->layers; i++)
        if (json_array_append_new(widths, json_integer((json_int_t)config->widths[i])) != 0) {
            json_decref(widths);
            widths = NULL;
        }
    /* O and decref, here and below: what json_pack should steal it leaks when it fails */
    json_t *out =
        widths ? json_pack("{s:O, s:I, s:s, s:f, s:s}", "widths", widths, "projection",
                           (json_int_t)config->P, "activation",
                           odd_activation_name(config->activation), "slope", (double)config->slope,
                           "objective", odd_objective_name(config->objective))
               : NULL;
    json_decref(widths);
    return out;
}

/* The measures by the names of their tails: {weight, hinge} each. */
static json_t *weights_to_json(const odd_model *model)
{
    odd_calibration names = {0};
    json_t *out = json_object();
    for (size_t m = 0; out && m < ODD_MEASURES; m++) {
        const char *name;
        odd_calibration_tail(&names, m, &name);
        if (json_object_set_new(out, name,
                                json_pack("{s:f, s:f}", "weight", (double)model->verdict.weight[m],
                                          "hinge", (double)model->verdict.hinge[m])) != 0) {
            json_decref(out);
            out = NULL;
        }
    }
    return out;
}

static json_t *score_to_json(const odd_model *model)
{
    float threshold =
        odd_tail_value(&model->verdict.plain.score, (float)-log(model->verdict.alerts));
    const odd_forest *forest = model->verdict.forest;
    json_t *weights = weights_to_json(model);
    json_t *trees = forest
                        ? json_pack("{s:I, s:I, s:I}", "trees", (json_int_t)forest->trees, "nodes",
                                    (json_int_t)forest->nodes, "sample", (json_int_t)forest->sample)
                        : json_null();
    json_t *out = NULL;
    if (weights && trees)
        out = json_pack("{s:O, s:I, s:O, s:f, s:f, s:{s:f, s:i, s:i, s:f}}", "measures", weights,
                        "prototypes", (json_int_t)model->verdict.prototype_count, "forest", trees,
                        "alerts", model->verdict.alerts, "threshold", (double)threshold,
                        "constants", "hinge", (double)ODD_MARGIN_HINGE, "reach", ODD_MARGIN_REACH,
                        "steps", ODD_MARGIN_STEPS, "cap", ODD_TAIL_CAP);
    json_decref(weights);
    json_decref(trees);
    return out;
}

/* A supervised model: task, and neither score nor calibration. */
static char *write_supervised(const odd_model *model)
{
    json_t *schema = odd_schema_to_json(model->schema);
    json_t *network = network_to_json(&model->network->config);
    json_t *all = NULL;
    if (schema && network)
        all =
            json_pack("{s:i, s:s, s:s, s:O, s:O, s:O}", "format", ODD_MODEL_FORMAT, "oddrow",
                      ODDROW_VERSION, "task", odd_objective_name(model->network->config.objective),
                      "schema", schema, "network", network, "training", model->training);
    char *text = all ? json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(all);
    json_decref(schema);
    json_decref(network);
    return text;
}

char *odd_metadata_write(const odd_model *model)
{
    if (odd_model_supervised(model))
        return write_supervised(model);
    json_t *schema = odd_schema_to_json(model->schema);
    json_t *network = network_to_json(&model->network->config);
    json_t *score = score_to_json(model);
    json_t *plain = calibration_to_json(model, &model->verdict.plain);
    json_t *masked = model->verdict.masked.present
                         ? calibration_to_json(model, &model->verdict.masked)
                         : json_null();
    char *text = NULL;
    if (schema && network && score && plain && masked) {
        json_t *all = json_pack("{s:i, s:s, s:O, s:O, s:O, s:O, s:{s:O, s:O}}", "format",
                                ODD_MODEL_FORMAT, "oddrow", ODDROW_VERSION, "schema", schema,
                                "network", network, "training", model->training, "score", score,
                                "calibration", "plain", plain, "masked", masked);
        text = all ? json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
        json_decref(all);
    }
    json_decref(schema);
    json_decref(network);
    json_decref(score);
    json_decref(plain);
    json_decref(masked);
    return text;
}

/* ---- reading ---- */

static int read_tail(const json_t *json, odd_tail *tail, oddrow_error *err)
{
    json_int_t knots = 0;
    double threshold = 0, surprise = 0, scale = 0;
    if (json_unpack((json_t *)json, "{s:I, s:F, s:F, s:F}", "knots", &knots, "threshold",
                    &threshold, "surprise", &surprise, "scale", &scale) != 0 ||
        knots < 1 || knots > ODD_TAIL_KNOTS)
        return odd_fail(err, ODDROW_EFORMAT, "a tail needs knots, threshold, surprise and scale");
    *tail = (odd_tail){.count = (size_t)knots,
                       .threshold = (float)threshold,
                       .threshold_surprise = (float)surprise,
                       .scale = (float)scale};
    return 0;
}

static int read_calibration(const odd_model *model, const json_t *json,
                            odd_calibration *calibration, oddrow_error *err)
{
    size_t L = odd_schema_losses(model->schema);
    const json_t *tails = json_object_get(json, "tails"),
                 *columns = json_object_get(json, "columns");
    if (json_is_null(json) && calibration == &model->verdict.masked)
        return 0;
    if (json_array_size(columns) != L)
        return odd_fail(err, ODDROW_EFORMAT, "a calibration needs \"columns\", %zu of them", L);
    int rc = odd_calibration_new(calibration, L, err);
    for (size_t i = 0; !rc && i < ODD_TAILS; i++) {
        const char *name;
        odd_tail *tail = odd_calibration_tail(calibration, i, &name);
        rc = read_tail(json_object_get(tails, name), tail, err);
        rc = odd_prefix(err, rc, "tail %s: ", name);
    }
    for (size_t at = 0; !rc && at < L; at++)
        rc = read_tail(json_array_get(columns, at), &calibration->columns[at], err);
    return rc;
}

/* How many parameters a network takes, in double so that nothing can overflow. */
static double parameters_of(const odd_network_config *c)
{
    double X = c->F ? (double)c->P : 0, count = X * ((double)(c->F + c->M) + 1);
    double H = (double)c->widths[c->layers - 1];
    for (size_t i = 0; i < c->C; i++) {
        double V = (double)c->V[i], E = (double)c->E[i];
        X += E;
        count += V * E;
        count += c->objective == ODD_ROW ? E * H + E + V : 0;
    }
    double in = X;
    for (size_t l = 0; l < c->layers; l++) {
        count += (in + 1) * (double)c->widths[l];
        in = (double)c->widths[l];
    }
    count += (H + 1) * (c->objective == ODD_ROW             ? (double)c->F
                        : c->objective == ODD_EMBEDDING_MSE ? X
                                                            : (double)c->outputs);
    return count;
}

/* Config arrays that follow from the schema; V, E and feature_column are (C) and (F). */
static void describe_columns(const odd_schema *schema, size_t *V, size_t *E, size_t *feature_column)
{
    for (size_t k = 0; k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        if (odd_kind_is_category(column->kind)) {
            V[column->categorical] = column->vocabulary->size;
            E[column->categorical] = column->embedding;
        } else if (odd_kind_is_number(column->kind)) {
            for (size_t f = 0; f < column->features; f++)
                feature_column[column->first_feature + f] = column->numeric;
        }
    }
}

/* A classifier has a target of classes, a regressor one of numbers, an autoencoder none. */
static int check_target(const odd_schema *schema, odd_objective objective, oddrow_error *err)
{
    bool target = schema->target != SIZE_MAX;
    bool classes = target && schema->columns[schema->target].vocabulary;
    bool fits = objective == ODD_CLASSIFY  ? classes
                : objective == ODD_REGRESS ? target && !classes
                                           : !target;
    if (fits)
        return 0;
    return odd_fail(err, ODDROW_ESCHEMA, "objective %s with %s", odd_objective_name(objective),
                    !target   ? "no target"
                    : classes ? "a target of classes"
                              : "a target of numbers");
}

int odd_network_for_schema(const odd_schema *schema, odd_network_config *config, size_t most,
                           odd_network **out, oddrow_error *err)
{
    size_t *V = odd_alloc(schema->C + 1, sizeof *V), *E = odd_alloc(schema->C + 1, sizeof *E);
    size_t *feature_column = odd_alloc(schema->F + 1, sizeof *feature_column);
    int rc = V && E && feature_column ? check_target(schema, config->objective, err)
                                      : odd_no_memory(err);
    if (!rc) {
        config->outputs = odd_schema_outputs(schema);
        describe_columns(schema, V, E, feature_column);
        config->C = schema->C;
        config->V = V;
        config->E = E;
        config->F = schema->F;
        config->M = schema->M;
        config->feature_column = feature_column;
        if (config->layers == 0 || parameters_of(config) > (double)most)
            rc = odd_fail(err, ODDROW_EFORMAT,
                          "the network has no layer or %.0f parameters, more "
                          "than there can be",
                          config->layers ? parameters_of(config) : 0);
    }
    if (!rc)
        rc = odd_network_new(config, out, err);
    odd_free(V);
    odd_free(E);
    odd_free(feature_column);
    return rc;
}

static int read_network(const json_t *json, const odd_schema *schema, size_t floats,
                        odd_network **out, oddrow_error *err)
{
    odd_network_config config = ODD_NETWORK_CONFIG;
    const json_t *list = json_object_get(json, "widths");
    const char *activation = json_string_value(json_object_get(json, "activation"));
    const char *objective = json_string_value(json_object_get(json, "objective"));
    json_int_t projection = json_integer_value(json_object_get(json, "projection"));
    double slope = json_number_value(json_object_get(json, "slope"));
    size_t layers = json_array_size(list);
    int found[] = {activation ? odd_activation_find(activation) : -1,
                   objective ? odd_objective_find(objective) : -1};
    if (found[0] < 0 || found[1] < 0 || projection < 0 || projection > (1 << 20) || layers == 0 ||
        layers > 1000 || !(slope >= 0 && slope < 1))
        return odd_fail(err, ODDROW_EFORMAT, "network: bad or missing settings");
    size_t *widths = odd_alloc(layers, sizeof *widths);
    if (!widths)
        return odd_no_memory(err);
    int rc = 0;
    for (size_t i = 0; i < layers; i++) {
        json_int_t width = json_integer_value(json_array_get(list, i));
        if (width < 1 || width > (1 << 20))
            rc = odd_fail(err, ODDROW_EFORMAT, "network: bad width of layer %zu", i + 1);
        widths[i] = (size_t)width;
    }
    config.widths = widths;
    config.layers = layers;
    config.P = (size_t)projection;
    config.slope = (float)slope;
    config.activation = (odd_activation)found[0];
    config.objective = (odd_objective)found[1];
    if (!rc)
        rc = odd_network_for_schema(schema, &config, floats, out, err);
    odd_free(widths);
    return rc;
}

static int read_weights(const json_t *json, odd_model *model, oddrow_error *err)
{
    for (size_t m = 0; m < ODD_MEASURES; m++) {
        const char *name;
        double weight = -1, hinge = -1;
        odd_calibration_tail(&model->verdict.plain, m, &name);
        if (json_unpack(json_object_get(json, name), "{s:F, s:F}", "weight", &weight, "hinge",
                        &hinge) != 0 ||
            !(weight >= 0 && weight <= 1e6) || !(hinge >= 0 && hinge <= 1e6))
            return odd_fail(err, ODDROW_EFORMAT, "score: measure %s needs a weight and a hinge",
                            name);
        model->verdict.weight[m] = (float)weight;
        model->verdict.hinge[m] = (float)hinge;
    }
    return 0;
}

static int read_forest(const json_t *json, odd_model *model, size_t floats, oddrow_error *err)
{
    json_int_t trees = 0, nodes = 0, sample = 0;
    if (json_is_null(json) && model->verdict.weight[ODD_MEASURE_FOREST] <= 0)
        return 0;
    if (json_unpack((json_t *)json, "{s:I, s:I, s:I}", "trees", &trees, "nodes", &nodes, "sample",
                    &sample) != 0 ||
        trees < 1 || nodes < trees || (uint64_t)nodes > floats / ODD_FOREST_NODE || sample < 1 ||
        sample > 1 << 20)
        return odd_fail(err, ODDROW_EFORMAT, "score: bad or missing forest");
    return odd_forest_new((size_t)trees, (size_t)nodes, (size_t)sample, &model->verdict.forest,
                          err);
}

/* The constants that the calibration was made with are those of this oddrow. */
static int check_constants(const json_t *json, oddrow_error *err)
{
    double hinge = 0, cap = 0;
    int reach = 0, steps = 0;
    if (json_unpack((json_t *)json, "{s:{s:F, s:i, s:i, s:F}}", "constants", "hinge", &hinge,
                    "reach", &reach, "steps", &steps, "cap", &cap) != 0)
        return odd_fail(err, ODDROW_EFORMAT, "score: hinge, reach, steps and cap are needed");
    if (hinge != (double)ODD_MARGIN_HINGE || reach != ODD_MARGIN_REACH ||
        steps != ODD_MARGIN_STEPS || cap != ODD_TAIL_CAP)
        return odd_fail(err, ODDROW_EFORMAT, "score: constants of another version; train again");
    return 0;
}

static int read_score(const json_t *json, odd_model *model, size_t floats, oddrow_error *err)
{
    double alerts = json_number_value(json_object_get(json, "alerts"));
    json_int_t prototypes = json_integer_value(json_object_get(json, "prototypes"));
    int rc = read_weights(json_object_get(json, "measures"), model, err);
    if (!rc)
        rc = read_forest(json_object_get(json, "forest"), model, floats, err);
    if (!rc)
        rc = check_constants(json, err);
    if (rc)
        return rc;
    if (!(alerts > 0 && alerts < 1) || prototypes < 1 || (uint64_t)prototypes > floats ||
        (double)prototypes * (double)model->network->X > (double)floats)
        return odd_fail(err, ODDROW_EFORMAT, "score: alerts or prototypes are out of range");
    rc = check_constants(json, err);
    model->verdict.alerts = alerts;
    return rc ? rc : odd_verdict_prototypes(&model->verdict, (size_t)prototypes, err);
}

static int read_margins(odd_model *model, oddrow_error *err)
{
    const odd_schema *schema = model->schema;
    for (size_t k = 0; k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        if (column->features != 1)
            continue;
        model->verdict.value_margin[column->numeric] = odd_alloc(ODD_MARGIN_GRID, sizeof(float));
        if (!model->verdict.value_margin[column->numeric])
            return odd_no_memory(err);
    }
    return odd_verdict_id_margins(&model->verdict, err);
}

static int read_all(const json_t *json, size_t floats, odd_model **out, oddrow_error *err)
{
    odd_schema *schema = NULL;
    odd_network *network = NULL;
    odd_model *model = NULL;
    const json_t *format = json_object_get(json, "format");
    const json_t *calibration = json_object_get(json, "calibration");
    if (!json_is_integer(format))
        return odd_fail(err, ODDROW_EFORMAT, "no \"format\" number");
    if (json_integer_value(format) != ODD_MODEL_FORMAT)
        return odd_fail(err, ODDROW_EFORMAT, "format %lld is unknown; this oddrow reads format %d",
                        (long long)json_integer_value(format), ODD_MODEL_FORMAT);
    int rc = odd_schema_from_json(json_object_get(json, "schema"), &schema, err);
    if (!rc)
        rc = read_network(json_object_get(json, "network"), schema, floats, &network, err);
    if (!rc)
        rc = odd_model_new(&schema, &network, &model, err);
    bool scores = !rc && !odd_model_supervised(model);
    if (!rc && scores)
        rc = read_score(json_object_get(json, "score"), model, floats, err);
    if (!rc && scores)
        rc = read_calibration(model, json_object_get(calibration, "plain"), &model->verdict.plain,
                              err);
    if (!rc && scores)
        rc = read_calibration(model, json_object_get(calibration, "masked"), &model->verdict.masked,
                              err);
    if (!rc && scores)
        rc = read_margins(model, err);
    if (!rc)
        model->training = json_incref(json_object_get(json, "training"));
    if (rc)
        odd_model_free(&model);
    odd_schema_free(&schema);
    odd_network_free(&network);
    *out = model;
    return rc;
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
