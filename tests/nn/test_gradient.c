/* tests/nn/test_gradient.c: every backward against central differences of the plain double forward.
 */
#include "example.h"

#include "base/pool.h"

enum { SEED = 7, NUMBER = 11 };

/* What the rows weigh in the loss. */
static void weigh(const example *e, bool weighted, double *scale)
{
    double total = 0;

    for (size_t i = 0; i < e->rows.count; i++)
        total += scale[i] = weighted ? (double)e->weights[i] : 1;
    for (size_t i = 0; i < e->rows.count; i++)
        scale[i] /= total;
}

static double loss_at(const example *e, odd_plain *plain, const odd_step_options *o,
                      const double *target_x, const double *scale, double *losses)
{
    double sum = 0;
    example_losses(e, plain, o, SEED, NUMBER, target_x, NULL, losses);
    for (size_t i = 0; i < e->rows.count; i++)
        sum += scale[i] * losses[i];
    return sum;
}

/* All of a tensor's derivatives up to 60, else 60 of them spread over it. */
static void compare_tensor(const example *e, size_t t, odd_plain *plain, const odd_step_options *o,
                           const double *target_x, const double *scale, double *losses,
                           const float *gradient)
{
    const odd_tensor *tensor = e->network->tensors + t;
    const size_t size = tensor->rows * tensor->cols, stride = size / 60 + 1;
    const double h = 2e-6;
    double largest = 0, worst = 0, at = 0;

    for (size_t j = 0; j < size; j++)
        largest = fmax(largest, fabs((double)gradient[tensor->offset + j]));
    for (size_t j = 0; j < size; j += stride) {
        double *p = plain->w + tensor->offset + j, was = *p, up, down, difference;
        *p = was + h;
        up = loss_at(e, plain, o, target_x, scale, losses);
        *p = was - h;
        down = loss_at(e, plain, o, target_x, scale, losses);
        *p = was;
        difference = fabs((up - down) / (2 * h) - (double)gradient[tensor->offset + j]);
        if (difference > worst) {
            worst = difference;
            at = (double)j;
        }
    }
    if (largest == 0)
        fail_msg("%s has no gradient at all", tensor->name);
    if (worst > 2e-4 * largest + 2e-8)
        fail_msg("%s[%g]: off by %g, the largest gradient is %g", tensor->name, at, worst, largest);
}

static void check(const odd_network_config *config, const odd_step_options *o, bool weighted)
{
    example e;
    odd_step *step = NULL;
    odd_pool *pool = NULL;
    odd_step_result result;
    oddrow_error err = {0};
    odd_plain *plain = NULL;
    double *losses, *scale, *x;

    example_make(&e, config, EXAMPLE_ROWS, 3);
    assert_int_equal(odd_plain_new(e.network, &plain, NULL), 0);
    losses = calloc(e.rows.count, sizeof *losses);
    scale = calloc(e.rows.count, sizeof *scale);
    x = calloc(e.rows.count * e.network->X, sizeof *x);
    assert_int_equal(odd_pool_new(2, &pool, NULL), 0);
    if (odd_step_new(e.network, e.rows.count + 30, pool, o, &step, &err))
        fail_msg("%s", err.message);
    assert_int_equal(
        odd_step_run(step, &e.rows, weighted ? e.weights : NULL, 0, SEED, NUMBER, &result, NULL),
        0); /* at rate 0 the parameters stay */

    example_losses(&e, plain, o, SEED, NUMBER, NULL, x, losses);
    weigh(&e, weighted, scale);
    const double loss = loss_at(&e, plain, o, x, scale, losses);
    if (fabs(loss - result.loss) > 1e-5 * (1 + fabs(loss)))
        fail_msg("loss %.9g, plain %.9g", result.loss, loss);
    for (size_t t = 0; t < e.network->tensor_count; t++)
        compare_tensor(&e, t, plain, o, x, scale, losses, odd_step_state_of(step).gradient);

    odd_step_free(&step);
    odd_pool_free(&pool);
    odd_plain_free(&plain);
    free(losses);
    free(scale);
    free(x);
    example_free(&e);
}

