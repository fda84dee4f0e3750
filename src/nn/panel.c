/* nn/panel.c: a panel's memory, its input and its forward pass. */
#include "nn/panel.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "nn/forward.h"

enum { N = ODD_PANEL };

static float *carve(float *memory, size_t *used, size_t count)
{
    float *at = memory ? memory + *used : NULL;
    *used += ODD_PADDED(count);
    return at;
}

static size_t carve_all(odd_panel *p)
{
    const odd_fold *f = p->fold;
    const odd_network *n = f->network;
    const odd_network_config *c = &n->config;
    const size_t inputs = c->F + c->M;
    size_t used = 0, widest = n->X > inputs ? n->X : inputs;

    p->u = carve(p->memory, &used, inputs * N);
    p->target = carve(p->memory, &used, c->F * N);
    p->there = carve(p->memory, &used, c->M * N);
    p->x = carve(p->memory, &used, n->X * N);
    p->gathered = carve(p->memory, &used, f->folded ? N * f->table_stride : 0);
    for (size_t l = 0; l < c->layers; l++) {
        p->y[l] = carve(p->memory, &used, c->widths[l] * N);
        p->d[l] = p->training ? carve(p->memory, &used, c->widths[l] * N) : NULL;
        widest = c->widths[l] > widest ? c->widths[l] : widest;
    }
    p->query = carve(p->memory, &used, f->direct_logits ? n->X * N : 0);
    p->logits = carve(p->memory, &used, f->heads * N);
    if (!p->training)
        p->direct_logits = carve(p->memory, &used, f->direct_most * N);
    p->targets = carve(p->memory, &used, N);
    p->out = carve(p->memory, &used, n->Y * N);
    p->losses = carve(p->memory, &used, n->losses * N);
    p->row_losses = carve(p->memory, &used, N);
    if (p->training) {
        p->u_rows = carve(p->memory, &used, N * ODD_PADDED(inputs));
        p->dy = carve(p->memory, &used, widest * N);
        p->dx = carve(p->memory, &used, widest * N);
        p->y_rows = carve(p->memory, &used, N * ODD_PADDED(widest));
    }
    p->x_rows = carve(p->memory, &used, N * ODD_PADDED(n->X));
    return used + 16;
}

int odd_panel_new(const odd_fold *fold, bool training, odd_panel **out, oddrow_error *err)
{
    const odd_network_config *c = &fold->network->config;
    odd_panel *p = odd_alloc(1, sizeof *p);

    if (p == NULL)
        goto memory;
    p->fold = fold;
    p->training = training;
    p->slot = odd_alloc(c->C, sizeof *p->slot);
    p->ids = odd_alloc(N * c->C, sizeof *p->ids);
    p->input_ids = odd_alloc(N * c->C, sizeof *p->input_ids);
    p->folded_ids = odd_alloc(N * fold->folded, sizeof *p->folded_ids);
    p->hidden = odd_alloc(N * (c->C + c->M), 1);
    p->classes = odd_alloc(N, sizeof *p->classes);
    p->y = odd_alloc(c->layers, sizeof *p->y);
    p->d = odd_alloc(c->layers, sizeof *p->d);
    if (!p->slot || !p->ids || !p->input_ids || !p->folded_ids || !p->hidden || !p->classes ||
        !p->y || !p->d)
        goto memory;
    for (size_t i = 0; i < c->C; i++)
        if (!fold->columns[i].folded) {
            p->slot[i] = p->x_stride;
            p->x_stride += ODD_PADDED(c->E[i]);
        }
    p->bytes = carve_all(p) * sizeof *p->memory;
    p->memory = odd_alloc(p->bytes, 1);
    if (p->memory == NULL)
        goto memory;
    carve_all(p);
    *out = p;
    return 0;
memory:
    odd_panel_free(&p);
    return odd_fail(err, ODDROW_ENOMEM, "out of memory for a panel of activations");
}

void odd_panel_free(odd_panel **p)
{
    if (p == NULL || *p == NULL)
        return;
    odd_free((*p)->slot);
    odd_free((*p)->ids);
    odd_free((*p)->input_ids);
    odd_free((*p)->folded_ids);
    odd_free((*p)->hidden);
    odd_free((*p)->classes);
    odd_free((*p)->y);
    odd_free((*p)->d);
    odd_free((*p)->memory);
    odd_free(*p);
    *p = NULL;
}

/* Which columns of each row are hidden at the input: with training's mask a draw that depends on
 * nothing but seed, step, row and column (a hash serves four columns, 16 bits each), or the one
 * column that scoring asks for. */
