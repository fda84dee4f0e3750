/* embed/labels.c: each label in the first free place beside its mark. */
#include "embed/labels.h"

#include <math.h>

enum { GAP = 3, PLACES = 4 };

static odd_box place_of(const odd_mark *m, double height, int place)
{
    double r = m->radius + GAP, width = m->width;
    switch (place) {
    case 0:
        return (odd_box){m->x + r, m->y - height / 2, m->x + r + width, m->y + height / 2};
    case 1:
        return (odd_box){m->x - r - width, m->y - height / 2, m->x - r, m->y + height / 2};
    case 2:
        return (odd_box){m->x - width / 2, m->y - r - height, m->x + width / 2, m->y - r};
    default:
        return (odd_box){m->x - width / 2, m->y + r, m->x + width / 2, m->y + r + height};
    }
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
