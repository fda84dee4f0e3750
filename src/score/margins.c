#include "score/margins.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/sort.h"

float odd_margin_of(double p)
{
    double nats = -log(p) - (double)ODD_MARGIN_HINGE;
    return nats > 0 ? (float)nats : 0;
}

void odd_margin_ids(const odd_vocabulary *v, uint64_t rows, float *nats)
{
    double n = (double)rows;
    nats[0] = odd_margin_of(1 / (n + 1));
    /* entries stand by falling count: walk from the rarest up, groups of equal count together */
    double below = 0;
    for (size_t end = v->size; end > 1;) {
        size_t first = end - 1;
        double group = (double)v->counts[first];
        while (first > 1 && v->counts[first - 1] == v->counts[end - 1])
            group += (double)v->counts[--first];
        below += group;
        for (size_t id = first; id < end; id++)
            nats[id] = odd_margin_of((below + 1) / (n + 1));
        end = first;
    }
}

void odd_margin_values(float *z, size_t count, float *nats)
{
    const double step = 1.0 / ODD_MARGIN_STEPS, n = (double)count;
    size_t low = 0, high = 0; /* values < at - step, values <= at + step */
    odd_sort_floats(z, count);
    for (size_t i = 0; i < ODD_MARGIN_GRID; i++) {
        double at = -ODD_MARGIN_REACH + (double)i * step;
        while (low < count && z[low] < at - step)
            low++;
        while (high < count && z[high] <= at + step)
            high++;
        double left = ((double)high + 1) / (n + 2), right = (n - (double)low + 1) / (n + 2);
        double p = 2 * (left < right ? left : right);
        nats[i] = odd_margin_of(p < 1 ? p : 1);
    }
}

int odd_verdict_id_margins(odd_verdict *verdict, oddrow_error *err)
{
    const odd_schema *schema = verdict->schema;
    for (size_t k = 0; k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        if (!odd_kind_is_category(column->kind))
            continue;
        float *nats = odd_alloc(column->vocabulary->size, sizeof(float));
        if (!nats)
            return odd_no_memory(err);
        verdict->id_margin[column->categorical] = nats;
        odd_margin_ids(column->vocabulary, schema->rows, nats);
    }
    return 0;
}
