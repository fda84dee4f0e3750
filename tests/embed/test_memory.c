/* Everything of the room with each of its allocations failing in turn: an error, no leak, no crash,
 * and no file half written. */
#include "embeddings.h"

#include "embed/align.h"
#include "embed/picture.h"
#include "files/encode.h"
#include "files/similar.h"
#include "tables/export.h"

static odd_model *old;
static odd_bytes table;
static char data[200], out[200];

static int set_up(void **state)
{
    if (made_enter(state))
        return -1;
    old = hostile_model(1);
    table = made_table(MADE_ALL, 60, 2);
    snprintf(data, sizeof data, "%s", made_path("data.csv"));
    snprintf(out, sizeof out, "%s", made_path("out.npy"));
    made_write(data, table.data, table.size);
    return 0;
}

static int tear_down(void **state)
{
    odd_model_free(&old);
    odd_bytes_free(&table);
    return made_leave(state);
}

static bool fail_nth(void *context, size_t size)
{
    (void)size;
    int *left = context;
    return --*left == 0;
}

/* Calls `run` with the first, second, … allocation failing until it succeeds. */
static void sweep(int (*run)(const odd_model *model, oddrow_error *err), const odd_model *model)
{
    int rc = -1, failures = 0;
    for (int nth = 1; rc; nth++) {
        int left = nth;
        oddrow_error err = {0};
        odd_memory_hook(fail_nth, &left);
        rc = run(model, &err);
        odd_memory_hook(NULL, NULL);
        assert_true(rc == 0 || rc == ODDROW_ENOMEM);
        if (rc) {
            failures++;
            assert_int_equal(access(out, F_OK), -1);
        }
        assert_true(nth < 5000);
    }
    assert_true(failures > 2);
    unlink(out);
}

static int export_npy(const odd_model *model, oddrow_error *err)
{
    odd_embedding e = odd_embedding_at(model, 0);
    int rc = odd_export(&e, 1, ODD_TABLE_CSV, true, out, false, err);
    return rc;
}

static int export_safetensors(const odd_model *model, oddrow_error *err)
{
    odd_embedding e[2] = {odd_embedding_at(model, 0), odd_embedding_at(model, 1)};
    return odd_export(e, 2, ODD_TABLE_SAFETENSORS, true, out, false, err);
}

static int draw(const odd_model *model, oddrow_error *err)
{
    odd_embedding e = odd_embedding_at(model, 0);
    odd_picture_options options = {.labels = 10, .threads = 1, .method = ODD_METHOD_PCA};
    char path[220];
    snprintf(path, sizeof path, "%s.html", out);
    return odd_picture_write(&e, 1, path, &options, NULL, err);
}

static int cluster(const odd_model *model, oddrow_error *err)
{
    odd_embedding e = odd_embedding_at(model, 0);
    odd_picture_options options = {.labels = 10, .threads = 1, .method = ODD_METHOD_TSNE};
    char path[220];
    snprintf(path, sizeof path, "%s.html", out);
    return odd_picture_write(&e, 1, path, &options, NULL, err);
}

static int encode(const odd_model *model, oddrow_error *err)
{
    const char *path = data;
    odd_score_options options = {.threads = 1};
    odd_encode_summary summary;
    return odd_encode_files(model, &path, 1, out, ODD_ENCODE_CODE, &options, &summary, err);
}

static int design(const odd_model *model, oddrow_error *err)
{
    const char *path = data;
    char csv[220];
    odd_score_options options = {.threads = 1};
    odd_encode_summary summary;
    snprintf(csv, sizeof csv, "%s.csv", out);
    return odd_encode_files(model, &path, 1, csv, ODD_ENCODE_INPUT, &options, &summary, err);
}

static int similar(const odd_model *model, oddrow_error *err)
{
    odd_score_options options = {.threads = 1};
    odd_similar found;
    int rc = odd_similar_find(model, data, 5, NULL, 3, &options, &found, err);
    odd_similar_free(&found);
    return rc;
}

static void tables(void **state)
{
    (void)state;
    sweep(export_npy, old);
    sweep(export_safetensors, old);
    sweep(draw, old);
    sweep(cluster, old);
}

static void rows(void **state)
{
    (void)state;
    odd_model *model = made_model(MADE_ALL, 300, 2);
    sweep(encode, model);
    sweep(design, model);
    sweep(similar, model);
    odd_model_free(&model);
}

static void align(void **state)
{
    (void)state;
    int rc = -1;
    for (int nth = 1; rc; nth++) {
        odd_model *model = hostile_model(2);
        odd_alignment all[4];
        bool approximate;
        int left = nth;
        odd_memory_hook(fail_nth, &left);
        rc = odd_align(model, old, all, &approximate, NULL);
        odd_memory_hook(NULL, NULL);
        assert_true(rc == 0 || rc == ODDROW_ENOMEM);
        odd_model_free(&model);
        assert_true(nth < 500);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tables), cmocka_unit_test(rows),
                                       cmocka_unit_test(align)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
