/* Output files: whole or not at all, plain, gzip, zstd, and what is no regular file. */
#include "base/file.h"

#include "base/memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
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

static char directory[64];

static const char *in_directory(const char *name)
{
    static char path[4][400];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", directory, name);
    return path[turn];
}

/* Removes everything in the directory and says how many entries there were. */
static int sweep(void)
{
    int count = 0;
    DIR *d = opendir(directory);
    struct dirent *e;
    while ((e = readdir(d)))
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) {
            unlink(in_directory(e->d_name));
            count++;
        }
    closedir(d);
    return count;
}

static int setup(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/oddrow-file-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    sweep();
    return rmdir(directory);
}

static size_t slurp(const char *path, char *data, size_t size)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t got = fread(data, 1, size, f);
    fclose(f);
    return got;
}

static void write_text(const char *path, const char *text)
{
    odd_output *o;
    assert_int_equal(odd_output_open(path, &o, NULL), 0);
    assert_int_equal(odd_output_write(o, text, strlen(text), NULL), 0);
    assert_int_equal(odd_output_commit(&o, NULL), 0);
    assert_null(o);
}

static void appears_on_commit(void **state)
{
    (void)state;
    char text[100];
    odd_output *o;
    const char *path = in_directory("a.csv");
    assert_int_equal(odd_output_open(path, &o, NULL), 0);
    assert_int_equal(odd_output_write(o, "new", 3, NULL), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(odd_output_commit(&o, NULL), 0);
    assert_int_equal(slurp(path, text, sizeof text), 3);
    assert_memory_equal(text, "new", 3);
    assert_int_equal(sweep(), 1);
}

static void discard_keeps_the_old_file(void **state)
{
    (void)state;
    char text[100];
    odd_output *o;
    const char *path = in_directory("a.csv");
    write_text(path, "old");
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(odd_output_open(path, &o, NULL), 0);
    assert_int_equal(odd_output_write(o, "newer", 5, NULL), 0);
    odd_output_discard(&o);
    assert_null(o);
    odd_output_discard(&o);
    assert_int_equal(slurp(path, text, sizeof text), 3);
    write_text(path, "newest");
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, 6);
    assert_int_equal(info.st_mode & 0777, 0640);
    assert_int_equal(sweep(), 1);
}

static void follows_links(void **state)
{
    (void)state;
    const char *file = in_directory("real"), *link = in_directory("link");
    struct stat info;
    write_text(file, "old");
    assert_int_equal(symlink("real", link), 0);
    write_text(link, "longer");
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_size, 6);
    assert_int_equal(sweep(), 2);
}

enum { BIG = 1000000 };

static char *make_big(void)
{
    char *big = malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)(i * i >> 7);
    return big;
}

static void write_in_pieces(const char *path, const char *data)
{
    odd_output *o;
    assert_int_equal(odd_output_open(path, &o, NULL), 0);
    for (size_t at = 0, piece = 1; at < BIG; at += piece, piece = piece * 3 % 200001) {
        if (piece > BIG - at)
            piece = BIG - at;
        assert_int_equal(odd_output_write(o, data + at, piece, NULL), 0);
    }
    assert_int_equal(odd_output_commit(&o, NULL), 0);
}

static void writes_every_packing(void **state)
{
    (void)state;
    char *big = make_big(), *back = malloc(BIG + 1), *packed = malloc(2 * BIG);
    write_in_pieces(in_directory("big"), big);
    assert_int_equal(slurp(in_directory("big"), back, BIG + 1), BIG);
    assert_memory_equal(big, back, BIG);

    write_in_pieces(in_directory("big.gz"), big);
    assert_int_equal(slurp(in_directory("big.gz"), packed, 2), 2);
    assert_memory_equal(packed, "\x1f\x8b", 2);
    gzFile gz = gzopen(in_directory("big.gz"), "rb");
    assert_int_equal(gzread(gz, back, BIG + 1), BIG);
    assert_int_equal(gzclose(gz), Z_OK);
    assert_memory_equal(big, back, BIG);

    write_in_pieces(in_directory("big.zst"), big);
    size_t size = slurp(in_directory("big.zst"), packed, 2 * BIG);
    assert_true(size < 2 * BIG);
    assert_int_equal(ZSTD_decompress(back, BIG + 1, packed, size), BIG);
    assert_memory_equal(big, back, BIG);
    free(big);
    free(back);
    free(packed);
    assert_int_equal(sweep(), 3);
}

