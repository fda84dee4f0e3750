/* Sources: chunks of any size hold the same records; files, headers, rejects, huge records. */
#include "reference.h"

#include "base/random.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Random files made of what matters to the rules. */
static void write_random(odd_random *r, odd_bytes *text)
{
    static const char *const pieces[] = {"a",  "b",    ",",  ",",       ",",     "\"",
                                         "\"", "\"\"", "\n", "\n",      " ",     ";",
                                         "\r", "\r\n", "\t", "1,2,3\n", "\",\"", "x,y,z\n"};
    size_t n = odd_random_below(r, 200), kinds = sizeof pieces / sizeof *pieces;
    text->size = 0;
    put(text, "h1,h2,h3\n", 9);
    for (size_t i = 0; i < n; i++) {
        const char *piece = pieces[odd_random_below(r, kinds)];
        if (odd_random_below(r, 200))
            put(text, piece, strlen(piece));
        else
            put(text, "", 1); /* a NUL */
    }
}

static void chunk_size_changes_nothing(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 7, 16, 64, 4096, 1 << 20};
    static const size_t longest[] = {1 << 20, 9, 30, 100};
    odd_random r;
    odd_bytes text = {0}, expected = {0}, log = {0};
    size_t rejects = 0;
    odd_random_start(&r, 6, 0);
    for (int i = 0; i < 4000; i++) {
        write_random(&r, &text);
        odd_csv_options options = {.delimiter = ',', .max_record = longest[i % 4]};
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            reference ref;
            size_t body = 0;
            options.chunk_size = sizes[k];
            log.size = 0;
            assert_int_equal(log_memory(text.data, text.size, &options, &log, &ref, &body), 0);
            if (!k) {
                expected.size = 0;
                log_reference(&ref, body, &expected);
            }
            if (!same_log(&expected, &log))
                fail_msg("file %d, chunks of %zu, records up to %zu:\n%.*s\nexpected%.*s\ngot%.*s",
                         i, sizes[k], options.max_record, (int)text.size, text.data,
                         (int)expected.size, expected.data, (int)log.size, log.data);
        }
        rejects += memmem(log.data, log.size, "reject", 6) != NULL;
    }
    assert_true(rejects > 1000 && rejects < 4000);
    odd_bytes_free(&text);
    odd_bytes_free(&expected);
    odd_bytes_free(&log);
}

static odd_csv_source *open_text(const char *text, const odd_csv_options *options)
{
    odd_csv_source *s;
    assert_int_equal(odd_csv_open_memory("text", text, strlen(text), options, &s, NULL), 0);
    return s;
}

static void reads_the_header(void **state)
{
    (void)state;
    odd_csv_source *s = open_text("\xef\xbb\xbf\n \n\"a\nb\";c;\n1;2;3\n", NULL);
    assert_int_equal(odd_csv_columns(s), 3);
    assert_string_equal(odd_csv_names(s)[0], "a\nb");
    assert_string_equal(odd_csv_names(s)[2], "column_3");
    assert_string_equal(odd_csv_names(s)[1], "c");
    assert_int_equal(odd_csv_delimiter(s), ';');
    odd_csv_chunk c = {0};
    assert_int_equal(odd_csv_next(s, &c, NULL), 1);
    assert_int_equal(c.offset, 15);
    assert_int_equal(odd_csv_split(s, &c, NULL), 0);
    assert_int_equal(c.rows, 1);
    assert_int_equal(odd_csv_next(s, &c, NULL), 0);
    assert_int_equal(odd_csv_next(s, &c, NULL), 0);
    assert_int_equal(odd_csv_bytes_read(s), odd_csv_bytes_total(s));
    odd_csv_chunk_free(&c);
    odd_csv_close(&s);
    assert_null(s);
    odd_csv_close(&s);
}

static void check_failure(const char *text, size_t size, const char *message)
{
    odd_csv_source *s;
    oddrow_error err;
    odd_csv_options o = {.max_record = 50};
    assert_int_equal(odd_csv_open_memory("f.csv", text, size, &o, &s, &err), ODDROW_EFORMAT);
    assert_null(s);
    assert_string_equal(err.message, message);
}

