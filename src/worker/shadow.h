/* worker/shadow.h: how far two models agree on the same rows. */
#ifndef ODD_WORKER_SHADOW_H
#define ODD_WORKER_SHADOW_H

#include <stdbool.h>

#include "oddrow.h"

typedef struct odd_shadow odd_shadow;

typedef struct odd_shadow_report {
    uint64_t rows;           /* compared so far */
    double rank_correlation; /* Spearman's, of the last 4,096 rows, ties averaged; NaN below 2 rows
                                and when a model gives all of them one score */
    double overlap; /* Jaccard: rows that both call odd / rows that either does, of all rows;
                       NaN: none */
    double mean_loss, shadow_mean_loss; /* of all rows; NaN before the first */
    uint64_t odd, shadow_odd;
} odd_shadow_report;

/* 0 or ODDROW_ENOMEM. One thread at a time uses a shadow. */
int odd_shadow_new(odd_shadow **out, oddrow_error *err);
void odd_shadow_free(odd_shadow **s);

/* Adds `rows` rows: scores, losses and verdicts of the model and of its shadow. A row with a number
 * that is not finite counts, as do its verdicts, but not in correlation and means. */
void odd_shadow_add(odd_shadow *s, size_t rows, const float *score, const float *loss,
                    const bool *odd, const float *shadow_score, const float *shadow_loss,
                    const bool *shadow_odd);

/* Sorts 4,096 scores. */
odd_shadow_report odd_shadow_report_of(const odd_shadow *s);

/* Forgets all rows, after a swap of the models. */
void odd_shadow_clear(odd_shadow *s);

#endif