static void hide(odd_panel *p, const odd_panel_input *in)
{
    const odd_network_config *c = &p->fold->network->config;
    const size_t columns = c->C + c->M, rows = in->rows.count;
    const uint32_t bound = (uint32_t)(in->mask * 65536 + 0.5);

    p->hides = in->mask > 0 || in->masked_column != ODD_NO_COLUMN;
    for (size_t r = 0; r < rows && p->hides; r++) {
        uint8_t *hidden = p->hidden + r * columns;
        const int masked =
            in->masked_column == ODD_OWN_COLUMN ? (int)(in->first_row + r) : in->masked_column;
        for (size_t j = 0; j < columns; j += 4) {
            uint64_t place = (uint64_t)(in->first_row + r) << 32 | j / 4;
            uint64_t draw = bound ? odd_random_hash(in->seed, in->number, place) : 0;
            for (size_t i = j; i < columns && i < j + 4; i++, draw >>= 16)
                hidden[i] = (draw & 0xFFFF) < bound || masked == (int)i;
        }
    }
}

static void load_ids(odd_panel *p, const odd_rows *rows)
{
    const odd_network_config *c = &p->fold->network->config;
    const size_t C = c->C, folded = p->fold->folded;

    for (size_t r = 0; r < p->lanes; r++) {
        uint32_t *ids = p->ids + r * C, *input = p->input_ids + r * C;
        for (size_t i = 0; i < C; i++) {
            uint32_t id = r < rows->count ? rows->ids[r * C + i] : 0;
            input[i] = ids[i] = id < c->V[i] ? id : 0;
        }
        const uint8_t *hidden = p->hidden + r * (C + c->M);
        for (size_t i = 0; i < C && p->hides && r < rows->count; i++)
            input[i] = hidden[i] ? 0 : input[i];
        for (size_t i = 0; i < folded; i++)
            p->folded_ids[r * folded + i] = input[p->fold->order[i]];
    }
}

static void load_numbers(odd_panel *p, const odd_rows *rows)
{
    const odd_network *n = p->fold->network;
    const size_t C = n->config.C, F = n->config.F, M = n->config.M;

    for (size_t f = 0; f < F; f++)
        for (size_t r = 0; r < p->lanes; r++)
            p->u[f * N + r] = p->target[f * N + r] = r < rows->count ? rows->values[r * F + f] : 0;
    for (size_t m = 0; m < M; m++)
        for (size_t r = 0; r < p->lanes; r++) {
            bool missing = r < rows->count && rows->missing && rows->missing[r * M + m];
            p->u[(F + m) * N + r] = missing;
            p->there[m * N + r] = r < rows->count && !missing;
        }
    for (size_t r = 0; r < rows->count && p->hides; r++) {
        const uint8_t *hidden = p->hidden + r * (C + M) + C;
        for (size_t m = 0; m < M; m++)
            if (hidden[m])
                p->u[(F + m) * N + r] = 1;
        for (size_t f = 0; f < F; f++)
            if (hidden[n->column_of[f]])
                p->u[f * N + r] = 0;
    }
}

/* Targets of a supervised network; a class beyond them counts as the first. */
static void load_targets(odd_panel *p, const odd_rows *rows)
{
    const odd_network *n = p->fold->network;

    for (size_t r = 0; r < p->lanes; r++) {
        const float t = rows->targets && r < rows->count ? rows->targets[r] : 0;
        p->targets[r] = t;
        p->classes[r] = t > 0 && t < (float)n->Y ? (uint32_t)t : 0;
    }
}

/* x of the direct columns and of the projection:
 * x[slice i] = E_i[id_i],  x[slice C] = W_p u + b_p */
static void load_x(odd_panel *p)
{
    const odd_network *n = p->fold->network;
    const odd_kernels *k = p->fold->kernels;
    const size_t C = n->config.C, inputs = n->config.F + n->config.M, stride = ODD_PADDED(n->X);

    for (size_t i = 0; i < C; i++) {
        const size_t E = n->config.E[i], first = n->first[i];
        if (p->fold->columns[i].folded)
            continue;
        for (size_t r = 0; r < p->lanes; r++)
            memcpy(p->x_rows + r * stride + first,
                   odd_network_tensor(n, i) + p->input_ids[r * C + i] * E, E * sizeof(float));
        k->transpose(p->x + first * N, N, p->x_rows + first, stride, p->lanes, E);
    }
    if (n->config.P == 0)
        return;
    k->multiply(p->x + n->first[C] * N, N, odd_network_tensor(n, n->projection), inputs, p->u, N,
                odd_network_tensor(n, n->projection + 1), false, n->config.P, p->lanes, inputs);
    if (p->training)
        k->transpose(p->x_rows + n->first[C], stride, p->x + n->first[C] * N, N, n->config.P, N);
}

void odd_panel_load(odd_panel *p, const odd_panel_input *in)
{
    p->rows = in->rows.count;
    p->lanes = p->training ? N : ODD_PADDED(in->rows.count);
    hide(p, in);
    load_ids(p, &in->rows);
    load_numbers(p, &in->rows);
    if (odd_objective_supervised(p->fold->network->config.objective))
        load_targets(p, &in->rows);
    load_x(p);
}

