#include "pipeline/options.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "pipeline/value.h"

static size_t row_of(const odd_option *option)
{
    size_t count = 0;
    return (size_t)(option - odd_option_table(&count));
}

odd_origin odd_options_origin(const odd_options *options, const odd_option *option)
{
    return (odd_origin)options->origin[row_of(option)];
}

int odd_options_init(odd_options *options, oddrow_error *err)
{
    const odd_train_options train = ODD_TRAIN_OPTIONS_INIT;
    const odd_score_options score = ODD_SCORE_OPTIONS_INIT;
    const size_t *layers = train.widths ? train.widths : odd_seed_widths;
    size_t count =
        train.widths ? train.layers : sizeof(odd_seed_widths) / sizeof(odd_seed_widths[0]);

    const odd_worker_options worker = ODD_WORKER_OPTIONS_INIT;
    *options = (odd_options){
        .columns = {.min_count = (size_t)train.columns.min_count,
                    .max_vocab = train.columns.max_vocab,
                    .embedding_rule = (int)train.columns.embedding_rule,
                    .scaler = (int)train.columns.scaler,
                    .task = (int)train.columns.target},
        .network = {.projection = train.projection,
                    .activation = (int)train.activation,
                    .objective = (int)train.objective,
                    .dropout = train.dropout,
                    .mask = train.mask},
        .training = {.contamination = train.contamination,
                     .learning_rate = train.learning_rate,
                     .weight_decay = train.weight_decay,
                     .validation = train.validation,
                     .alerts = train.alerts,
                     .epochs = train.epochs,
                     .min_steps = train.min_steps,
                     .batch_size = train.batch_size,
                     .patience = train.patience,
                     .seed = (size_t)train.seed,
                     .threads = train.threads,
                     .memory = train.memory},
        .scoring = {.format = (int)score.format,
                    .score = (int)score.score,
                    .explain = score.explain,
                    .top = score.top,
                    .threads = score.threads},
        .embeddings = {.format = ODD_TABLE_NPY,
                       .metric = ODD_COSINE,
                       .method = ODD_METHOD_PCA,
                       .what = ODD_ENCODE_INPUT,
                       .neighbours = 10,
                       .labels = 60},
        .worker = {.explain = worker.explain,
                   .batch_rows = worker.batch_rows,
                   .batch_wait = worker.batch_wait,
                   .threads = worker.threads,
                   .max_message = worker.max_message,
                   .retain = worker.retain},
        .client = {.batch = 256, .encoding = ODD_ENCODING_JSON},
    };
    char **texts[] = {&options->worker.pull, &options->worker.rows, &options->worker.feed,
                      &options->worker.replay, &options->worker.http};
    const char *const defaults[] = {worker.pull, worker.rows, worker.feed, worker.replay,
                                    "127.0.0.1:5580"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        *texts[i] = odd_copy(defaults[i], strlen(defaults[i]));
        if (!*texts[i])
            return odd_fail(err, ODDROW_ENOMEM, "out of memory while preparing options");
    }
    options->network.widths.items = odd_alloc(count, sizeof(size_t));
    if (!options->network.widths.items)
        return odd_fail(err, ODDROW_ENOMEM, "out of memory while preparing options");
    memcpy(options->network.widths.items, layers, count * sizeof(size_t));
    options->network.widths.count = count;
    return 0;
}

void odd_options_free(odd_options *options)
{
    if (!options)
        return;
    size_t count = 0;
    const odd_option *table = odd_option_table(&count);
    for (size_t i = 0; i < count; i++)
        odd_value_free(&table[i], odd_value_at(options, &table[i]));
}

/* A repeated flag: its items behind those that the flag gave before. */
static int add_to_list(odd_options *options, const odd_option *option, const char *const *items,
                       size_t count, oddrow_error *err)
{
    const odd_names *held = odd_value_in(options, option);
    const char **all = odd_alloc(held->count + count + 1, sizeof *all);
    if (!all)
        return odd_fail(err, ODDROW_ENOMEM, "out of memory while reading options");
    for (size_t i = 0; i < held->count; i++)
        all[i] = held->items[i];
    for (size_t i = 0; i < count; i++)
        all[held->count + i] = items[i];
    int code =
        odd_value_read_list(option, all, held->count + count, odd_value_at(options, option), err);
    odd_free(all);
    return code;
}

