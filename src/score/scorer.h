/* score/scorer.h: a model made ready to score: folded tables, shared read-only by all threads, and
 * a scratch for each thread. One path from encoded rows to nats for training's calibration, batch
 * scoring and the worker; one pass of the network a block, from which rows are explained too. */
#ifndef ODD_SCORE_SCORER_H
#define ODD_SCORE_SCORER_H

#include "nn/forward.h"
#include "score/verdict.h"

typedef struct odd_scorer odd_scorer;
typedef struct odd_scratch odd_scratch;

/* The tables. Borrows the verdict; a measure that is not fitted yet may not be asked for.
 * `plain` true: no folding, the slow reference. ESCHEMA for a supervised verdict. */
int odd_scorer_new(const odd_verdict *verdict, bool plain, odd_scorer **out, oddrow_error *err);
void odd_scorer_free(odd_scorer **scorer);

/* Memory of one thread, for at most `rows` rows at a call. `masked` true: the loss of each column
 * is that of a pass with the column masked. Borrows the scorer. */
int odd_scratch_new(const odd_scorer *scorer, size_t rows, bool masked, odd_scratch **out,
                    oddrow_error *err);
void odd_scratch_free(odd_scratch **scratch);

/* Thread-seconds spent so far. */
typedef struct odd_seconds {
    double network, rarity, calibration;
} odd_seconds;
odd_seconds odd_scratch_time(const odd_scratch *scratch);

/* Losses and raw measures, before any tail, into the caller's arrays. Each may be NULL: losses
 * (B, L); loss (B), their mean; x (B, X); measure[m] (B), which needs what it was fitted to. */
typedef struct odd_measured {
    float *losses, *loss, *x;
    float *measure[ODD_MEASURES];
} odd_measured;

void odd_scratch_measure(odd_scratch *scratch, const odd_rows *rows, const odd_measured *out);

/* What the measures add to each part of the score, in nats: weight * max(0, surprise - hinge) each,
 * summed in the order of the measures. part[p] (rows); the measures are replaced by surprises. */
void odd_measures_add_up(const odd_verdict *verdict, const odd_calibration *calibration,
                         float *const measure[], size_t rows, float *const part[]);

/* What stands as a row's score. */
typedef enum {
    ODD_SCORE_BOTH,           /* reconstruction + local + global rarity, nats */
    ODD_SCORE_RECONSTRUCTION, /* the first of them */
    ODD_SCORE_RARITY,         /* local + global rarity */
    ODD_SCORE_LOSS            /* the mean reconstruction loss */
} odd_score_kind;

/* The tail that a kind of score is judged by. */
const odd_tail *odd_score_tail(const odd_calibration *calibration, odd_score_kind kind);

/* Scores (B each); borrowed from the scratch until its next rows. */
typedef struct odd_scores {
    const float *part[ODD_PARTS], *loss, *score;
    const double *p_value; /* share of normal rows whose score is at least this one */
} odd_scores;

odd_scores odd_scratch_score(odd_scratch *scratch, const odd_rows *rows, odd_score_kind kind);

/* The latest rows and what they left. */
const odd_pass *odd_scratch_pass(const odd_scratch *scratch);

#endif
