/* nn/network.c: the list of a network's layers, the layout and the initial values of parameters. */
#include "nn/network.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "math/kernels.h"
#include "nn/layer.h"

#define NAME(id, name, ...) name,
static const char *const activations[] = {ODD_ACTIVATION_LIST(NAME)};
static const char *const objectives[] = {ODD_OBJECTIVE_LIST(NAME)};
#define TRAITS(id, name, heads, supervised) {heads, supervised},
static const struct {
    bool heads, supervised;
} traits[] = {ODD_OBJECTIVE_LIST(TRAITS)};

static int find_name(const char *const *names, int count, const char *name)
{
    for (int i = 0; name && i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

const char *odd_activation_name(odd_activation activation)
{
    return (unsigned)activation < ODD_ACTIVATIONS ? activations[activation] : "?";
}

int odd_activation_find(const char *name)
{
    return find_name(activations, ODD_ACTIVATIONS, name);
}

const char *odd_objective_name(odd_objective objective)
{
    return (unsigned)objective < ODD_OBJECTIVES ? objectives[objective] : "?";
}

int odd_objective_find(const char *name)
{
    return find_name(objectives, ODD_OBJECTIVES, name);
}

bool odd_objective_supervised(odd_objective objective)
{
    return (unsigned)objective < ODD_OBJECTIVES && traits[objective].supervised;
}

odd_network_config odd_network_configured(const odd_network_options *o)
{
    static const size_t widths[] = {50, 32, 16, 4, 16, 32, 50}, supervised[] = {64, 32};
    odd_network_config config = ODD_NETWORK_CONFIG;
    const odd_sizes usual = odd_objective_supervised(o->objective) ? (odd_sizes){supervised, 2}
                                                                   : (odd_sizes){widths, 7};
    config.P = o->projection;
    config.activation = o->activation;
    config.objective = o->objective;
    config.widths = o->widths.count ? o->widths.items : usual.items;
    config.layers = o->widths.count ? o->widths.count : usual.count;
    return config;
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

/* ---- layers and their parameters ---- */

extern const odd_layer_ops odd_embedding_layer, odd_projection_layer, odd_dense_layer,
    odd_tied_layer, odd_numeric_layer, odd_output_layer; /* each in a file of its own */

static void push(odd_network *n, const odd_layer_ops *ops, size_t index, size_t in, size_t out)
{
    if (odd_grow(&n->layers, &n->layer_capacity, n->layer_count + 1, sizeof *n->layers, NULL))
        n->failed = true;
    else
        n->layers[n->layer_count] = (odd_layer){ops, n->layer_count, index, in, out, 0};
    n->layer_count += !n->failed;
}

static void list_layers(odd_network *n)
{
    const odd_network_config *c = &n->config;
    push(n, &odd_embedding_layer, 0, 0, 0);
    if (c->F > 0)
        push(n, &odd_projection_layer, 0, c->F + c->M, c->P);
    n->hidden = n->layer_count;
    for (size_t l = 0; l < c->layers; l++)
        push(n, &odd_dense_layer, l, l > 0 ? c->widths[l - 1] : n->X, c->widths[l]);
    n->top = n->layer_count;
    if (!n->heads)
        push(n, &odd_output_layer, 0, n->H, n->Y);
    if (n->heads)
        push(n, &odd_tied_layer, 0, 0, 0);
    if (n->heads && c->F > 0)
        push(n, &odd_numeric_layer, 0, n->H, c->F);
}

enum { MOST_BITS = 40 }; /* of the count of parameters */

void odd_network_add(odd_network *n, odd_tensor tensor, const char *name, ...)
{
    const size_t most = (size_t)1 << MOST_BITS;
    va_list arguments;
    if (odd_grow(&n->tensors, &n->tensor_capacity, n->tensor_count + 1, sizeof *n->tensors, NULL)) {
        n->failed = true;
        return;
    }
    va_start(arguments, name);
    vsnprintf(tensor.name, sizeof tensor.name, name, arguments);
    va_end(arguments);
    tensor.offset = n->count;
    n->tensors[n->tensor_count++] = tensor;
    if (n->count >= most || tensor.rows > most / tensor.cols) {
        n->count = most; /* too many, and it stays so */
        return;
    }
    n->weights += tensor.rows * tensor.cols;
    /* Kernels read up to 15 floats past a row's end, but never into a tensor that another thread
     * may be updating. */
    n->count += ODD_PADDED(tensor.rows * tensor.cols) + 16;
}

void odd_network_affine(odd_network *n, size_t out, size_t in, odd_start start, double gain,
                        const char *name, ...)
{
    const odd_tensor weight = {
        .rows = out, .cols = in, .decay = true, .start = start, .gain = gain, .fan = in};
    char group[30];
    va_list arguments;
    va_start(arguments, name);
    vsnprintf(group, sizeof group, name, arguments);
    va_end(arguments);
    odd_network_add(n, weight, "%s.weight", group);
    odd_network_add(n, (odd_tensor){.rows = out, .cols = 1}, "%s.bias", group);
}

static void list_tensors(odd_network *n)
{
    n->projection = n->dense = n->output = ODD_NO_TENSOR;
    for (size_t i = 0; i < n->layer_count; i++) {
        odd_layer *l = n->layers + i;
        l->tensor = n->tensor_count;
        if (l->ops == &odd_projection_layer)
            n->projection = l->tensor;
        if (i == n->hidden)
            n->dense = l->tensor;
        if (l->ops == &odd_output_layer)
            n->output = l->tensor;
        if (l->ops->tensors)
            l->ops->tensors(l, n);
        else
            odd_network_affine(n, l->out, l->in, ODD_UNIFORM, 1, "%s", l->ops->name);
    }
}

/* The next `count` of the network's sizes, copied from those given. */
static size_t *take(size_t **next, const size_t *from, size_t count)
{
    size_t *to = *next;
    *next += count;
    if (from && count > 0)
        memcpy(to, from, count * sizeof *to);
    return to;
}

/* The network's own copies of the config's arrays and the maps made from them. */
static bool copy_config(odd_network *n, const odd_network_config *config)
{
    odd_network_config *c = &n->config;
    size_t *next =
        odd_alloc(3 * config->C + 1 + config->layers + config->F + config->M, sizeof *next);
    n->sizes = next;
    if (!next)
        return false;
    *c = *config;
    if (c->F == 0)
        c->P = 0;
    c->V = take(&next, config->V, c->C);
    c->E = take(&next, config->E, c->C);
    c->widths = take(&next, config->widths, c->layers);
    c->feature_column = n->column_of = take(&next, config->feature_column, c->F);
    n->first = take(&next, NULL, c->C + 1);
    n->features = take(&next, NULL, c->M);
    for (size_t f = 0; f < c->F; f++) {
        if (config->feature_column == NULL)
            n->column_of[f] = f;
        n->features[n->column_of[f]]++;
    }
    for (size_t i = 0; i < c->C; i++)
        n->first[i + 1] = n->first[i] + c->E[i];
    n->X = n->widest = n->first[c->C] + c->P;
    for (size_t l = 0; l < c->layers; l++)
        n->widest = c->widths[l] > n->widest ? c->widths[l] : n->widest;
    n->H = c->widths[c->layers - 1];
    n->heads = traits[c->objective].heads;
    n->losses = odd_objective_supervised(c->objective) ? 1 : c->C + c->M;
    n->Y = n->heads ? 0 : odd_objective_supervised(c->objective) ? c->outputs : n->X;
    return true;
}

int odd_network_new(const odd_network_config *config, odd_network **out, oddrow_error *err)
{
    odd_network *n = NULL;
    int rc = check_config(config, err);
    if (rc)
        return rc;
    n = odd_alloc(1, sizeof *n);
    if (n && copy_config(n, config)) {
        list_layers(n);
        list_tensors(n);
        if (n->count >= (size_t)1 << MOST_BITS || (config->most && n->weights > config->most))
            rc = odd_fail(err, config->most ? ODDROW_EFORMAT : ODDROW_EINVAL,
                          "the network has too many parameters");
        else
            n->parameters = odd_alloc(n->count, sizeof *n->parameters);
    }
    if (!rc && (!n || n->failed || !n->parameters))
        rc = odd_no_memory(err);
    if (rc)
        odd_network_free(&n);
    else
        *out = n;
    return rc;
}

void odd_network_init(odd_network *n, uint64_t seed)
{
    memset(n->parameters, 0, n->count * sizeof *n->parameters);
    for (size_t i = 0; i < n->tensor_count; i++) {
        const odd_tensor *t = n->tensors + i;
        float *w = n->parameters + t->offset;
        odd_random r;
        odd_random_start(&r, seed, i);
        for (size_t j = 0; t->start != ODD_ZERO && j < t->rows * t->cols; j++) {
            const double draw =
                t->start == ODD_NORMAL ? odd_random_normal(&r) : 2 * odd_random_uniform(&r) - 1;
            w[j] = (float)(draw * t->gain / sqrt((double)t->fan));
        }
    }
}

void odd_network_free(odd_network **n)
{
    if (!n || !*n)
        return;
    odd_free((*n)->sizes);
    odd_free((*n)->layers);
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
