/* files/top.c: a heap of lines, the least odd at its root. */
#include "files/top.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

struct odd_top {
    pthread_mutex_t lock;
    size_t wanted, count, capacity;
    odd_top_item *items; /* their lines are owned */
};

/* a is less odd than b; of equal scores the later row is */
static bool less(const odd_top_item *a, const odd_top_item *b)
{
    return a->score < b->score || (a->score <= b->score && a->row > b->row);
}

int odd_top_new(size_t wanted, odd_top **out, oddrow_error *err)
{
    odd_top *top = odd_alloc(1, sizeof *top);
    *out = top;
    if (!top)
        return odd_no_memory(err);
    pthread_mutex_init(&top->lock, NULL);
    top->wanted = wanted;
    return 0;
}

void odd_top_free(odd_top **top)
{
    if (!top || !*top)
        return;
    for (size_t i = 0; i < (*top)->count; i++)
        odd_free((char *)(*top)->items[i].line.data);
    odd_free((*top)->items);
    pthread_mutex_destroy(&(*top)->lock);
    odd_free(*top);
    *top = NULL;
}

bool odd_top_wants(odd_top *top, float score)
{
    pthread_mutex_lock(&top->lock);
    bool wants = top->count < top->wanted || score >= top->items[0].score;
    pthread_mutex_unlock(&top->lock);
    return wants;
}

static void swap(odd_top_item *a, odd_top_item *b)
{
    odd_top_item t = *a;
    *a = *b;
    *b = t;
}

static void rise(odd_top *top, size_t at)
{
    while (at && less(&top->items[at], &top->items[(at - 1) / 2])) {
        swap(&top->items[at], &top->items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void sink(odd_top *top)
{
    for (size_t at = 0;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < top->count && less(&top->items[child + 1], &top->items[child]))
            child++;
        if (child >= top->count || !less(&top->items[child], &top->items[at]))
            return;
        swap(&top->items[child], &top->items[at]);
        at = child;
    }
}

int odd_top_add(odd_top *top, float score, uint64_t row, const char *line, size_t size,
                oddrow_error *err)
{
    odd_top_item new = {score, row, {odd_copy(line, size), size}};
    int rc = new.line.data ? 0 : ODDROW_ENOMEM;
    pthread_mutex_lock(&top->lock);
    if (!rc && top->count < top->wanted) {
        rc = odd_grow(&top->items, &top->capacity, top->count + 1, sizeof *top->items, NULL);
        if (!rc) {
            top->items[top->count] = new;
            new.line.data = NULL;
            rise(top, top->count++);
        }
    } else if (!rc && less(&top->items[0], &new)) {
        swap(&top->items[0], &new);
        sink(top);
    }
    pthread_mutex_unlock(&top->lock);
    odd_free((char *)new.line.data);
    return rc ? odd_fail(err, rc, "out of memory for the oddest rows") : 0;
}

static int oddest_first(const void *a, const void *b)
{
    return less(a, b) ? 1 : -1;
}

size_t odd_top_sort(odd_top *top)
{
    if (top->count)
        qsort(top->items, top->count, sizeof *top->items, oddest_first);
    return top->count;
}

odd_top_item odd_top_at(const odd_top *top, size_t i)
{
    return top->items[i];
}
