/* Prototypes: better than rows at random, the same on any number of threads. */
#include "made.h"

#include "score/local.h"

/* `groups` clusters, the later ones smaller. */
static float *rows_of(size_t n, size_t X, size_t groups, double spread, uint64_t seed)
{
    float *x = calloc(n * X, sizeof *x), *centers = calloc(groups * X, sizeof *centers);
    odd_random r;
    odd_random_start(&r, seed, 1);
    for (size_t i = 0; i < groups * X; i++)
        centers[i] = (float)(4 * odd_random_normal(&r));
    for (size_t i = 0; i < n; i++) {
        size_t group = odd_random_below(&r, 1 + odd_random_below(&r, groups));
        for (size_t j = 0; j < X; j++)
            x[i * X + j] = centers[group * X + j] + (float)(spread * odd_random_normal(&r));
    }
    free(centers);
    return x;
}

static double cost(const float *x, size_t n, size_t X, const float *centers, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double near = INFINITY;
        for (size_t k = 0; k < count; k++) {
            double d = 0;
            for (size_t j = 0; j < X; j++)
                d += pow((double)x[i * X + j] - (double)centers[k * X + j], 2);
            near = fmin(near, d);
        }
        sum += near;
    }
    return sum / (double)n;
}

static float *fitted(const float *x, size_t n, size_t X, size_t wanted, uint64_t seed,
                     size_t threads)
{
    float *centers = calloc(wanted * X, sizeof *centers);
    odd_pool *pool = NULL;
    oddrow_error err = {0};
    assert_int_equal(odd_pool_new(threads, &pool, &err), 0);
    assert_int_equal(odd_kmeans(x, n, X, wanted, seed, pool, centers, &err), 0);
    odd_pool_free(&pool);
    return centers;
}

static void better_than_random(void **state)
{
    (void)state;
    enum { N = 3000, X = 9, WANTED = 24 };
    float *x = rows_of(N, X, WANTED, 0.3, 1), random[WANTED * X];
    double others = 0;
    odd_random r;
    odd_random_start(&r, 2, 2);
    for (int time = 0; time < 5; time++) {
        for (size_t k = 0; k < WANTED; k++)
            memcpy(random + k * X, x + odd_random_below(&r, N) * X, X * sizeof *x);
        others += cost(x, N, X, random, WANTED) / 5;
    }
    float *centers = fitted(x, N, X, WANTED, 1, 2);
    double own = cost(x, N, X, centers, WANTED);
    assert_true(own < 0.5 * others);
    assert_true(own < 2 * X * 0.3 * 0.3); /* nearly every cluster found */
    free(centers);
    free(x);
}

static void any_threads(void **state)
{
    (void)state;
    enum { N = 2500, X = 5, WANTED = 40 };
    float *x = rows_of(N, X, 30, 1, 3);
    float *one = fitted(x, N, X, WANTED, 7, 1);
    for (size_t threads = 2; threads <= 4; threads++) {
        float *more = fitted(x, N, X, WANTED, 7, threads);
        assert_memory_equal(one, more, WANTED * X * sizeof *one);
        free(more);
    }
    float *other = fitted(x, N, X, WANTED, 8, 1);
    assert_true(memcmp(one, other, WANTED * X * sizeof *one) != 0);
    free(other);
    free(one);
    free(x);
}

static void few_rows(void **state)
{
    (void)state;
    float x[12] = {1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4}; /* three rows, all alike */
    float *centers = fitted(x, 3, 4, 3, 1, 1);
    for (size_t i = 0; i < 12; i++)
        assert_true(centers[i] == x[i]);
    free(centers);
    float *one = fitted(x, 3, 4, 1, 1, 1);
    assert_memory_equal(one, x, 4 * sizeof *x);
    free(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(better_than_random),
                                       cmocka_unit_test(any_threads), cmocka_unit_test(few_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
