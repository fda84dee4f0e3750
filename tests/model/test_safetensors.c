/* The container: a round trip, and every way in which a file may lie about itself. */
#include "made.h"

#include "model/safetensors.h"

/* A file of a header and `data` bytes; header_size < 0: that of the header. */
static odd_bytes file_of(const char *header, long long header_size, const void *data, size_t size)
{
    odd_bytes out = {0};
    uint64_t n = header_size < 0 ? strlen(header) : (uint64_t)header_size;
    for (int i = 0; i < 8; i++) {
        char byte = (char)(n >> 8 * i);
        odd_bytes_add(&out, &byte, 1);
        assert_int_equal(odd_bytes_check(&out, NULL), 0);
    }
    odd_bytes_add(&out, header, strlen(header));
    assert_int_equal(odd_bytes_check(&out, NULL), 0);
    if (size)
        odd_bytes_add(&out, data, size);
    assert_int_equal(odd_bytes_check(&out, NULL), 0);
    return out;
}

static void refused(const odd_bytes *file, const char *why)
{
    odd_safetensors *out = NULL;
    oddrow_error err = {0};
    char *exact = malloc(file->size + 1); /* no byte more, for the sanitizer */
    char *copy = realloc(exact, file->size ? file->size : 1);
    if (file->size)
        memcpy(copy, file->data, file->size);
    assert_int_equal(odd_safetensors_parse(copy, file->size, &out, &err), ODDROW_EFORMAT);
    assert_null(out);
    if (!strstr(err.message, why))
        fail_msg("'%s' does not say '%s'", err.message, why);
    free(copy);
}

static const float ones[8] = {1, 2, 3, 4, 5, 6, 7, 8};

static void lies(void **state)
{
    (void)state;
    static const struct {
        const char *header, *why;
    } cases[] = {
        {"", "not JSON"},
        {"[]", "not a JSON object"},
        {"{\"a\":", "not JSON"},
        {"{\"a\":1}", "needs dtype"},
        {"{\"a\":{}}", "needs dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[8]}}", "needs dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[0]}}", "needs dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[0,\"32\"]}}", "needs dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[0,32.0]}}", "needs dtype"},
        {"{\"a\":{\"dtype\":\"BF16\",\"shape\":[16],\"data_offsets\":[0,32]}}", "dtype BF16"},
        {"{\"a\":{\"dtype\":\"I32\",\"shape\":[8],\"data_offsets\":[0,32]}}", "dtype I32"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":8,\"data_offsets\":[0,32]}}", "shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,2,2,2],\"data_offsets\":[0,32]}}", "shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-8],\"data_offsets\":[0,32]}}", "bad size"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[8.0],\"data_offsets\":[0,32]}}", "bad size"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2147483647,2147483647,2147483647],"
         "\"data_offsets\":[0,32]}}",
         "too large"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2147483647,2147483647,4,4],"
         "\"data_offsets\":[0,0]}}",
         "too large"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[2147483646,2147483647],\"data_offsets\":[0,32]}}",
         "match its shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[7],\"data_offsets\":[0,32]}}", "match its shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[9],\"data_offsets\":[0,36]}}", "outside"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[-4,28]}}", "outside"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,4]}}", "outside"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[0,9223372036854775807]}}",
         "outside"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[0,99999999999999999999]}}",
         "not JSON"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[12,32]}}",
         "overlaps"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[0,32]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[0,32]}}",
         "overlaps"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[16,32]}}",
         "hole"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[7],\"data_offsets\":[4,32]}}", "hole"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[7],\"data_offsets\":[0,28]}}",
         "4 bytes after the last"},
        {"{}", "32 bytes after the last"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[1,5]}}", "aligned"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[4,20]}}", "aligned"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[0,32]},"
         "\"a\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[0,32]}}",
         "duplicate"},
        {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[0,32]}}",
         "duplicate"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[0,32]}} x", "not JSON"},
        {"{\"\xff\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[0,32]}}", "not JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        odd_bytes file = file_of(cases[i].header, -1, ones, sizeof ones);
        refused(&file, cases[i].why);
        odd_bytes_free(&file);
    }
}