static void refuses_bad_headers(void **state)
{
    (void)state;
    check_failure("", 0, "f.csv: is empty, without a header");
    check_failure("\xef\xbb\xbf\n \n", 6, "f.csv: is empty, without a header");
    check_failure("a,b\0\n", 5, "f.csv: line 1: header: NUL byte");
    check_failure("\n\"a\"b\n", 6, "f.csv: line 2: header: invalid quoting");
    check_failure("\"a,b\n", 5, "f.csv: line 1: header: unterminated quote");
    check_failure("\xff\xfe"
                  "a\0",
                  4, "f.csv: is UTF-16; convert it to UTF-8");
    char large[60];
    memset(large, 'x', sizeof large);
    check_failure(large, sizeof large, "f.csv: line 1: the header is longer than 50 bytes");
    odd_csv_source *s;
    odd_csv_options o = {.delimiter = '"'};
    assert_int_equal(odd_csv_open_memory("f", "a", 1, &o, &s, NULL), ODDROW_EINVAL);
    assert_int_equal(odd_csv_open(NULL, 0, NULL, &s, NULL), ODDROW_EINVAL);
}

static char files[3][64];

static void write_file(size_t i, const char *text)
{
    snprintf(files[i], sizeof files[i], "/tmp/oddrow-source-%ld-%zu.csv", (long)getpid(), i);
    FILE *f = fopen(files[i], "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void reads_several_files(void **state)
{
    (void)state;
    write_file(0, "a,b\n1,2\n3,4");
    write_file(1, "\xef\xbb\xbf"
                  "a,\"b\"\n");
    write_file(2, "a,b\n5\n6,7\n");
    const char *paths[] = {files[0], files[1], files[2]};
    odd_csv_source *s;
    odd_csv_chunk c = {0};
    assert_int_equal(odd_csv_open(paths, 3, NULL, &s, NULL), 0);
    assert_int_equal(odd_csv_bytes_total(s), 11 + 9 + 10);
    assert_int_equal(odd_csv_next(s, &c, NULL), 1);
    assert_int_equal(odd_csv_split(s, &c, NULL), 0);
    assert_string_equal(c.path, files[0]);
    assert_int_equal(c.sequence, 0);
    assert_int_equal(c.rows, 2);
    assert_int_equal(odd_csv_next(s, &c, NULL), 1);
    assert_int_equal(odd_csv_split(s, &c, NULL), 0);
    assert_string_equal(c.path, files[2]);
    assert_int_equal(c.file, 2);
    assert_int_equal(c.sequence, 1);
    assert_int_equal(c.rows, 1);
    assert_int_equal(c.rejects[0].offset, 4);
    assert_int_equal(odd_csv_next(s, &c, NULL), 0);
    assert_int_equal(odd_csv_bytes_read(s), 30);
    odd_csv_close(&s);

    write_file(1, "a,c\n");
    oddrow_error err;
    assert_int_equal(odd_csv_open(paths, 2, NULL, &s, NULL), 0);
    assert_int_equal(odd_csv_next(s, &c, &err), 1);
    assert_int_equal(odd_csv_next(s, &c, &err), ODDROW_ESCHEMA);
    assert_non_null(strstr(err.message, files[1]));
    assert_non_null(strstr(err.message, "line 1: column 2 is \"c\""));
    odd_csv_close(&s);
    odd_csv_chunk_free(&c);
    for (size_t i = 0; i < 3; i++)
        unlink(files[i]);
}

/* A record of 200 KB, one of 3 MB that is too long, a stray quote, among small ones: chunks grow
 * and shrink back, and the rejected text is cut. */
static void bounds_what_it_holds(void **state)
{
    (void)state;
    odd_bytes text = {0};
    odd_csv_options o = {.chunk_size = 1000, .max_record = 2000000};
    put(&text, "a,b\n", 4);
    odd_bytes_print(&text, "%0200000d,1\n", 7);
    assert_int_equal(odd_bytes_check(&text, NULL), 0);
    odd_bytes_print(&text, "%03000000d,1\n\"stray,1\n", 7);
    assert_int_equal(odd_bytes_check(&text, NULL), 0);
    for (int i = 0; i < 300000; i++)
        put(&text, "one,two\n", 8);
    odd_csv_source *s;
    odd_csv_chunk c = {0};
    size_t rows = 0, rejects = 0, last = 0;
    assert_int_equal(odd_csv_open_memory("t", text.data, text.size, &o, &s, NULL), 0);
    while (odd_csv_next(s, &c, NULL) == 1) {
        assert_int_equal(odd_csv_split(s, &c, NULL), 0);
        for (size_t i = 0; i < c.reject_count; i++, rejects++) {
            assert_string_equal(c.rejects[i].reason,
                                rejects ? "unterminated quote" : "longer than 2000000 bytes");
            assert_int_equal(c.rejects[i].line.size, rejects ? 8 : 65536);
            assert_int_equal(c.rejects[i].offset, rejects ? 3200010 : 200007);
        }
        rows += c.rows;
        last = c.raw.capacity;
        assert_true(c.raw.capacity < 5000000);
    }
    assert_int_equal(rows, 300001);
    assert_int_equal(rejects, 2);
    assert_true(last < 10000);
    odd_csv_chunk_free(&c);
    odd_csv_close(&s);
    odd_bytes_free(&text);
}

static void reads_a_million_columns(void **state)
{
    (void)state;
    enum { N = 1000000 };
    odd_bytes text = {0};
    for (int i = 0; i < N; i++)
        odd_bytes_print(&text, i ? ";%d" : "%d", i);
    assert_int_equal(odd_bytes_check(&text, NULL), 0);
    size_t width = text.size;
    put(&text, "\n", 1);
    odd_bytes_reserve(&text, width + 10);
    put(&text, text.data, width);
    put(&text, "\nshort\n", 7);
    odd_csv_source *s;
    odd_csv_chunk c = {0};
    size_t rows = 0, rejects = 0;
    assert_int_equal(odd_csv_open_memory("wide", text.data, text.size, NULL, &s, NULL), 0);
    assert_int_equal(odd_csv_columns(s), N);
    assert_int_equal(odd_csv_delimiter(s), ';');
    while (odd_csv_next(s, &c, NULL) == 1) {
        assert_int_equal(odd_csv_split(s, &c, NULL), 0);
        if (c.rows)
            assert_memory_equal(c.cells[N - 1].data, "999999", 6);
        rows += c.rows;
        rejects += c.reject_count;
    }
    assert_int_equal(rows, 1);
    assert_int_equal(rejects, 1);
    odd_csv_chunk_free(&c);
    odd_csv_close(&s);
    odd_bytes_free(&text);
}

static void put_pipe(int pipe, const char *text)
{
    assert_int_equal(write(pipe, text, strlen(text)), strlen(text));
}

/* A pipe whose writer stays: records are handed out as they come, whole, in the order of writing.
 */
static void hands_out_what_a_pipe_has(void **state)
{
    (void)state;
    char directory[] = "/tmp/oddrow-test-XXXXXX", fifo[64];
    assert_non_null(mkdtemp(directory));
    snprintf(fifo, sizeof fifo, "%s/fifo", directory);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    int writer = open(fifo, O_RDWR);
    assert_true(writer >= 0);
    const char *path = fifo;
    odd_csv_options options = {.live = true};
    odd_csv_source *s = NULL;
    odd_csv_chunk c = {0};
    struct pollfd there = {.events = POLLIN};
    put_pipe(writer, "a,b\n1,one\n2,two\n3,th");
    assert_int_equal(odd_csv_open(&path, 1, &options, &s, NULL), 0);
    assert_int_equal(odd_csv_descriptor(s), -1);
    assert_int_equal(odd_csv_next(s, &c, NULL), 1);
    assert_int_equal(odd_csv_split(s, &c, NULL), 0);
    assert_int_equal(c.rows, 2);
    there.fd = odd_csv_descriptor(s);
    assert_true(there.fd >= 0);
    assert_int_equal(poll(&there, 1, 0), 0);
    put_pipe(writer, "ree\n\"4\n\",four\n");
    assert_int_equal(poll(&there, 1, 0), 1);
    size_t rows = 0;
    while (rows < 2) {
        assert_int_equal(odd_csv_next(s, &c, NULL), 1);
        assert_int_equal(odd_csv_split(s, &c, NULL), 0);
        for (size_t r = 0; r < c.rows; r++, rows++)
            assert_memory_equal(c.cells[2 * r].data, rows ? "4\n" : "3", rows ? 2 : 1);
    }
    put_pipe(writer, "5,five");
    close(writer);
    assert_int_equal(odd_csv_next(s, &c, NULL), 1);
    assert_int_equal(odd_csv_split(s, &c, NULL), 0);
    assert_int_equal(c.rows, 1);
    assert_memory_equal(c.cells[1].data, "five", 4);
    assert_int_equal(odd_csv_next(s, &c, NULL), 0);
    odd_csv_chunk_free(&c);
    odd_csv_close(&s);
    unlink(fifo);
    rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_out_what_a_pipe_has), cmocka_unit_test(chunk_size_changes_nothing),
        cmocka_unit_test(reads_the_header),          cmocka_unit_test(refuses_bad_headers),
        cmocka_unit_test(reads_several_files),       cmocka_unit_test(bounds_what_it_holds),
        cmocka_unit_test(reads_a_million_columns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
