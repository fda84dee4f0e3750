/* score/tail.h: from a raw measure to surprise, -ln P(a held-out row has at least this), in nats.
 *
 * Below the tail the empirical distribution of the held-out values, kept as knots; from the upper
 * quantile on an exponential tail with the mean excess of the held-out values beyond it (peaks
 * over threshold with shape 0: Coles, An Introduction to Statistical Modeling of Extreme Values,
 * 2001, section 4.2), at most ODD_TAIL_CAP nats. */
#ifndef ODD_SCORE_TAIL_H
#define ODD_SCORE_TAIL_H

#include <stddef.h>

#include "oddrow.h"

enum { ODD_TAIL_KNOTS = 256 };
#define ODD_TAIL_CAP 30.0 /* nats */

typedef struct odd_tail {
    size_t count;                       /* knots in use, at least 1 */
    float value[ODD_TAIL_KNOTS + 1];    /* rising strictly; behind the last the threshold */
    float surprise[ODD_TAIL_KNOTS + 1]; /* nats at value[i], rising */
    float threshold;                    /* where the exponential tail begins */
    float threshold_surprise;           /* nats there */
    float scale;                        /* mean excess, above 0, in the measure's units */
} odd_tail;

/* Fits to `count` >= 1 held-out values, which it sorts in place. `quantile` is where the tail
 * begins (0.98); values that are not finite are an error. */
int odd_tail_fit(odd_tail *tail, float *values, size_t count, double quantile, oddrow_error *err);

/* Surprise of x in nats, 0 to ODD_TAIL_CAP; rises with x; not-a-number is as odd as can be. Pure.
 */
float odd_tail_surprise(const odd_tail *tail, float x);

/* The smallest x whose surprise is at least `nats`. */
float odd_tail_value(const odd_tail *tail, float nats);

/* The same for n values. */
void odd_tail_surprise_all(const odd_tail *tail, const float *x, size_t n, float *out);

/* A tail read from a file: rising knots, finite numbers, scale above 0. Puts the threshold behind
 * the last knot. */
int odd_tail_check(odd_tail *tail, oddrow_error *err);

#endif
