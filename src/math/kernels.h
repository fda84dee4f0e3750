/* math/kernels.h: the inner loops of the numeric rooms, compiled for several instruction sets.
 *
 * A panel is a matrix (features, n) of float: one row a feature, its n columns the rows of a batch,
 * n a multiple of 16 (ODD_PANEL = 64 as a rule), so that every loop over batch rows is a loop over
 * vectors. Kernels take outputs, inputs, parameters, dimensions. Strides count floats from one row
 * to the next. No kernel allocates or keeps anything; any thread may call them. Not-a-number and
 * infinite inputs give not-a-number or infinite outputs, never a lost one. The order of every sum
 * depends on the dimensions alone.
 */
#ifndef ODD_MATH_KERNELS_H
#define ODD_MATH_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "math/activations.h"

enum { ODD_PANEL = 64 };

/* n rounded up to whole cache lines of 16 floats */
#define ODD_PADDED(n) (((n) + 15) / 16 * 16)

/* Adam's constants of one update; see adam below. */
typedef struct odd_adam {
    float beta1, beta2, epsilon;
    float rate;   /* learning rate / (1 - beta1^t) */
    float root;   /* 1 / sqrt(1 - beta2^t) */
    float shrink; /* 1 - learning rate * weight decay */
} odd_adam;

typedef struct odd_kernels {
    const char *name; /* baseline, x86-64-v3, x86-64-v4 */

    /* C (M, N) = A (M, K) B (K, N) + start, where A[m, k] is a[m * a_stride + k].
     * start: `add` ? what C holds : bias ? bias[m] : 0. N is rounded up to a multiple of 16: that
     * many floats of each row of B are read and of C written. C may not overlap A or B. */
    void (*multiply)(float *c, size_t c_stride, const float *a, size_t a_stride, const float *b,
                     size_t b_stride, const float *bias, bool add, size_t M, size_t N, size_t K);

    /* The same with A transposed: A[m, k] is a[k * a_stride + m]. */
    void (*multiply_transposed)(float *c, size_t c_stride, const float *a, size_t a_stride,
                                const float *b, size_t b_stride, const float *bias, bool add,
                                size_t M, size_t N, size_t K);

    /* out (cols, rows) = in (rows, cols)^T */
    void (*transpose)(float *out, size_t out_stride, const float *in, size_t in_stride, size_t rows,
                      size_t cols);

    /* out[r] = (init ? init : out[r]) + sum over t of tables[t][ids[r * id_stride + t]].
     * out (rows, width), tables (tables, any, width) of stride table_stride, ids (rows, tables),
     * init (width). width a multiple of 16. */
    void (*gather_add)(float *out, size_t out_stride, const float *init, const float *const *tables,
                       size_t count, size_t table_stride, const uint32_t *ids, size_t id_stride,
                       size_t rows, size_t width);

    /* Its backward for one table: table[ids[r * id_stride]] += in[r], r ascending. */
    void (*scatter_add)(float *table, size_t table_stride, const float *in, size_t in_stride,
                        const uint32_t *ids, size_t id_stride, size_t rows, size_t width);

    /* out[r] = the first place of the least of in[r, 0..width), width a multiple of 16; any place
     * when one of them is not a number */
    void (*row_argmin)(uint32_t *out, const float *in, size_t in_stride, size_t rows, size_t width);

    /* out[r] = sum of in[r, 0..width)^2 */
    void (*row_squares)(float *out, const float *in, size_t in_stride, size_t rows, size_t width);

    /* dots[r] = in[r] . q and squares[r] = in[r] . in[r]; out[r] = sum of (in[r, j] - q[j])^2; q
     * (width) */
    void (*row_dots)(float *dots, float *squares, const float *in, size_t in_stride, const float *q,
                     size_t rows, size_t width);
    void (*row_distances)(float *out, const float *in, size_t in_stride, const float *q,
                          size_t rows, size_t width);

    /* out[r] += sum of in[r, 0..width), width a multiple of 16 */
    void (*row_add)(float *out, const float *in, size_t in_stride, size_t rows, size_t width);

    /* out[i] = a[i] + b[i], and out[i] = sum over s of in[s * in_stride + i]; n any */
    void (*add)(float *out, const float *a, const float *b, size_t n);
    void (*sum)(float *out, const float *in, size_t in_stride, size_t count, size_t n);

    /* Over a panel l (V, n), n a multiple of 16, id of row r = ids[r * id_stride] < V:
     *     losses[r] = ln sum_v exp(l[v, r]) - l[id_r, r]
     * the maximum subtracted before exp. softmax also replaces l by p = exp(l) / sum. */
    void (*softmax_loss)(float *losses, const float *l, size_t l_stride, const uint32_t *ids,
                         size_t id_stride, size_t V, size_t n);
    void (*softmax)(float *losses, float *l, size_t l_stride, const uint32_t *ids, size_t id_stride,
                    size_t V, size_t n);

    /* Its backward, in place: dl[v, r] = scale[r] (p[v, r] - [v == id_r]) */
    void (*softmax_backward)(float *p, size_t p_stride, const float *scale, const uint32_t *ids,
                             size_t id_stride, size_t V, size_t n);

    /* y = f(y), n a multiple of 16; slope is leaky ReLU's. d, unless NULL, gets f'(y), by which the
     * backward multiplies (mul): out[i] = a[i] * b[i]. */
    void (*activate)(odd_activation f, float slope, float *y, float *d, size_t n);
    void (*mul)(float *out, const float *a, const float *b, size_t n);

    /* Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2), n any:
     *     m = beta1 m + (1 - beta1) g            v = beta2 v + (1 - beta2) g^2
     *     w = shrink w - rate m / (root sqrt(v) + epsilon) */
    void (*adam)(float *w, float *m, float *v, const float *g, const odd_adam *constants, size_t n);

    void (*exp)(float *y, size_t n); /* y = exp(y), within 2 ulp; n a multiple of 16; for tests */
    void (*log)(float *y, size_t n); /* y = ln y for normal y > 0 */
} odd_kernels;

/* The best set this processor runs; chosen at the first call, the same ever after. */
const odd_kernels *odd_kernels_best(void);

/* Set i, or NULL when it is not built in or this processor lacks its instructions; 0 is the
 * baseline. For tests and benches. */
enum { ODD_KERNEL_SETS = 3 };
const odd_kernels *odd_kernels_set(size_t i);

#endif
