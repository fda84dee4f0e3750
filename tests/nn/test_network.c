/* tests/nn/test_network.c: layout, initial values and refusals of nn/network.h. */
#include "example.h"

#include "base/memory.h"
#include "nn/forward.h"

static void test_layout(void **state)
{
    odd_network_config c = example_config();
    odd_network *n = NULL;
    size_t end = 0, weights = 0;

    (void)state;
    assert_int_equal(odd_network_new(&c, &n, NULL), 0);
    assert_int_equal(n->X, 3 + 3 + 17 + 5);
    assert_int_equal(n->H, 6);
    for (size_t i = 0; i < n->tensor_count; i++) {
        assert_true(n->tensors[i].offset >= end + (i ? 16 : 0));
        assert_int_equal(n->tensors[i].offset % 16, 0);
        end = n->tensors[i].offset + n->tensors[i].rows * n->tensors[i].cols;
        weights += n->tensors[i].rows * n->tensors[i].cols;
        assert_int_equal(odd_network_find(n, n->tensors[i].name), i);
    }
    assert_true(n->count >= end + 16);
    assert_int_equal(n->weights, weights);
    assert_int_equal((uintptr_t)n->parameters % 64, 0);
    const struct {
        const char *name;
        size_t rows, cols;
        bool decay;
    } expected[] = {{"embedding.1", 300, 3, false},   {"projection.weight", 5, 12, true},
                    {"projection.bias", 5, 1, false}, {"dense.0.weight", 9, 28, true},
                    {"dense.2.bias", 6, 1, false},    {"head.2.weight", 17, 6, true},
                    {"head.2.bias", 17, 1, false},    {"head.2.logit_bias", 12, 1, false},
                    {"numeric.weight", 9, 6, true},   {"numeric.bias", 9, 1, false}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        size_t t = odd_network_find(n, expected[i].name);
        assert_int_not_equal(t, ODD_NO_TENSOR);
        assert_int_equal(n->tensors[t].rows, expected[i].rows);
        assert_int_equal(n->tensors[t].cols, expected[i].cols);
        assert_int_equal(n->tensors[t].decay, expected[i].decay);
    }
    assert_int_equal(odd_network_find(n, "output.weight"), ODD_NO_TENSOR);
    odd_network_free(&n);
    assert_null(n);
    c.objective = ODD_EMBEDDING_MSE;
    assert_int_equal(odd_network_new(&c, &n, NULL), 0);
    assert_int_equal(n->tensors[odd_network_find(n, "output.weight")].rows, 28);
    assert_int_equal(odd_network_find(n, "head.0.weight"), ODD_NO_TENSOR);
    odd_network_free(&n);
}

static double deviation(const odd_network *n, const char *name)
{
    const odd_tensor *t = n->tensors + odd_network_find(n, name);
    double sum = 0;
    for (size_t j = 0; j < t->rows * t->cols; j++)
        sum += pow((double)n->parameters[t->offset + j], 2);
    return sqrt(sum / (double)(t->rows * t->cols));
}

static void test_init(void **state)
{
    static const size_t widths[2] = {200, 100};
    odd_network_config c = example_config();
    odd_network *a = NULL, *b = NULL;

    (void)state;
    c.widths = widths;
    c.layers = 2;
    assert_int_equal(odd_network_new(&c, &a, NULL), 0);
    odd_network_init(a, 5);
    assert_true(fabs(deviation(a, "embedding.1") - 0.3) < 0.02);
    assert_true(fabs(deviation(a, "dense.0.weight") - sqrt(2.0 / 28)) < 0.01);
    assert_true(fabs(deviation(a, "dense.1.weight") - sqrt(2.0 / 200)) < 0.003);
    assert_true(fabs(deviation(a, "head.2.weight") - 1 / sqrt(3.0 * 100)) < 0.003);
    assert_true(deviation(a, "dense.0.bias") == 0);
    assert_true(deviation(a, "head.1.logit_bias") == 0);
    assert_int_equal(odd_network_new(&a->config, &b, NULL), 0);
    odd_network_init(b, 6);
    assert_memory_not_equal(a->parameters, b->parameters, a->count * sizeof(float));
    odd_network_init(b, 5);
    assert_memory_equal(a->parameters, b->parameters, a->count * sizeof(float));
    odd_network_free(&a);
    odd_network_free(&b);
}

