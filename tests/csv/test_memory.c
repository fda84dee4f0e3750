/* Every allocation of reading a file may fail: an error, no leak, no crash (leaks: under ASan). */
#include "csv/source.h"

#include "base/memory.h"

#include <stdio.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char text[] = "a,b\n1,2\n\"x\"y,3\n\"two\nlines\",4\n5\n"
                           "this record is much too long for a file like this,6\n7,8\n";

static bool fail_nth(void *context, size_t size)
{
    (void)size;
    return --*(int *)context == 0;
}

/* Reads all of it; the first error, or the number of records. */
static int read_all(const char *path)
{
    odd_csv_source *s;
    odd_csv_chunk c = {0};
    odd_csv_options o = {.chunk_size = 5, .max_record = 30};
    int records = 0, status = odd_csv_open(&path, 1, &o, &s, NULL);
    while (!status && (status = odd_csv_next(s, &c, NULL)) > 0) {
        status = odd_csv_split(s, &c, NULL);
        records += (int)c.records;
    }
    odd_csv_chunk_free(&c);
    odd_csv_close(&s);
    return status ? status : records;
}

static void sweep(const char *path)
{
    int result = ODDROW_ENOMEM, nth = 0;
    while (result == ODDROW_ENOMEM) {
        int countdown = ++nth;
        odd_memory_hook(fail_nth, &countdown);
        result = read_all(path);
        odd_memory_hook(NULL, NULL);
        assert_true(nth < 10000);
    }
    assert_int_equal(result, 6);
    assert_true(nth > 15);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    char path[64], packed[1000];
    snprintf(path, sizeof path, "/tmp/oddrow-memory-%ld", (long)getpid());
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fwrite(text, 1, sizeof text - 1, f);
    fclose(f);
    sweep(path);

    gzFile gz = gzopen(path, "wb");
    assert_int_equal(gzwrite(gz, text, sizeof text - 1), sizeof text - 1);
    gzclose(gz);
    sweep(path);

    f = fopen(path, "w");
    fwrite(packed, 1, ZSTD_compress(packed, sizeof packed, text, sizeof text - 1, 1), f);
    fclose(f);
    sweep(path);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
