/* Inputs: plain, gzip, zstd, several of them in a row, cut off, damaged, missing. */
#include "csv/input.h"

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

enum { BIG = 700000 };

static char path[64], directory[64];
static unsigned char big[BIG], back[3 * BIG], packed[2 * BIG];

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < BIG; i++)
        big[i] = (unsigned char)(i * i >> 9);
    strcpy(directory, "/tmp/oddrow-input-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%.40s/file", directory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static void store(const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

/* Reads the file in pieces into back. */
static int load(size_t *size, oddrow_error *err)
{
    odd_input *in;
    size_t got, piece = 1;
    *size = 0;
    int status = odd_input_open(path, &in, err);
    if (status)
        return status;
    do {
        assert_true(*size + piece <= sizeof back);
        status = odd_input_read(in, back + *size, piece, &got, err);
        *size += got;
        if (status || got < piece)
            break;
        piece = piece * 5 % 100003;
    } while (true);
    if (!status)
        assert_int_equal(odd_input_taken(in), odd_input_total(in));
    odd_input_free(&in);
    assert_null(in);
    return status;
}

static size_t gzip(unsigned char *to, const void *data, size_t size)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)size;
    z.next_out = to;
    z.avail_out = BIG;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return BIG - z.avail_out;
}

static size_t zstd(unsigned char *to, const void *data, size_t size)
{
    size_t n = ZSTD_compress(to, BIG, data, size, 3);
    assert_false(ZSTD_isError(n));
    return n;
}

static void reads_plain(void **state)
{
    (void)state;
    size_t size;
    store(big, BIG);
    assert_int_equal(load(&size, NULL), 0);
    assert_int_equal(size, BIG);
    assert_memory_equal(back, big, BIG);
    store("", 0);
    assert_int_equal(load(&size, NULL), 0);
    assert_int_equal(size, 0);
    store("x", 1);
    assert_int_equal(load(&size, NULL), 0);
    assert_int_equal(size, 1);
}

typedef size_t packer(unsigned char *to, const void *data, size_t size);

/* Two members, the second one empty, a third of one byte. */
static void check_members(packer *pack)
{
    size_t size, n = pack(packed, big, BIG);
    n += pack(packed + n, "", 0);
    n += pack(packed + n, "!", 1);
    store(packed, n);
    assert_int_equal(load(&size, NULL), 0);
    assert_int_equal(size, BIG + 1);
    assert_memory_equal(back, big, BIG);
    assert_int_equal(back[BIG], '!');
}

static void check_damage(packer *pack, const char *kind)
{
    size_t size, n = pack(packed, big, BIG);
    oddrow_error err;
    static const size_t cut[] = {1, 4, 9, 1000};
    for (size_t i = 0; i < 4; i++) {
        store(packed, n - cut[i]);
        assert_int_equal(load(&size, &err), ODDROW_EFORMAT);
        assert_non_null(strstr(err.message, path));
        assert_non_null(strstr(err.message, "truncated"));
        assert_non_null(strstr(err.message, kind));
    }
    store(packed, 6);
    assert_int_equal(load(&size, &err), ODDROW_EFORMAT);
    size_t second = pack(packed + n, "more", 4);
    store(packed, n + second - 3);
    assert_int_equal(load(&size, &err), ODDROW_EFORMAT);
    memcpy(packed + n, "garbage", 7);
    store(packed, n + 7);
    assert_int_equal(load(&size, &err), ODDROW_EFORMAT);
}

static void reads_gzip(void **state)
{
    (void)state;
    check_members(gzip);
    check_damage(gzip, "gzip");
    size_t size, n = gzip(packed, big, BIG);
    packed[n / 2] ^= 0x55;
    store(packed, n);
    assert_int_equal(load(&size, NULL), ODDROW_EFORMAT);
    n = gzip(packed, "padded", 6);
    memset(packed + n, 0, 300000);
    store(packed, n + 300000);
    assert_int_equal(load(&size, NULL), 0);
    assert_int_equal(size, 6);
}

static void reads_zstd(void **state)
{
    (void)state;
    check_members(zstd);
    check_damage(zstd, "zstd");
    static const unsigned char skippable[] = {0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'x', 'y', 'z'};
    size_t size, n = sizeof skippable;
    memcpy(packed, skippable, n);
    n += zstd(packed + n, "behind", 6);
    store(packed, n);
    assert_int_equal(load(&size, NULL), 0);
    assert_int_equal(size, 6);
    assert_memory_equal(back, "behind", 6);
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    odd_input *in;
    oddrow_error err;
    assert_int_equal(odd_input_open("/no/such/file.csv", &in, &err), ODDROW_EIO);
    assert_null(in);
    assert_string_equal(err.message, "/no/such/file.csv: cannot open: No such file or directory");
    assert_int_equal(odd_input_open("/tmp", &in, &err), ODDROW_EIO);
    assert_string_equal(err.message, "/tmp: is a directory");
    char name[80];
    snprintf(name, sizeof name, "%s.gz", path);
    FILE *f = fopen(name, "w");
    fputs("a,b\n", f);
    fclose(f);
    int status = odd_input_open(name, &in, &err);
    unlink(name);
    assert_int_equal(status, ODDROW_EFORMAT);
    assert_non_null(strstr(err.message, "does not begin as a gzip file"));
}

static void reads_memory(void **state)
{
    (void)state;
    odd_input *in;
    size_t got;
    assert_int_equal(odd_input_open_memory("m", "hello", 5, &in, NULL), 0);
    assert_string_equal(odd_input_name(in), "m");
    assert_int_equal(odd_input_read(in, back, 3, &got, NULL), 0);
    assert_int_equal(got, 3);
    assert_int_equal(odd_input_read(in, back, 3, &got, NULL), 0);
    assert_int_equal(got, 2);
    assert_memory_equal(back, "lo", 2);
    odd_input_free(&in);
    odd_input_free(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_plain), cmocka_unit_test(reads_gzip), cmocka_unit_test(reads_zstd),
        cmocka_unit_test(says_what_is_wrong), cmocka_unit_test(reads_memory)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
