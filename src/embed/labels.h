/* embed/labels.h: where the labels of a picture stand, so that none covers another. */
#ifndef ODD_EMBED_LABELS_H
#define ODD_EMBED_LABELS_H

#include "oddrow.h"

typedef struct odd_box {
    double left, top, right, bottom;
} odd_box;

typedef struct odd_mark {
    double x, y, radius;
} odd_mark;

/* A label of `width` x `height` for each of the first marks in order, until `most` stand: right of,
 * left of, above or below its mark, in the first place that overlaps no label so far, no mark and
 * no edge of `frame`; none where there is no such place. boxes (count): an empty one, left ==
 * right, means no label. width (count) may be 0: none wanted. Returns how many stand. */
size_t odd_labels_place(const odd_mark *marks, size_t count, const double *width, double height,
                        odd_box frame, size_t most, odd_box *boxes);

#endif
