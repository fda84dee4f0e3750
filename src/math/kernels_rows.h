/* math/kernels_rows.h: gathers and sums over row-major matrices. Included by math/kernels_body.h.
 */

/* A stripe of `vectors` vectors of every row, its sums in registers. */
INLINE void gather_stripe(const size_t vectors, float *out, size_t out_stride, const float *init,
                          const float *const *tables, size_t count, size_t table_stride,
                          const uint32_t *ids, size_t id_stride, size_t rows, size_t at)
{
    for (size_t r = 0; r < rows; r++, ids += id_stride, out += out_stride) {
        vector sum[4];
#pragma GCC unroll 4
        for (size_t j = 0; j < vectors; j++)
            sum[j] = load((init ? init : out) + at + j * WIDTH);
        for (size_t t = 0; t < count; t++) {
            const float *row = tables[t] + ids[t] * table_stride + at;
#pragma GCC unroll 4
            for (size_t j = 0; j < vectors; j++)
                sum[j] += load(row + j * WIDTH);
        }
#pragma GCC unroll 4
        for (size_t j = 0; j < vectors; j++)
            store(out + at + j * WIDTH, sum[j]);
    }
}

static void gather_add(float *out, size_t out_stride, const float *init, const float *const *tables,
                       size_t count, size_t table_stride, const uint32_t *ids, size_t id_stride,
                       size_t rows, size_t width)
{
    size_t at = 0;
    for (; at + 4 * WIDTH <= width; at += 4 * WIDTH)
        gather_stripe(4, out, out_stride, init, tables, count, table_stride, ids, id_stride, rows,
                      at);
    for (; at < width; at += WIDTH)
        gather_stripe(1, out, out_stride, init, tables, count, table_stride, ids, id_stride, rows,
                      at);
}

static void scatter_add(float *table, size_t table_stride, const float *in, size_t in_stride,
                        const uint32_t *ids, size_t id_stride, size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++, in += in_stride, ids += id_stride) {
        float *row = table + *ids * table_stride;
        for (size_t j = 0; j < width; j += WIDTH)
            store(row + j, load(row + j) + load(in + j));
    }
}

static void row_argmin(uint32_t *out, const float *in, size_t in_stride, size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++, in += in_stride) {
        vector v = load(in), other = v; /* two chains: a comparison takes a few cycles */
        size_t next = WIDTH;
        for (; next + WIDTH < width; next += 2 * WIDTH) {
            v = lesser(load(in + next), v);
            other = lesser(load(in + next + WIDTH), other);
        }
        if (next < width)
            v = lesser(load(in + next), v);
        v = lesser(other, v);
        float least = v[0];
        for (size_t i = 1; i < WIDTH; i++)
            least = v[i] < least ? v[i] : least;
        size_t j = 0;
        unsigned equal = lanes_equal(load(in), spread(least));
        while (!equal && j + WIDTH < width) {
            j += WIDTH;
            equal = lanes_equal(load(in + j), spread(least));
        }
        out[r] = (uint32_t)(j + (equal ? (size_t)__builtin_ctz(equal) : 0));
    }
}

static void row_squares(float *out, const float *in, size_t in_stride, size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++, in += in_stride) {
        vector sum = {0};
        float rest = 0;
        size_t j = 0;
        for (; j + WIDTH <= width; j += WIDTH) {
            vector x = load(in + j);
            sum += x * x;
        }
        for (; j < width; j++)
            rest += in[j] * in[j];
        for (size_t i = 0; i < WIDTH; i++)
            rest += sum[i];
        out[r] = rest;
    }
}

/* the sum of the lanes, halves first */
INLINE float across(vector v)
{
    float lanes[WIDTH];
    store(lanes, v);
#pragma GCC unroll 4
    for (size_t half = WIDTH / 2; half > 0; half /= 2)
        for (size_t i = 0; i < half; i++)
            lanes[i] += lanes[i + half];
    return lanes[0];
}

static void row_dots(float *dots, float *squares, const float *in, size_t in_stride, const float *q,
                     size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++, in += in_stride) {
        vector dot = {0}, square = {0};
        float dot_rest = 0, square_rest = 0;
        size_t j = 0;
        for (; j + WIDTH <= width; j += WIDTH) {
            vector x = load(in + j);
            dot += x * load(q + j);
            square += x * x;
        }
        for (; j < width; j++) {
            dot_rest += in[j] * q[j];
            square_rest += in[j] * in[j];
        }
        dots[r] = dot_rest + across(dot);
        squares[r] = square_rest + across(square);
    }
}

static void row_distances(float *out, const float *in, size_t in_stride, const float *q,
                          size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++, in += in_stride) {
        vector sum = {0};
        float rest = 0;
        size_t j = 0;
        for (; j + WIDTH <= width; j += WIDTH) {
            vector d = load(in + j) - load(q + j);
            sum += d * d;
        }
        for (; j < width; j++)
            rest += (in[j] - q[j]) * (in[j] - q[j]);
        out[r] = rest + across(sum);
    }
}

static void row_add(float *out, const float *in, size_t in_stride, size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++, in += in_stride) {
        vector sum = {0};
        for (size_t j = 0; j < width; j += WIDTH)
            sum += load(in + j);
        out[r] += across(sum);
    }
}

static void add(float *out, const float *a, const float *b, size_t n)
{
    size_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH)
        store(out + i, load(a + i) + load(b + i));
    for (; i < n; i++)
        out[i] = a[i] + b[i];
}

static void mul(float *out, const float *a, const float *b, size_t n)
{
    size_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH)
        store(out + i, load(a + i) * load(b + i));
    for (; i < n; i++)
        out[i] = a[i] * b[i];
}

static void sum_rows(float *out, const float *in, size_t in_stride, size_t count, size_t n)
{
    size_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        vector total = {0};
        for (size_t s = 0; s < count; s++)
            total += load(in + s * in_stride + i);
        store(out + i, total);
    }
    for (; i < n; i++) {
        float total = 0;
        for (size_t s = 0; s < count; s++)
            total += in[s * in_stride + i];
        out[i] = total;
    }
}

static void adam(float *w, float *m, float *v, const float *g, const odd_adam *k, size_t n)
{
    const odd_adam c = *k;
    const float rest1 = 1 - c.beta1, rest2 = 1 - c.beta2;
    size_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        vector gi = load(g + i);
        vector mi = c.beta1 * load(m + i) + rest1 * gi;
        vector vi = c.beta2 * load(v + i) + rest2 * (gi * gi);
        store(m + i, mi);
        store(v + i, vi);
        store(w + i, c.shrink * load(w + i) - c.rate * mi / (c.root * root(vi) + c.epsilon));
    }
    for (; i < n; i++) {
        m[i] = c.beta1 * m[i] + rest1 * g[i];
        v[i] = c.beta2 * v[i] + rest2 * (g[i] * g[i]);
        w[i] = c.shrink * w[i] - c.rate * m[i] / (c.root * sqrtf(v[i]) + c.epsilon);
    }
}
