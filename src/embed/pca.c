/* embed/pca.c: the first two principal components. */
#include "embed/project.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "math/decompose.h"
#include "math/matrix.h"

/* The vectors without their mean, in double. */
static void centre(const float *vectors, size_t V, size_t E, double *out)
{
    for (size_t j = 0; j < E; j++) {
        double sum = 0;
        for (size_t i = 0; i < V; i++)
            sum += (double)vectors[i * E + j];
        for (size_t i = 0; i < V; i++)
            out[i * E + j] = (double)vectors[i * E + j] - sum / (double)V;
    }
}

/* points[., axis] = centred . component, turned so that its greatest loading is positive */
static void project(const double *centred, size_t V, size_t E, const double *component,
                    double *points, size_t axis)
{
    size_t greatest = 0;
    for (size_t j = 1; j < E; j++)
        if (fabs(component[j]) > fabs(component[greatest]))
            greatest = j;
    double sign = component[greatest] < 0 ? -1 : 1;
    for (size_t i = 0; i < V; i++) {
        double sum = 0;
        for (size_t j = 0; j < E; j++)
            sum += centred[i * E + j] * component[j];
        points[2 * i + axis] = sign * sum;
    }
}

int odd_pca(const float *vectors, size_t V, size_t E, double *points, double *explained,
            oddrow_error *err)
{
    double *centred = odd_alloc(V * E, sizeof(double)), *a = odd_alloc(E * E, sizeof(double)),
           *values = odd_alloc(E, sizeof(double)), total = 0, shown = 0;
    int rc = centred && a && values ? 0 : odd_no_memory(err);
    memset(points, 0, 2 * V * sizeof(double));
    if (!rc) {
        centre(vectors, V, E, centred);
        rc = odd_dgemm(true, false, E, E, V, 1, centred, E, centred, E, 0, a, E, err);
    }
    if (!rc)
        rc = odd_symmetric_eigen(a, E, values, err);
    for (size_t axis = 0; !rc && axis < 2 && axis < E; axis++) {
        project(centred, V, E, a + (E - 1 - axis) * E, points, axis);
        shown += values[E - 1 - axis];
    }
    for (size_t j = 0; !rc && j < E; j++)
        total += values[j];
    if (explained)
        *explained = total > 0 ? shown / total : 0;
    odd_free(centred);
    odd_free(a);
    odd_free(values);
    return rc;
}