/* Multiplies hidden layer l, and its derivative, by 0 or 1 / (1 - dropout). A hash serves four
 * units, 16 bits each. */
static void drop(odd_panel *p, const odd_panel_input *in, size_t l)
{
    const size_t width = p->fold->network->config.widths[l];
    const uint32_t bound = (uint32_t)(in->dropout * 65536 + 0.5);
    const float keep = (float)(1 / (1 - bound / 65536.0));
    const uint64_t seed = in->seed ^ 0x64726F706F757400u; /* apart from the masks' draws */

    for (size_t r = 0; r < in->rows.count; r++)
        for (size_t j = 0; j < width; j += 4) {
            uint64_t place = (uint64_t)(in->first_row + r) << 32 | l << 20 | j / 4;
            uint64_t draw = odd_random_hash(seed, in->number, place);
            for (size_t i = j; i < width && i < j + 4; i++, draw >>= 16) {
                float factor = (draw & 0xFFFF) < bound ? 0 : keep;
                p->y[l][i * N + r] *= factor;
                p->d[l][i * N + r] *= factor;
            }
        }
}

/* h_l = f(W_l h_{l-1} + b_l); layer 1 = sum of T_i[id_i] over folded columns + W_1[:, runs] x */
static void forward_body(odd_panel *p, const odd_panel_input *in)
{
    const odd_fold *f = p->fold;
    const odd_network *n = f->network;
    const odd_kernels *k = f->kernels;
    const size_t *widths = n->config.widths;

    for (size_t l = 0; l < n->config.layers; l++) {
        const float *weight = odd_network_tensor(n, n->dense + 2 * l),
                    *bias = odd_network_tensor(n, n->dense + 2 * l + 1);
        if (l > 0)
            k->multiply(p->y[l], N, weight, widths[l - 1], p->y[l - 1], N, bias, false, widths[l],
                        p->lanes, widths[l - 1]);
        else if (f->folded) {
            k->gather_add(p->gathered, f->table_stride, bias, f->tables, f->folded, f->table_stride,
                          p->folded_ids, f->folded, p->lanes, f->table_stride);
            k->transpose(p->y[0], N, p->gathered, f->table_stride, p->lanes, widths[0]);
        }
        for (size_t r = 0; r < f->run_count && l == 0; r++)
            k->multiply(p->y[0], N, weight + f->runs[r].first, n->X, p->x + f->runs[r].first * N, N,
                        bias, f->folded > 0 || r > 0, widths[0], p->lanes, f->runs[r].width);
        k->activate(f->curve, f->slope, p->y[l], p->d[l], widths[l] * N);
        if (p->training && in->dropout > 0)
            drop(p, in, l);
    }
}

/* logits of column i; of a direct one they are computed here: query = W_i h + b_i (E, N), E_i query
 * + beta_i (V, N) */
float *odd_panel_logits(odd_panel *p, size_t i)
{
    if (p->fold->columns[i].folded)
        return p->logits + p->fold->columns[i].row * N;

    const odd_network *n = p->fold->network;
    const odd_kernels *k = p->fold->kernels;
    const size_t E = n->config.E[i], V = n->config.V[i], head = n->head + 3 * i;
    float *query = p->query + n->first[i] * N;
    float *logits = p->direct_logits + (p->training ? p->fold->columns[i].logits * N : 0);

    k->multiply(query, N, odd_network_tensor(n, head), n->H, p->y[n->config.layers - 1], N,
                odd_network_tensor(n, head + 1), false, E, p->lanes, n->H);
    k->multiply(logits, N, odd_network_tensor(n, i), E, query, N, odd_network_tensor(n, head + 2),
                false, V, p->lanes, E);
    return logits;
}

/* Squared errors of the numeric head, averaged over a column's features; the metrics in passing. */
static void numeric_losses(odd_panel *p)
{
    const odd_network *n = p->fold->network;
    const size_t C = n->config.C;

    if (n->config.M > 0)
        memset(p->losses + C * N, 0, n->config.M * N * sizeof(float));
    for (size_t f = 0; f < n->config.F; f++) {
        const size_t m = n->column_of[f];
        const float *there = p->there + m * N, *target = p->target + f * N,
                    *y = p->logits + (p->fold->rows + f) * N, share = 1.0f / (float)n->features[m];
        float *losses = p->losses + (C + m) * N;
        for (size_t r = 0; r < p->lanes; r++) {
            float e = y[r] - target[r];
            losses[r] += there[r] > 0 ? e * e * share : 0;
        }
        if (!p->training)
            continue;
        for (size_t r = 0; r < p->rows; r++) {
            double e = fabs((double)y[r] - (double)target[r]) * (double)there[r];
            p->squared += e * e;
            p->percent += e / fmax(fabs((double)target[r]), 1e-7);
            p->measured += there[r] > 0;
        }
    }
}

