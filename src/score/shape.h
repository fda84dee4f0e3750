/* score/shape.h: mean and covariance of rows, as the whitening of a squared Mahalanobis distance.
 */
#ifndef ODD_SCORE_SHAPE_H
#define ODD_SCORE_SHAPE_H

#include "score/verdict.h"

int odd_shape_new(odd_shape *shape, size_t n, oddrow_error *err);
void odd_shape_free(odd_shape *shape);

/* Fits shape (n of it wide) to rows (count, n). The covariance gets a ridge of
 * ODD_SHAPE_RIDGE x the variance of all entries on its diagonal. With trim above 0, `rounds` times
 * the farthest share `trim` of all rows is left out and the others are fitted again (Rousseeuw and
 * Van Driessen's concentration steps, 1999). ODDROW_ENUMERIC when a row is not finite. */
int odd_shape_fit(odd_shape *shape, const float *rows, size_t count, double trim, size_t rounds,
                  oddrow_error *err);

#define ODD_SHAPE_RIDGE 0.01

/* out[i] = |W (row_i - mean)|^2, one row at a time in double: the reference. */
void odd_shape_distances(const odd_shape *shape, const float *rows, size_t count, float *out);

#endif
