#include "score/forest.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"

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

double odd_forest_path(size_t n)
{
    double harmonic = 0;
    for (size_t i = 1; i < n; i++)
        harmonic += 1 / (double)i;
    return n < 2 ? 0 : 2 * harmonic - 2 * ((double)n - 1) / (double)n;
}

float odd_forest_score(const odd_forest *forest, size_t C, const uint32_t *ids, const float *values)
{
    double path = 0, usual = odd_forest_path(forest->sample);
    for (size_t t = 0; t < forest->trees; t++) {
        const float *node = forest->node + t * ODD_FOREST_NODE;
        while (node[0] >= 0) {
            size_t feature = (size_t)node[0];
            bool left =
                feature < C ? ids[feature] != (uint32_t)node[1] : values[feature - C] <= node[1];
            node = forest->node + (size_t)node[left ? 2 : 3] * ODD_FOREST_NODE;
        }
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
