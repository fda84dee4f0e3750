/* score/forest.c: the measure of an isolation forest: it is grown, read from a file and applied. */
#include "score/forest.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "score/verdict.h"

enum { TREES = 128, SAMPLE = 256, STREAM = 0xf043 };

/* ---- a forest ---- */

int odd_forest_new(size_t trees, size_t nodes, size_t sample, odd_forest **out, oddrow_error *err)
{
    odd_forest *forest = odd_alloc(1, sizeof *forest);
    *out = forest;
    if (!forest)
        return odd_no_memory(err);
    forest->trees = trees;
    forest->nodes = nodes;
    forest->sample = sample;
    forest->node = odd_alloc(nodes * ODD_FOREST_NODE, sizeof(float));
    if (forest->node)
        return 0;
    odd_forest_free(out);
    return odd_no_memory(err);
}

void odd_forest_free(odd_forest **forest)
{
    if (!forest || !*forest)
        return;
    odd_free((*forest)->node);
    odd_free(*forest);
    *forest = NULL;
}

/* Length of an unsuccessful search among n points, 2 H(n - 1) - 2 (n - 1) / n. */
static double path_of(size_t n)
{
    double harmonic = 0;
    for (size_t i = 1; i < n; i++)
        harmonic += 1 / (double)i;
    return n < 2 ? 0 : 2 * harmonic - 2 * ((double)n - 1) / (double)n;
}

/* Of a node that is no leaf; ids (C), values (F) of one row. */
static bool goes_left(const float *node, size_t C, const uint32_t *ids, const float *values)
{
    size_t feature = (size_t)node[0];
    return feature < C ? ids[feature] != (uint32_t)node[1] : values[feature - C] <= node[1];
}

float odd_forest_score(const odd_forest *forest, size_t C, const uint32_t *ids, const float *values)
{
    double path = 0, usual = path_of(forest->sample);
    for (size_t t = 0; t < forest->trees; t++) {
        const float *node = forest->node + t * ODD_FOREST_NODE;
        while (node[0] >= 0)
            node = forest->node +
                   (size_t)node[goes_left(node, C, ids, values) ? 2 : 3] * ODD_FOREST_NODE;
        path += (double)node[1];
    }
    return (float)exp2(-path / (double)forest->trees / (usual > 0 ? usual : 1));
}

int odd_forest_check(const odd_forest *forest, size_t C, size_t F, oddrow_error *err)
{
    for (size_t i = 0; i < forest->nodes; i++) {
        const float *node = forest->node + i * ODD_FOREST_NODE;
        if (node[0] < 0)
            continue;
        float least = (float)i + 1, most = (float)forest->nodes;
        if (!(node[0] < (float)(C + F)) || !(node[2] >= least && node[2] < most) ||
            !(node[3] >= least && node[3] < most) || (node[0] < (float)C && !(node[1] >= 0)) ||
            (node[0] < (float)C && node[1] > 16777216.0f))
            return odd_fail(err, ODDROW_EFORMAT, "node %zu of the forest leads nowhere", i);
    }
    return 0;
}

/* ---- fit: each tree cuts a sample of its own at random places: a category against all others, or
 * a number at a point drawn evenly in the column's own units, every category and every number with
 * a spread being equally likely; as deep as log2 of the sample ---- */

typedef struct growing {
    const odd_rows *rows;
    const odd_scaler **scaler; /* (F) of features with units of their own, else NULL */
    odd_forest *forest;
    odd_random random;
    size_t used; /* nodes so far */
    size_t deepest;
    uint32_t *sample;  /* the tree's rows, those of a node side by side */
    uint32_t *present; /* scratch: distinct ids of a node in one column */
} growing;

/* Distinct ids of `count` rows in a categorical column, into g->present. */
static size_t distinct_ids(const growing *g, const uint32_t *rows, size_t count, size_t column)
{
    size_t distinct = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t id = g->rows->ids[rows[i] * g->rows->C + column];
        size_t at = 0;
        while (at < distinct && g->present[at] != id)
            at++;
        if (at == distinct)
            g->present[distinct++] = id;
    }
    return distinct;
}

static void range_of(const growing *g, const uint32_t *rows, size_t count, size_t feature,
                     float *low, float *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        float z = g->rows->values[rows[i] * g->rows->F + feature];
        *low = z < *low ? z : *low;
        *high = z > *high ? z : *high;
    }
}

/* Draws one of all possible cuts, each equally likely (reservoir of one), into a node's feature and
 * split; false: the rows are all alike. */