int odd_options_set_list(odd_options *options, const odd_option *option, const char *const *items,
                         size_t count, odd_origin origin, oddrow_error *err)
{
    size_t row = row_of(option);
    odd_options checked = {0}; /* a value that loses is still read, so that it is checked */
    bool wins = origin >= (odd_origin)options->origin[row];
    void *value = odd_value_at(wins ? options : &checked, option);
    int code;

    if (option->repeats && wins && origin == (odd_origin)options->origin[row] &&
        origin == ODD_FROM_FLAG)
        code = add_to_list(options, option, items, count, err);
    else if (option->type == ODD_OPTION_NAMES || option->type == ODD_OPTION_COUNTS)
        code = odd_value_read_list(option, items, count, value, err);
    else if (count == 1)
        code = odd_value_read(option, items[0], value, err);
    else
        code = odd_fail(err, ODDROW_EINVAL, "%s must be one value, not a list", option->key);
    if (code == 0 && wins)
        options->origin[row] = (unsigned char)origin;
    if (!wins)
        odd_value_free(option, value);
    return code;
}

int odd_options_set(odd_options *options, const odd_option *option, const char *text,
                    odd_origin origin, oddrow_error *err)
{
    if (option->type != ODD_OPTION_NAMES && option->type != ODD_OPTION_COUNTS)
        return odd_options_set_list(options, option, &text, 1, origin, err);
    odd_names items = {0};
    int code = odd_value_split(text, &items, err);
    if (code == 0)
        code = odd_options_set_list(options, option, (const char *const *)items.items, items.count,
                                    origin, err);
    odd_names_free(&items);
    return code;
}

int odd_options_check(const odd_options *options, oddrow_error *err)
{
    static const char *const keys[] = {"categorical", "numeric", "timestamp",
                                       "id",          "label",   "ignore"};
    enum { KINDS = sizeof(keys) / sizeof(keys[0]) };
    const odd_names *lists[KINDS];
    for (size_t i = 0; i < KINDS; i++)
        lists[i] = odd_value_in(options, odd_option_find("columns", keys[i]));

    for (size_t i = 0; i < KINDS && options->columns.target; i++)
        for (size_t a = 0; a < lists[i]->count; a++)
            if (strcmp(lists[i]->items[a], options->columns.target) == 0)
                return odd_fail(err, ODDROW_EINVAL,
                                "the column '%s' stands under %s and again under target; task says "
                                "what a target is",
                                lists[i]->items[a], keys[i]);
    for (size_t i = 0; i < KINDS; i++)
        for (size_t a = 0; a < lists[i]->count; a++)
            for (size_t j = i; j < KINDS; j++)
                for (size_t b = j == i ? a + 1 : 0; b < lists[j]->count; b++)
                    if (strcmp(lists[i]->items[a], lists[j]->items[b]) == 0)
                        return odd_fail(err, ODDROW_EINVAL,
                                        "the column '%s' stands under %s and again under %s",
                                        lists[i]->items[a], keys[i], keys[j]);
    return 0;
}

static odd_fit_names names_of(const odd_names *names)
{
    return (odd_fit_names){(const char *const *)names->items, names->count};
}

