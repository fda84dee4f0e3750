/* column/scaler.h: numbers in a column's own units to the network's, and back. */
#ifndef ODD_COLUMN_SCALER_H
#define ODD_COLUMN_SCALER_H

#include <stdbool.h>
#include <stddef.h>

#include "oddrow.h"

typedef enum odd_scaler_kind {
    ODD_GAUSS_RANK,
    ODD_STANDARD,
    ODD_ROBUST,
    ODD_SCALERS /* how many there are */
} odd_scaler_kind;

#define ODD_QUANTILES 257
/* However far outside the training range a value lies, it is at most this much beyond the end. */
#define ODD_SCALER_CAP 5.0
/* Numbers beyond this magnitude count as unparsed, so that sums of squares stay finite. */
#define ODD_NUMBER_LIMIT 1e140

/* Every kind keeps the 257 quantiles of the training column (0/256 is the minimum, 256/256 the
 * maximum), for drift and for the ends. table is private; {0} is empty. */
typedef struct odd_scaler {
    odd_scaler_kind kind;
    struct odd_scaler_table *table;
} odd_scaler;

/* What a column of training numbers looks like. deviation is above 0: 1 where all are equal. */
typedef struct odd_summary {
    double minimum, maximum, mean, deviation, quarter, median, three_quarters;
} odd_summary;

/* The center and the scale, above 0, that a kind takes from a summary: mean and standard deviation;
 * robust: median and interquartile range (the deviation where that is 0). */
void odd_scaler_fit(odd_scaler_kind kind, const odd_summary *of, double *center, double *scale);

/* Builds a scaler. quantiles: 257, finite, never falling; center: mean (gauss-rank, standard) or
 * median (robust); scale > 0: population standard deviation or interquartile range.
 * ODDROW_EFORMAT when a number breaks this, ODDROW_ENOMEM. The contents go with odd_scaler_free. */
int odd_scaler_from(odd_scaler *s, odd_scaler_kind kind, const double *quantiles, double center,
                    double scale, oddrow_error *err);
void odd_scaler_free(odd_scaler *s);

/* x, not NaN, to z. gauss-rank: the normal quantile of the rank of x, interpolated between the
 * distinct quantiles (each with the mean rank of its ties) and clipped to 1/512 .. 511/512; beyond
 * the ends z goes on by the distance in standard deviations, at most ODD_SCALER_CAP. standard and
 * robust: (x - center) / scale, at most ODD_SCALER_CAP beyond the z of the ends. Any thread. */
float odd_scaler_apply(const odd_scaler *s, double x);

/* The same for n values, z[i * stride] from x[i]. */
void odd_scaler_apply_all(const odd_scaler *s, const double *x, size_t n, float *z, size_t stride);

/* z to the column's units, kept within the training minimum and maximum (an expectation outside
 * what was ever seen would be no explanation). Inverse of apply inside the clipped range. */
double odd_scaler_invert(const odd_scaler *s, float z);

/* The parts, as odd_scaler_from takes them; quantiles are borrowed. Not for empty scalers. */
const double *odd_scaler_quantiles(const odd_scaler *s);
double odd_scaler_center(const odd_scaler *s);
double odd_scaler_scale(const odd_scaler *s);

/* "gauss-rank", "standard", "robust"; "?" otherwise. And back: false when there is no such name. */
const char *odd_scaler_name(odd_scaler_kind kind);
bool odd_scaler_parse(const char *name, odd_scaler_kind *kind);

#endif
