/* column/sample.h: what a scaler needs to know of a stream of numbers, in bounded memory. */
#ifndef ODD_COLUMN_SAMPLE_H
#define ODD_COLUMN_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "column/scaler.h"
#include "oddrow.h"

/* All numbers up to `limit` of them, then a uniform sample without replacement of that size; exact
 * minimum, maximum, mean and variance. Start with odd_sample_start, end with odd_sample_free. */
typedef struct odd_sample {
    double *values; /* (size) */
    size_t size, capacity, limit;
    uint64_t seen;
    double minimum, maximum, mean, square; /* square: sum of squared deviations from the mean */
    uint64_t next;                         /* index of the next number to be taken, once full */
    double weight;                         /* see odd_sample_add */
    odd_random random;
} odd_sample;

void odd_sample_start(odd_sample *s, size_t limit, uint64_t seed, uint64_t stream);
void odd_sample_free(odd_sample *s);

/* Takes n finite numbers within ODD_NUMBER_LIMIT. 0 or ODDROW_ENOMEM. The reservoir is Li's
 * algorithm L (1994, ACM TOMS 20(4)): the numbers between two that are taken cost nothing. */
int odd_sample_add(odd_sample *s, const double *x, size_t n, oddrow_error *err);

/* Sorts the sample and builds the scaler, seen >= 1; quantiles as numpy.quantile (linear) has them,
 * population standard deviation; a scale of 0 becomes 1 (robust: the standard deviation first). */
int odd_sample_scaler(odd_sample *s, odd_scaler_kind kind, odd_scaler *out, oddrow_error *err);

#endif
