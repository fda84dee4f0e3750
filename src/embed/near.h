/* embed/near.h: the nearest of many vectors, exactly, in one pass over them where they lie. */
#ifndef ODD_EMBED_NEAR_H
#define ODD_EMBED_NEAR_H

#include "oddrow.h"

typedef enum odd_metric {
    ODD_COSINE,   /* a . b / (|a| |b|), greatest first; 0 where one is all zeros */
    ODD_EUCLIDEAN /* |a - b|, least first */
} odd_metric;

typedef struct odd_neighbour {
    size_t row;
    double value; /* the metric, in double */
} odd_neighbour;

/* The k nearest of `vectors` (rows, width) to `query` (width), nearest first, of equals the lower
 * row; *found of them (fewer where there are fewer rows). Vectors that are not finite are never
 * among them, nor are the two rows of `skip`, which may be NULL. A first pass in single precision,
 * widened by its rounding error, leaves few candidates, which are ranked in double. `vectors` may
 * be a mapped file. Any thread. ENUMERIC: the query is not finite. */
int odd_near(const float *vectors, size_t rows, size_t width, const float *query, odd_metric metric,
             size_t k, const size_t skip[2], odd_neighbour *out, size_t *found, oddrow_error *err);

/* The metric of two vectors, in double. */
double odd_metric_of(odd_metric metric, const float *a, const float *b, size_t width);

#endif
