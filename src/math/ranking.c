/* math/ranking.c: one walk from the highest score down, rows of equal score together. */
#include "math/ranking.h"

#include <stdlib.h>

static int highest_first(const void *a, const void *b)
{
    float x = ((const odd_ranked *)a)->score, y = ((const odd_ranked *)b)->score;
    return (x < y) - (x > y);
}

odd_ranking odd_rank(odd_ranked *rows, size_t count)
{
    double positives = 0, negatives = 0, area = 0, precision = 0;
    if (count)
        qsort(rows, count, sizeof *rows, highest_first);
    for (size_t first = 0, end; first < count; first = end) {
        double new_positives = rows[first].positive;
        for (end = first + 1; end < count && rows[end].score == rows[first].score; end++)
            new_positives += rows[end].positive;
        double new_negatives = (double)(end - first) - new_positives;
        area += new_negatives * (positives + new_positives / 2);
        positives += new_positives;
        negatives += new_negatives;
        precision += positives / (double)end * new_positives;
    }
    return (odd_ranking){area / (positives * negatives), precision / positives};
}
