/* The training loop: the rate's schedule, early stopping, numbers that are none, checkpoints. */
#include "made.h"

#include <sys/stat.h>

#include "model/safetensors.h"
#include "nn/of_schema.h"
#include "train/checkpoint.h"
#include "train/epochs.h"
#include "train/validate.h"

/* PyTorch 2.13, for total in (1500, 40, 12):
 *     p = torch.nn.Parameter(torch.zeros(1)); o = torch.optim.Adam([p], lr=1)
 *     s = torch.optim.lr_scheduler.OneCycleLR(o, max_lr=3e-3, total_steps=total, pct_start=0.1)
 *     for i in range(total): print(o.param_groups[0]["lr"]); o.step(); s.step() */
static void one_cycle(void **state)
{
    (void)state;
    static const struct {
        uint64_t total, step;
        double rate;
    } known[] = {{1500, 0, 0.00011999999999999988},
                 {1500, 1, 0.00012032006900215006},
                 {1500, 75, 0.0015751805692102746},
                 {1500, 149, 0.003},
                 {1500, 150, 0.002999995938452482},
                 {1500, 500, 0.0025268225516103977},
                 {1500, 750, 0.0017570389086263556},
                 {1500, 1498, 1.6061547518057602e-08},
                 {1500, 1499, 1.2e-08},
                 {40, 0, 0.00011999999999999988},
                 {40, 1, 0.00084},
                 {40, 2, 0.00228},
                 {40, 3, 0.003},
                 {40, 4, 0.00299429206996943},
                 {40, 13, 0.002464183557804151},
                 {40, 20, 0.001630739091187031},
                 {40, 38, 5.719930030570233e-06},
                 {40, 39, 1.2e-08},
                 {12, 0, 0.00011999999999999988},
                 {12, 1, 0.0029595674676005123},
                 {12, 4, 0.002173202077505612},
                 {12, 6, 0.0013258673253696398},
                 {12, 10, 6.302747946384054e-05},
                 {12, 11, 1.2e-08}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        double rate = odd_one_cycle(3e-3, known[i].step, known[i].total);
        if (!(fabs(rate - known[i].rate) <= 1e-9 * known[i].rate + 1e-15))
            fail_msg("step %d of %d: %.17g", (int)known[i].step, (int)known[i].total, rate);
    }
    for (uint64_t total = 1; total < 30; total++)
        for (uint64_t step = 0; step < total + 3; step++) {
            double rate = odd_one_cycle(1, step, total);
            assert_true(rate > 0 && rate <= 1);
        }
}

static void planned(void **state)
{
    (void)state;
    odd_train_options o = made_options();
    o.epochs = 20;
    o.min_steps = 1500;
    o.batch_size = 256;
    assert_int_equal(odd_epochs_planned(&o, 1), 1500);
    assert_int_equal(odd_epochs_planned(&o, 256), 1500);
    assert_int_equal(odd_epochs_planned(&o, 257), 750);
    assert_int_equal(odd_epochs_planned(&o, 30000), 20);
    o.min_steps = 0;
    assert_int_equal(odd_epochs_planned(&o, 1), 20);
}

/* A dataset, a network and its held-out rows, as odd_train makes them. */
typedef struct run {
    odd_train_options options;
    odd_dataset dataset;
    odd_rows *held;
    odd_pool *pool;
    odd_network *network;
    odd_history history;
} run;

static void open_run(run *r, const odd_train_options *options)
{
    static const char *const large = "large";
    const char *path = made_path("epochs.csv");
    odd_bytes table = made_table(MADE_ALL, 400, 1);
    odd_network_config config = ODD_NETWORK_CONFIG;
    oddrow_error err = {0};
    *r = (run){.options = *options};
    r->options.columns.names[ODD_CATEGORICAL] = (odd_names){&large, 1};
    made_write(path, table.data, table.size);
    assert_int_equal(odd_pool_new(2, &r->pool, &err), 0);
    assert_int_equal(odd_dataset_read(&path, 1, &r->options, r->pool, &r->dataset, &err), 0);
    config.widths = options->network.widths.items;
    config.layers = options->network.widths.count;
    assert_int_equal(odd_network_for_schema(r->dataset.schema, &config, 1 << 24, &r->network, &err),
                     0);
    odd_network_init(r->network, 1);
    assert_int_equal(
        odd_dataset_sample(r->dataset.held, r->dataset.schema, 1000, 1, &r->held, &err), 0);
    odd_bytes_free(&table);
}

