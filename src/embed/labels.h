/* embed/labels.h: where the labels of a picture stand, so that none covers another. */
#ifndef ODD_EMBED_LABELS_H
#define ODD_EMBED_LABELS_H

#include "oddrow.h"

typedef struct odd_box {
    double left, top, right, bottom;
} odd_box;

/* A point, and its label. */
typedef struct odd_mark {
    double x, y, radius;
    double width; /* of the label's text; 0: no label is wanted */
    odd_box box;  /* where the label stands; an empty one, left == right: it does not */
} odd_mark;

/* Sets the boxes: a label of `height` for each of the marks in order, until `most` stand. It is
 * right of, left of, above or below its mark, in the first place that overlaps no label so far, no
 * mark and no edge of `frame`; a mark without such a place gets none. Returns how many stand. */
size_t odd_labels_place(odd_mark *marks, size_t count, double height, odd_box frame, size_t most);

#endif
