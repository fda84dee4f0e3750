/* tests/nn/test_reduce.c: the reduction of a step against its formulas in plain double loops, from
 * lanes and shards of random numbers. */
#include "example.h"

#include "base/memory.h"
#include "nn/reduce.h"

enum { SHARDS = 5, LANES = 3, THREADS = 2 };

typedef struct bench {
    example e;
    odd_plan *plan;
    odd_reduction r;
    odd_shard shard[SHARDS];
    void *memory;
    float *before; /* the parameters */
} bench;

static void carve(void *owner, odd_carver *c)
{
    bench *b = owner;
    const size_t count = b->e.network->count;
    b->r.sums = odd_carve(c, LANES * b->plan->lane, sizeof(float));
    b->r.gradient = odd_carve(c, count, sizeof(float));
    b->r.moment1 = odd_carve(c, count, sizeof(float));
    b->r.moment2 = odd_carve(c, count, sizeof(float));
    b->before = odd_carve(c, count, sizeof(float));
    for (size_t s = 0; s < SHARDS; s++)
        odd_shard_carve(b->plan, b->shard + s, c);
}

static void fill(odd_random *random, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)odd_random_normal(random);
}

/* A reduction that is ready to run, over numbers that depend on nothing but the config. */
static void open_bench(bench *b, const odd_network_config *c)
{
    odd_random random;
    *b = (bench){0};
    example_make(&b->e, c, 64, 8);
    assert_int_equal(odd_plan_new(b->e.network, SHARDS * N, &b->plan, NULL), 0);
    b->memory = odd_carve_all(carve, b);
    assert_non_null(b->memory);
    odd_random_start(&random, 5, 5);
    fill(&random, b->r.sums, LANES * b->plan->lane);
    for (size_t s = 0; s < SHARDS; s++) {
        odd_shard *shard = b->shard + s;
        for (size_t i = 0; i < N * c->C; i++)
            shard->ids[i] = (uint32_t)odd_random_below(&random, c->V[i % c->C]);
        fill(&random, shard->layer1, b->plan->folded ? N * b->plan->table_stride : 0);
        fill(&random, shard->x, N * b->plan->x_stride);
        fill(&random, shard->query, b->plan->direct_logits ? N * b->plan->x_stride : 0);
        fill(&random, shard->logits, b->plan->direct_logits * N);
    }
    for (size_t i = 0; i < b->plan->tasks; i++)
        odd_plan_task(b->plan, i, 0);
    b->r.network = b->e.network;
    b->r.plan = b->plan;
    b->r.plans = &b->plan;
    b->r.plan_count = 1;
    b->r.shard = b->shard;
    b->r.shards = SHARDS;
    b->r.lanes = LANES;
    b->r.rate = 0.01;
    b->r.weight_decay = 0.1;
    b->r.adam =
        (odd_adam){.beta1 = 0.9f, .beta2 = 0.99f, .epsilon = 1e-8f, .rate = 0.01f, .root = 1};
    memcpy(b->before, b->e.network->parameters, b->e.network->count * sizeof(float));
    assert_true(odd_reduction_plan(&b->r, THREADS));
}

static void close_bench(bench *b)
{
    odd_reduction_free(&b->r);
    odd_plan_free(&b->plan);
    odd_free(b->memory);
    example_free(&b->e);
}

/* All tasks, from the first or from the last, the threads in turn. */
static void run(bench *b, bool backwards)
{
    atomic_store(&b->r.waiting, b->r.shared);
    for (size_t i = 0; i < b->r.task_count; i++)
        odd_reduction_task(&b->r, backwards ? b->r.task_count - 1 - i : i, i % THREADS);
    assert_int_equal(atomic_load(&b->r.waiting), 0);
}

static void near(const bench *b, size_t tensor, size_t at, double expected)
{
    const odd_tensor *t = b->e.network->tensors + tensor;
    const double found = (double)b->r.gradient[t->offset + at];
    if (fabs(found - expected) > 2e-4 * (1 + fabs(expected)))
        fail_msg("%s[%zu]: %.9g, plainly %.9g", t->name, at, found, expected);
}

/* Row v, column j of a sum over the lanes; j is 0 for a vector. */
static double lanes_at(const bench *b, const odd_sum *sum, size_t v, size_t j)
{
    double total = 0;
    for (size_t lane = 0; lane < LANES; lane++)
        total += (double)b->r.sums[lane * b->plan->lane + sum->at + v * sum->stride + j];
    return total;
}

static double parameter(const bench *b, size_t tensor, size_t at)
{
    return (double)b->before[b->e.network->tensors[tensor].offset + at];
}

/* dT[v, h] of folded column i: the sum of layer1 over the rows with the id v. */
static double dT(const bench *b, size_t i, size_t v, size_t h)
{
    const size_t C = b->e.network->config.C;
    double total = 0;
    for (size_t s = 0; s < SHARDS; s++)
        for (size_t r = 0; r < N; r++)
            if (b->shard[s].ids[r * C + i] == v)
                total += (double)b->shard[s].layer1[r * b->plan->table_stride + h];
    return total;
}

