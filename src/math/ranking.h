/* math/ranking.h: how well scores put some rows above the others. */
#ifndef ODD_MATH_RANKING_H
#define ODD_MATH_RANKING_H

#include <stdbool.h>
#include <stddef.h>

typedef struct odd_ranked {
    float score;
    bool positive; /* a row that should be high */
} odd_ranked;

/* auroc: the area under the ROC curve, ties counted half: Mann and Whitney's statistic, pairs in
 * the right order over all pairs. average_precision: the mean precision over the recall steps, ties
 * in one step. Not-a-number where all rows are alike, and where none is positive. */
typedef struct odd_ranking {
    double auroc, average_precision;
} odd_ranking;

/* Sorts the rows, the highest score first. */
odd_ranking odd_rank(odd_ranked *rows, size_t count);

#endif
