/* embed/tsne.c: Barnes-Hut t-SNE: a quadtree of the plane stands for what is far away. */
#include "embed/project.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "embed/near.h"

enum { DEEPEST = 40, PIECE = 64, ITERATIONS = 1000 };
#define THETA 0.5
#define EXAGGERATION 12.0

/* A square of the plane with its points; a leaf has no children. Points stand in the order of the
 * tree, so that a node's are order[begin .. end). */
typedef struct node {
    double x, y;         /* centre of its points' mass */
    double width;        /* of the square */
    uint32_t begin, end; /* its points */
    uint32_t child;      /* the first of four in a row; 0: a leaf */
} node;

/* A pair that attracts, in the list of its first point. */
typedef struct pull {
    uint32_t other;
    float p;
} pull;

typedef struct tsne {
    const float *vectors;
    size_t V, E, neighbours;
    double perplexity;
    const odd_tsne_options *options;
    uint32_t *near; /* (V, neighbours) */
    float *given;   /* (V, neighbours) p_{j|i} */
    size_t *first;  /* (V + 1) of each point's pulls */
    pull *pulls;
    double *points;                        /* (V, 2) */
    double *attract, *repel, *step, *gain; /* (V, 2) each */
    double *z;                             /* (V) */
    uint32_t *order, *spare, *at;          /* (V): points in the tree's order, their places there */
    node *nodes;
    size_t node_count, node_capacity;
    int rc; /* of a task; the tasks share it, all write the same code */
} tsne;

/* ---- who attracts whom ---- */

/* p_{j|i} over the neighbours' squared distances d: normal, with the width that gives the
 * perplexity, found by bisection. */
static void fit_width(const double *d, size_t count, double perplexity, float *p)
{
    double beta = 1, low = 0, high = INFINITY, weights[3 * 100];
    for (int i = 0; i < 64; i++) {
        double sum = 0, product = 0;
        for (size_t j = 0; j < count; j++) {
            weights[j] = exp(-beta * (d[j] - d[0]));
            sum += weights[j];
            product += beta * (d[j] - d[0]) * weights[j];
        }
        double entropy = log(sum) + product / sum;
        for (size_t j = 0; j < count; j++)
            p[j] = (float)(weights[j] / sum);
        if (fabs(entropy - log(perplexity)) < 1e-5)
            break;
        if (entropy > log(perplexity)) {
            low = beta;
            beta = isinf(high) ? beta * 2 : (beta + high) / 2;
        } else {
            high = beta;
            beta = (beta + low) / 2;
        }
    }
}

static void find_neighbours(void *context, size_t piece, size_t thread)
{
    tsne *t = context;
    odd_neighbour near[3 * 100];
    double d[3 * 100] = {0};
    (void)thread;
    for (size_t i = piece * PIECE; i < t->V && i < (piece + 1) * PIECE; i++) {
        size_t found = 0;
        if (odd_near(t->vectors, t->V, t->E, t->vectors + i * t->E, ODD_EUCLIDEAN, t->neighbours,
                     (size_t[]){i, i}, near, &found, NULL) ||
            found < t->neighbours) {
            __atomic_store_n(&t->rc, ODDROW_ENUMERIC, __ATOMIC_RELAXED);
            return;
        }
        for (size_t j = 0; j < found; j++) {
            t->near[i * found + j] = (uint32_t)near[j].row;
            d[j] = near[j].value * near[j].value;
        }
        /* in units of the nearest distances, so that the search for a width starts near it */
        double unit = found && d[found - 1] > 0 ? d[found - 1] : 1;
        for (size_t j = 0; j < found; j++)
            d[j] /= unit;
        fit_width(d, found, t->perplexity, t->given + i * found);
    }
}

/* p_ij = (p_{j|i} + p_{i|j}) / 2V as lists; a pair that stands there twice counts twice. */
static int make_pulls(tsne *t, oddrow_error *err)
{
    size_t n = t->neighbours, total = 2 * t->V * n;
    t->pulls = odd_alloc(total, sizeof *t->pulls);
    if (!t->pulls)
        return odd_no_memory(err);
    for (size_t i = 0; i < t->V; i++)
        for (size_t j = 0; j < n; j++) {
            t->first[i]++;
            t->first[t->near[i * n + j]]++;
        }
    size_t sum = 0;
    for (size_t i = 0; i <= t->V; i++) {
        sum += t->first[i];
        t->first[i] = sum; /* the end of each; filled from behind */
    }
    for (size_t i = t->V; i-- > 0;)
        for (size_t j = n; j-- > 0;) {
            uint32_t other = t->near[i * n + j];
            float p = (float)((double)t->given[i * n + j] / (2 * (double)t->V));
            t->pulls[--t->first[i]] = (pull){other, p};
            t->pulls[--t->first[other]] = (pull){(uint32_t)i, p};
        }
    return 0;
}

/* ---- the tree ---- */