static void check_folded(const bench *b, size_t i)
{
    const odd_network *n = b->e.network;
    const size_t V = n->config.V[i], E = n->config.E[i], H = n->H, H1 = n->config.widths[0],
                 head = n->layers[n->top].tensor + 3 * i, row = b->plan->columns[i].row;
    const odd_sum *dG = b->plan->sums + b->plan->first_sum[n->top], *dg = dG + 1;
    for (size_t v = 0; v < V; v++) {
        near(b, head + 2, v, lanes_at(b, dg, row + v, 0));
        for (size_t e = 0; e < E; e++) {
            double sum = lanes_at(b, dg, row + v, 0) * parameter(b, head + 1, e);
            for (size_t h = 0; h < H1; h++)
                sum += dT(b, i, v, h) * parameter(b, n->dense, h * n->X + n->first[i] + e);
            for (size_t h = 0; h < H; h++)
                sum += lanes_at(b, dG, row + v, h) * parameter(b, head, e * H + h);
            near(b, i, v * E + e, sum);
        }
    }
    for (size_t e = 0; e < E; e++) {
        double bias = 0;
        for (size_t v = 0; v < V; v++)
            bias += lanes_at(b, dg, row + v, 0) * parameter(b, i, v * E + e);
        near(b, head + 1, e, bias);
        for (size_t h = 0; h < H; h++) {
            double sum = 0;
            for (size_t v = 0; v < V; v++)
                sum += parameter(b, i, v * E + e) * lanes_at(b, dG, row + v, h);
            near(b, head, e * H + h, sum);
        }
        for (size_t h = 0; h < H1; h++) {
            double sum = 0;
            for (size_t v = 0; v < V; v++)
                sum += dT(b, i, v, h) * parameter(b, i, v * E + e);
            near(b, n->dense, h * n->X + n->first[i] + e, sum);
        }
    }
}

static void check_direct(const bench *b, size_t i)
{
    const odd_network *n = b->e.network;
    const odd_plan *p = b->plan;
    const size_t E = n->config.E[i], C = n->config.C, slot = p->columns[i].slot;
    for (size_t v = 0; v < n->config.V[i]; v++) {
        double dE[20] = {0}, dbeta = 0;
        for (size_t s = 0; s < SHARDS; s++)
            for (size_t r = 0; r < N; r++) {
                const odd_shard *shard = b->shard + s;
                const double dlogit =
                    n->heads ? (double)shard->logits[(p->columns[i].logits + v) * N + r] : 0;
                dbeta += dlogit;
                for (size_t e = 0; e < E; e++) {
                    if (shard->ids[r * C + i] == v)
                        dE[e] += (double)shard->x[r * p->x_stride + slot + e];
                    if (n->heads)
                        dE[e] += dlogit * (double)shard->query[r * p->x_stride + slot + e];
                }
            }
        for (size_t e = 0; e < E; e++)
            near(b, i, v * E + e, dE[e]);
        if (n->heads)
            near(b, n->layers[n->top].tensor + 3 * i + 2, v, dbeta);
    }
}

static void check(odd_objective objective)
{
    odd_network_config c = example_config();
    bench b;
    c.objective = objective;
    c.outputs = 3;
    open_bench(&b, &c);
    run(&b, false);
    for (size_t i = 0; i < c.C; i++)
        if (b.plan->columns[i].folded)
            check_folded(&b, i);
        else
            check_direct(&b, i);
    for (size_t i = 0; i < b.plan->sum_count; i++) {
        const odd_sum *s = b.plan->sums + i;
        for (size_t v = 0; v < s->rows && s->tensor != ODD_NO_TENSOR; v++)
            for (size_t j = 0; j < (s->cols ? s->cols : 1); j++)
                near(&b, s->tensor, v * b.e.network->tensors[s->tensor].cols + s->column + j,
                     lanes_at(&b, s, v, j));
    }
    close_bench(&b);
}

static void test_formulas(void **state)
{
    (void)state;
    check(ODD_ROW);
    check(ODD_EMBEDDING_MSE);
    check(ODD_CLASSIFY);
}

/* Every parameter is updated once, by Adam's first step, but those of a frozen table; which task
 * comes first does not matter. */
static void test_updates(void **state)
{
    static const bool frozen[3] = {false, true, false};
    const odd_network_config c = example_config();
    bench a, b;
    (void)state;
    open_bench(&a, &c);
    open_bench(&b, &c);
    a.r.frozen = b.r.frozen = frozen;
    run(&a, false);
    run(&b, true);
    const odd_network *n = a.e.network;
    assert_memory_equal(n->parameters, b.e.network->parameters, n->count * sizeof(float));
    assert_memory_equal(a.r.gradient, b.r.gradient, n->count * sizeof(float));
    for (size_t t = 0; t < n->tensor_count; t++)
        for (size_t j = 0; j < n->tensors[t].rows * n->tensors[t].cols; j++) {
            const size_t at = n->tensors[t].offset + j;
            const double w = (double)a.before[at], g = (double)a.r.gradient[at],
                         shrink = n->tensors[t].decay ? 1 - 0.01 * 0.1 : 1;
            if (t == 1) {
                assert_true(n->parameters[at] == a.before[at] && a.r.moment1[at] == 0);
                continue;
            }
            assert_true(fabs((double)a.r.moment1[at] - 0.1 * g) <= 1e-6 * (1 + fabs(g)));
            assert_true(fabs((double)n->parameters[at] -
                             (shrink * w - 0.01 * 0.1 * g / (sqrt(0.01 * g * g) + 1e-8))) < 1e-5);
        }
    close_bench(&a);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_formulas),
                                       cmocka_unit_test(test_updates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
