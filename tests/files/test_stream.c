/* The loop over blocks: every row once and in order on any number of threads; a failure anywhere
 * ends it and leaves no file. */
#include "made.h"

#include <pthread.h>

#include "base/error.h"
#include "files/stream.h"

enum { ROWS = 1500 }; /* records, three of them with too few cells */
static const size_t bad[] = {1, 700, 1499};

static odd_model *model;
static char data[200];

/* Records 1 to ROWS, whose ids are their numbers. */
static int set_up(void **state)
{
    odd_bytes text = {0};
    if (made_enter(state))
        return -1;
    model = made_model(MADE_ID | MADE_SMALL | MADE_NUMBER, 300, 1);
    snprintf(data, sizeof data, "%s", made_path("data.csv"));
    odd_bytes_text(&text, "id,small,number,extra\n");
    for (size_t i = 1; i <= ROWS; i++)
        if (i == bad[0] || i == bad[1] || i == bad[2])
            odd_bytes_print(&text, "%zu,red\n", i);
        else
            odd_bytes_print(&text, "%zu,red,%zu.5,x\n", i, i % 7);
    made_write(data, text.data, text.size);
    odd_bytes_free(&text);
    return 0;
}

static int tear_down(void **state)
{
    odd_model_free(&model);
    return made_leave(state);
}

/* A job that writes a line a row and looks at what it is given; asserts are for the main thread. */
typedef struct job {
    const char *fails; /* the call that fails, or NULL */
    uint64_t first, last;
    pthread_mutex_t lock; /* for all below */
    size_t opened, closed, begun, ended, wrong, rows;
    uint64_t next; /* the first row of the next chunk */
} job;

static int fail_in(const job *j, const char *call, oddrow_error *err)
{
    bool fails = j->fails && strcmp(j->fails, call) == 0;
    return fails ? odd_fail(err, ODDROW_ESCHEMA, "%s fails", call) : 0;
}

static int begin(void *context, const odd_csv_source *source, const odd_encoder *encoder,
                 odd_bytes *out, oddrow_error *err)
{
    job *j = context;
    j->begun++;
    j->wrong += odd_csv_columns(source) != 4 || odd_encoder_source(encoder, 1) != 1;
    odd_bytes_text(out, "row\n");
    return fail_in(j, "begin", err);
}

static int open_own(void *context, void *own, size_t rows, oddrow_error *err)
{
    job *j = context;
    j->opened++;
    j->wrong += rows != 256 || *(job **)own;
    *(job **)own = j;
    return fail_in(j, "open", err);
}

static void close_own(void *context, void *own)
{
    job *j = context;
    j->closed++;
    j->wrong += *(job **)own != j;
}

static bool wants(const void *context, uint64_t first, uint64_t last)
{
    const job *j = context;
    return last >= j->first && first <= j->last;
}

static int block(void *context, void *own, const odd_block *b, odd_bytes *out, oddrow_error *err)
{
    job *j = context;
    bool wrong =
        *(job **)own != j || b->rows->count == 0 || b->rows->count > 256 || b->columns != 4;
    for (size_t i = 0; i < b->rows->count; i++) {
        char row[30];
        odd_span id = b->cells[i * b->columns];
        size_t size = (size_t)snprintf(row, sizeof row, "%u", (unsigned)b->row[i]);
        wrong |= size != id.size || memcmp(row, id.data, size) != 0; /* the record's number */
        wrong |= odd_scaler_apply(&model->schema->columns[2].scaler,
                                  (double)(b->row[i] % 7) + 0.5) != b->rows->values[i];
        odd_bytes_span(out, id);
        odd_bytes_char(out, '\n');
    }
    pthread_mutex_lock(&j->lock);
    j->rows += b->rows->count;
    j->wrong += wrong;
    size_t rows = j->rows;
    pthread_mutex_unlock(&j->lock);
    return rows > 600 ? fail_in(j, "block", err) : 0;
}

static int chunk(void *context, const odd_bytes *out, const odd_csv_chunk *c, uint64_t first_row,
                 oddrow_error *err)
{
    job *j = context;
    size_t lines = 0;
    for (size_t i = 0; i < out->size; i++)
        lines += out->data[i] == '\n';
    pthread_mutex_lock(&j->lock); /* blocks run beside it */
    j->wrong += first_row != j->next || lines != c->rows;
    j->next = first_row + c->records;
    size_t next = j->next;
    pthread_mutex_unlock(&j->lock);
    return next > 600 ? fail_in(j, "chunk", err) : 0;
}

static int end(void *context, uint64_t rows, odd_output *out, oddrow_error *err)
{
    job *j = context;
    j->ended++;
    j->wrong += rows != ROWS - 3;
    int rc = out ? odd_output_write(out, "end\n", 4, err) : 0;
    return rc ? rc : fail_in(j, "end", err);
}

static const odd_sink sink = {.stage = "test",
                              .own_size = sizeof(job *),
                              .begin = begin,
                              .open = open_own,
                              .close = close_own,
                              .wants = wants,
                              .block = block,
                              .end = end};