static void refuse(odd_network_config c, const char *part)
{
    odd_network *n = NULL;
    oddrow_error err = {0};
    assert_int_equal(odd_network_new(&c, &n, &err), ODDROW_EINVAL);
    assert_null(n);
    if (strstr(err.message, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.message, part);
}

static void test_refusals(void **state)
{
    static const size_t zero[3] = {1, 0, 1}, gap[9] = {0, 1, 1, 1, 1, 1, 1, 1, 3},
                        short_map[9] = {0, 1, 1, 1, 1, 1, 1, 1, 1},
                        vast[3] = {(size_t)1 << 31, (size_t)1 << 31, 1};
    odd_network_config c;

    (void)state;
#define REFUSE(change, part) (c = example_config(), change, refuse(c, part))
    REFUSE((c.C = 0, c.F = 0, c.M = 0), "column");
    REFUSE(c.V = zero, "categorical column 1");
    REFUSE(c.E = zero, "categorical column 1");
    REFUSE((c.V = vast, c.E = vast), "parameters");
    REFUSE(c.widths = zero, "layer 1");
    REFUSE(c.layers = 0, "layer");
    REFUSE(c.P = 0, "projection");
    REFUSE(c.feature_column = NULL, "map");
    REFUSE(c.feature_column = gap, "feature 8");
    REFUSE(c.feature_column = short_map, "without a feature");
    REFUSE(c.activation = ODD_ACTIVATIONS, "activation");
    REFUSE(c.slope = 1, "slope");
    REFUSE(c.embedding_sd = NAN, "deviation");
}

static void test_names(void **state)
{
    (void)state;
    for (int i = 0; i < ODD_ACTIVATIONS; i++)
        assert_int_equal(odd_activation_find(odd_activation_name((odd_activation)i)), i);
    for (int i = 0; i < ODD_OBJECTIVES; i++)
        assert_int_equal(odd_objective_find(odd_objective_name((odd_objective)i)), i);
    assert_int_equal(odd_activation_find("sigmoid"), -1);
    assert_int_equal(odd_objective_find(NULL), -1);
}

static bool countdown(void *context, size_t size)
{
    size_t *left = context;
    (void)size;
    return (*left)-- == 0;
}

/* Everything the room allocates fails once: ENOMEM, and nothing is left behind (ASan sees). */
static void test_allocations(void **state)
{
    const odd_network_config c = example_config();
    odd_step_options o = ODD_STEP_OPTIONS;
    bool failed = true;

    (void)state;
    for (size_t i = 0; failed; i++) {
        size_t left = i;
        odd_network *n = NULL;
        odd_step *step = NULL;
        odd_folded *folded = NULL;
        odd_forward *fast = NULL, *plain = NULL;
        int rc;
        odd_memory_hook(countdown, &left);
        rc = odd_network_new(&c, &n, NULL);
        if (!rc)
            rc = odd_step_new(n, 100, NULL, &o, &step, NULL);
        if (!rc)
            rc = odd_folded_new(n, &folded, NULL);
        if (!rc)
            rc = odd_forward_new(folded, &fast, NULL);
        if (!rc)
            rc = odd_forward_new_plain(n, &plain, NULL);
        odd_memory_hook(NULL, NULL);
        failed = rc != 0;
        assert_true(rc == 0 || rc == ODDROW_ENOMEM);
        odd_forward_free(&plain);
        odd_forward_free(&fast);
        odd_folded_free(&folded);
        odd_step_free(&step);
        odd_network_free(&n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout), cmocka_unit_test(test_init), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_names), cmocka_unit_test(test_allocations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
