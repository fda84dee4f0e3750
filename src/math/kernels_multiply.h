/* math/kernels_multiply.h: matrix products and transposition. Included by math/kernels_body.h. */

/* C (rows, vectors * WIDTH) += A B over K, rows and vectors constants: the accumulators stay in
 * registers. transposed: A[m, k] = a[k * a_stride + m], else a[m * a_stride + k]. */
INLINE void multiply_tile(const size_t rows, const size_t vectors, const bool transposed, float *c,
                          size_t c_stride, const float *a, size_t a_stride, const float *b,
                          size_t b_stride, const float *bias, bool add, size_t K)
{
    vector sum[12][4];
#pragma GCC unroll 12
    for (size_t i = 0; i < rows; i++) {
        vector start = spread(bias && !add ? bias[i] : 0.0f);
#pragma GCC unroll 4
        for (size_t j = 0; j < vectors; j++)
            sum[i][j] = add ? load(c + i * c_stride + j * WIDTH) : start;
    }
    for (size_t k = 0; k < K; k++, b += b_stride) {
        vector column[4];
#pragma GCC unroll 4
        for (size_t j = 0; j < vectors; j++)
            column[j] = load(b + j * WIDTH);
#pragma GCC unroll 12
        for (size_t i = 0; i < rows; i++) {
            vector x = spread(transposed ? a[k * a_stride + i] : a[i * a_stride + k]);
#pragma GCC unroll 4
            for (size_t j = 0; j < vectors; j++)
                sum[i][j] += x * column[j];
        }
    }
#pragma GCC unroll 12
    for (size_t i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (size_t j = 0; j < vectors; j++)
            store(c + i * c_stride + j * WIDTH, sum[i][j]);
}

/* All M rows of a stripe of `vectors` vectors: tiles of 12 rows while the registers allow, then 6,
 * 4, 2, 1. */
INLINE void multiply_stripe(const size_t vectors, const bool transposed, float *c, size_t c_stride,
                            const float *a, size_t a_stride, const float *b, size_t b_stride,
                            const float *bias, bool add, size_t M, size_t K)
{
    const bool tall = vectors * 12 + vectors < (WIDTH == 16 ? 30 : 15);
    size_t m = 0;
#define ROWS_OF_TILE(rows)                                                                         \
    for (; m + (rows) <= M; m += (rows))                                                           \
    multiply_tile(rows, vectors, transposed, c + m * c_stride, c_stride,                           \
                  transposed ? a + m : a + m * a_stride, a_stride, b, b_stride,                    \
                  bias ? bias + m : NULL, add, K)
    if (tall)
        ROWS_OF_TILE(12);
    ROWS_OF_TILE(6);
    ROWS_OF_TILE(4);
    ROWS_OF_TILE(2);
    ROWS_OF_TILE(1);
#undef ROWS_OF_TILE
}

INLINE void multiply_any(const bool transposed, float *c, size_t c_stride, const float *a,
                         size_t a_stride, const float *b, size_t b_stride, const float *bias,
                         bool add, size_t M, size_t N, size_t K)
{
    enum { CHUNK = 256 }; /* of K: a stripe of B stays in the cache */
    N = ODD_PADDED(N);
    for (size_t k = 0; k < K || (k == 0 && !add); k += CHUNK) {
        const float *ak = transposed ? a + k * a_stride : a + k, *bk = b + k * b_stride;
        size_t depth = K - k < CHUNK ? K - k : CHUNK, n = 0;
#define ODD_STRIPE(vectors)                                                                        \
    for (; n + (vectors)*WIDTH <= N; n += (vectors)*WIDTH)                                         \
    multiply_stripe(vectors, transposed, c + n, c_stride, ak, a_stride, bk + n, b_stride, bias,    \
                    add || k > 0, M, depth)
        if (TILE_VECTORS == 4) {
            ODD_STRIPE(4);
            ODD_STRIPE(3);
        }
        ODD_STRIPE(2);
        ODD_STRIPE(1);
#undef ODD_STRIPE
    }
}

static void multiply(float *c, size_t c_stride, const float *a, size_t a_stride, const float *b,
                     size_t b_stride, const float *bias, bool add, size_t M, size_t N, size_t K)
{
    multiply_any(false, c, c_stride, a, a_stride, b, b_stride, bias, add, M, N, K);
}

static void multiply_transposed(float *c, size_t c_stride, const float *a, size_t a_stride,
                                const float *b, size_t b_stride, const float *bias, bool add,
                                size_t M, size_t N, size_t K)
{
    multiply_any(true, c, c_stride, a, a_stride, b, b_stride, bias, add, M, N, K);
}

typedef float eight __attribute__((vector_size(32), aligned(4), may_alias));

#define ODD_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)

/* An 8 x 8 block in three rounds of shuffles: pairs, quads, halves. */
INLINE void transpose_block(float *out, size_t out_stride, const float *in, size_t in_stride)
{
    eight r[8], s[8];
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; i++)
        r[i] = *(const eight *)(in + i * in_stride);
#pragma GCC unroll 4
    for (size_t i = 0; i < 8; i += 2) {
        s[i] = ODD_SHUFFLE(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        s[i + 1] = ODD_SHUFFLE(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
#pragma GCC unroll 2
    for (size_t i = 0; i < 8; i += 4) {
        r[i] = ODD_SHUFFLE(s[i], s[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
        r[i + 1] = ODD_SHUFFLE(s[i], s[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        r[i + 2] = ODD_SHUFFLE(s[i + 1], s[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
        r[i + 3] = ODD_SHUFFLE(s[i + 1], s[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        *(eight *)(out + i * out_stride) = ODD_SHUFFLE(r[i], r[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        *(eight *)(out + (i + 4) * out_stride) =
            ODD_SHUFFLE(r[i], r[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

static void transpose(float *out, size_t out_stride, const float *in, size_t in_stride, size_t rows,
                      size_t cols)
{
    size_t whole_rows = rows / 8 * 8, whole_cols = cols / 8 * 8;
    for (size_t i = 0; i < whole_rows; i += 8)
        for (size_t j = 0; j < whole_cols; j += 8)
            transpose_block(out + j * out_stride + i, out_stride, in + i * in_stride + j,
                            in_stride);
    for (size_t j = whole_cols; j < cols; j++)
        for (size_t i = 0; i < whole_rows; i++)
            out[j * out_stride + i] = in[i * in_stride + j];
    for (size_t i = whole_rows; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            out[j * out_stride + i] = in[i * in_stride + j];
}
