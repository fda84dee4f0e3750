/* embed/picture.h: embedding tables as a picture, SVG or self-contained HTML. */
#ifndef ODD_EMBED_PICTURE_H
#define ODD_EMBED_PICTURE_H

#include "base/progress.h"
#include "tables/embedding.h"

typedef enum odd_method { ODD_METHOD_PCA, ODD_METHOD_TSNE } odd_method;

typedef struct odd_picture_options {
    odd_method method;
    size_t labels; /* at most so many a panel */
    uint64_t seed; /* of t-SNE */
    size_t threads;
    odd_progress_call progress;
    void *progress_context;
} odd_picture_options;

/* The most values that a panel shows: the most frequent. */
enum { ODD_PICTURE_MOST = 20000 };

/* Writes `count` tables, a panel each, to "X.svg", "X.html" or "X.htm" (EINVAL otherwise). A point
 * a value, its area by its count, hovering shows value, count and nearest values; entries without a
 * text are drawn as rings. Light and dark follow the reader's setting. All text is escaped and the
 * HTML forbids itself the network. *left_out (may be NULL): values that were too many. */
int odd_picture_write(const odd_embedding *tables, size_t count, const char *path,
                      const odd_picture_options *options, size_t *left_out, oddrow_error *err);

#endif
