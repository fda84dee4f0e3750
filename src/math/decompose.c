/* math/decompose.c: LAPACK's singular values and eigenvectors, by rows. */
#include "math/decompose.h"

#include <limits.h>
#include <math.h>

#include "base/error.h"
#include "base/memory.h"

/* LAPACK 3, Fortran's calling convention: everything by address, the lengths of texts behind. */
extern void dgesdd_(const char *jobz, const int *m, const int *n, double *a, const int *lda,
                    double *s, double *u, const int *ldu, double *vt, const int *ldvt, double *work,
                    const int *lwork, int *iwork, int *info, size_t jobz_size);
extern void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda,
                    double *w, double *work, const int *lwork, int *iwork, const int *liwork,
                    int *info, size_t jobz_size, size_t uplo_size);

static int check(const double *a, size_t n, oddrow_error *err)
{
    if (n > INT_MAX / 8 || (n && n > INT_MAX / n))
        return odd_fail(err, ODDROW_EINVAL, "a matrix of %zu x %zu is too large", n, n);
    for (size_t i = 0; i < n * n; i++)
        if (!isfinite(a[i]))
            return odd_fail(err, ODDROW_ENUMERIC, "a matrix to decompose is not finite");
    return 0;
}

static int judge(int info, oddrow_error *err)
{
    return info ? odd_fail(err, ODDROW_ENUMERIC, "a decomposition did not converge (%d)", info) : 0;
}

int odd_svd(double *a, size_t n, double *u, double *s, double *vt, oddrow_error *err)
{
    int rc = check(a, n, err), size = (int)n, lwork = -1, info = 0;
    double wanted = 0;
    if (rc || n == 0)
        return rc;
    /* Fortran reads A by columns, as A^T = V S U^T: its U is our V^T by rows, its V^T our U */
    dgesdd_("A", &size, &size, a, &size, s, vt, &size, u, &size, &wanted, &lwork, &info, &info, 1);
    lwork = (int)wanted;
    double *work = odd_alloc((size_t)lwork + 4 * n, sizeof *work); /* 8 n ints at its end */
    if (!work)
        return odd_no_memory(err);
    dgesdd_("A", &size, &size, a, &size, s, vt, &size, u, &size, work, &lwork,
            (int *)(work + lwork), &info, 1);
    odd_free(work);
    return judge(info, err);
}

int odd_symmetric_eigen(double *a, size_t n, double *values, oddrow_error *err)
{
    int rc = check(a, n, err), size = (int)n, lwork = -1, liwork = -1, ints = 0, info = 0;
    double wanted = 0;
    if (rc || n == 0)
        return rc;
    /* our lower triangle is Fortran's upper one */
    dsyevd_("V", "U", &size, a, &size, values, &wanted, &lwork, &ints, &liwork, &info, 1, 1);
    lwork = (int)wanted;
    liwork = ints;
    double *work = odd_alloc((size_t)lwork + ((size_t)ints + 1) / 2, sizeof *work);
    if (!work)
        return odd_no_memory(err);
    dsyevd_("V", "U", &size, a, &size, values, work, &lwork, (int *)(work + lwork), &liwork, &info,
            1, 1);
    odd_free(work);
    return judge(info, err);
}