static int run(job *j, const odd_sink *to, const char *out, odd_score_options *options,
               oddrow_error *err)
{
    const char *path = data;
    odd_stream_summary summary;
    pthread_mutex_init(&j->lock, NULL);
    j->next = 1;
    if (!j->last)
        j->last = ROWS;
    options->csv.delimiter = ',';
    int rc = odd_stream_run(model, &path, 1, out, options, to, j, &summary, err);
    if (!rc) {
        assert_int_equal(summary.counts.records, ROWS);
        assert_int_equal(summary.counts.rows, ROWS - 3);
        assert_int_equal(summary.counts.rejected, 3);
        assert_non_null(strstr(summary.notes, "extra"));
        assert_true(summary.seconds >= 0 && summary.encoding >= 0 && summary.blocks >= 0);
    }
    assert_int_equal(j->wrong, 0);
    assert_int_equal(j->opened, j->closed);
    pthread_mutex_destroy(&j->lock);
    return rc;
}

static void every_row_in_order(void **state)
{
    (void)state;
    odd_bytes expected = {0};
    odd_bytes_text(&expected, "row\n");
    for (size_t i = 1; i <= ROWS; i++)
        if (i != bad[0] && i != bad[1] && i != bad[2])
            odd_bytes_print(&expected, "%zu\n", i);
    odd_bytes_text(&expected, "end\n");
    for (size_t threads = 1; threads <= 4; threads++)
        for (size_t size = 300; size <= 300000; size *= 10) {
            char out[200], rejects[200];
            snprintf(out, sizeof out, "%s", made_path("out.csv"));
            snprintf(rejects, sizeof rejects, "%s", made_path("rejects.csv"));
            odd_score_options options = {
                .csv.chunk_size = size, .rejects = rejects, .threads = threads};
            job j = {0};
            assert_int_equal(run(&j, &sink, out, &options, NULL), 0);
            assert_int_equal(j.rows, ROWS - 3);
            assert_int_equal(j.opened, threads);
            assert_true(j.begun == 1 && j.ended == 1);
            odd_bytes got = made_read(out), lines = made_read(rejects);
            assert_int_equal(got.size, expected.size);
            assert_memory_equal(got.data, expected.data, got.size);
            assert_int_equal(strncmp(lines.data, "row,offset,reason,line\n1,", 25), 0);
            assert_non_null(strstr(lines.data, "\n700,"));
            assert_non_null(strstr(lines.data, "\n1499,"));
            odd_bytes_free(&got);
            odd_bytes_free(&lines);
        }
    odd_bytes_free(&expected);
}

/* Outputs to the sink in place of a file; no file, no calls that the job does without. */
static void chunks_in_order(void **state)
{
    (void)state;
    odd_sink keeps = sink;
    keeps.chunk = chunk;
    keeps.begin = NULL;
    keeps.wants = NULL;
    for (size_t threads = 1; threads <= 3; threads++) {
        odd_score_options options = {.csv.chunk_size = 500, .threads = threads};
        job j = {0};
        assert_int_equal(run(&j, &keeps, NULL, &options, NULL), 0);
        assert_int_equal(j.next, ROWS + 1);
    }
}

static void wanted_blocks(void **state)
{
    (void)state;
    odd_score_options options = {.csv.chunk_size = 64 << 10, .threads = 2};
    job j = {.first = 300, .last = 310};
    assert_int_equal(run(&j, &sink, NULL, &options, NULL), 0);
    assert_in_range(j.rows, 11, 2 * 256);
}

static void failures(void **state)
{
    (void)state;
    static const char *const calls[] = {"begin", "open", "block", "chunk", "end"};
    for (size_t i = 0; i < 5; i++)
        for (size_t threads = 1; threads <= 3; threads++) {
            char out[200], message[40];
            odd_sink to = sink;
            to.chunk = i == 3 ? chunk : NULL;
            snprintf(out, sizeof out, "%s", made_path("none.csv"));
            odd_score_options options = {.csv.chunk_size = 1000, .threads = threads};
            options.rejects = made_path("none.rejects.csv");
            job j = {.fails = calls[i]};
            oddrow_error err = {0};
            assert_int_equal(run(&j, &to, out, &options, &err), ODDROW_ESCHEMA);
            snprintf(message, sizeof message, "%s fails", calls[i]);
            assert_string_equal(err.message, message);
            assert_int_equal(access(out, F_OK), -1);
            assert_int_equal(access(made_path("none.rejects.csv"), F_OK), -1);
        }
    const char *path = made_path("other.csv");
    odd_score_options options = {.threads = 1};
    odd_stream_summary summary;
    oddrow_error err = {0};
    job j = {0};
    assert_int_equal(odd_stream_run(model, &path, 1, NULL, &options, &sink, &j, &summary, &err),
                     ODDROW_EIO);
    made_write(path, "id,other\n1,2\n", 13);
    assert_int_equal(odd_stream_run(model, &path, 1, NULL, &options, &sink, &j, &summary, &err),
                     ODDROW_ESCHEMA);
    assert_int_equal(strncmp(err.message, path, strlen(path)), 0);
    assert_true(j.opened == 0 && j.begun == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_in_order),
                                       cmocka_unit_test(chunks_in_order),
                                       cmocka_unit_test(wanted_blocks), cmocka_unit_test(failures)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
