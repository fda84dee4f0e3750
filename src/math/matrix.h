/* math/matrix.h: dense linear algebra: the only wrapper of cblas, and Cholesky in double.
 *
 * Everything is row-major; strides count elements from one row to the next. OpenBLAS is held to
 * one thread, because the callers bring their own. Any thread may call; products run one at a time,
 * so parallel loops take math/kernels.h.
 */
#ifndef ODD_MATH_MATRIX_H
#define ODD_MATH_MATRIX_H

#include <stdbool.h>

#include "oddrow.h"

/* C (M, N) = alpha op(A) op(B) + beta C, op(A) (M, K) and op(B) (K, N); op transposes where asked,
 * so that A is stored (K, M) then. EINVAL when a dimension or stride does not fit an int or a
 * stride is shorter than its row. Sizes of 0 are allowed. */
int odd_sgemm(bool transpose_a, bool transpose_b, size_t M, size_t N, size_t K, float alpha,
              const float *a, size_t a_stride, const float *b, size_t b_stride, float beta,
              float *c, size_t c_stride, oddrow_error *err);
int odd_dgemm(bool transpose_a, bool transpose_b, size_t M, size_t N, size_t K, double alpha,
              const double *a, size_t a_stride, const double *b, size_t b_stride, double beta,
              double *c, size_t c_stride, oddrow_error *err);

/* L of the symmetric positive definite A = L L^T, in place: the lower triangle is read and
 * replaced, the rest set to 0. (n, n), stride n. ENUMERIC when a pivot is not positive and finite
 * (the message says which); A is then lost. Golub and Van Loan, Matrix Computations, 4.2. */
int odd_cholesky(double *a, size_t n, oddrow_error *err);

/* L^-1 of a lower triangular L, in place; the strict upper triangle must be 0. ENUMERIC when a
 * diagonal element is 0 or not finite. */
int odd_lower_inverse(double *l, size_t n, oddrow_error *err);

#endif
