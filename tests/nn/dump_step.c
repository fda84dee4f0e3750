/* tests/nn/dump_step.c: writes one training step to files, for python/torch_check.py to recompute.
 *
 * usage: oddrow_dump_step DIRECTORY OBJECTIVE ACTIVATION
 * DIRECTORY (made by the caller) gets step.json (shapes, options, tensors, loss) and raw
 * little-endian arrays: ids.bin u32 (B, C), values.bin f32 (B, F), missing.bin u8 (B, M),
 * weights.bin, targets.bin f32 (B), before.bin, gradient.bin, after.bin f32 (parameters, flat),
 * column_losses.bin f32 (B, losses), row_losses.bin f32 (B).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "nn/forward.h"
#include "nn/step.h"

enum { B = 150, C = 3, F = 9, M = 3, COLUMNS = C + M };

static const size_t V[C] = {5, 300, 12}, E[C] = {3, 3, 17};
static const size_t feature_column[F] = {0, 1, 1, 1, 1, 1, 1, 1, 2};
static const size_t widths[3] = {20, 8, 16};
static const double rate = 1e-2, weight_decay = 0.01;

static int write_file(const char *directory, const char *name, const void *data, size_t size)
{
    char path[1000];
    FILE *f;
    size_t written;

    snprintf(path, sizeof path, "%s/%s.bin", directory, name);
    f = fopen(path, "wb");
    if (f == NULL)
        return -1;
    written = fwrite(data, 1, size, f);
    return fclose(f) == 0 && written == size ? 0 : -1;
}

static void write_sizes(FILE *f, const char *name, const size_t *x, size_t n)
{
    fprintf(f, "\"%s\": [", name);
    for (size_t i = 0; i < n; i++)
        fprintf(f, "%s%zu", i ? ", " : "", x[i]);
    fprintf(f, "],\n");
}

static int write_json(const char *directory, const odd_network *n, const odd_step_result *result)
{
    const odd_step_options o = ODD_STEP_OPTIONS;
    char path[1000];
    FILE *f;

    snprintf(path, sizeof path, "%s/step.json", directory);
    f = fopen(path, "w");
    if (f == NULL)
        return -1;
    fprintf(f, "{\"B\": %d, \"C\": %d, \"F\": %d, \"M\": %d, \"P\": %zu, \"X\": %zu,\n", B, C, F, M,
            n->config.P, n->X);
    write_sizes(f, "V", V, C);
    write_sizes(f, "E", E, C);
    write_sizes(f, "feature_column", feature_column, F);
    write_sizes(f, "widths", n->config.widths, n->config.layers);
    fprintf(f, "\"objective\": \"%s\", \"activation\": \"%s\", \"slope\": %.9g,\n",
            odd_objective_name(n->config.objective), odd_activation_name(n->config.activation),
            (double)n->config.slope);
    fprintf(f, "\"rate\": %.17g, \"weight_decay\": %.17g, \"beta1\": %.17g, \"beta2\": %.17g,\n",
            rate, weight_decay, o.beta1, o.beta2);
    fprintf(f, "\"epsilon\": %.17g, \"loss\": %.17g, \"mse\": %.17g, \"mape\": %.17g,\n", o.epsilon,
            result->loss, result->mse, result->mape);
    fprintf(f, "\"tensors\": [\n");
    for (size_t i = 0; i < n->tensor_count; i++)
        fprintf(f,
                "  {\"name\": \"%s\", \"rows\": %zu, \"cols\": %zu, \"offset\": %zu, "
                "\"decay\": %s}%s\n",
                n->tensors[i].name, n->tensors[i].rows, n->tensors[i].cols, n->tensors[i].offset,
                n->tensors[i].decay ? "true" : "false", i + 1 < n->tensor_count ? "," : "");
    fprintf(f, "]}\n");
    return fclose(f);
}

typedef struct data {
    uint32_t ids[B * C];
    float values[B * F], weights[B], targets[B], column_losses[B * COLUMNS], row_losses[B];
    uint8_t missing[B * M];
} data;

/* Random rows, and biases that are not 0 */
static void fill(data *d, odd_network *n)
{
    odd_random r;

    odd_network_init(n, 5);
    odd_random_start(&r, 5, 1000);
    for (size_t t = 0; t < n->tensor_count; t++)
        for (size_t j = 0; j < n->tensors[t].rows && n->tensors[t].cols == 1; j++)
            n->parameters[n->tensors[t].offset + j] = (float)(0.2 * odd_random_normal(&r));
    for (size_t i = 0; i < B; i++) {
        for (size_t j = 0; j < C; j++)
            d->ids[i * C + j] = (uint32_t)odd_random_below(&r, V[j]);
        for (size_t m = 0; m < M; m++)
            d->missing[i * M + m] = odd_random_below(&r, 5) == 0;
        for (size_t f = 0; f < F; f++)
            if (!d->missing[i * M + feature_column[f]])
                d->values[i * F + f] = (float)odd_random_normal(&r);
        d->weights[i] = (float)odd_random_uniform(&r);
        d->targets[i] = n->config.objective == ODD_CLASSIFY ? (float)odd_random_below(&r, n->Y)
                                                            : (float)odd_random_normal(&r);
    }
}

