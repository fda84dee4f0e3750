/* math/matrix.c: cblas with checked sizes; Cholesky and a triangular inverse. */
#include "math/matrix.h"

#include <limits.h>
#include <math.h>
#include <pthread.h>

#include <cblas.h>

#include "base/error.h"

/* Held around every product: a serial OpenBLAS (Debian's) shares its buffers between threads
 * without a lock, and writes wrong results then. */
static pthread_mutex_t blas = PTHREAD_MUTEX_INITIALIZER;

static void hold_to_one_thread(void)
{
    openblas_set_num_threads(1);
}

static int check(size_t M, size_t N, size_t K, size_t a_stride, size_t a_row, size_t b_stride,
                 size_t b_row, size_t c_stride, oddrow_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const size_t most = INT_MAX;

    pthread_once(&once, hold_to_one_thread);
    if (M > most || N > most || K > most || a_stride > most || b_stride > most || c_stride > most)
        return odd_fail(err, ODDROW_EINVAL, "matrix product of %zu x %zu x %zu is too large", M, N,
                        K);
    if (a_stride < a_row || b_stride < b_row || c_stride < N)
        return odd_fail(err, ODDROW_EINVAL, "matrix product with a stride shorter than its row");
    return 0;
}

/* cblas wants strides of at least 1, also for empty matrices */
static int stride(size_t n)
{
    return n ? (int)n : 1;
}

/* NOLINTBEGIN(bugprone-macro-parentheses): `real` is a type. */
#define GEMM(name, call, real)                                                                     \
    int name(bool transpose_a, bool transpose_b, size_t M, size_t N, size_t K, real alpha,         \
             const real *a, size_t a_stride, const real *b, size_t b_stride, real beta, real *c,   \
             size_t c_stride, oddrow_error *err)                                                   \
    {                                                                                              \
        int rc = check(M, N, K, a_stride, transpose_a ? M : K, b_stride, transpose_b ? K : N,      \
                       c_stride, err);                                                             \
        if (rc)                                                                                    \
            return rc;                                                                             \
        pthread_mutex_lock(&blas);                                                                 \
        call(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,                               \
             transpose_b ? CblasTrans : CblasNoTrans, (int)M, (int)N, (int)K, alpha, a,            \
             stride(a_stride), b, stride(b_stride), beta, c, stride(c_stride));                    \
        pthread_mutex_unlock(&blas);                                                               \
        return 0;                                                                                  \
    }

GEMM(odd_sgemm, cblas_sgemm, float)
GEMM(odd_dgemm, cblas_dgemm, double)
/* NOLINTEND(bugprone-macro-parentheses) */

/* sum of a[i] b[i], four partial sums in a fixed order */
static double dot(const double *a, const double *b, size_t n)
{
    double sum[4] = {0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t j = 0; j < 4; j++)
            sum[j] += a[i + j] * b[i + j];
    for (; i < n; i++)
        sum[0] += a[i] * b[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

int odd_cholesky(double *a, size_t n, oddrow_error *err)
{
    for (size_t i = 0; i < n; i++) {
        double *row = a + i * n;
        for (size_t j = 0; j < i; j++) /* L_ij = (A_ij - sum_k L_ik L_jk) / L_jj */
            row[j] = (row[j] - dot(row, a + j * n, j)) / a[j * n + j];
        double pivot = row[i] - dot(row, row, i);
        if (!(pivot > 0) || !isfinite(pivot))
            return odd_fail(err, ODDROW_ENUMERIC,
                            "the matrix is not positive definite: pivot %zu of %zu is %g", i, n,
                            pivot);
        row[i] = sqrt(pivot);
        for (size_t j = i + 1; j < n; j++)
            row[j] = 0;
    }
    return 0;
}

int odd_lower_inverse(double *l, size_t n, oddrow_error *err)
{
    /* Row by row: X_ii = 1 / L_ii, X_ij = -X_ii sum_{j <= k < i} L_ik X_kj. Rows above i already
     * hold X, so each is added as a whole (j runs innermost). */
    for (size_t i = 0; i < n; i++) {
        double *row = l + i * n, inverse = 1 / row[i];
        if (!isfinite(inverse) || !isfinite(row[i]))
            return odd_fail(err, ODDROW_ENUMERIC,
                            "the triangular matrix has no inverse: element %zu is %g", i, row[i]);
        for (size_t k = 0; k < i; k++) {
            const double factor = row[k], *above = l + k * n;
            row[k] = 0;
            for (size_t j = 0; j <= k; j++)
                row[j] += factor * above[j];
        }
        for (size_t j = 0; j < i; j++)
            row[j] *= -inverse;
        row[i] = inverse;
    }
    return 0;
}
