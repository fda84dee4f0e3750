/* Rows as vectors, against the formulas in double; the files; the rows like a row. */
#include "embeddings.h"

#include "files/encode.h"
#include "files/similar.h"
#include "files/vectorizer.h"

static odd_bytes table;
static odd_model *model;
static odd_rows *batch;

static int set_up(void **state)
{
    if (made_enter(state))
        return -1;
    model = made_model(MADE_ALL, 700, 3);
    table = made_table(MADE_ALL, 333, 5);
    batch = made_batch(model, &table);
    return 0;
}

static int tear_down(void **state)
{
    odd_rows_free(&batch);
    odd_bytes_free(&table);
    odd_model_free(&model);
    return made_leave(state);
}

/* Vectors of all rows of the batch; the caller frees. */
static float *vectors(odd_what what, size_t *width, odd_vectorizer **vectorizer)
{
    odd_vectorizer_scratch *scratch = NULL;
    assert_int_equal(odd_vectorizer_new(model, what, vectorizer, NULL), 0);
    assert_int_equal(odd_vectorizer_scratch_new(*vectorizer, batch->count, &scratch, NULL), 0);
    *width = odd_vectorizer_width(*vectorizer);
    float *out = calloc(batch->count * *width, sizeof *out);
    assert_int_equal(odd_vectorizer_run(scratch, batch, out, NULL), 0);
    odd_vectorizer_scratch_free(&scratch);
    return out;
}

/* Number j of row i of a design matrix, found by its name. */
static float expected(const char *name, size_t i)
{
    char column[60];
    const char *bracket = strchr(name, '[');
    size_t size = bracket ? (size_t)(bracket - name) : strlen(name);
    memcpy(column, name, size);
    column[size] = '\0';
    for (size_t k = 0; k < model->schema->K; k++) {
        const odd_column *c = &model->schema->columns[k];
        if (strcmp(c->name, column) != 0)
            continue;
        if (c->kind == ODD_CATEGORICAL) {
            odd_embedding e = table_of(model, column);
            return e.vectors[batch->ids[i * batch->C + c->categorical] * e.E +
                             strtoul(bracket + 1, NULL, 10)];
        }
        if (bracket && strcmp(bracket, "[missing]") == 0)
            return (float)batch->missing[i * batch->M + c->numeric];
        return batch->values[i * batch->F + c->first_feature +
                             (bracket ? strtoul(bracket + 1, NULL, 10) : 0)];
    }
    fail_msg("no column %s", column);
    return 0;
}

static void design_matrix(void **state)
{
    (void)state;
    size_t width, flags = 0;
    odd_vectorizer *vectorizer = NULL;
    float *x = vectors(ODD_ENCODE_INPUT, &width, &vectorizer);
    for (size_t j = 0; j < width; j++) {
        const char *name = odd_vectorizer_name(vectorizer, j);
        flags += strstr(name, "[missing]") != NULL;
        for (size_t before = 0; before < j; before++)
            assert_string_not_equal(name, odd_vectorizer_name(vectorizer, before));
        for (size_t i = 0; i < batch->count; i++)
            assert_true(x[i * width + j] == expected(name, i));
    }
    assert_int_equal(flags, 1); /* number has empty cells, when has none */
    assert_int_equal(width, table_of(model, "small").E + table_of(model, "large").E + 1 + 1 + 7);
    free(x);
    odd_vectorizer_free(&vectorizer);
}

static double activate(double a)
{
    return a > 0 ? a : (double)model->network->config.slope * a;
}

/* h_l of row i from x, in double. */
static void layers(const float *x, size_t count, double *h)
{
    const odd_network *n = model->network;
    double from[200];
    for (size_t j = 0; j < n->X; j++)
        from[j] = (double)x[j];
    size_t in = n->X;
    for (size_t l = 0; l < count; l++) {
        const float *w = odd_network_tensor(n, n->dense + 2 * l),
                    *b = odd_network_tensor(n, n->dense + 2 * l + 1);
        size_t width = n->config.widths[l];
        for (size_t o = 0; o < width; o++) {
            h[o] = (double)b[o];
            for (size_t j = 0; j < in; j++)
                h[o] += (double)w[o * in + j] * from[j];
            h[o] = activate(h[o]);
        }
        in = width;
        memcpy(from, h, width * sizeof *h);
    }
}