void odd_options_train(const odd_options *o, odd_train_options *train)
{
    *train = (odd_train_options)ODD_TRAIN_OPTIONS_INIT;
    train->csv.delimiter = (char)o->data.delimiter;
    train->columns.names[ODD_CATEGORICAL] = names_of(&o->columns.categorical);
    train->columns.names[ODD_NUMERIC] = names_of(&o->columns.numeric);
    train->columns.names[ODD_TIMESTAMP] = names_of(&o->columns.timestamp);
    train->columns.names[ODD_ID] = names_of(&o->columns.id);
    train->columns.names[ODD_LABEL] = names_of(&o->columns.label);
    train->columns.names[ODD_IGNORE] = names_of(&o->columns.ignore);
    if (o->columns.target)
        train->columns.names[ODD_TARGET] =
            (odd_fit_names){(const char *const *)&o->columns.target, 1};
    train->columns.target = (odd_target_kind)o->columns.task;
    train->columns.min_count = o->columns.min_count;
    train->columns.max_vocab = o->columns.max_vocab;
    train->columns.embedding_rule = (odd_embedding_rule)o->columns.embedding_rule;
    train->columns.scaler = (odd_scaler_kind)o->columns.scaler;
    train->columns.seed = o->training.seed;
    train->saved.widths = (const char *const *)o->columns.embedding_width.items;
    train->saved.width_count = o->columns.embedding_width.count;
    if (odd_options_origin(o, odd_option_find("network", "widths")) != ODD_FROM_DEFAULT ||
        !o->columns.target) {
        train->widths = o->network.widths.items;
        train->layers = o->network.widths.count;
    }
    train->projection = o->network.projection;
    train->activation = (odd_activation)o->network.activation;
    train->objective = (odd_objective)o->network.objective;
    train->dropout = o->network.dropout;
    train->mask = o->network.mask;
    train->contamination = o->training.contamination;
    train->epochs = o->training.epochs;
    train->min_steps = o->training.min_steps;
    train->batch_size = o->training.batch_size;
    train->learning_rate = o->training.learning_rate;
    train->weight_decay = o->training.weight_decay;
    train->validation = o->training.validation;
    train->patience = o->training.patience;
    train->seed = o->training.seed;
    train->threads = o->training.threads;
    train->memory = o->training.memory;
    train->balanced = o->training.balanced;
    train->saved.files = (const char *const *)o->training.embeddings.items;
    train->saved.file_count = o->training.embeddings.count;
    train->saved.freeze = (const char *const *)o->training.freeze.items;
    train->saved.freeze_count = o->training.freeze.count;
    train->checkpoint = o->training.checkpoint;
    train->resume = o->training.resume;
    train->report = o->training.report;
    train->alerts = o->training.alerts;
}

void odd_options_score(const odd_options *o, odd_score_options *score)
{
    *score = (odd_score_options)ODD_SCORE_OPTIONS_INIT;
    score->csv.delimiter = (char)o->data.delimiter;
    score->format = (odd_format)o->scoring.format;
    score->score = (odd_score_kind)o->scoring.score;
    score->explain = o->scoring.explain;
    score->only_odd = o->scoring.only_odd;
    score->top = o->scoring.top;
    score->alerts = o->scoring.alerts;
    score->masked = o->scoring.masked;
    score->rejects = o->scoring.rejects;
    score->threads = o->scoring.threads;
}

void odd_options_encode(const odd_options *o, odd_encode_options *encode)
{
    *encode = (odd_encode_options){0};
    encode->csv.delimiter = (char)o->data.delimiter;
    encode->what = (odd_what)o->embeddings.what;
    encode->rejects = o->scoring.rejects;
    encode->threads = o->scoring.threads;
}

/* An endpoint that is not to be bound is NULL. */
static const char *unless_none(const char *endpoint)
{
    return endpoint && strcmp(endpoint, "none") == 0 ? NULL : endpoint;
}

void odd_options_worker(const odd_options *o, odd_worker_options *worker)
{
    *worker = (odd_worker_options)ODD_WORKER_OPTIONS_INIT;
    worker->pull = unless_none(o->worker.pull);
    worker->rows = unless_none(o->worker.rows);
    worker->feed = unless_none(o->worker.feed);
    worker->replay = unless_none(o->worker.replay);
    worker->journal = o->worker.journal;
    worker->power = o->worker.durability;
    worker->retain = o->worker.retain;
    worker->publish_all = o->worker.publish;
    worker->explain = o->worker.explain;
    worker->alerts = o->worker.alerts;
    worker->batch_rows = o->worker.batch_rows;
    worker->batch_wait = o->worker.batch_wait;
    worker->threads = o->worker.threads;
    worker->max_message = o->worker.max_message;
    worker->keys = o->worker.keys;
    worker->shadow = o->worker.shadow;
}

void odd_options_send(const odd_options *o, odd_send_options *send)
{
    *send = (odd_send_options){.link = {.keys = o->client.keys},
                               .csv = {.delimiter = (char)o->data.delimiter},
                               .name = o->client.name,
                               .rate = o->client.rate,
                               .batch = o->client.batch,
                               .resume = o->client.resume,
                               .encoding = (odd_encoding)o->client.encoding,
                               .patience = o->client.patience};
}