static bool draw_cut(growing *g, const uint32_t *rows, size_t count, float *node)
{
    uint64_t choices = 0;
    for (size_t c = 0; c < g->rows->C; c++) {
        size_t distinct = distinct_ids(g, rows, count, c);
        for (size_t i = 0; distinct > 1 && i < distinct; i++)
            if (odd_random_below(&g->random, ++choices) == 0) {
                node[0] = (float)c;
                node[1] = (float)g->present[i];
            }
    }
    for (size_t f = 0; f < g->rows->F; f++) {
        const odd_scaler *scaler = g->scaler[f];
        float low, high;
        range_of(g, rows, count, f, &low, &high);
        if (!(high > low) || odd_random_below(&g->random, ++choices) != 0)
            continue;
        double a = scaler ? odd_scaler_invert(scaler, low) : (double)low;
        double b = scaler ? odd_scaler_invert(scaler, high) : (double)high;
        double at = a + (b - a) * odd_random_uniform(&g->random);
        float z = scaler ? odd_scaler_apply(scaler, at) : (float)at;
        node[0] = (float)(g->rows->C + f);
        node[1] = z >= low && z < high ? z : low;
    }
    return choices > 0;
}

/* Fills node `at` and grows what is below it; depth is at most log2 of the sample. */
static void grow(growing *g, size_t at, uint32_t *rows, size_t count, size_t depth)
{
    float *node = g->forest->node + at * ODD_FOREST_NODE;
    const odd_rows *r = g->rows;
    size_t left = 0;
    if (count < 2 || depth == g->deepest || !draw_cut(g, rows, count, node)) {
        node[0] = -1;
        node[1] = (float)((double)depth + path_of(count));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t row = rows[i];
        if (goes_left(node, r->C, r->ids + row * r->C, r->values + row * r->F)) {
            rows[i] = rows[left];
            rows[left++] = row;
        }
    }
    node[2] = (float)g->used++;
    node[3] = (float)g->used++;
    grow(g, (size_t)node[2], rows, left, depth + 1);
    grow(g, (size_t)node[3], rows + left, count - left, depth + 1);
}

/* `count` rows without repetition to the front of `order`. */
static void draw_sample(growing *g, uint32_t *order, size_t rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t other = i + (size_t)odd_random_below(&g->random, rows - i);
        uint32_t row = order[i];
        order[i] = order[other];
        order[other] = row;
    }
}

static int fit(odd_verdict *verdict, const odd_fitting *fitting, oddrow_error *err)
{
    const odd_rows *rows = fitting->rows;
    const odd_schema *schema = verdict->schema;
    size_t sample = rows->count < SAMPLE ? rows->count : SAMPLE;
    growing g = {.rows = rows, .used = TREES};
    if (!(verdict->weight[ODD_MEASURE_FOREST] > 0))
        return 0;
    /* nats of the share that may be odd, with room: held-out rows within it prove nothing */
    verdict->hinge[ODD_MEASURE_FOREST] = (float)-log(2 * fitting->contamination);
    while ((size_t)1 << g.deepest < sample)
        g.deepest++;
    g.scaler = odd_alloc(rows->F + 1, sizeof(odd_scaler *));
    g.sample = odd_alloc(rows->count, sizeof *g.sample);
    g.present = odd_alloc(sample + 1, sizeof *g.present);
    int rc = g.scaler && g.sample && g.present
                 ? odd_forest_new(TREES, TREES * 2 * sample, sample, &verdict->forest, err)
                 : odd_no_memory(err);
    if (!rc) {
        g.forest = verdict->forest;
        for (size_t k = 0; k < schema->K; k++)
            if (odd_kind_is_number(schema->columns[k].kind))
                g.scaler[schema->columns[k].first_feature] = &schema->columns[k].scaler;
        odd_random_start(&g.random, fitting->seed, STREAM);
        for (size_t i = 0; i < rows->count; i++)
            g.sample[i] = (uint32_t)i;
        for (size_t t = 0; t < TREES; t++) {
            draw_sample(&g, g.sample, rows->count, sample);
            grow(&g, t, g.sample, sample, 0);
        }
        g.forest->nodes = g.used;
    }
    odd_free(g.scaler);
    odd_free(g.sample);
    odd_free(g.present);
    return rc;
}

static void release(odd_verdict *verdict)
{
    odd_forest_free(&verdict->forest);
}

/* ---- apply ---- */

static void apply(const odd_pass *pass, float *out)
{
    const odd_forest *forest = pass->verdict->forest;
    const odd_rows *rows = pass->rows;
    for (size_t i = 0; i < rows->count; i++)
        out[i] = forest ? odd_forest_score(forest, rows->C, rows->ids + i * rows->C,
                                           rows->values + i * rows->F)
                        : 0;
}

const odd_measure odd_measure_forest = {
    .name = "forest",
    .part = ODD_PART_GLOBAL,
    .contaminated_weight = 1,
    .free = release,
    .fit = fit,
    .apply = apply,
};
