/* math/decompose.h: singular values and eigenvectors, by the LAPACK inside OpenBLAS. Row-major. */
#ifndef ODD_MATH_DECOMPOSE_H
#define ODD_MATH_DECOMPOSE_H

#include "oddrow.h"

/* A (n, n) = U diag(s) V^T, s falling; u (n, n) and vt (n, n) get U and V^T, a is overwritten.
 * ENUMERIC when A is not finite or the iteration does not converge; ENOMEM. Any thread. LAPACK's
 * dgesdd (divide and conquer). */
int odd_svd(double *a, size_t n, double *u, double *s, double *vt, oddrow_error *err);

/* Eigenvalues of a symmetric A (n, n), rising, into values (n); row i of a becomes the unit
 * eigenvector of values[i]. The lower triangle is read. ENUMERIC, ENOMEM. LAPACK's dsyevd. */
int odd_symmetric_eigen(double *a, size_t n, double *values, oddrow_error *err);

#endif