static void hidden_layers(void **state)
{
    (void)state;
    size_t X, code, hidden;
    odd_vectorizer *v[3] = {0};
    float *x = vectors(ODD_ENCODE_X, &X, &v[0]), *c = vectors(ODD_ENCODE_CODE, &code, &v[1]),
          *h = vectors(ODD_ENCODE_HIDDEN, &hidden, &v[2]);
    double out[200];
    assert_int_equal(X, model->network->X);
    assert_int_equal(code, 4);
    assert_int_equal(hidden, 9);
    assert_string_equal(odd_vectorizer_name(v[1], 3), "code[3]");
    for (size_t i = 0; i < batch->count; i++) {
        layers(x + i * X, 2, out);
        for (size_t j = 0; j < code; j++)
            made_near((double)c[i * code + j], out[j], 1e-5);
        layers(x + i * X, 3, out);
        for (size_t j = 0; j < hidden; j++)
            made_near((double)h[i * hidden + j], out[j], 1e-5);
        /* x begins with the first column's embedding */
        odd_embedding e = odd_embedding_at(model, 0);
        assert_memory_equal(x + i * X, e.vectors + batch->ids[i * batch->C] * e.E, e.E * sizeof *x);
    }
    for (size_t i = 0; i < 3; i++)
        odd_vectorizer_free(&v[i]);
    free(x);
    free(c);
    free(h);
}

/* ---- files ---- */

static void writes_files(void **state)
{
    (void)state;
    char copy[200];
    const char *data = copy; /* made_path lends a few at a time */
    snprintf(copy, sizeof copy, "%s", made_path("data.csv"));
    odd_score_options options = {.csv.chunk_size = 700};
    odd_encode_summary summary;
    oddrow_error err = {0};
    size_t width;
    odd_vectorizer *vectorizer = NULL;
    float *x = vectors(ODD_ENCODE_INPUT, &width, &vectorizer);
    made_write(data, table.data, table.size);
    for (size_t threads = 1; threads <= 3; threads++) {
        options.threads = threads;
        if (odd_encode_files(model, &data, 1, made_path("x.npy"), ODD_ENCODE_INPUT, &options,
                             &summary, &err))
            fail_msg("%s", err.message);
        assert_int_equal(summary.encoded, batch->count);
        odd_bytes npy = made_read(made_path("x.npy"));
        assert_int_equal(npy.size, 128 + batch->count * width * sizeof *x);
        assert_memory_equal(npy.data + 128, x, batch->count * width * sizeof *x);
        assert_non_null(strstr(npy.data + 10, "'shape': (333, "));
        odd_bytes_free(&npy);
        assert_int_equal(odd_encode_files(model, &data, 1, made_path("x.csv"), ODD_ENCODE_INPUT,
                                          &options, &summary, &err),
                         0);
        odd_bytes csv = made_read(made_path("x.csv"));
        char *line = strchr(csv.data, '\n') + 1;
        for (size_t i = 0; i < batch->count * width; i++) {
            assert_true(strtof(line, &line) == x[i]);
            assert_int_equal(*line++, i % width == width - 1 ? '\n' : ',');
        }
        assert_int_equal(*line, '\0');
        odd_bytes_free(&csv);
    }
    odd_bytes names = made_read(made_path("x.columns.txt"));
    assert_memory_equal(names.data, "small[0]\n", 9);
    odd_bytes_free(&names);
    odd_vectorizer_free(&vectorizer);
    free(x);
}

