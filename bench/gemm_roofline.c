/* bench/gemm_roofline.c: times the matrix products of one training step, unfolded, and nothing
 * else.
 *
 * usage: gemm_roofline [threads [batch]]     defaults 2 256
 * Prints rows per second, the best of many runs. The shape is that of Adult: nine categorical
 * columns, six numbers, default widths. Each thread takes its share of the batch and makes the
 * cblas_sgemm calls of forward and backward. There is no softmax, activation, bias, gather, sum
 * over threads or optimiser. The rate of a training step is compared with this rate. */
#include <cblas.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { COLUMNS = 9, NUMBERS = 6, PROJECTION = 10, LAYERS = 7, RUNS = 400, STEPS = 20, MOST = 512 };

static const int vocabulary[COLUMNS] = {10, 17, 8, 16, 7, 6, 3, 43, 3};
static const int embedding[COLUMNS] = {5, 9, 4, 8, 3, 3, 2, 21, 2};
static const int widths[LAYERS] = {50, 32, 16, 4, 16, 32, 50};

typedef struct worker {
    int rows;
    float *a, *b, *c; /* room for the largest operand of each kind */
} worker;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* y (B, out) = x (B, in) W^T; dW (out, in) = dy^T x; dx (B, in) = dy W */
static void dense(const worker *w, int in, int out)
{
    const int B = w->rows;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, B, out, in, 1, w->a, in, w->b, in, 0, w->c,
                out);
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, out, in, B, 1, w->a, out, w->b, in, 0,
                w->c, in);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, B, in, out, 1, w->a, out, w->b, in, 0,
                w->c, in);
}

static void step(const worker *w)
{
    int in = PROJECTION;

    dense(w, 2 * NUMBERS, PROJECTION);
    for (int i = 0; i < COLUMNS; i++)
        in += embedding[i];
    for (int l = 0; l < LAYERS; in = widths[l++])
        dense(w, in, widths[l]);
    for (int i = 0; i < COLUMNS; i++) {
        dense(w, in, embedding[i]);            /* query = W_i h */
        dense(w, embedding[i], vocabulary[i]); /* logits = query E_i^T */
    }
    dense(w, in, NUMBERS);
}

static void *run(void *argument)
{
    const worker *w = argument;
    for (int i = 0; i < STEPS; i++)
        step(w);
    return NULL;
}

int main(int argc, char **argv)
{
    const int threads = argc > 1 ? atoi(argv[1]) : 2, batch = argc > 2 ? atoi(argv[2]) : 256;
    double best = 1e9;
    worker w[64];
    pthread_t id[64];

    if (threads < 1 || threads > 64 || batch < threads || batch > MOST * 100) {
        fprintf(stderr, "usage: gemm_roofline [threads [batch]]\n");
        return 2;
    }
    openblas_set_num_threads(1);
    for (int t = 0; t < threads; t++) {
        const size_t room = (size_t)(batch / threads > MOST ? batch / threads : MOST) * MOST;
        w[t] = (worker){batch / threads, calloc(room, 4), calloc(room, 4), calloc(room, 4)};
        if (!w[t].a || !w[t].b || !w[t].c)
            return 1;
    }
    for (int i = 0; i < RUNS; i++) {
        const double start = now();
        for (int t = 1; t < threads; t++)
            if (pthread_create(id + t, NULL, run, w + t) != 0)
                return 1;
        run(w);
        for (int t = 1; t < threads; t++)
            pthread_join(id[t], NULL);
        const double seconds = (now() - start) / STEPS;
        best = seconds < best ? seconds : best;
    }
    printf("%.0f\n", (double)(batch / threads * threads) / best);
    for (int t = 0; t < threads; t++) {
        free(w[t].a);
        free(w[t].b);
        free(w[t].c);
    }
    return 0;
}
