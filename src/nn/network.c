/* nn/network.c: names, layout and initial values of the parameters. */
#include "nn/network.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "math/kernels.h"

const size_t odd_seed_widths[7] = {50, 32, 16, 4, 16, 32, 50};

static const char *const activation_names[ODD_ACTIVATIONS] = {"leaky-relu", "relu", "elu",   "gelu",
                                                              "silu",       "tanh", "linear"};
static const char *const objective_names[ODD_OBJECTIVES] = {"row", "embedding-mse", "classify",
                                                            "regress"};

static int find_name(const char *const *names, int count, const char *name)
{
    for (int i = 0; name && i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

const char *odd_activation_name(odd_activation activation)
{
    return (unsigned)activation < ODD_ACTIVATIONS ? activation_names[activation] : "?";
}

int odd_activation_find(const char *name)
{
    return find_name(activation_names, ODD_ACTIVATIONS, name);
}

const char *odd_objective_name(odd_objective objective)
{
    return (unsigned)objective < ODD_OBJECTIVES ? objective_names[objective] : "?";
}

int odd_objective_find(const char *name)
{
    return find_name(objective_names, ODD_OBJECTIVES, name);
}

static int check_config(const odd_network_config *c, oddrow_error *err)
{
    const size_t most = (size_t)1 << 31; /* of any dimension: products then fit 64 bits */

    if (c->C == 0 && c->F == 0)
        return odd_fail(err, ODDROW_EINVAL, "a network needs at least one column");
    if ((c->F == 0) != (c->M == 0) || c->M > c->F)
        return odd_fail(err, ODDROW_EINVAL, "%zu numeric features of %zu columns", c->F, c->M);
    if (c->C > most || c->F > most || c->P > most || c->layers > 1000)
        return odd_fail(err, ODDROW_EINVAL, "a dimension of the network is too large");
    if (c->F > 0 && c->P == 0)
        return odd_fail(err, ODDROW_EINVAL, "the projection's width is 0");
    if (c->layers == 0)
        return odd_fail(err, ODDROW_EINVAL, "a network needs at least one layer");
    for (size_t l = 0; l < c->layers; l++)
        if (c->widths[l] == 0 || c->widths[l] > most)
            return odd_fail(err, ODDROW_EINVAL, "layer %zu: width %zu", l, c->widths[l]);
    for (size_t i = 0; i < c->C; i++)
        if (c->V[i] == 0 || c->V[i] > most || c->E[i] == 0 || c->E[i] > most)
            return odd_fail(err, ODDROW_EINVAL,
                            "categorical column %zu: vocabulary of %zu, embedding width %zu", i,
                            c->V[i], c->E[i]);
    if (c->feature_column == NULL && c->F != c->M)
        return odd_fail(err, ODDROW_EINVAL, "%zu features of %zu numeric columns, and no map", c->F,
                        c->M);
    for (size_t f = 0; f < c->F && c->feature_column; f++) {
        size_t before = f == 0 ? 0 : c->feature_column[f - 1], now = c->feature_column[f];
        if (now >= c->M || now < before || now > before + 1 || (f == 0 && now != 0))
            return odd_fail(err, ODDROW_EINVAL, "feature %zu: numeric column %zu", f, now);
    }
    if (c->feature_column && c->F > 0 && c->feature_column[c->F - 1] + 1 != c->M)
        return odd_fail(err, ODDROW_EINVAL, "a numeric column without a feature");
    if ((unsigned)c->activation >= ODD_ACTIVATIONS || (unsigned)c->objective >= ODD_OBJECTIVES)
        return odd_fail(err, ODDROW_EINVAL, "unknown activation or objective");
    if (odd_objective_supervised(c->objective) &&
        (c->outputs == 0 || c->outputs > most || (c->objective == ODD_REGRESS && c->outputs > 1)))
        return odd_fail(err, ODDROW_EINVAL, "%zu outputs of objective %s", c->outputs,
                        odd_objective_name(c->objective));
    if (!(c->slope >= 0 && c->slope < 1))
        return odd_fail(err, ODDROW_EINVAL, "slope %g is not in [0, 1)", (double)c->slope);
    if (!(c->embedding_sd >= 0 && c->embedding_sd < 1e6f))
        return odd_fail(err, ODDROW_EINVAL, "embedding deviation %g", (double)c->embedding_sd);
    return 0;
}

/* Adds a tensor; false when there are too many parameters. */
static bool add_tensor(odd_network *n, bool decay, size_t rows, size_t cols, const char *group,
                       size_t index, const char *part)
{
    odd_tensor *t = n->tensors + n->tensor_count++;

    if (index == ODD_NO_TENSOR)
        snprintf(t->name, sizeof t->name, "%s.%s", group, part);
    else
        snprintf(t->name, sizeof t->name, "%s.%zu%s%s", group, index, *part ? "." : "", part);
    t->rows = rows;
    t->cols = cols;
    t->offset = n->count;
    t->decay = decay;
    if (rows > ((size_t)1 << 40) / cols)
        return false;
    n->weights += rows * cols;
    /* Kernels read up to 15 floats past a row's end, but never into a tensor that another thread
     * may be updating. */
    n->count += ODD_PADDED(rows * cols) + 16;
    return n->count < (size_t)1 << 40;
}

static bool lay_out(odd_network *n)
{
    const odd_network_config *c = &n->config;
    bool ok = true;
    size_t in = n->X;

    n->projection = n->numeric = n->output = n->head = ODD_NO_TENSOR;
    for (size_t i = 0; i < c->C; i++)
        ok = ok && add_tensor(n, false, c->V[i], c->E[i], "embedding", i, "");
    if (c->F > 0) {
        n->projection = n->tensor_count;
        ok = ok && add_tensor(n, true, c->P, c->F + c->M, "projection", ODD_NO_TENSOR, "weight") &&
             add_tensor(n, false, c->P, 1, "projection", ODD_NO_TENSOR, "bias");
    }
    n->dense = n->tensor_count;
    for (size_t l = 0; l < c->layers; in = c->widths[l++])
        ok = ok && add_tensor(n, true, c->widths[l], in, "dense", l, "weight") &&
             add_tensor(n, false, c->widths[l], 1, "dense", l, "bias");
    if (n->Y > 0) {
        n->output = n->tensor_count;
        return ok && add_tensor(n, true, n->Y, n->H, "output", ODD_NO_TENSOR, "weight") &&
               add_tensor(n, false, n->Y, 1, "output", ODD_NO_TENSOR, "bias");
    }
    if (c->C > 0)
        n->head = n->tensor_count;
    for (size_t i = 0; i < c->C; i++)
        ok = ok && add_tensor(n, true, c->E[i], n->H, "head", i, "weight") &&
             add_tensor(n, false, c->E[i], 1, "head", i, "bias") &&
             add_tensor(n, false, c->V[i], 1, "head", i, "logit_bias");
    if (c->F > 0) {
        n->numeric = n->tensor_count;
        ok = ok && add_tensor(n, true, c->F, n->H, "numeric", ODD_NO_TENSOR, "weight") &&
             add_tensor(n, false, c->F, 1, "numeric", ODD_NO_TENSOR, "bias");
    }
    return ok;
}

static size_t *copy_sizes(const size_t *from, size_t count, bool *ok)
{
    size_t *to = odd_alloc(count, sizeof *to);
    if (to == NULL)
        *ok = false;
    else if (count > 0 && from)
        memcpy(to, from, count * sizeof *to);
    return to;
}

/* The network's own copies of the config's arrays and the maps made from them. */
static bool copy_config(odd_network *n, const odd_network_config *config)
{
    odd_network_config *c = &n->config;
    bool ok = true;

    *c = *config;
    if (c->F == 0)
        c->P = 0;
    c->V = copy_sizes(config->V, c->C, &ok);
    c->E = copy_sizes(config->E, c->C, &ok);
    c->widths = copy_sizes(config->widths, c->layers, &ok);
    c->feature_column = n->column_of = copy_sizes(config->feature_column, c->F, &ok);
    n->first = copy_sizes(NULL, c->C + 1, &ok);
    n->features = copy_sizes(NULL, c->M, &ok);
    n->tensors = odd_alloc(4 * c->C + 2 * c->layers + 6, sizeof *n->tensors);
    if (!ok || n->tensors == NULL)
        return false;
    for (size_t f = 0; f < c->F; f++) {
        if (config->feature_column == NULL)
            n->column_of[f] = f;
        n->features[n->column_of[f]]++;
    }
    for (size_t i = 0; i < c->C; i++)
        n->first[i + 1] = n->first[i] + c->E[i];
    n->X = n->first[c->C] + c->P;
    n->H = c->widths[c->layers - 1];
    n->losses = odd_objective_supervised(c->objective) ? 1 : c->C + c->M;
    if (odd_objective_supervised(c->objective))
        n->Y = c->outputs;
    else if (c->objective == ODD_EMBEDDING_MSE)
        n->Y = n->X;
    return true;
}

int odd_network_new(const odd_network_config *config, odd_network **out, oddrow_error *err)
{
    odd_network *n = NULL;
    int code = check_config(config, err);

    if (code)
        return code;
    n = odd_alloc(1, sizeof *n);
    if (n == NULL || !copy_config(n, config)) {
        code = odd_fail(err, ODDROW_ENOMEM, "out of memory for a network");
        goto done;
    }
    if (!lay_out(n)) {
        code = odd_fail(err, ODDROW_EINVAL, "the network has too many parameters");
        goto done;
    }
    n->parameters = odd_alloc(n->count, sizeof *n->parameters);
    if (n->parameters == NULL)
        code = odd_fail(err, ODDROW_ENOMEM, "out of memory for %zu parameters", n->count);
done:
    if (code)
        odd_network_free(&n);
    else
        *out = n;
    return code;
}

int odd_network_copy(const odd_network *n, odd_network **out, oddrow_error *err)
{
    int code = odd_network_new(&n->config, out, err);
    if (code == 0)
        memcpy((*out)->parameters, n->parameters, n->count * sizeof *n->parameters);
    return code;
}

/* He et al. 2015: the gain that keeps a layer's variance through the activation. */
static double gain_of(const odd_network_config *c)
{
    switch (c->activation) {
    case ODD_LEAKY_RELU:
        return sqrt(2 / (1 + (double)c->slope * (double)c->slope));
    case ODD_TANH:
        return 5.0 / 3;
    case ODD_LINEAR:
        return 1;
    default:
        return sqrt(2.0);
    }
}

void odd_network_init(odd_network *n, uint64_t seed)
{
    const size_t dense_end = n->dense + 2 * n->config.layers;
    const double gain = gain_of(&n->config);

    memset(n->parameters, 0, n->count * sizeof *n->parameters);
    for (size_t i = 0; i < n->tensor_count; i++) {
        const odd_tensor *t = n->tensors + i;
        float *w = n->parameters + t->offset;
        const double in = (double)t->cols;
        odd_random r;

        odd_random_start(&r, seed, i);
        if (i < n->config.C)
            for (size_t j = 0; j < t->rows * t->cols; j++)
                w[j] = (float)(odd_random_normal(&r) * (double)n->config.embedding_sd);
        else if (t->decay && i >= n->dense && i < dense_end)
            for (size_t j = 0; j < t->rows * t->cols; j++)
                w[j] = (float)(odd_random_normal(&r) * gain / sqrt(in));
        else if (t->decay)
            for (size_t j = 0; j < t->rows * t->cols; j++)
                w[j] = (float)((2 * odd_random_uniform(&r) - 1) / sqrt(in));
    }
}

void odd_network_free(odd_network **n)
{
    if (n == NULL || *n == NULL)
        return;
    odd_free((void *)(*n)->config.V);
    odd_free((void *)(*n)->config.E);
    odd_free((void *)(*n)->config.widths);
    odd_free((*n)->column_of); /* config.feature_column is the same */
    odd_free((*n)->first);
    odd_free((*n)->features);
    odd_free((*n)->tensors);
    odd_free((*n)->parameters);
    odd_free(*n);
    *n = NULL;
}

size_t odd_network_find(const odd_network *n, const char *name)
{
    for (size_t i = 0; i < n->tensor_count; i++)
        if (strcmp(n->tensors[i].name, name) == 0)
            return i;
    return ODD_NO_TENSOR;
}

float *odd_network_tensor(const odd_network *n, size_t i)
{
    return n->parameters + n->tensors[i].offset;
}

bool odd_network_finite(const odd_network *n, size_t *tensor)
{
    for (size_t i = 0; i < n->tensor_count; i++)
        for (size_t j = 0; j < n->tensors[i].rows * n->tensors[i].cols; j++)
            if (!isfinite(n->parameters[n->tensors[i].offset + j])) {
                if (tensor)
                    *tensor = i;
                return false;
            }
    return true;
}
