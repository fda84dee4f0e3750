/* tests/support/made.h: tables, models and files for the tests of the model, train and score rooms.
 */
#ifndef ODD_TEST_MODEL_MADE_H
#define ODD_TEST_MODEL_MADE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/random.h"
#include "column/encode.h"
#include "csv/source.h"
#include "model/model.h"
#include "model/parts.h"
#include "train/train.h"

static char made_directory[40];

/* Group setup and teardown: a directory of its own for the program, where syncing costs nothing if
 * there is such a place. */
static inline int made_enter(void **state)
{
    (void)state;
    snprintf(made_directory, sizeof made_directory, "%s/oddrow-test-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(made_directory) ? 0 : -1;
}

static inline int made_leave(void **state)
{
    char command[80];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", made_directory);
    return system(command) == 0 ? 0 : -1;
}

/* A path in that directory; a few at a time. */
static inline const char *made_path(const char *name)
{
    static char paths[8][200];
    static size_t next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", made_directory, name);
    return path;
}

static inline void made_write(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* The whole of a file, with a NUL behind it; odd_bytes_free. */
static inline odd_bytes made_read(const char *path)
{
    odd_bytes out = {0};
    char block[4096];
    size_t got;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        odd_bytes_add(&out, block, got);
    assert_int_equal(odd_bytes_check(&out, NULL), 0);
    fclose(file);
    odd_bytes_add(&out, "", 1);
    assert_int_equal(odd_bytes_check(&out, NULL), 0);
    out.size--;
    return out;
}

/* What a table is made of; a bit each. */
enum {
    MADE_SMALL = 1,  /* a category of 5 texts, one of them missing now and then */
    MADE_LARGE = 2,  /* a category of 1,500 texts */
    MADE_NUMBER = 4, /* a number that depends on the small category, sometimes missing */
    MADE_TIME = 8,   /* a time */
    MADE_CONSTANT = 16,
    MADE_ID = 32,
    MADE_ALL = 63
};

/* A table of such columns as CSV text; odd_bytes_free. */
static inline odd_bytes made_table(unsigned parts, size_t rows, uint64_t seed)
{
    static const char *const texts[6] = {"red", "green", "blue", "\"a, b\"", "\xc3\xa9t\xc3\xa9",
                                         ""};
    static const char *const names[6] = {"id", "small", "large", "number", "when", "same"};
    static const unsigned order[6] = {MADE_ID,     MADE_SMALL, MADE_LARGE,
                                      MADE_NUMBER, MADE_TIME,  MADE_CONSTANT};
    odd_bytes out = {0};
    odd_random r;
    odd_random_start(&r, seed, 1);
    for (size_t row = 0; row <= rows; row++) {
        bool first = true;
        size_t small = odd_random_below(&r, 3) ? odd_random_below(&r, 3) : odd_random_below(&r, 6);
        for (size_t c = 0; c < 6; c++) {
            uint64_t draw = odd_random_next(&r);
            double normal = odd_random_normal(&r);
            if (!(parts & order[c]))
                continue;
            if (!first)
                odd_bytes_add(&out, ",", 1);
            first = false;
            if (row == 0)
                odd_bytes_print(&out, "%s", names[c]);
            else if (order[c] == MADE_ID)
                odd_bytes_print(&out, "n%zu", row);
            else if (order[c] == MADE_SMALL)
                odd_bytes_print(&out, "%s",
                                parts == MADE_SMALL && small == 5 ? "\"\"" : texts[small]);
            else if (order[c] == MADE_LARGE)
                odd_bytes_print(&out, "t%u", (unsigned)(draw % 1500));
            else if (order[c] == MADE_NUMBER && draw % 9)
                odd_bytes_print(&out, "%.4f", (double)small * 2 + normal);
            else if (order[c] == MADE_NUMBER)
                odd_bytes_print(&out, "%s", parts == MADE_NUMBER ? "NA" : "");
            else if (order[c] == MADE_TIME)
                odd_bytes_print(&out, "2024-0%u-1%uT0%u:30:00Z", (unsigned)(1 + draw % 9),
                                (unsigned)(draw / 9 % 10), (unsigned)(draw / 90 % 10));
            else
                odd_bytes_add(&out, "same", 4);
        }
        odd_bytes_add(&out, "\n", 1);
        assert_int_equal(odd_bytes_check(&out, NULL), 0);
    }
    return out;
}

/* Options of a training of a moment. */
static inline odd_train_options made_options(void)
{
    static const size_t widths[3] = {9, 4, 9};
    odd_train_options o = ODD_TRAIN_OPTIONS_INIT;
    o.network.widths = (odd_sizes){widths, 3};
    o.epochs = 2;
    o.min_steps = 0;
    o.batch_size = 64;
    o.threads = 1;
    o.seed = 7;
    return o;
}

/* Trains on a text; fails the test on an error. */
static inline odd_model *made_train(const odd_bytes *table, const odd_train_options *options)
{
    static const char *const large = "large"; /* few rows make it look like an id */
    const char *path = made_path("train.csv");
    odd_train_options o = *options;
    odd_model *model = NULL;
    odd_train_summary summary = {0};
    oddrow_error err = {0};
    made_write(path, table->data, table->size);
    const char *end = memchr(table->data, '\n', table->size);
    if (memmem(table->data, (size_t)(end - table->data), large, strlen(large)))
        o.columns.names[ODD_CATEGORICAL] = (odd_names){&large, 1};
    if (odd_train(&path, 1, &o, &model, &summary, &err))
        fail_msg("%s", err.message);
    return model;
}

static inline odd_model *made_model(unsigned parts, size_t rows, uint64_t seed)
{
    odd_bytes table = made_table(parts, rows, seed);
    odd_train_options options = made_options();
    odd_model *model = made_train(&table, &options);
    odd_bytes_free(&table);
    return model;
}

/* A text encoded by a model; odd_rows_free. */
static inline odd_rows *made_batch(const odd_model *model, const odd_bytes *table)
{
    odd_csv_source *source = NULL;
    odd_csv_chunk chunk = {0};
    odd_encoder *encoder = NULL;
    odd_rows *batch = NULL;
    odd_csv_options options = {.delimiter = ',', .chunk_size = 64 << 20};
    assert_int_equal(
        odd_csv_open_memory("table", table->data, table->size, &options, &source, NULL), 0);
    assert_int_equal(odd_csv_next(source, &chunk, NULL), 1);
    assert_int_equal(odd_csv_split(source, &chunk, NULL), 0);
    assert_int_equal(odd_encoder_new(model->schema, odd_csv_names(source), odd_csv_columns(source),
                                     &encoder, NULL),
                     0);
    assert_int_equal(odd_rows_new(model->schema, chunk.rows, true, &batch, NULL), 0);
    odd_encode(encoder, chunk.cells, chunk.rows, batch);
    odd_encoder_free(&encoder);
    odd_csv_chunk_free(&chunk);
    odd_csv_close(&source);
    return batch;
}

/* |a - b| within tolerance, absolutely or relatively. */
static inline void made_near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance * fmax(1, fabs(b))))
        fail_msg("%.9g is not %.9g", a, b);
}

#endif
