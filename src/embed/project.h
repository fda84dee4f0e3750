/* embed/project.h: vectors to points of a plane: principal components, and t-SNE. */
#ifndef ODD_EMBED_PROJECT_H
#define ODD_EMBED_PROJECT_H

#include "base/pool.h"
#include "base/progress.h"
#include "oddrow.h"

/* The first two principal components of `vectors` (V, E), centred: points (V, 2); *explained (may
 * be NULL) is their share of the variance. The sign of a component is such that its greatest
 * loading is positive. Hotelling 1933; by LAPACK. ENOMEM, ENUMERIC. */
int odd_pca(const float *vectors, size_t V, size_t E, double *points, double *explained,
            oddrow_error *err);

enum { ODD_TSNE_MOST = 20000 };

typedef struct odd_tsne_options {
    double perplexity; /* 0: 30, less where there are fewer than 91 vectors */
    size_t iterations; /* 0: 1000, the first quarter of them with early exaggeration 12 */
    uint64_t seed;
    odd_pool *pool; /* NULL: this thread alone; the result is the same */
    odd_progress_call progress;
    void *progress_context;
} odd_tsne_options;

/* t-SNE by Barnes-Hut with theta 0.5 (van der Maaten, JMLR 15, 2014), started at the principal
 * components; points (V, 2). V at most ODD_TSNE_MOST (EINVAL). Pure: the same seed, the same
 * points. */
int odd_tsne(const float *vectors, size_t V, size_t E, const odd_tsne_options *options,
             double *points, oddrow_error *err);

#endif
