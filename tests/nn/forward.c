/* tests/nn/forward.c: the folded path against the plain one, masks, explanations. */
#include "example.h"

#include "nn/forward.h"

static void close_to(const float *a, const float *b, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(a[i] - b[i]) <= 1e-5f * (1 + fabsf(b[i]))))
            fail_msg("%s[%zu]: %.9g, plain %.9g", what, i, (double)a[i], (double)b[i]);
}

static void compare(const odd_network_config *c, size_t rows, bool missing)
{
    example e;
    odd_folded *folded = NULL;
    odd_forward *fast = NULL, *plain = NULL;
    const size_t columns = c->C + c->M;

    example_make(&e, c, rows, 12);
    const size_t X = e.network->X;
    float *out[6];
    for (size_t i = 0; i < 6; i++)
        out[i] = calloc(rows * (columns + X), sizeof(float));
    assert_int_equal(odd_folded_new(e.network, &folded, NULL), 0);
    assert_ptr_equal(odd_folded_network(folded), e.network);
    assert_int_equal(odd_forward_new(folded, &fast, NULL), 0);
    assert_int_equal(odd_forward_new_plain(e.network, &plain, NULL), 0);
    if (c->C > 0)
        e.ids[0] = 1u << 30; /* beyond the vocabulary: unknown */
    for (int column = ODD_NO_COLUMN; column < (int)columns; column++) {
        odd_forward_run(fast, e.ids, e.values, missing ? e.missing : NULL, rows, column, out[0],
                        out[1], out[2]);
        odd_forward_run(plain, e.ids, e.values, missing ? e.missing : NULL, rows, column, out[3],
                        out[4], out[5]);
        close_to(out[0], out[3], rows * columns, "column loss");
        close_to(out[1], out[4], rows, "row loss");
        close_to(out[2], out[5], rows * X, "x");
    }
    odd_forward_run(fast, e.ids, e.values, missing ? e.missing : NULL, rows, ODD_NO_COLUMN, NULL,
                    NULL, out[0]);
    odd_forward_run(plain, e.ids, e.values, missing ? e.missing : NULL, rows, ODD_NO_COLUMN, NULL,
                    NULL, out[5]);
    close_to(out[0], out[5], rows * X, "x alone");
    for (size_t i = 0; i < 6; i++)
        free(out[i]);
    odd_forward_free(&fast);
    odd_forward_free(&plain);
    odd_folded_free(&folded);
    example_free(&e);
}

static void test_plain(void **state)
{
    static const size_t rows[] = {1, 16, 63, 64, 65, 200};
    (void)state;
    for (int a = 0; a < ODD_ACTIVATIONS; a++)
        for (int o = 0; o <= ODD_EMBEDDING_MSE; o++) {
            odd_network_config c = example_config();
            c.activation = (odd_activation)a;
            c.objective = (odd_objective)o;
            compare(&c, rows[(size_t)a % 6], a % 2 == 0);
        }
    odd_network_config c = example_config();
    c.C = 0;
    compare(&c, 70, true);
    c = example_config();
    c.F = c.M = 0;
    compare(&c, 70, true);
}

/* Losses and outputs of supervised networks; a row alone gives what it gives among others. */
static void test_predict(void **state)
{
    (void)state;
    for (int a = 0; a < 4; a++) {
        odd_network_config c = example_config();
        odd_folded *folded = NULL;
        odd_forward *fast = NULL, *plain = NULL;
        example e;
        float loss[2][150], out[2][150 * 21], x[150 * 40], alone[21];

        c.objective = a < 2 ? ODD_CLASSIFY : ODD_REGRESS;
        c.outputs = a < 2 ? (a ? 21 : 2) : 1;
        if (a == 3)
            c.C = 0;
        example_make(&e, &c, 150, 12);
        assert_int_equal(e.network->losses, 1);
        assert_int_equal(odd_folded_new(e.network, &folded, NULL), 0);
        assert_int_equal(odd_forward_new(folded, &fast, NULL), 0);
        assert_int_equal(odd_forward_new_plain(e.network, &plain, NULL), 0);
        odd_forward_predict(fast, e.ids, e.values, e.missing, e.targets, 150, loss[0], out[0]);
        odd_forward_predict(plain, e.ids, e.values, e.missing, e.targets, 150, loss[1], out[1]);
        close_to(loss[0], loss[1], 150, "loss");
        close_to(out[0], out[1], 150 * c.outputs, "output");
        for (size_t i = 0; i < 150 && a < 2; i++)
            assert_true(fabsf(loss[0][i] + logf(out[0][i * c.outputs + (size_t)e.targets[i]])) <
                        1e-4f);
        odd_forward_predict(fast, e.ids + 70 * c.C, e.values + 70 * c.F, e.missing + 70 * c.M, NULL,
                            1, NULL, alone);
        assert_memory_equal(alone, out[0] + 70 * c.outputs, c.outputs * sizeof *alone);
        odd_forward_run(fast, e.ids, e.values, e.missing, 150, ODD_NO_COLUMN, NULL, NULL, x);
        odd_forward_free(&fast);
        odd_forward_free(&plain);
        odd_folded_free(&folded);
        example_free(&e);
    }
}