static void row_objective(odd_panel *p)
{
    const odd_fold *f = p->fold;
    const odd_network *n = f->network;
    const size_t C = n->config.C, columns = C + n->config.M;
    const float share = 1.0f / (float)columns;

    f->kernels->multiply(p->logits, N, f->head, f->head_stride, p->y[n->config.layers - 1], N,
                         f->bias, false, f->heads, p->lanes, n->H);
    for (size_t i = 0; i < C; i++) {
        float *l = odd_panel_logits(p, i);
        if (p->training)
            f->kernels->softmax(p->losses + i * N, l, N, p->ids + i, C, n->config.V[i], N);
        else
            f->kernels->softmax_loss(p->losses + i * N, l, N, p->ids + i, C, n->config.V[i],
                                     p->lanes);
    }
    numeric_losses(p);
    memset(p->row_losses, 0, N * sizeof(float));
    for (size_t j = 0; j < columns; j++)
        for (size_t r = 0; r < p->lanes; r++)
            p->row_losses[r] += p->losses[j * N + r];
    for (size_t r = 0; r < p->lanes; r++)
        p->row_losses[r] *= share;
}

/* y = W_o h + b_o (X, N); losses are means of (y - x)^2 over slices, the row's over all of x */
static void embedding_objective(odd_panel *p)
{
    const odd_network *n = p->fold->network;
    const size_t C = n->config.C;

    p->fold->kernels->multiply(p->out, N, odd_network_tensor(n, n->output), n->H,
                               p->y[n->config.layers - 1], N, odd_network_tensor(n, n->output + 1),
                               false, n->X, p->lanes, n->H);
    memset(p->row_losses, 0, N * sizeof(float));
    for (size_t i = 0; i <= C && n->first[i] < n->X; i++) { /* slice C: the projection's */
        const size_t end = i < C ? n->first[i + 1] : n->X;
        const float share = 1.0f / (float)(end - n->first[i]);
        float *losses = p->losses + i * N;
        memset(losses, 0, N * sizeof(float));
        for (size_t j = n->first[i]; j < end; j++)
            for (size_t r = 0; r < p->lanes; r++) {
                float e = p->out[j * N + r] - p->x[j * N + r];
                losses[r] += e * e;
            }
        for (size_t r = 0; r < p->lanes; r++) {
            p->row_losses[r] += losses[r] * (1.0f / (float)n->X);
            losses[r] *= share;
        }
    }
    for (size_t m = 1; m < n->config.M; m++)
        memcpy(p->losses + (C + m) * N, p->losses + C * N, N * sizeof(float));
    for (size_t j = 0; j < n->X && p->training; j++)
        for (size_t r = 0; r < p->rows; r++) {
            double t = (double)p->x[j * N + r], e = fabs((double)p->out[j * N + r] - t);
            p->squared += e * e;
            p->percent += e / fmax(fabs(t), 1e-7);
            p->measured++;
        }
}

/* y = W_o h + b_o (Y, N), for classify turned into probabilities; the row's loss against t */
static void supervised_objective(odd_panel *p)
{
    const odd_network *n = p->fold->network;
    const odd_kernels *k = p->fold->kernels;

    k->multiply(p->out, N, odd_network_tensor(n, n->output), n->H, p->y[n->config.layers - 1], N,
                odd_network_tensor(n, n->output + 1), false, n->Y, p->lanes, n->H);
    if (n->config.objective == ODD_CLASSIFY)
        k->softmax(p->losses, p->out, N, p->classes, 1, n->Y, p->lanes);
    for (size_t r = 0; r < p->lanes && n->config.objective == ODD_REGRESS; r++) {
        float e = p->out[r] - p->targets[r];
        p->losses[r] = e * e;
    }
    memcpy(p->row_losses, p->losses, N * sizeof(float));
}

void odd_panel_forward(odd_panel *p, const odd_panel_input *in)
{
    p->squared = p->percent = 0;
    p->measured = 0;
    forward_body(p, in);
    if (p->fold->network->config.objective == ODD_ROW)
        row_objective(p);
    else if (p->fold->network->config.objective == ODD_EMBEDDING_MSE)
        embedding_objective(p);
    else
        supervised_objective(p);
}

void odd_panel_expect(odd_panel *p, const odd_rows *rows, const float *h)
{
    const odd_network *n = p->fold->network;

    p->rows = rows->count;
    p->lanes = ODD_PADDED(rows->count);
    p->hides = false;
    load_ids(p, rows);
    load_numbers(p, rows);
    p->fold->kernels->transpose(p->y[n->config.layers - 1], N, h, n->H, rows->count, n->H);
    row_objective(p);
}
