/* embed/labels.c: each label in the first free place beside its mark. */
#include "embed/labels.h"

#include <math.h>

enum { GAP = 3, PLACES = 4 };

/* Where a label may be: right of, left of, above, below its mark. */
static odd_box place_of(const odd_mark *m, double height, int place)
{
    /* left and top in units of the distance from the mark, and of the label's own size */
    static const double units[PLACES][4] = {
        {1, 0, 0, -0.5}, {-1, -1, 0, -0.5}, {0, -0.5, -1, -1}, {0, -0.5, 1, 0}};
    const double *u = units[place];
    double x = m->x + u[0] * (m->radius + GAP), y = m->y + u[2] * (m->radius + GAP);
    return (odd_box){x + u[1] * m->width, y + u[3] * height, x + (u[1] + 1) * m->width,
                     y + (u[3] + 1) * height};
}

static bool overlap(const odd_box *a, const odd_box *b)
{
    return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

/* Whether a disc reaches into a box. */
static bool covers(const odd_mark *m, const odd_box *b)
{
    double dx = fmax(fmax(b->left - m->x, m->x - b->right), 0),
           dy = fmax(fmax(b->top - m->y, m->y - b->bottom), 0);
    return dx * dx + dy * dy < m->radius * m->radius;
}

/* Whether a label may stand in `box`; the first `placed` marks have theirs, or none. */
static bool is_free(const odd_box *box, const odd_mark *marks, size_t count, size_t placed,
                    const odd_box *frame)
{
    if (box->left < frame->left || box->right > frame->right || box->top < frame->top ||
        box->bottom > frame->bottom)
        return false;
    for (size_t i = 0; i < count; i++)
        if (covers(&marks[i], box) ||
            (i < placed && marks[i].box.left < marks[i].box.right && overlap(box, &marks[i].box)))
            return false;
    return true;
}

size_t odd_labels_place(odd_mark *marks, size_t count, double height, odd_box frame, size_t most)
{
    size_t standing = 0;
    for (size_t i = 0; i < count; i++) {
        odd_mark *m = &marks[i];
        m->box = (odd_box){0};
        for (int place = 0; place < PLACES && standing < most && m->width > 0; place++) {
            odd_box box = place_of(m, height, place);
            if (is_free(&box, marks, count, i, &frame)) {
                m->box = box;
                standing++;
                break;
            }
        }
    }
    return standing;
}
