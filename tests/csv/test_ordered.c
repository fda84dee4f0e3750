/* Chunks on several threads: the order of the rows, their numbers, and the first failure. */
#include "csv/ordered.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

enum { ROWS = 5000, BAD = 97 };

typedef struct job {
    odd_bytes out;
    uint64_t rows;    /* written so far */
    uint64_t fail_at; /* a row at which the chunk or the write fails; 0: none */
    bool fail_write;
    int last_progress; /* permille */
} job;

static int form(void *context, size_t thread, const odd_csv_chunk *chunk, uint64_t first_row,
                odd_bytes *out, oddrow_error *err)
{
    const job *j = context;
    assert_in_range(thread, 0, 3);
    assert_int_equal(out->size, 0);
    for (size_t i = 0; i < chunk->rows; i++) {
        uint64_t row = first_row + chunk->record_of_row[i];
        odd_span cell = chunk->cells[i * chunk->columns];
        if (row == j->fail_at && !j->fail_write)
            return odd_fail(err, ODDROW_ESCHEMA, "row %d", (int)row);
        assert_int_equal(strtoul(cell.data, NULL, 10), row);
        odd_bytes_print(out, "%.*s\n", (int)cell.size, cell.data);
    }
    return odd_bytes_check(out, err);
}

static int put(void *context, const odd_bytes *out, const odd_csv_chunk *chunk, uint64_t first_row,
               oddrow_error *err)
{
    job *j = context;
    assert_int_equal(first_row, j->rows + 1); /* in order, without a hole */
    j->rows += chunk->records;
    if (j->fail_write && j->fail_at < first_row + chunk->records)
        return odd_fail(err, ODDROW_EIO, "full");
    odd_bytes_add(&j->out, out->data, out->size);
    return odd_bytes_check(&j->out, err);
}

static void tell(void *context, const odd_progress *progress)
{
    job *j = context;
    assert_string_equal(progress->stage, "test");
    j->last_progress = (int)(1000 * progress->fraction);
}

/* Runs ROWS rows, every BADth of another shape; the result code. */
static int run(job *j, size_t threads, odd_csv_counts *counts, oddrow_error *err)
{
    odd_bytes text = {0};
    odd_csv_source *source = NULL;
    odd_pool *pool = NULL;
    odd_csv_options options = {.delimiter = ',', .chunk_size = 300};
    odd_csv_job given = {form, put, j, "test", tell, j};
    odd_bytes_print(&text, "n,m\n");
    assert_int_equal(odd_bytes_check(&text, NULL), 0);
    for (int i = 1; i <= ROWS; i++)
        odd_bytes_print(&text, i % BAD ? "%d,x\n" : "%d\n", i);
    assert_int_equal(odd_bytes_check(&text, NULL), 0);
    assert_int_equal(odd_csv_open_memory("rows", text.data, text.size, &options, &source, NULL), 0);
    assert_int_equal(odd_pool_new(threads, &pool, NULL), 0);
    int rc = odd_csv_run(source, pool, &given, counts, err);
    odd_pool_free(&pool);
    odd_csv_close(&source);
    odd_bytes_free(&text);
    return rc;
}

static void keeps_the_order(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= 4; threads++) {
        job j = {0};
        odd_csv_counts counts;
        oddrow_error err = {0};
        assert_int_equal(run(&j, threads, &counts, &err), 0);
        assert_int_equal(counts.records, ROWS);
        assert_int_equal(counts.rejected, ROWS / BAD);
        assert_int_equal(counts.rows + counts.rejected, counts.records);
        assert_int_equal(j.rows, ROWS);
        assert_int_equal(j.last_progress, 1000);
        double parts[] = {counts.reading, counts.splitting, counts.writing}, sum = 0;
        for (size_t i = 0; i < 3; i++) {
            assert_true(parts[i] > 0);
            sum += parts[i];
        }
        assert_true(sum <= (double)threads * counts.seconds);
        const char *at = j.out.data;
        for (unsigned long i = 1; i <= ROWS; i++)
            if (i % BAD)
                assert_int_equal(strtoul(at, (char **)&at, 10), i);
        odd_bytes_free(&j.out);
    }
}

static void ends_at_the_first_failure(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= 4; threads++)
        for (int write = 0; write < 2; write++) {
            job j = {.fail_at = 1500, .fail_write = write};
            odd_csv_counts counts;
            oddrow_error err = {0};
            assert_int_equal(run(&j, threads, &counts, &err), write ? ODDROW_EIO : ODDROW_ESCHEMA);
            assert_string_equal(err.message, write ? "full" : "row 1500");
            odd_bytes_free(&j.out);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keeps_the_order),
                                       cmocka_unit_test(ends_at_the_first_failure)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
