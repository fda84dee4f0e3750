/* score/scorer.h: a model made ready to score: folded tables, shared read-only by all threads, and
 * a lane of scratch for each thread. One path from encoded rows to nats for training's calibration,
 * batch scoring and the worker. */
#ifndef ODD_SCORE_SCORER_H
#define ODD_SCORE_SCORER_H

#include "column/encode.h"
#include "column/rows.h"
#include "nn/forward.h"
#include "score/verdict.h"

typedef struct odd_scorer odd_scorer;
typedef struct odd_lane odd_lane;

/* The tables. Borrows the verdict, whose network, shape, prototypes, margins must be there; its
 * tails are read when rows are scored. `plain` true: no folding, the slow reference.
 * ESCHEMA for a supervised verdict. */
int odd_scorer_new(const odd_verdict *verdict, bool plain, odd_scorer **out, oddrow_error *err);
void odd_scorer_free(odd_scorer **scorer);
const odd_verdict *odd_scorer_verdict(const odd_scorer *scorer);

/* Scratch of one thread, for at most `rows` rows at a call. Borrows the scorer. */
int odd_lane_new(const odd_scorer *scorer, size_t rows, odd_lane **out, oddrow_error *err);
void odd_lane_free(odd_lane **lane);

/* Thread-seconds spent so far by a lane. */
typedef struct odd_lane_seconds {
    double network, rarity, calibration;
} odd_lane_seconds;
odd_lane_seconds odd_lane_time(const odd_lane *lane);

/* Losses and raw measures, before any tail. Each output may be NULL: losses (B, L), with the
 * missing loss where a number is missing; loss (B), their mean; x (B, X); measure[i] (B).
 * measure[ODD_MEASURE_RECONSTRUCTION] needs the calibration's loss_weight. */
typedef struct odd_measured {
    float *losses, *loss, *x;
    float *measure[ODD_MEASURES];
} odd_measured;

void odd_lane_measure(odd_lane *lane, const odd_rows *rows, bool masked, odd_measured *out);

/* What a measure's value adds to the score: weight * max(0, surprise - hinge), in nats. */
float odd_measure_nats(const odd_verdict *verdict, const odd_calibration *calibration,
                       odd_measure measure, float value);

/* Scores (B each), in nats; loss may be NULL. score = reconstruction + local + global, global being
 * shape, margins and forest. */
typedef struct odd_scores {
    float *loss; /* plain mean reconstruction loss */
    float *reconstruction, *local, *global, *score;
} odd_scores;

void odd_lane_score(odd_lane *lane, const odd_rows *rows, bool masked, odd_scores *out);

/* Makes room for masked scoring and measuring, which need it. */
int odd_lane_allow_masked(odd_lane *lane, oddrow_error *err);

/* Row `row` of the rows that the lane measured or scored last, with the same `masked`: the surprise
 * of its columns in nats (K), 0 for columns without one; and the likely, probability and
 * reconstructed of `expected`, masked: of each column where it is hidden. */
void odd_lane_surprise(odd_lane *lane, const odd_rows *rows, size_t row, bool masked,
                       float *surprise, odd_forward_expected *expected);

#endif