static void counts_rejects(void **state)
{
    (void)state;
    const char *data = made_path("bad.csv"), *missing = made_path("no.csv");
    odd_bytes text = {0};
    odd_score_options options = {.rejects = made_path("rejects.csv"), .threads = 2};
    odd_encode_summary summary;
    oddrow_error err = {0};
    odd_bytes_add(&text, table.data, table.size);
    assert_int_equal(odd_bytes_check(&text, NULL), 0);
    odd_bytes_print(&text, "one,two\n");
    assert_int_equal(odd_bytes_check(&text, NULL), 0);
    made_write(data, text.data, text.size);
    assert_int_equal(odd_encode_files(model, &data, 1, made_path("b.npy"), ODD_ENCODE_INPUT,
                                      &options, &summary, &err),
                     0);
    assert_int_equal(summary.rows, batch->count + 1);
    assert_int_equal(summary.rejected, 1);
    odd_bytes rejects = made_read(options.rejects);
    assert_non_null(strstr(rejects.data, "\n334,"));
    odd_bytes_free(&rejects);
    options.rejects = NULL;
    assert_int_equal(odd_encode_files(model, &missing, 1, made_path("c.npy"), ODD_ENCODE_INPUT,
                                      &options, &summary, &err),
                     ODDROW_EIO);
    assert_int_equal(access(made_path("c.npy"), F_OK), -1);
    made_write(data, "small\nred\n", 10);
    assert_int_equal(odd_encode_files(model, &data, 1, made_path("c.npy"), ODD_ENCODE_INPUT,
                                      &options, &summary, &err),
                     ODDROW_ESCHEMA);
    odd_bytes_free(&text);
}

/* ---- similar ---- */

static void finds_similar_rows(void **state)
{
    (void)state;
    enum { ROW = 17, K = 6 };
    const char *data = made_path("rows.csv");
    size_t X;
    odd_vectorizer *vectorizer = NULL;
    float *x = vectors(ODD_ENCODE_X, &X, &vectorizer);
    odd_similar similar, other;
    oddrow_error err = {0};
    made_write(data, table.data, table.size);
    for (size_t threads = 1; threads <= 3; threads++) {
        odd_score_options options = {.csv.chunk_size = 500, .threads = threads};
        if (odd_similar_find(model, data, ROW, NULL, K, &options, &similar, &err))
            fail_msg("%s", err.message);
        assert_int_equal(similar.count, K);
        assert_int_equal(similar.looked_at, batch->count);
        double last = 0;
        size_t nearer = 0;
        for (size_t i = 0; i < K; i++) {
            assert_int_not_equal(similar.rows[i].row, ROW);
            assert_true(similar.rows[i].distance >= last);
            last = similar.rows[i].distance;
        }
        for (size_t i = 0; i < batch->count; i++) {
            double sum = 0;
            for (size_t j = 0; j < X; j++)
                sum += pow((double)x[i * X + j] - (double)x[(ROW - 1) * X + j], 2);
            nearer += i != ROW - 1 && sqrt(sum) < last * (1 - 1e-5);
            for (size_t n = 0; n < K; n++)
                if (similar.rows[n].row == i + 1)
                    made_near(similar.rows[n].distance, sqrt(sum), 1e-4);
        }
        assert_in_range(nearer, 0, K - 1);
        /* against another file the row itself is found, at distance 0 */
        assert_int_equal(odd_similar_find(model, data, ROW, data, K, &options, &other, &err), 0);
        assert_int_equal(other.rows[0].row, ROW);
        assert_true(other.rows[0].distance == 0);
        assert_int_equal(other.rows[1].row, similar.rows[0].row);
        odd_similar_free(&similar);
        odd_similar_free(&other);
        assert_int_equal(odd_similar_find(model, data, 334, NULL, K, &options, &similar, &err),
                         ODDROW_ESCHEMA);
        assert_non_null(strstr(err.message, "333 rows"));
    }
    odd_vectorizer_free(&vectorizer);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(design_matrix), cmocka_unit_test(hidden_layers),
        cmocka_unit_test(writes_files), cmocka_unit_test(counts_rejects),
        cmocka_unit_test(finds_similar_rows)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