static void sizes_that_lie(void **state)
{
    (void)state;
    static const char header[] =
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[0,32]}}";
    static const long long sizes[] = {1000, 1LL << 20, 1LL << 31, 1LL << 62, INT64_MAX};
    odd_bytes file = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        file = file_of(header, sizes[i], ones, sizeof ones);
        refused(&file, "truncated, or not safetensors");
        odd_bytes_free(&file);
    }
    file = file_of(header, 0, ones, sizeof ones);
    memset(file.data, 0xff, 8); /* 2^64 - 1 */
    refused(&file, "truncated, or not safetensors");
    odd_bytes_free(&file);
    odd_bytes whole = file_of(header, -1, ones, sizeof ones);
    for (size_t size = 0; size < whole.size; size++) { /* cut anywhere */
        odd_bytes cut = {.data = whole.data, .size = size, .capacity = size};
        refused(&cut, "");
    }
    odd_safetensors *good = NULL;
    assert_int_equal(odd_safetensors_parse(whole.data, whole.size, &good, NULL), 0);
    odd_safetensors_free(&good);
    odd_safetensors_free(&good);
    odd_bytes_free(&whole);
}

static void numbers_that_are_none(void **state)
{
    (void)state;
    static const char f32[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
    static const char f64[] = "{\"a\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]}}";
    const double bad[3] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    for (size_t i = 0; i < 3; i++) {
        float narrow[2] = {1, (float)bad[i]};
        double wide[2] = {1, bad[i]};
        odd_bytes file = file_of(f32, -1, narrow, sizeof narrow);
        refused(&file, "number 1 is not finite");
        odd_bytes_free(&file);
        file = file_of(f64, -1, wide, sizeof wide);
        refused(&file, "number 1 is not finite");
        odd_bytes_free(&file);
    }
}

static void round_trip(void **state)
{
    (void)state;
    const double wide[3] = {1e300, -0.0, 5e-324};
    const odd_stored tensors[] = {{"plain", ODD_F32, 2, {2, 4}, ones},
                                  {"\xc3\xa9 \"quoted\"\n", ODD_F64, 1, {3}, wide},
                                  {"scalar", ODD_F32, 0, {0}, ones + 3},
                                  {"none", ODD_F32, 2, {0, 7}, ones},
                                  {"last", ODD_F32, 4, {1, 2, 2, 1}, ones + 4}};
    const char *path = made_path("tensors");
    odd_safetensors *file = NULL;
    oddrow_error err = {0};
    assert_int_equal(odd_safetensors_save(path, tensors, 5, "key", "text \xc3\xa9", &err), 0);
    assert_int_equal(odd_safetensors_load(path, &file, &err), 0);
    assert_int_equal(odd_safetensors_count(file), 5);
    assert_string_equal(odd_safetensors_metadata(file, "key"), "text \xc3\xa9");
    assert_null(odd_safetensors_metadata(file, "other"));
    assert_null(odd_safetensors_find(file, "other"));
    assert_null(odd_safetensors_at(file, 5));
    for (size_t i = 0; i < 5; i++) {
        const odd_stored *t = odd_safetensors_find(file, tensors[i].name);
        assert_non_null(t);
        assert_int_equal(t->dtype, tensors[i].dtype);
        assert_int_equal(t->dimensions, tensors[i].dimensions);
        for (size_t d = 0; d < t->dimensions; d++)
            assert_int_equal(t->shape[d], tensors[i].shape[d]);
        size_t size = odd_stored_count(t) * (t->dtype == ODD_F32 ? 4 : 8);
        assert_int_equal((uintptr_t)t->data % (t->dtype == ODD_F32 ? 4 : 8), 0);
        if (size)
            assert_memory_equal(t->data, tensors[i].data, size);
    }
    odd_safetensors_free(&file);
}

static void files(void **state)
{
    (void)state;
    odd_safetensors *file = NULL;
    oddrow_error err = {0};
    assert_int_equal(odd_safetensors_load(made_path("absent"), &file, &err), ODDROW_EIO);
    assert_non_null(strstr(err.message, "absent: No such file"));
    assert_int_equal(odd_safetensors_load(made_directory, &file, &err), ODDROW_EIO);
    assert_int_equal(odd_safetensors_load("/dev/zero", &file, &err), ODDROW_EIO);
    made_write(made_path("empty"), "", 0);
    assert_int_equal(odd_safetensors_load(made_path("empty"), &file, &err), ODDROW_EFORMAT);
    assert_non_null(strstr(err.message, "empty: 0 bytes are too few"));
    assert_int_equal(odd_safetensors_save("/dev/full", NULL, 0, "a", "b", &err), ODDROW_EIO);
    assert_int_equal(odd_safetensors_save(made_path("no/where"), NULL, 0, "a", "b", &err),
                     ODDROW_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lies), cmocka_unit_test(sizes_that_lie),
                                       cmocka_unit_test(numbers_that_are_none),
                                       cmocka_unit_test(round_trip), cmocka_unit_test(files)};
    return cmocka_run_group_tests(tests, made_enter, made_leave);
}