static int go(run *r, oddrow_error *err)
{
    return odd_epochs_run(&r->options, &r->dataset, r->held, NULL, r->pool, r->network, &r->history,
                          err);
}

static void close_run(run *r)
{
    odd_history_free(&r->history);
    odd_rows_free(&r->held);
    odd_dataset_free(&r->dataset);
    odd_network_free(&r->network);
    odd_pool_free(&r->pool);
}

static double validation_of(const run *r)
{
    odd_validator *v = NULL;
    float *losses = calloc(r->held->count, sizeof *losses);
    assert_int_equal(odd_validator_new(r->network, r->pool, &v, NULL), 0);
    odd_validator_run(v, r->held, losses, NULL);
    double mean = 0;
    for (size_t i = 0; i < r->held->count; i++)
        mean += (double)losses[i];
    odd_validator_free(&v);
    free(losses);
    return mean / (double)r->held->count;
}

static void best_weights_come_back(void **state)
{
    (void)state;
    odd_train_options options = made_options();
    run r;
    options.epochs = 60;
    options.patience = 3;
    options.learning_rate = 0.2; /* so rough that it gets worse again */
    open_run(&r, &options);
    oddrow_error err = {0};
    if (go(&r, &err))
        fail_msg("%s", err.message);
    assert_true(r.history.count < 60);
    assert_int_equal(r.history.count - 1 - r.history.best, 3);
    for (size_t i = 0; i < r.history.count; i++)
        assert_true(r.history.epochs[i].validation_loss >= r.history.best_loss);
    assert_true(r.history.epochs[r.history.count - 1].validation_loss > r.history.best_loss);
    assert_true(validation_of(&r) == r.history.best_loss);
    close_run(&r);
}

static void no_patience(void **state)
{
    (void)state;
    odd_train_options options = made_options();
    run r;
    options.epochs = 12;
    options.patience = 0;
    options.learning_rate = 0.2;
    open_run(&r, &options);
    assert_int_equal(go(&r, NULL), 0);
    assert_int_equal(r.history.count, 12);
    assert_true(validation_of(&r) == r.history.best_loss);
    close_run(&r);
}

static void numbers_that_are_none(void **state)
{
    (void)state;
    odd_train_options options = made_options();
    run r;
    options.learning_rate = 1e30;
    open_run(&r, &options);
    oddrow_error err = {0};
    assert_int_equal(go(&r, &err), ODDROW_ENUMERIC);
    assert_non_null(strstr(err.message, "epoch 1, batch "));
    assert_non_null(strstr(err.message, "column "));
    close_run(&r);
}

/* ---- checkpoints ---- */

static odd_progress_state state_of(const run *r)
{
    odd_progress_state s = {.network = r->network};
    assert_int_equal(odd_step_new(r->network, 64, r->pool, NULL, &s.step, NULL), 0);
    s.best = odd_alloc(r->network->count, sizeof(float));
    assert_non_null(s.best);
    return s;
}

static void free_state(odd_progress_state *s)
{
    odd_step_free(&s->step);
    odd_free(s->best);
    odd_history_free(&s->history);
}