static void names_the_file_and_the_reason(void **state)
{
    (void)state;
    odd_output *o;
    oddrow_error err;
    assert_int_equal(odd_output_open(in_directory("no/such/place"), &o, &err), ODDROW_EIO);
    assert_null(o);
    assert_non_null(strstr(err.message, "no/such/place"));
    assert_non_null(strstr(err.message, "No such file"));
    assert_int_equal(odd_output_open(directory, &o, &err), ODDROW_EIO);
    assert_non_null(strstr(err.message, "is a directory"));
    if (access("/dev/full", W_OK))
        skip();
    assert_int_equal(odd_output_open("/dev/full", &o, &err), 0);
    int status = odd_output_write(o, "x", 1, &err);
    if (!status)
        status = odd_output_commit(&o, &err);
    odd_output_discard(&o);
    assert_int_equal(status, ODDROW_EIO);
    assert_non_null(strstr(err.message, "/dev/full"));
    assert_non_null(strstr(err.message, "No space"));
    assert_int_equal(access("/dev/full", F_OK), 0);
}

static void writes_straight_where_it_must(void **state)
{
    (void)state;
    write_text("/dev/null", "gone");
    struct stat info;
    assert_int_equal(stat("/dev/null", &info), 0);
    assert_false(S_ISREG(info.st_mode));
    const char *path = in_directory("fifo");
    char text[10];
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    write_text(path, "through");
    assert_int_equal(read(reader, text, sizeof text), 7);

    odd_output *o;
    oddrow_error err;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(odd_output_open(path, &o, NULL), 0);
    close(reader);
    assert_int_equal(odd_output_write(o, "x", 1, &err), 0);
    assert_int_equal(odd_output_commit(&o, &err), ODDROW_EIO);
    assert_non_null(strstr(err.message, "Broken pipe"));
    assert_null(o);
    assert_int_equal(sweep(), 1);
}

static void takes_a_long_name(void **state)
{
    (void)state;
    char name[256];
    memset(name, 'n', 255);
    name[255] = 0;
    char path[400];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    write_text(path, "x");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(sweep(), 0);
}

static bool fail_nth(void *context, size_t size)
{
    (void)size;
    return --*(int *)context == 0;
}

static void survives_without_memory(void **state)
{
    (void)state;
    static const char *const names[] = {"plain", "packed.gz", "packed.zst"};
    for (size_t k = 0; k < 3; k++) {
        int status = -1;
        for (int nth = 1; status; nth++) {
            int countdown = nth;
            odd_output *o;
            odd_memory_hook(fail_nth, &countdown);
            status = odd_output_open(in_directory(names[k]), &o, NULL);
            odd_memory_hook(NULL, NULL);
            assert_true(nth < 100);
            if (status)
                assert_int_equal(status, ODDROW_ENOMEM);
            odd_output_discard(&o);
            assert_int_equal(sweep(), 0);
        }
    }
}

