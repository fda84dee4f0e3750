/* math/kernels_panel.h: softmax and activations over panels. Included by math/kernels_body.h. */

INLINE vector column_maximum(const float *l, size_t l_stride, size_t V)
{
    vector most = load(l);
    for (size_t v = 1; v < V; v++)
        most = greater(load(l + v * l_stride), most);
    return most;
}

/* l[id_r, r] of the rows r that begin at `at` */
INLINE vector column_targets(const float *at, size_t l_stride, const uint32_t *ids,
                             size_t id_stride)
{
    float picked[WIDTH];
    for (size_t i = 0; i < WIDTH; i++)
        picked[i] = at[ids[i * id_stride] * l_stride + i];
    return load(picked);
}

static void softmax_loss(float *losses, const float *l, size_t l_stride, const uint32_t *ids,
                         size_t id_stride, size_t V, size_t n)
{
    for (size_t r = 0; r < n; r += WIDTH) {
        const float *at = l + r;
        vector most = column_maximum(at, l_stride, V), sum = {0};
        vector target = column_targets(at, l_stride, ids + r * id_stride, id_stride);
        for (size_t v = 0; v < V; v++)
            sum += exponential(load(at + v * l_stride) - most);
        store(losses + r, logarithm(sum) + (most - target));
    }
}

static void softmax(float *losses, float *l, size_t l_stride, const uint32_t *ids, size_t id_stride,
                    size_t V, size_t n)
{
    for (size_t r = 0; r < n; r += WIDTH) {
        float *at = l + r;
        vector most = column_maximum(at, l_stride, V), sum = {0};
        vector target = column_targets(at, l_stride, ids + r * id_stride, id_stride);
        for (size_t v = 0; v < V; v++) {
            vector e = exponential(load(at + v * l_stride) - most);
            store(at + v * l_stride, e);
            sum += e;
        }
        store(losses + r, logarithm(sum) + (most - target));
        vector inverse = 1.0f / sum;
        for (size_t v = 0; v < V; v++)
            store(at + v * l_stride, load(at + v * l_stride) * inverse);
    }
}

static void softmax_backward(float *p, size_t p_stride, const float *scale, const uint32_t *ids,
                             size_t id_stride, size_t V, size_t n)
{
    for (size_t r = 0; r < n; r += WIDTH) {
        vector s = load(scale + r);
        for (size_t v = 0; v < V; v++)
            store(p + v * p_stride + r, load(p + v * p_stride + r) * s);
    }
    for (size_t r = 0; r < n; r++)
        p[ids[r * id_stride] * p_stride + r] -= scale[r];
}

/* tanh a = 1 - 2 / (exp(2 a) + 1); absolute error 1e-7 */
INLINE vector hyperbolic(vector a)
{
    return 1.0f - 2.0f / (exponential(2.0f * a) + 1.0f);
}

/* f(a), and f'(a) in *d: the formulas of math/activations.h. */
INLINE vector activation_at(odd_activation which, float slope, vector a, vector *d)
{
    const vector one = spread(1.0f);
    vector f, t, inner;
    switch (which) {
    case ODD_RELU:
        slope = 0;
        /* fall through */
    case ODD_LEAKY_RELU:
        *d = choose(a > 0.0f, one, spread(slope));
        return a * *d;
    case ODD_ELU:
        t = exponential(lesser(spread(0.0f), a));
        *d = choose(a > 0.0f, one, t);
        return choose(a > 0.0f, a, t - 1.0f);
    case ODD_GELU: {
        const float c = 0.7978845608028654f; /* sqrt(2 / pi) */
        vector square = a * a;
        inner = c * a * (1.0f + 0.044715f * square);
        t = hyperbolic(inner);
        f = 0.5f * (1.0f + t);
        *d = f + 0.5f * a * (1.0f - t * t) * (c * (1.0f + 3 * 0.044715f * square));
        return a * f;
    }
    case ODD_SILU:
        t = 1.0f / (1.0f + exponential(-a));
        *d = t * (1.0f + a * (1.0f - t));
        return a * t;
    case ODD_TANH:
        t = hyperbolic(a);
        *d = 1.0f - t * t;
        return t;
    case ODD_LINEAR:
    case ODD_ACTIVATIONS:
        break;
    }
    *d = one;
    return a;
}

INLINE void activate_as(const odd_activation which, float slope, float *y, float *d, size_t n)
{
    vector derivative;
    if (d)
        for (size_t i = 0; i < n; i += WIDTH) {
            store(y + i, activation_at(which, slope, load(y + i), &derivative));
            store(d + i, derivative);
        }
    else
        for (size_t i = 0; i < n; i += WIDTH)
            store(y + i, activation_at(which, slope, load(y + i), &derivative));
}

static void activate(odd_activation f, float slope, float *y, float *d, size_t n)
{
    switch (f) { /* a loop of its own for each */
#define ODD_ACTIVATE(id, name, formula, gain)                                                      \
    case ODD_##id:                                                                                 \
        activate_as(ODD_##id, slope, y, d, n);                                                     \
        break;
        ODD_ACTIVATION_LIST(ODD_ACTIVATE)
#undef ODD_ACTIVATE
    case ODD_ACTIVATIONS:
        break;
    }
}

static void exp_all(float *y, size_t n)
{
    for (size_t i = 0; i < n; i += WIDTH)
        store(y + i, exponential(load(y + i)));
}

static void log_all(float *y, size_t n)
{
    for (size_t i = 0; i < n; i += WIDTH)
        store(y + i, logarithm(load(y + i)));
}
