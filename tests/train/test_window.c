/* Windows: every row once in each epoch, in an order of its own, whatever the memory. */
#include "made.h"

#include "train/window.h"

static const odd_schema shape = {.C = 1, .F = 1, .M = 1, .target = SIZE_MAX};

/* Rows whose cells say which row they are. */
static odd_store *store_of(size_t rows)
{
    odd_store *store = NULL;
    assert_int_equal(odd_store_new(9, 1 << 14, &store, NULL), 0);
    for (size_t i = 0; i < rows; i++) {
        char record[9];
        uint32_t id = (uint32_t)i;
        float value = (float)i / 2;
        memcpy(record, &id, 4);
        memcpy(record + 4, &value, 4);
        record[8] = (char)(i % 2);
        assert_int_equal(odd_store_add(store, record, 1, NULL), 0);
    }
    return store;
}

/* The rows of one epoch in their order; checks batches and cells. */
static void epoch_of(odd_window *window, uint64_t seed, uint64_t epoch, size_t rows, size_t size,
                     uint32_t *order)
{
    size_t at = 0, last = 0;
    odd_rows batch;
    int rc;
    odd_window_start(window, seed, epoch);
    while (!(rc = odd_window_next(window, &batch, NULL)) && batch.count) {
        assert_true(batch.count <= size);
        assert_true(last == 0 || last == size); /* all full but the last */
        last = batch.count;
        assert_true(at + batch.count <= rows);
        for (size_t i = 0; i < batch.count; i++) {
            assert_true(batch.values[i] == (float)batch.ids[i] / 2);
            assert_int_equal(batch.missing[i], batch.ids[i] % 2);
            order[at++] = batch.ids[i];
        }
    }
    assert_int_equal(rc, 0);
    assert_int_equal(at, rows);
}

static void each_once(const uint32_t *order, size_t rows)
{
    unsigned char *seen = calloc(rows + 1, 1);
    for (size_t i = 0; i < rows; i++) {
        assert_true(order[i] < rows && !seen[order[i]]);
        seen[order[i]] = 1;
    }
    free(seen);
}

/* Share of rows that stand where they stood. */
static double alike(const uint32_t *a, const uint32_t *b, size_t rows)
{
    size_t same = 0;
    for (size_t i = 0; i < rows; i++)
        same += a[i] == b[i];
    return (double)same / (double)rows;
}

static void every_row_once(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 255, 256, 257, 4096, 4097, 20000};
    static const size_t memories[] = {0, 100, 3000, 100000, 1 << 20, 1 << 26};
    static const size_t batches[] = {1, 64, 256, 30000};
    for (size_t s = 0; s < 8; s++)
        for (size_t m = 0; m < 6; m++)
            for (size_t b = s > 5 ? 2 : 0; b < 4; b++) {
                size_t rows = sizes[s];
                odd_store *store = store_of(rows);
                odd_window *window = NULL;
                uint32_t *order = calloc(2 * rows, sizeof *order);
                assert_int_equal(
                    odd_window_new(store, &shape, batches[b], memories[m], &window, NULL), 0);
                epoch_of(window, 1, 0, rows, batches[b], order);
                each_once(order, rows);
                epoch_of(window, 1, 1, rows, batches[b], order + rows);
                each_once(order + rows, rows);
                if (rows > 200)
                    assert_true(alike(order, order + rows, rows) < 0.05);
                odd_window_free(&window);
                odd_window_free(&window);
                odd_store_free(&store);
                free(order);
            }
}

/* Seed and epoch alone make the order; memory and batches of the same window do not. */
static void orders(void **state)
{
    (void)state;
    enum { N = 9000 };
    odd_store *store = store_of(N);
    odd_window *window = NULL, *other = NULL;
    uint32_t *a = calloc(4 * N, sizeof *a), *b = a + N, *c = b + N, *d = c + N;
    assert_int_equal(odd_window_new(store, &shape, 256, 1 << 26, &window, NULL), 0);
    assert_int_equal(odd_window_new(store, &shape, 100, 1 << 27, &other, NULL), 0);
    epoch_of(window, 5, 3, N, 256, a);
    epoch_of(window, 5, 4, N, 256, b);
    epoch_of(window, 5, 3, N, 256, c); /* going back, as resuming does */
    epoch_of(other, 5, 3, N, 100, d);
    assert_memory_equal(a, c, N * sizeof *a);
    assert_memory_equal(a, d, N * sizeof *a);
    epoch_of(window, 6, 3, N, 256, c);
    assert_true(alike(a, b, N) < 0.01 && alike(a, c, N) < 0.01 && alike(b, c, N) < 0.01);
    /* shuffled: neighbours in the file are no neighbours now */
    size_t neighbours = 0;
    for (size_t i = 1; i < N; i++)
        neighbours += a[i] == a[i - 1] + 1;
    assert_true(neighbours < 20);
    odd_window_free(&window);
    odd_window_free(&other);
    odd_store_free(&store);
    free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_once), cmocka_unit_test(orders)};
    return cmocka_run_group_tests(tests, made_enter, made_leave);
}