static void patches_what_was_written(void **state)
{
    (void)state;
    static char many[200000], text[sizeof many + 10];
    const char *path = in_directory("a.bin");
    odd_output *o;
    memset(many, 'x', sizeof many);
    assert_int_equal(odd_output_open(path, &o, NULL), 0);
    assert_int_equal(odd_output_write(o, many, sizeof many, NULL), 0);
    assert_int_equal(odd_output_patch(o, 1, "head", 4, NULL), 0);
    assert_int_equal(odd_output_write(o, "end", 3, NULL), 0);
    assert_int_equal(odd_output_commit(&o, NULL), 0);
    assert_int_equal(slurp(path, text, sizeof text), sizeof many + 3);
    assert_memory_equal(text, "xheadxxx", 8);
    assert_memory_equal(text + sizeof many - 1, "xend", 4);
    static const char *const impossible[] = {"a.gz", "a.zst", "/dev/null"};
    for (size_t i = 0; i < 3; i++) {
        const char *name = impossible[i][0] == '/' ? impossible[i] : in_directory(impossible[i]);
        assert_int_equal(odd_output_open(name, &o, NULL), 0);
        assert_int_equal(odd_output_write(o, "text", 4, NULL), 0);
        assert_int_equal(odd_output_patch(o, 0, "T", 1, NULL), ODDROW_EINVAL);
        odd_output_discard(&o);
    }
    assert_int_equal(sweep(), 1);
}

static void ends_as_it_went(void **state)
{
    (void)state;
    odd_output *none = NULL, *output;
    char data[8];
    const char *path = in_directory("whole");
    assert_int_equal(odd_output_finish(&none, 0, NULL), 0);
    assert_int_equal(odd_output_finish(&none, ODDROW_EIO, NULL), ODDROW_EIO);
    assert_int_equal(odd_output_whole(path, "old", 3, NULL), 0);
    assert_int_equal(odd_output_open(path, &output, NULL), 0);
    assert_int_equal(odd_output_write(output, "new", 3, NULL), 0);
    assert_int_equal(odd_output_finish(&output, ODDROW_ENUMERIC, NULL), ODDROW_ENUMERIC);
    assert_null(output);
    assert_int_equal(slurp(path, data, sizeof data), 3);
    assert_memory_equal(data, "old", 3);
    assert_int_equal(odd_output_whole(path, "newer", 5, NULL), 0);
    assert_int_equal(slurp(path, data, sizeof data), 5);
    assert_int_equal(odd_output_whole(in_directory("no/such"), "x", 1, NULL), ODDROW_EIO);
    assert_int_equal(sweep(), 1);
}

static void reads_to_the_end(void **state)
{
    (void)state;
    int ends[2];
    char data[8];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    assert_int_equal(odd_read(ends[0], data, 2), 2);
    assert_int_equal(write(ends[1], "de", 2), 2);
    close(ends[1]);
    assert_int_equal(odd_read(ends[0], data, sizeof data), 3);
    assert_memory_equal(data, "cde", 3);
    assert_int_equal(odd_read(ends[0], data, sizeof data), 0);
    close(ends[0]);
    assert_int_equal(odd_read(-1, data, sizeof data), -1);
}

static void takes_paths_apart(void **state)
{
    (void)state;
    assert_true(odd_path_ends("a.csv.gz", ".gz"));
    assert_true(odd_path_ends(".gz", ".gz"));
    assert_false(odd_path_ends("gz", ".gz"));
    assert_false(odd_path_ends("a.gz/b", ".gz"));
    assert_string_equal(odd_path_name("/a/b.model"), "b.model");
    assert_string_equal(odd_path_name("b.model"), "b.model");
    assert_string_equal(odd_path_name("a/"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(appears_on_commit),
                                       cmocka_unit_test(discard_keeps_the_old_file),
                                       cmocka_unit_test(follows_links),
                                       cmocka_unit_test(writes_every_packing),
                                       cmocka_unit_test(takes_a_long_name),
                                       cmocka_unit_test(names_the_file_and_the_reason),
                                       cmocka_unit_test(survives_without_memory),
                                       cmocka_unit_test(writes_straight_where_it_must),
                                       cmocka_unit_test(patches_what_was_written),
                                       cmocka_unit_test(ends_as_it_went),
                                       cmocka_unit_test(reads_to_the_end),
                                       cmocka_unit_test(takes_paths_apart)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