/* Sorts order[begin .. end) into the quadrants of (x, y); ends[q] is where quadrant q ends. */
static void split(tsne *t, uint32_t begin, uint32_t end, double x, double y, uint32_t ends[4])
{
    uint32_t counts[4] = {0}, next[4], sum = begin;
    for (uint32_t i = begin; i < end; i++) {
        const double *p = t->points + 2 * t->order[i];
        counts[(p[0] > x) + 2 * (p[1] > y)]++;
    }
    for (int q = 0; q < 4; q++) {
        next[q] = sum;
        sum += counts[q];
        ends[q] = sum;
    }
    for (uint32_t i = begin; i < end; i++) {
        const double *p = t->points + 2 * t->order[i];
        t->spare[next[(p[0] > x) + 2 * (p[1] > y)]++] = t->order[i];
    }
    memcpy(t->order + begin, t->spare + begin, (end - begin) * sizeof *t->order);
}

static int build(tsne *t, size_t at, uint32_t begin, uint32_t end, double x, double y, double width,
                 int depth, oddrow_error *err)
{
    double sum[2] = {0, 0};
    for (uint32_t i = begin; i < end; i++) {
        sum[0] += t->points[2 * t->order[i]];
        sum[1] += t->points[2 * t->order[i] + 1];
    }
    double count = end > begin ? (double)(end - begin) : 1;
    t->nodes[at] = (node){sum[0] / count, sum[1] / count, width, begin, end, 0};
    if (end - begin < 2 || depth == DEEPEST)
        return 0;
    uint32_t ends[4];
    size_t child = t->node_count;
    int rc = odd_grow(&t->nodes, &t->node_capacity, child + 4, sizeof *t->nodes, err);
    if (rc)
        return rc;
    t->node_count = child + 4;
    t->nodes[at].child = (uint32_t)child;
    split(t, begin, end, x, y, ends);
    for (int q = 0; !rc && q < 4; q++) {
        double dx = q & 1 ? width / 4 : -width / 4, dy = q & 2 ? width / 4 : -width / 4;
        rc = build(t, child + (size_t)q, begin, ends[q], x + dx, y + dy, width / 2, depth + 1, err);
        begin = ends[q];
    }
    return rc;
}

static int build_tree(tsne *t, oddrow_error *err)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (size_t i = 0; i < 2 * t->V; i++) {
        low[i % 2] = fmin(low[i % 2], t->points[i]);
        high[i % 2] = fmax(high[i % 2], t->points[i]);
    }
    for (size_t i = 0; i < t->V; i++)
        t->order[i] = (uint32_t)i;
    t->node_count = 1;
    double width = fmax(high[0] - low[0], high[1] - low[1]) + 1e-12;
    int rc = odd_grow(&t->nodes, &t->node_capacity, 1, sizeof *t->nodes, err);
    if (!rc)
        rc = build(t, 0, 0, (uint32_t)t->V, (low[0] + high[0]) / 2, (low[1] + high[1]) / 2, width,
                   0, err);
    for (size_t i = 0; i < t->V; i++)
        t->at[t->order[i]] = (uint32_t)i;
    return rc;
}

/* ---- forces ---- */

/* sum over all others of q^2 (y_i - y_j), and of q = 1 / (1 + |y_i - y_j|^2) */
static void repel_point(tsne *t, size_t i)
{
    uint32_t stack[4 * DEEPEST + 4], size = 0;
    double x = t->points[2 * i], y = t->points[2 * i + 1], fx = 0, fy = 0, z = 0;
    stack[size++] = 0;
    while (size > 0) {
        const node *n = &t->nodes[stack[--size]];
        double count = (double)(n->end - n->begin);
        if (n->begin == n->end)
            continue;
        double dx = x - n->x, dy = y - n->y, d = dx * dx + dy * dy;
        bool inside = t->at[i] >= n->begin && t->at[i] < n->end;
        if (n->child && (inside || n->width * n->width >= THETA * THETA * d)) {
            for (uint32_t q = 0; q < 4; q++)
                stack[size++] = n->child + q;
            continue;
        }
        if (inside) /* a leaf: points in one place, this one among them */
            count -= 1;
        double q = 1 / (1 + d);
        z += count * q;
        fx += count * q * q * dx;
        fy += count * q * q * dy;
    }
    t->z[i] = z;
    t->repel[2 * i] = fx;
    t->repel[2 * i + 1] = fy;
}

static void attract_point(tsne *t, size_t i)
{
    double x = t->points[2 * i], y = t->points[2 * i + 1], fx = 0, fy = 0;
    for (size_t k = t->first[i]; k < t->first[i + 1]; k++) {
        const double *other = t->points + 2 * t->pulls[k].other;
        double dx = x - other[0], dy = y - other[1];
        double force = (double)t->pulls[k].p / (1 + dx * dx + dy * dy);
        fx += force * dx;
        fy += force * dy;
    }
    t->attract[2 * i] = fx;
    t->attract[2 * i + 1] = fy;
}

static void forces(void *context, size_t piece, size_t thread)
{
    tsne *t = context;
    (void)thread;
    for (size_t i = piece * PIECE; i < t->V && i < (piece + 1) * PIECE; i++) {
        repel_point(t, i);
        attract_point(t, i);
    }
}

