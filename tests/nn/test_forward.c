/* tests/nn/test_forward.c: the folded path against the plain one, masks, hidden layers,
 * expectations. */
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
    float *out[2][4];
    for (size_t i = 0; i < 8; i++)
        out[i / 4][i % 4] = calloc(rows * (columns + X + 9), sizeof(float));
    assert_int_equal(odd_folded_new(e.network, &folded, NULL), 0);
    assert_int_equal(odd_forward_new(folded, &fast, NULL), 0);
    assert_int_equal(odd_forward_new_plain(e.network, &plain, NULL), 0);
    if (c->C > 0)
        e.rows.ids[0] = 1u << 30; /* beyond the vocabulary: unknown */
    if (!missing)
        memset(e.rows.missing, 0, rows * c->M);
    for (int column = ODD_OWN_COLUMN; column < (int)columns; column++) {
        const size_t layer = (size_t)(column + 2) % c->layers;
        for (int k = 0; k < 2; k++)
            odd_forward_run(k ? plain : fast, &e.rows, column,
                            &(odd_forward_out){.column_losses = out[k][0],
                                               .row_losses = out[k][1],
                                               .x = out[k][2],
                                               .hidden = out[k][3],
                                               .layer = layer});
        close_to(out[0][0], out[1][0], rows * columns, "column loss");
        close_to(out[0][1], out[1][1], rows, "row loss");
        close_to(out[0][2], out[1][2], rows * X, "x");
        close_to(out[0][3], out[1][3], rows * c->widths[layer], "hidden layer");
    }
    odd_forward_run(fast, &e.rows, ODD_NO_COLUMN, &(odd_forward_out){.x = out[0][2]});
    odd_forward_run(plain, &e.rows, ODD_NO_COLUMN, &(odd_forward_out){.x = out[1][2]});
    close_to(out[0][2], out[1][2], rows * X, "x alone");
    for (size_t i = 0; i < 8; i++)
        free(out[i / 4][i % 4]);
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
        for (int k = 0; k < 2; k++)
            odd_forward_run(k ? plain : fast, &e.rows, ODD_NO_COLUMN,
                            &(odd_forward_out){.row_losses = loss[k], .outputs = out[k]});
        close_to(loss[0], loss[1], 150, "loss");
        close_to(out[0], out[1], 150 * c.outputs, "output");
        for (size_t i = 0; i < 150 && a < 2; i++)
            assert_true(fabsf(loss[0][i] +
                              logf(out[0][i * c.outputs + (size_t)e.rows.targets[i]])) < 1e-4f);
        odd_rows one = odd_rows_slice(&e.rows, 70, 1);
        one.targets = NULL;
        odd_forward_run(fast, &one, ODD_NO_COLUMN, &(odd_forward_out){.outputs = alone});
        assert_memory_equal(alone, out[0] + 70 * c.outputs, c.outputs * sizeof *alone);
        odd_forward_run(fast, &e.rows, ODD_NO_COLUMN, &(odd_forward_out){.x = x});
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
    odd_plan *p = NULL;

    (void)state;
    assert_int_equal(odd_network_new(&c, &n, NULL), 0);
    assert_int_equal(odd_plan_new(n, 0, &p, NULL), 0);
    assert_true(p->folded > 0 && p->folded < c.C);
    odd_plan_free(&p);
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
    odd_forward_run(f, &e.rows, ODD_NO_COLUMN, &(odd_forward_out){.row_losses = all});
    for (size_t i = 0; i < 200; i++) {
        const odd_rows row = odd_rows_slice(&e.rows, i, 1);
        odd_forward_run(f, &row, ODD_NO_COLUMN, &(odd_forward_out){.row_losses = &one});
        assert_true(one == all[i]);
    }
    e.network->parameters[0] += 1;
    odd_folded_update(folded);
    odd_forward_run(f, &e.rows, ODD_NO_COLUMN, &(odd_forward_out){.row_losses = again});
    assert_memory_not_equal(all, again, sizeof all);
    e.network->parameters[0] -= 1;
    odd_folded_update(folded);
    e.rows.values[0] = NAN;
    e.rows.missing[0] = 0;
    odd_forward_run(f, &e.rows, ODD_NO_COLUMN, &(odd_forward_out){.row_losses = again});
    assert_true(isnan(again[0]));
    assert_true(fabsf(again[1] - all[1]) < 1e-4f);
    odd_forward_free(&f);
    odd_folded_free(&folded);
    example_free(&e);
}

/* Expectations from the last hidden layer, plain, and with a column masked in each row: those of
 * the plain formulas, and for a row alone the same bits as among others. */
static void test_expect(void **state)
{
    enum { B = 70, H = 6, C = 3, F = 9, L = 6 };
    const odd_network_config c = example_config();
    example e;
    odd_folded *folded = NULL;
    odd_forward *f = NULL;
    odd_plain *plain = NULL;
    uint32_t likely[2][B * C];
    float probability[2][B * C], numbers[2][B * F], h[B * H];

    (void)state;
    example_make(&e, &c, B, 12);
    assert_int_equal(odd_folded_new(e.network, &folded, NULL), 0);
    assert_int_equal(odd_forward_new(folded, &f, NULL), 0);
    assert_int_equal(odd_plain_new(e.network, &plain, NULL), 0);
    for (int masked = ODD_OWN_COLUMN; masked < L; masked++) {
        odd_forward_run(f, &e.rows, masked, &(odd_forward_out){.hidden = h, .layer = 2});
        odd_forward_expect(f, &e.rows, h,
                           &(odd_forward_expected){likely[0], probability[0], numbers[0]});
        for (size_t i = 0; i < B; i++) {
            const odd_rows row = odd_rows_slice(&e.rows, i, 1);
            const double *p = plain->probabilities;
            odd_forward_expect(f, &row, h + i * H,
                               &(odd_forward_expected){likely[1] + i * C, probability[1] + i * C,
                                                       numbers[1] + i * F});
            odd_plain_load(plain, &e.rows, i, masked);
            odd_plain_run(plain);
            for (size_t j = 0; j < C; p += example_V[j++]) {
                const uint32_t best = likely[0][i * C + j];
                assert_true(best > 0 && best < example_V[j]);
                for (size_t v = 1; v < example_V[j]; v++)
                    assert_true(p[v] <= p[best]);
                assert_true(fabs(p[best] - (double)probability[0][i * C + j]) < 1e-5);
            }
            for (size_t j = 0; j < F; j++)
                assert_true(fabs(plain->numbers[j] - (double)numbers[0][i * F + j]) < 1e-5);
        }
        assert_memory_equal(likely[0], likely[1], sizeof likely[0]);
        assert_memory_equal(probability[0], probability[1], sizeof probability[0]);
        assert_memory_equal(numbers[0], numbers[1], sizeof numbers[0]);
    }
    odd_forward_free(&f);
    odd_plain_free(&plain);
    odd_folded_free(&folded);
    example_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_both_paths),
                                       cmocka_unit_test(test_plain), cmocka_unit_test(test_predict),
                                       cmocka_unit_test(test_neighbours),
                                       cmocka_unit_test(test_expect)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