static void test_activations(void **state)
{
    const odd_step_options o = ODD_STEP_OPTIONS;
    (void)state;
    for (int a = 0; a < ODD_ACTIVATIONS; a++) {
        odd_network_config c = example_config();
        c.activation = (odd_activation)a;
        c.slope = 0.1f;
        check(&c, &o, false);
    }
}

static void test_embedding_mse(void **state)
{
    const odd_step_options o = ODD_STEP_OPTIONS;
    (void)state;
    for (int a = 0; a < ODD_ACTIVATIONS; a++) {
        odd_network_config c = example_config();
        c.activation = (odd_activation)a;
        c.objective = ODD_EMBEDDING_MSE;
        check(&c, &o, a == 0);
    }
}

static void test_supervised(void **state)
{
    odd_step_options o = ODD_STEP_OPTIONS;
    (void)state;
    for (int a = 0; a < ODD_ACTIVATIONS; a++) {
        odd_network_config c = example_config();
        c.activation = (odd_activation)a;
        c.slope = 0.1f;
        c.objective = a % 2 ? ODD_REGRESS : ODD_CLASSIFY;
        c.outputs = a % 2 ? 1 : a == 0 ? 2 : 21;
        check(&c, &o, a < 2);
    }
    odd_network_config c = example_config();
    c.objective = ODD_CLASSIFY;
    c.outputs = 3;
    o.mask = 0.3;
    o.dropout = 0.2;
    check(&c, &o, true);
    c.F = c.M = 0; /* categories alone */
    check(&c, &o, false);
    c = example_config();
    c.C = 0; /* numbers alone */
    c.objective = ODD_REGRESS;
    c.outputs = 1;
    check(&c, &o, false);
}

/* The columns fold as their sizes say, so the tests above go through both paths. */
static void test_both_paths(void **state)
{
    const odd_network_config c = example_config();
    odd_network *n = NULL;
    odd_plan *p = NULL;

    (void)state;
    assert_int_equal(odd_network_new(&c, &n, NULL), 0);
    assert_int_equal(odd_plan_new(n, EXAMPLE_ROWS + 30, &p, NULL), 0);
    assert_true(p->columns[0].folded);
    assert_false(p->columns[1].folded);
    assert_true(p->columns[2].folded);
    odd_plan_free(&p);
    odd_network_free(&n);
}

static void test_options(void **state)
{
    odd_step_options o = ODD_STEP_OPTIONS;
    odd_network_config c = example_config();

    (void)state;
    check(&c, &o, true);
    o.mask = 0.3;
    check(&c, &o, false);
    o.dropout = 0.2;
    check(&c, &o, true);
    c.objective = ODD_EMBEDDING_MSE;
    check(&c, &o, false);
}

static void test_shapes(void **state)
{
    static const size_t large_V[1] = {400}, large_E[1] = {2}, small_V[2] = {2, 1}, one[2] = {1, 1};
    static const size_t wide[2] = {270, 3}, narrow[1] = {1};
    const odd_step_options o = ODD_STEP_OPTIONS;
    odd_network_config c = example_config();

    (void)state;
    c.C = 0; /* numbers alone */
    check(&c, &o, false);
    c = example_config();
    c.F = c.M = 0; /* categories alone */
    check(&c, &o, false);
    c.C = 1; /* one direct column */
    c.V = large_V;
    c.E = large_E;
    check(&c, &o, false);
    c = example_config();
    c.C = 1; /* products longer than a chunk; smooth, as some of so many units sit on a kink */
    c.activation = ODD_SILU;
    c.layers = 2;
    c.widths = wide;
    check(&c, &o, false);
    c.V = small_V;
    c.E = one;
    c.layers = 1;
    c.widths = narrow;
    c.P = 1;
    check(&c, &o, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_paths),    cmocka_unit_test(test_activations),
        cmocka_unit_test(test_embedding_mse), cmocka_unit_test(test_supervised),
        cmocka_unit_test(test_options),       cmocka_unit_test(test_shapes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
