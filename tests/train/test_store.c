/* Stores: in memory and in a file they hold the same; a place that cannot be written is an error.
 */
#include "made.h"

#include <signal.h>
#include <sys/resource.h>

#include "train/store.h"

static void fill(unsigned char *record, size_t size, uint64_t row)
{
    for (size_t i = 0; i < size; i++)
        record[i] = (unsigned char)odd_random_hash(row, i, 1);
}

static void agree(size_t size, size_t memory, size_t rows, size_t at_once)
{
    odd_store *store = NULL;
    unsigned char *block = malloc(size * 1000 + 1), *expected = malloc(size + 1);
    odd_random r;
    oddrow_error err = {0};
    odd_random_start(&r, size, memory);
    assert_int_equal(odd_store_new(size, memory, &store, &err), 0);
    for (size_t row = 0; row < rows;) {
        size_t count = rows - row < at_once ? rows - row : at_once;
        for (size_t i = 0; i < count; i++)
            fill(block + i * size, size, row + i);
        if (odd_store_add(store, block, count, &err))
            fail_msg("%s", err.message);
        row += count;
        assert_true(store->rows == row);
        /* reading between two additions */
        uint64_t one = odd_random_below(&r, row);
        assert_int_equal(odd_store_read(store, one, 1, block, &err), 0);
        fill(expected, size, one);
        assert_memory_equal(block, expected, size);
    }
    assert_int_equal(store->record_size, size);
    for (size_t row = 0; row < rows;) {
        size_t count = 1 + odd_random_below(&r, 999);
        count = count < rows - row ? count : rows - row;
        assert_int_equal(odd_store_read(store, row, count, block, &err), 0);
        for (size_t i = 0; i < count; i++, row++) {
            fill(expected, size, row);
            assert_memory_equal(block + i * size, expected, size);
        }
    }
    odd_store_free(&store);
    odd_store_free(&store);
    free(block);
    free(expected);
}

static void memory_and_file(void **state)
{
    (void)state;
    setenv("TMPDIR", made_directory, 1);
    agree(7, 1 << 30, 3000, 1);
    agree(7, 1 << 30, 3000, 250);
    agree(7, 2000, 3000, 1);
    agree(7, 2000, 3000, 999);
    agree(1, 0, 5000, 13);
    agree(800, 4096, 3000, 50); /* several megabytes: written in the middle of it */
}

static void without_a_place(void **state)
{
    (void)state;
    static const char *const places[] = {"/no/such/directory", "/proc/self", "/dev/null"};
    for (size_t i = 0; i < 3; i++) {
        odd_store *store = NULL;
        char record[100] = {0};
        oddrow_error err = {0};
        setenv("TMPDIR", places[i], 1);
        assert_int_equal(odd_store_new(sizeof record, 400, &store, &err), 0);
        int rc = 0;
        for (int row = 0; !rc && row < 100; row++)
            rc = odd_store_add(store, record, 1, &err);
        assert_int_equal(rc, ODDROW_EIO);
        assert_non_null(strstr(err.message, places[i]));
        assert_non_null(strstr(err.message, "TMPDIR"));
        odd_store_free(&store);
    }
    setenv("TMPDIR", "", 1); /* as if it were not set */
    agree(9, 100, 200, 10);
    setenv("TMPDIR", made_directory, 1);
}

/* A file system that is full: a limit on the size of files stands for it. */
static void without_room(void **state)
{
    (void)state;
    struct rlimit own, small;
    odd_store *store = NULL;
    char *record = calloc(1, 100000);
    oddrow_error err = {0};
    int rc = 0;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &own), 0);
    small = own;
    small.rlim_cur = 3 << 20;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(odd_store_new(100000, 1000, &store, &err), 0);
    for (int row = 0; !rc && row < 100; row++)
        rc = odd_store_add(store, record, 1, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &own), 0);
    assert_int_equal(rc, ODDROW_EIO);
    assert_non_null(strstr(err.message, made_directory));
    odd_store_free(&store);
    free(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(memory_and_file),
                                       cmocka_unit_test(without_a_place),
                                       cmocka_unit_test(without_room)};
    return cmocka_run_group_tests(tests, made_enter, made_leave);
}