/* One step down the gradient with momentum and gains. */
static void move(tsne *t, bool early)
{
    double z = 0, mean[2] = {0, 0}, momentum = early ? 0.5 : 0.8;
    double rate = fmax((double)t->V / EXAGGERATION / 4, 50);
    for (size_t i = 0; i < t->V; i++)
        z += t->z[i];
    z = fmax(z, 1e-300);
    for (size_t i = 0; i < 2 * t->V; i++) {
        double gradient = 4 * ((early ? EXAGGERATION : 1) * t->attract[i] - t->repel[i] / z);
        bool same = gradient * t->step[i] > 0;
        t->gain[i] = fmax(same ? t->gain[i] * 0.8 : t->gain[i] + 0.2, 0.01);
        t->step[i] = momentum * t->step[i] - rate * t->gain[i] * gradient;
        t->points[i] += t->step[i];
        mean[i % 2] += t->points[i] / (double)t->V;
    }
    for (size_t i = 0; i < 2 * t->V; i++)
        t->points[i] -= mean[i % 2];
}

static void tell(const tsne *t, size_t done, size_t all, double started)
{
    double seconds = odd_clock() - started;
    odd_progress progress = {.stage = "t-SNE",
                             .rows = t->V,
                             .fraction = (double)done / (double)all,
                             .rows_per_second =
                                 seconds > 0 ? (double)done * (double)t->V / seconds : 0,
                             .loss = NAN,
                             .validation_loss = NAN};
    if (t->options->progress)
        t->options->progress(t->options->progress_context, &progress);
}

/* Principal components with a spread of 1e-4, and a hundredth of that at random: no two values in
 * one place. */
static int start(tsne *t, oddrow_error *err)
{
    odd_random random;
    double squares = 0;
    int rc = odd_pca(t->vectors, t->V, t->E, t->points, NULL, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < t->V; i++)
        squares += t->points[2 * i] * t->points[2 * i];
    double scale = squares > 0 ? 1e-4 / sqrt(squares / (double)t->V) : 0;
    odd_random_start(&random, t->options->seed, 0);
    for (size_t i = 0; i < 2 * t->V; i++) {
        t->points[i] = t->points[i] * scale + 1e-6 * odd_random_normal(&random);
        t->gain[i] = 1;
    }
    return 0;
}

static int allocate(tsne *t, oddrow_error *err)
{
    size_t V = t->V, n = V * t->neighbours;
    t->near = odd_alloc(n, sizeof *t->near);
    t->given = odd_alloc(n, sizeof *t->given);
    t->first = odd_alloc(V + 1, sizeof *t->first);
    t->attract = odd_alloc(9 * V, sizeof(double));
    t->order = odd_alloc(3 * V, sizeof *t->order);
    if (!t->near || !t->given || !t->first || !t->attract || !t->order)
        return odd_no_memory(err);
    t->repel = t->attract + 2 * V;
    t->step = t->repel + 2 * V;
    t->gain = t->step + 2 * V;
    t->z = t->gain + 2 * V;
    t->spare = t->order + V;
    t->at = t->spare + V;
    return 0;
}

int odd_tsne(const float *vectors, size_t V, size_t E, const odd_tsne_options *options,
             double *points, oddrow_error *err)
{
    tsne t = {.vectors = vectors, .V = V, .E = E, .options = options, .points = points};
    size_t all = options->iterations ? options->iterations : ITERATIONS;
    size_t pieces = (V + PIECE - 1) / PIECE;
    double told = 0, started = odd_clock();
    if (V > ODD_TSNE_MOST)
        return odd_fail(err, ODDROW_EINVAL, "t-SNE takes at most %d values, not %zu", ODD_TSNE_MOST,
                        V);
    if (V < 4)
        return odd_pca(vectors, V, E, points, NULL, err);
    t.perplexity = options->perplexity > 0 ? fmin(options->perplexity, 100) : 30;
    t.perplexity = fmin(t.perplexity, ((double)V - 1) / 3);
    t.neighbours = (size_t)(3 * t.perplexity);
    int rc = allocate(&t, err);
    if (!rc)
        rc = start(&t, err);
    if (!rc) {
        odd_pool_run(options->pool, pieces, find_neighbours, &t);
        rc = t.rc ? odd_fail(err, t.rc, "the vectors are not finite") : make_pulls(&t, err);
    }
    for (size_t i = 0; !rc && i < all; i++) {
        rc = build_tree(&t, err);
        if (rc)
            break;
        odd_pool_run(options->pool, pieces, forces, &t);
        move(&t, i < all / 4);
        if (odd_clock() - told > 0.2 || i + 1 == all) {
            told = odd_clock();
            tell(&t, i + 1, all, started);
        }
    }
    odd_free(t.near);
    odd_free(t.given);
    odd_free(t.first);
    odd_free(t.pulls);
    odd_free(t.attract);
    odd_free(t.order);
    odd_free(t.nodes);
    return rc;
}
