/* tests/nn/example.h: small networks and batches for the tests of the nn room. */
#ifndef ODD_TESTS_NN_EXAMPLE_H
#define ODD_TESTS_NN_EXAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "nn/forward.h"
#include "nn/network.h"
#include "nn/plain.h"
#include "nn/plan.h"
#include "nn/step.h"

enum { EXAMPLE_ROWS = 150, EXAMPLE_MOST = 512 };

/* A batch and the network it is for. */
typedef struct example {
    odd_network *network;
    odd_rows rows;
    float *weights;
} example;

/* Folded columns of 5 and 12 entries around a direct one of 300; a plain number and a timestamp of
 * seven features and another number. */
static const size_t example_V[3] = {5, 300, 12}, example_E[3] = {3, 3, 17};
static const size_t example_features[9] = {0, 1, 1, 1, 1, 1, 1, 1, 2};
static const size_t example_widths[3] = {9, 4, 6};

static inline odd_network_config example_config(void)
{
    odd_network_config c = ODD_NETWORK_CONFIG;
    c.C = 3;
    c.V = example_V;
    c.E = example_E;
    c.F = 9;
    c.M = 3;
    c.feature_column = example_features;
    c.P = 5;
    c.embedding_sd = 0.3f;
    c.layers = 3;
    c.widths = example_widths;
    return c;
}

static inline void example_make(example *e, const odd_network_config *config, size_t rows,
                                uint64_t seed)
{
    odd_random r;

    assert_int_equal(odd_network_new(config, &e->network, NULL), 0);
    odd_network_init(e->network, seed);
    odd_random_start(&r, seed, 1000);
    for (size_t t = 0; t < e->network->tensor_count; t++) { /* biases that are not 0 */
        const odd_tensor *tensor = e->network->tensors + t;
        for (size_t j = 0; j < tensor->rows && tensor->cols == 1; j++)
            e->network->parameters[tensor->offset + j] = (float)(0.2 * odd_random_normal(&r));
    }
    e->rows = (odd_rows){.count = rows,
                         .C = config->C,
                         .F = config->F,
                         .M = config->M,
                         .ids = calloc(rows * config->C + 1, sizeof(uint32_t)),
                         .values = calloc(rows * config->F + 1, sizeof(float)),
                         .missing = calloc(rows * config->M + 1, 1),
                         .targets = calloc(rows, sizeof(float))};
    e->weights = calloc(rows, sizeof *e->weights);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < config->C; j++)
            e->rows.ids[i * config->C + j] = (uint32_t)odd_random_below(&r, config->V[j]);
        for (size_t m = 0; m < config->M; m++)
            e->rows.missing[i * config->M + m] = odd_random_below(&r, 5) == 0;
        for (size_t f = 0; f < config->F; f++)
            if (!e->rows.missing[i * config->M + e->network->column_of[f]])
                e->rows.values[i * config->F + f] = (float)odd_random_normal(&r);
        e->weights[i] = (float)odd_random_uniform(&r);
        if (config->objective == ODD_CLASSIFY)
            e->rows.targets[i] = (float)odd_random_below(&r, config->outputs);
        if (config->objective == ODD_REGRESS)
            e->rows.targets[i] = (float)odd_random_normal(&r);
    }
}

static inline void example_free(example *e)
{
    odd_network_free(&e->network);
    free(e->rows.ids);
    free(e->rows.values);
    free(e->rows.missing);
    free(e->weights);
    free(e->rows.targets);
}

/* Whether training hides column j of a row: the draw that nn/embedding.c makes. */
static inline bool example_hidden(double mask, uint64_t seed, uint64_t number, size_t row, size_t j)
{
    uint64_t draw = odd_random_hash(seed, number, (uint64_t)row << 32 | j / 4) >> 16 * (j % 4);
    return (draw & 0xFFFF) < (uint32_t)(mask * 65536 + 0.5);
}

/* Dropout's factor of hidden unit j of layer l */
static inline double example_keep(double dropout, uint64_t seed, uint64_t number, size_t row,
                                  size_t l, size_t j)
{
    const unsigned bound = (unsigned)(dropout * 65536 + 0.5);
    uint64_t draw =
        odd_random_hash(seed ^ 0x64726F706F757400u, number, (uint64_t)row << 32 | l << 20 | j / 4);
    return (draw >> j % 4 * 16 & 0xFFFF) < bound ? 0 : 1 / (1 - bound / 65536.0);
}

/* Losses of every row under the parameters of `plain`, masks and dropout as in training. target_x
 * (rows, X): NULL, or what embedding-mse aims at; x (rows, X) out, may be NULL. */
static inline void example_losses(const example *e, odd_plain *plain, const odd_step_options *o,
                                  uint64_t seed, uint64_t number, const double *target_x, double *x,
                                  double *losses)
{
    const odd_network *n = e->network;
    const odd_network_config *c = &n->config;
    double keep[EXAMPLE_MOST];

    for (size_t i = 0; i < e->rows.count; i++) {
        size_t at = 0;
        odd_plain_load(plain, &e->rows, i, ODD_NO_COLUMN);
        for (size_t j = 0; j < c->C; j++)
            if (example_hidden(o->mask, seed, number, i, j))
                plain->input_ids[j] = 0;
        for (size_t m = 0; m < c->M; m++)
            if (example_hidden(o->mask, seed, number, i, c->C + m))
                plain->u[c->F + m] = 1;
        for (size_t f = 0; f < c->F; f++)
            if (example_hidden(o->mask, seed, number, i, c->C + n->column_of[f]))
                plain->u[f] = 0;
        for (size_t l = 0; l < c->layers; l++)
            for (size_t j = 0; j < c->widths[l]; j++)
                keep[at++] = o->dropout > 0 ? example_keep(o->dropout, seed, number, i, l, j) : 1;
        plain->keep = keep;
        plain->target_x = target_x ? target_x + i * n->X : NULL;
        losses[i] = odd_plain_run(plain);
        if (x)
            memcpy(x + i * n->X, plain->x, n->X * sizeof *x);
    }
}

#endif