static void checkpoints(void **state)
{
    (void)state;
    odd_train_options options = made_options();
    run r, other;
    oddrow_error err = {0};
    bool found = true;
    const char *folder = made_path("checkpoint");
    open_run(&r, &options);
    open_run(&other, &options);
    uint64_t print = odd_checkpoint_fingerprint(&r.options, &r.dataset, r.network, NULL);
    odd_progress_state a = state_of(&r), b = state_of(&other);
    size_t count = r.network->count;
    odd_step_state adam[2] = {odd_step_state_of(a.step), odd_step_state_of(b.step)};
    float *parts[2][4] = {{r.network->parameters, a.best, adam[0].moment1, adam[0].moment2},
                          {other.network->parameters, b.best, adam[1].moment1, adam[1].moment2}};
    odd_random random;
    odd_random_start(&random, 1, 1);
    for (size_t p = 0; p < 4; p++)
        for (size_t i = 0; i < count; i++)
            parts[0][p][i] = (float)odd_random_normal(&random);
    a.number = 123456789012;
    a.stale = 3;
    a.stopped = true;
    *adam[0].count = 77;
    a.history.epochs = odd_alloc(2, sizeof(odd_epoch));
    a.history.count = a.history.capacity = 2;
    a.history.epochs[0] = (odd_epoch){0.1, 1.0 / 3, 1e300, 5e-324, 3e-3, 1e7};
    a.history.epochs[1] = (odd_epoch){1, 2, 3, 4, 5, 6};
    a.history.best = 1;
    a.history.best_loss = 2;

    assert_int_equal(odd_checkpoint_load(folder, &b, print, &found, &err), 0);
    assert_false(found); /* there is none yet */
    assert_int_equal(odd_checkpoint_save(folder, &a, print, &err), 0);
    assert_int_equal(odd_checkpoint_save(folder, &a, print, &err), 0); /* over itself */
    assert_int_equal(odd_checkpoint_load(folder, &b, print, &found, &err), 0);
    assert_true(found);
    for (size_t p = 0; p < 4; p++)
        assert_memory_equal(parts[0][p], parts[1][p], count * sizeof(float));
    assert_true(b.number == a.number && b.stale == 3 && b.stopped && *adam[1].count == 77);
    assert_int_equal(b.history.count, 2);
    assert_memory_equal(a.history.epochs, b.history.epochs, 2 * sizeof(odd_epoch));
    assert_true(b.history.best == 1 && b.history.best_loss == 2);

    odd_history_free(&b.history);
    assert_int_equal(odd_checkpoint_load(folder, &b, print + 1, &found, &err), ODDROW_EINVAL);
    assert_non_null(strstr(err.message, "other rows or options"));
    assert_false(found);

    /* damaged anywhere it is an error, never a crash */
    char path[300];
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", folder);
    odd_bytes file = made_read(path);
    for (size_t i = 0; i < 400; i++) {
        size_t at = i < 200 ? i * 5 : odd_random_below(&random, file.size);
        size_t size = i % 3 ? file.size : at;
        char own = file.data[at];
        file.data[at] = (char)(own ^ (i % 3 ? 1 << i % 8 : 0));
        made_write(path, file.data, size);
        odd_history_free(&b.history);
        int rc = odd_checkpoint_load(folder, &b, print, &found, &err);
        assert_true((rc == 0) == found);
        assert_true(rc == 0 || rc == ODDROW_EFORMAT || rc == ODDROW_EINVAL);
        file.data[at] = own;
    }
    odd_bytes_free(&file);
    assert_int_equal(odd_checkpoint_save("/dev/null/no", &a, print, &err), ODDROW_EIO);
    free_state(&a);
    free_state(&b);
    close_run(&r);
    close_run(&other);
}

/* Everything that the result depends on is in the fingerprint. */
static void fingerprints(void **state)
{
    (void)state;
    static const size_t widths[3] = {9, 5, 9};
    run r;
    odd_train_options options = made_options();
    open_run(&r, &options);
    uint64_t own = odd_checkpoint_fingerprint(&r.options, &r.dataset, r.network, NULL);
    for (int i = 0; i < 17; i++) {
        odd_train_options o = r.options;
        odd_dataset d = r.dataset;
        switch (i) {
        case 0:
            o.seed++;
            break;
        case 1:
            o.epochs++;
            break;
        case 2:
            o.min_steps++;
            break;
        case 3:
            o.batch_size++;
            break;
        case 4:
            o.learning_rate *= 2;
            break;
        case 5:
            o.weight_decay += 0.1;
            break;
        case 6:
            o.validation += 0.1;
            break;
        case 7:
            o.patience++;
            break;
        case 8:
            o.network.dropout += 0.1;
            break;
        case 9:
            o.network.mask += 0.1;
            break;
        case 10:
            o.contamination += 0.1;
            break;
        case 11:
            o.network.projection++;
            break;
        case 12:
            o.network.activation = ODD_TANH;
            break;
        case 13:
            o.network.objective = ODD_EMBEDDING_MSE;
            break;
        case 14:
            o.network.widths = (odd_sizes){widths, 3};
            break;
        case 15:
            d.hash++;
            break;
        default:
            d.rows++;
            break;
        }
        if (odd_checkpoint_fingerprint(&o, &d, r.network, NULL) == own)
            fail_msg("change %d goes unnoticed", i);
    }
    odd_train_options same = r.options;
    same.threads = 3;
    assert_true(odd_checkpoint_fingerprint(&same, &r.dataset, r.network, NULL) == own);
    close_run(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_cycle),
                                       cmocka_unit_test(planned),
                                       cmocka_unit_test(best_weights_come_back),
                                       cmocka_unit_test(no_patience),
                                       cmocka_unit_test(numbers_that_are_none),
                                       cmocka_unit_test(checkpoints),
                                       cmocka_unit_test(fingerprints)};
    return cmocka_run_group_tests(tests, made_enter, made_leave);
}