static void test_both_paths(void **state)
{
    const odd_network_config c = example_config();
    odd_network *n = NULL;
    odd_fold *f = NULL;

    (void)state;
    assert_int_equal(odd_network_new(&c, &n, NULL), 0);
    assert_int_equal(odd_fold_new(n, 0, &f, NULL), 0);
    assert_true(f->folded > 0 && f->folded < c.C);
    odd_fold_free(&f);
    odd_network_free(&n);
}

/* A row alone, among others, and after the tables were made again: the same bits */
static void test_neighbours(void **state)
{
    const odd_network_config c = example_config();
    example e;
    odd_folded *folded = NULL;
    odd_forward *f = NULL;
    float all[200], one, again[200];

    (void)state;
    example_make(&e, &c, 200, 12);
    assert_int_equal(odd_folded_new(e.network, &folded, NULL), 0);
    assert_int_equal(odd_forward_new(folded, &f, NULL), 0);
    odd_forward_run(f, e.ids, e.values, e.missing, 200, ODD_NO_COLUMN, NULL, all, NULL);
    for (size_t i = 0; i < 200; i++) {
        odd_forward_run(f, e.ids + i * c.C, e.values + i * c.F, e.missing + i * c.M, 1,
                        ODD_NO_COLUMN, NULL, &one, NULL);
        assert_true(one == all[i]);
    }
    e.network->parameters[0] += 1;
    odd_folded_update(folded);
    odd_forward_run(f, e.ids, e.values, e.missing, 200, ODD_NO_COLUMN, NULL, again, NULL);
    assert_memory_not_equal(all, again, sizeof all);
    e.network->parameters[0] -= 1;
    odd_folded_update(folded);
    e.values[0] = NAN;
    e.missing[0] = 0;
    odd_forward_run(f, e.ids, e.values, e.missing, 200, ODD_NO_COLUMN, NULL, again, NULL);
    assert_true(isnan(again[0]));
    assert_true(fabsf(again[1] - all[1]) < 1e-4f);
    odd_forward_free(&f);
    odd_folded_free(&folded);
    example_free(&e);
}

static void test_explain(void **state)
{
    odd_network_config c = example_config();
    (void)state;
    for (int o = 0; o <= ODD_EMBEDDING_MSE; o++) {
        example e;
        odd_folded *folded = NULL;
        odd_forward *f[2] = {NULL, NULL};
        uint32_t likely[2][3];
        float probability[2][3], observed[2][3], numbers[2][9], losses[2][6], expected[6];
        c.objective = (odd_objective)o;
        example_make(&e, &c, 20, 12);
        assert_int_equal(odd_folded_new(e.network, &folded, NULL), 0);
        assert_int_equal(odd_forward_new(folded, f, NULL), 0);
        assert_int_equal(odd_forward_new_plain(e.network, f + 1, NULL), 0);
        for (size_t i = 0; i < 20; i++) {
            const int masked = (int)(i % 7) - 1;
            for (int k = 0; k < 2; k++) {
                odd_forward_expected out = {likely[k], probability[k], observed[k], numbers[k],
                                            losses[k]};
                odd_forward_explain(f[k], e.ids + i * c.C, e.values + i * c.F, e.missing + i * c.M,
                                    masked, &out);
            }
            assert_memory_equal(likely[0], likely[1], sizeof likely[0]);
            close_to(probability[0], probability[1], 3, "probability");
            close_to(observed[0], observed[1], 3, "observed");
            close_to(numbers[0], numbers[1], 9, "number");
            close_to(losses[0], losses[1], 6, "loss");
            odd_forward_run(f[0], e.ids + i * c.C, e.values + i * c.F, e.missing + i * c.M, 1,
                            masked, expected, NULL, NULL);
            assert_memory_equal(losses[0], expected, sizeof expected);
            for (size_t j = 0; j < 3 && o == ODD_ROW; j++) {
                assert_true(likely[0][j] > 0);
                assert_true(fabsf(observed[0][j] - expf(-losses[0][j])) < 1e-5f);
            }
        }
        odd_forward_free(f);
        odd_forward_free(f + 1);
        odd_folded_free(&folded);
        example_free(&e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_both_paths),
                                       cmocka_unit_test(test_plain), cmocka_unit_test(test_predict),
                                       cmocka_unit_test(test_neighbours),
                                       cmocka_unit_test(test_explain)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