static int dump(const char *directory, odd_network *n, data *d, oddrow_error *err)
{
    odd_step_options o = ODD_STEP_OPTIONS;
    const odd_rows rows = {.count = B,
                           .C = C,
                           .F = F,
                           .M = M,
                           .ids = d->ids,
                           .values = d->values,
                           .missing = d->missing,
                           .targets = d->targets};
    const bool supervised = odd_objective_supervised(n->config.objective);
    const size_t size = n->count * sizeof(float);
    odd_step *step = NULL;
    odd_folded *folded = NULL;
    odd_forward *forward = NULL;
    odd_step_result result;
    int rc;

    o.weight_decay = weight_decay;
    rc = odd_folded_new(n, &folded, err);
    if (rc == 0)
        rc = odd_forward_new(folded, &forward, err);
    if (rc == 0)
        rc = odd_step_new(n, B, NULL, &o, &step, err);
    if (rc)
        goto done;
    odd_forward_run(forward, &rows, ODD_NO_COLUMN,
                    &(odd_forward_out){.column_losses = supervised ? NULL : d->column_losses,
                                       .row_losses = d->row_losses});
    if (supervised)
        memcpy(d->column_losses, d->row_losses, sizeof d->row_losses);
    rc = write_file(directory, "before", n->parameters, size);
    if (rc == 0)
        rc = odd_step_run(step, &rows, d->weights, rate, 1, 1, &result, err);
    if (rc == 0 && (write_file(directory, "gradient", odd_step_state_of(step).gradient, size) ||
                    write_file(directory, "after", n->parameters, size) ||
                    write_file(directory, "ids", d->ids, sizeof d->ids) ||
                    write_file(directory, "values", d->values, sizeof d->values) ||
                    write_file(directory, "missing", d->missing, sizeof d->missing) ||
                    write_file(directory, "weights", d->weights, sizeof d->weights) ||
                    write_file(directory, "targets", d->targets, sizeof d->targets) ||
                    write_file(directory, "column_losses", d->column_losses,
                               B * n->losses * sizeof *d->column_losses) ||
                    write_file(directory, "row_losses", d->row_losses, sizeof d->row_losses) ||
                    write_json(directory, n, &result)))
        rc = ODDROW_EIO;
done:
    odd_step_free(&step);
    odd_forward_free(&forward);
    odd_folded_free(&folded);
    return rc;
}

int main(int argc, char **argv)
{
    static data d;
    odd_network_config c = ODD_NETWORK_CONFIG;
    odd_network *n = NULL;
    oddrow_error err = {0};
    int rc, objective = argc == 4 ? odd_objective_find(argv[2]) : -1,
            activation = argc == 4 ? odd_activation_find(argv[3]) : -1;

    if (objective < 0 || activation < 0) {
        fprintf(stderr, "usage: oddrow_dump_step DIRECTORY OBJECTIVE ACTIVATION\n");
        return 2;
    }
    c.C = C;
    c.V = V;
    c.E = E;
    c.F = F;
    c.M = M;
    c.feature_column = feature_column;
    c.layers = 3;
    c.widths = widths;
    c.objective = (odd_objective)objective;
    c.outputs = c.objective == ODD_CLASSIFY ? 4 : 1;
    c.activation = (odd_activation)activation;
    c.slope = 0.1f;
    c.embedding_sd = 0.3f;
    rc = odd_network_new(&c, &n, &err);
    if (rc == 0) {
        fill(&d, n);
        rc = dump(argv[1], n, &d, &err);
    }
    odd_network_free(&n);
    if (rc)
        fprintf(stderr, "oddrow_dump_step: %s\n", *err.message ? err.message : "cannot write");
    return rc ? 1 : 0;
}
