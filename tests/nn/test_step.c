/* tests/nn/test_step.c: threads, Adam, options and refusals of nn/step.h. */
#include "example.h"

#include "base/pool.h"

static void new_step(const example *e, size_t threads, const odd_step_options *o, odd_pool **pool,
                     odd_step **step)
{
    assert_int_equal(odd_pool_new(threads, pool, NULL), 0);
    assert_int_equal(odd_step_new(e->network, 1000, *pool, o, step, NULL), 0);
}

/* The parameters after 50 steps over batches of changing size */
static float *train(const odd_network_config *c, const odd_step_options *o, size_t threads)
{
    example e;
    odd_pool *pool = NULL;
    odd_step *step = NULL;
    float *out;

    example_make(&e, c, 1000, 4);
    new_step(&e, threads, o, &pool, &step);
    for (size_t i = 0; i < 50; i++) {
        e.rows.count = 1000 - 17 * i;
        assert_int_equal(odd_step_run(step, &e.rows, NULL, 1e-2, 9, i, NULL, NULL), 0);
    }
    assert_int_equal(*odd_step_state_of(step).count, 50);
    out = malloc(e.network->count * sizeof *out);
    memcpy(out, e.network->parameters, e.network->count * sizeof *out);
    for (size_t i = 0; i < e.network->count; i++)
        assert_true(isfinite(out[i]));
    odd_step_free(&step);
    odd_pool_free(&pool);
    example_free(&e);
    return out;
}

static void compare_threads(const odd_network_config *c, const odd_step_options *o)
{
    static const size_t threads[] = {2, 3, 8};
    odd_network *n = NULL;
    float *one = train(c, o, 1);

    assert_int_equal(odd_network_new(c, &n, NULL), 0);
    for (size_t i = 0; i < 3; i++) {
        float *many = train(c, o, threads[i]);
        assert_memory_equal(one, many, n->count * sizeof *one);
        free(many);
    }
    free(one);
    odd_network_free(&n);
}

static void test_threads(void **state)
{
    odd_network_config c = example_config();
    odd_step_options o = ODD_STEP_OPTIONS;

    (void)state;
    compare_threads(&c, &o);
    o.dropout = 0.1;
    o.mask = 0.2;
    o.weight_decay = 0.01;
    compare_threads(&c, &o);
    c.objective = ODD_EMBEDDING_MSE;
    compare_threads(&c, &o);
}

/* Adam against its equations in double */
static void test_adam(void **state)
{
    const odd_network_config c = example_config();
    odd_step_options o = ODD_STEP_OPTIONS;
    example e;
    odd_pool *pool = NULL;
    odd_step *step = NULL;
    double *w, *m, *v;
    const double rate = 1e-2;

    (void)state;
    o.weight_decay = 0.1;
    example_make(&e, &c, 200, 4);
    new_step(&e, 2, &o, &pool, &step);
    w = calloc(e.network->count, sizeof *w);
    for (size_t i = 0; i < e.network->count; i++)
        w[i] = (double)e.network->parameters[i];
    m = calloc(e.network->count, sizeof *m);
    v = calloc(e.network->count, sizeof *v);
    for (unsigned n = 1; n <= 5; n++) {
        assert_int_equal(odd_step_run(step, &e.rows, NULL, rate, 1, n, NULL, NULL), 0);
        for (size_t t = 0; t < e.network->tensor_count; t++)
            for (size_t j = 0; j < e.network->tensors[t].rows * e.network->tensors[t].cols; j++) {
                const size_t i = e.network->tensors[t].offset + j;
                const double g = (double)odd_step_state_of(step).gradient[i];
                m[i] = o.beta1 * m[i] + (1 - o.beta1) * g;
                v[i] = o.beta2 * v[i] + (1 - o.beta2) * g * g;
                if (e.network->tensors[t].decay)
                    w[i] -= rate * o.weight_decay * w[i];
                w[i] -= rate * (m[i] / (1 - pow(o.beta1, n))) /
                        (sqrt(v[i] / (1 - pow(o.beta2, n))) + o.epsilon);
                if (fabs(w[i] - (double)e.network->parameters[i]) > 2e-6 * (1 + fabs(w[i])))
                    fail_msg("step %u %s[%zu]: %.9g, by the equations %.9g", n,
                             e.network->tensors[t].name, j, (double)e.network->parameters[i], w[i]);
            }
    }
    free(w);
    free(m);
    free(v);
    odd_step_free(&step);
    odd_pool_free(&pool);
    example_free(&e);
}

static void test_resume(void **state)
{
    const odd_network_config c = example_config();
    example a, b;
    odd_pool *pool = NULL, *other = NULL;
    odd_step *first = NULL, *second = NULL;

    (void)state;
    example_make(&a, &c, 200, 4);
    example_make(&b, &c, 200, 4);
    new_step(&a, 1, NULL, &pool, &first);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(odd_step_run(first, &a.rows, NULL, 1e-2, 1, i, NULL, NULL), 0);
    new_step(&b, 2, NULL, &other, &second);
    const size_t size = a.network->count * sizeof(float);
    memcpy(b.network->parameters, a.network->parameters, size);
    const odd_step_state from = odd_step_state_of(first), to = odd_step_state_of(second);
    memcpy(to.moment1, from.moment1, size);
    memcpy(to.moment2, from.moment2, size);
    *to.count = *from.count;
    for (size_t i = 3; i < 6; i++) {
        assert_int_equal(odd_step_run(first, &a.rows, NULL, 1e-2, 1, i, NULL, NULL), 0);
        assert_int_equal(odd_step_run(second, &a.rows, NULL, 1e-2, 1, i, NULL, NULL), 0);
    }
    assert_memory_equal(a.network->parameters, b.network->parameters, size);
    odd_step_free(&first);
    odd_step_free(&second);
    odd_pool_free(&pool);
    odd_pool_free(&other);
    example_free(&a);
    example_free(&b);
}

/* Sums and metrics, against the plain path */
static void test_result(void **state)
{
    const odd_network_config c = example_config();
    odd_step_options o = ODD_STEP_OPTIONS;
    odd_step_result result;
    example e;
    odd_pool *pool = NULL;
    odd_step *step = NULL;
    odd_plain *plain = NULL;
    double losses[150], sum = 0, columns = 0;

    (void)state;
    example_make(&e, &c, 150, 4);
    assert_int_equal(odd_plain_new(e.network, &plain, NULL), 0);
    example_losses(&e, plain, &o, 1, 1, NULL, NULL, losses);
    for (size_t i = 0; i < e.rows.count; i++)
        sum += losses[i];
    new_step(&e, 2, &o, &pool, &step);
    assert_int_equal(odd_step_run(step, &e.rows, NULL, 1e-2, 1, 1, &result, NULL), 0);
    for (size_t j = 0; j < 6; j++)
        columns += result.column_sums[j] / 6;
    assert_true(fabs(columns - sum) < 1e-5 * sum);
    assert_true(fabs(result.loss - sum / 150) < 1e-5);
    assert_true(result.mse > 0 && result.mape > 0);
    odd_step_free(&step);
    odd_pool_free(&pool);
    odd_plain_free(&plain);
    example_free(&e);
}

/* Of a frozen table no byte changes, whatever the rate and the decay; the others do. */
static void test_frozen(void **state)
{
    static const bool frozen[3] = {true, true, false};
    static const odd_objective objectives[3] = {ODD_ROW, ODD_EMBEDDING_MSE, ODD_CLASSIFY};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        odd_step_options o = ODD_STEP_OPTIONS;
        odd_network_config c = example_config();
        odd_pool *pool = NULL;
        odd_step *step = NULL;
        float *before;
        example e;
        c.objective = objectives[i];
        c.outputs = 4;
        o.frozen = frozen;
        o.weight_decay = 0.1;
        o.mask = 0.2;
        example_make(&e, &c, 150, 4);
        before = malloc(e.network->count * sizeof *before);
        memcpy(before, e.network->parameters, e.network->count * sizeof *before);
        new_step(&e, 2, &o, &pool, &step);
        for (uint64_t n = 0; n < 5; n++)
            assert_int_equal(odd_step_run(step, &e.rows, NULL, 1e-2, 1, n, NULL, NULL), 0);
        for (size_t t = 0; t < e.network->tensor_count; t++) {
            const odd_tensor *tensor = e.network->tensors + t;
            const int same = memcmp(odd_network_tensor(e.network, t), before + tensor->offset,
                                    tensor->rows * tensor->cols * sizeof(float)) == 0;
            assert_int_equal(same, t < 2);
        }
        odd_step_free(&step);
        odd_pool_free(&pool);
        free(before);
        example_free(&e);
    }
}

/* A value that is no number: its column is named and nothing changes. */
static void test_not_a_number(void **state)
{
    const odd_network_config c = example_config();
    oddrow_error err = {0};
    odd_step_result result;
    example e;
    odd_pool *pool = NULL;
    odd_step *step = NULL;

    (void)state;
    example_make(&e, &c, 150, 4);
    new_step(&e, 2, NULL, &pool, &step);
    float *before = malloc(e.network->count * sizeof *before);
    memcpy(before, e.network->parameters, e.network->count * sizeof *before);
    e.network
        ->parameters[e.network->tensors[odd_network_find(e.network, "numeric.bias")].offset + 8] =
        INFINITY;
    assert_int_equal(odd_step_run(step, &e.rows, NULL, 1e-3, 1, 1, &result, &err), ODDROW_ENUMERIC);
    assert_non_null(strstr(err.message, "numeric column 2"));
    assert_true(!isfinite(result.column_sums[5]));
    assert_true(isfinite(result.column_sums[4]));
    assert_int_equal(*odd_step_state_of(step).count, 0);
    assert_memory_equal(before, e.network->parameters, 16 * sizeof *before);
    free(before);
    odd_step_free(&step);
    odd_pool_free(&pool);
    example_free(&e);
}

static void test_refusals(void **state)
{
    const odd_network_config c = example_config();
    odd_step_options o = ODD_STEP_OPTIONS;
    oddrow_error err = {0};
    odd_pool *pool = NULL;
    odd_step *step = NULL;
    example e;

    (void)state;
    example_make(&e, &c, 150, 4);
    o.dropout = 1;
    assert_int_equal(odd_step_new(e.network, 10, NULL, &o, &step, &err), ODDROW_EINVAL);
    assert_non_null(strstr(err.message, "dropout"));
    assert_int_equal(odd_step_new(e.network, 0, NULL, NULL, &step, &err), ODDROW_EINVAL);
    new_step(&e, 1, NULL, &pool, &step);
    const size_t counts[3] = {0, 1001, 150};
    memset(e.weights, 0, 150 * sizeof *e.weights);
    for (size_t i = 0; i < 3; i++) {
        e.rows.count = counts[i];
        assert_int_equal(odd_step_run(step, &e.rows, i < 2 ? NULL : e.weights, 1, 1, 1, NULL, &err),
                         ODDROW_EINVAL);
    }
    odd_step_free(&step);
    odd_pool_free(&pool);
    example_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads), cmocka_unit_test(test_adam),
        cmocka_unit_test(test_resume),  cmocka_unit_test(test_result),
        cmocka_unit_test(test_frozen),  cmocka_unit_test(test_not_a_number),
        cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
