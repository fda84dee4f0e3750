/* pipeline/options.c: all values of the options: defaults, what is set, what a job takes. */
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

void odd_options_init(odd_options *options)
{
    *options = (odd_options){
        .columns = ODD_FIT_OPTIONS_INIT,
        .training = ODD_TRAIN_OPTIONS_INIT,
        .scoring = ODD_SCORE_OPTIONS_INIT,
        .embeddings = {ODD_EMBEDDINGS_OPTIONS(ODD_OPTION_DEFAULT)},
        .worker = ODD_WORKER_OPTIONS_INIT,
        .client = {ODD_CLIENT_OPTIONS(ODD_OPTION_DEFAULT)},
        .watch = {ODD_WATCH_OPTIONS(ODD_OPTION_DEFAULT)},
    };
}

void odd_options_clear(odd_options *options)
{
    if (!options)
        return;
    size_t count = 0;
    const odd_option *table = odd_option_table(&count);
    for (size_t i = 0; options && i < count; i++)
        if (options->origin[i] != ODD_FROM_DEFAULT)
            odd_value_free(&table[i], odd_value_at(options, &table[i]));
}

/* A repeated flag: its items behind those that the flag gave before. */
static int add_to_list(odd_options *options, const odd_option *option, const char *const *items,
                       size_t count, oddrow_error *err)
{
    const odd_names *held = odd_value_in(options, option);
    const char **all = odd_alloc(held->count + count + 1, sizeof *all);
    if (!all)
        return odd_no_memory(err);
    for (size_t i = 0; i < held->count; i++)
        all[i] = held->items[i];
    for (size_t i = 0; i < count; i++)
        all[held->count + i] = items[i];
    int rc =
        odd_value_read_list(option, all, held->count + count, odd_value_at(options, option), err);
    odd_free(all);
    return rc;
}

int odd_options_set_list(odd_options *options, const odd_option *option, const char *const *items,
                         size_t count, odd_origin origin, oddrow_error *err)
{
    size_t row = row_of(option);
    odd_options checked = {0}; /* a value that loses is still read, so that it is checked */
    bool wins = origin >= (odd_origin)options->origin[row];
    void *value = odd_value_at(wins ? options : &checked, option);
    odd_value old = odd_value_owned(option, value);
    int rc;

    if (option->repeats && wins && origin == (odd_origin)options->origin[row] &&
        origin == ODD_FROM_FLAG)
        rc = add_to_list(options, option, items, count, err);
    else if (option->type == ODD_OPTION_NAMES || option->type == ODD_OPTION_COUNTS)
        rc = odd_value_read_list(option, items, count, value, err);
    else if (count == 1)
        rc = odd_value_read(option, items[0], value, err);
    else
        rc = odd_fail(err, ODDROW_EINVAL, "%s must be one value, not a list", option->key);
    if (!rc && !wins)
        odd_value_free(option, value);
    if (!rc && wins && options->origin[row] != ODD_FROM_DEFAULT)
        odd_value_free(option, &old);
    if (!rc && wins)
        options->origin[row] = (unsigned char)origin;
    return rc;
}

int odd_options_set(odd_options *options, const odd_option *option, const char *text,
                    odd_origin origin, oddrow_error *err)
{
    if (option->type != ODD_OPTION_NAMES && option->type != ODD_OPTION_COUNTS)
        return odd_options_set_list(options, option, &text, 1, origin, err);
    odd_names items = {0};
    int rc = odd_value_split(text, &items, err);
    if (rc == 0)
        rc = odd_options_set_list(options, option, items.items, items.count, origin, err);
    odd_names_free(&items);
    return rc;
}

int odd_options_check(const odd_options *options, oddrow_error *err)
{
    const odd_names *lists = options->columns.names;
    for (size_t i = 0; i < ODD_KINDS && options->columns.target; i++)
        for (size_t a = 0; a < lists[i].count; a++)
            if (strcmp(lists[i].items[a], options->columns.target) == 0)
                return odd_fail(err, ODDROW_EINVAL,
                                "the column '%s' is named under %s and again under target; task "
                                "sets the kind of a target",
                                lists[i].items[a], odd_kind_name((odd_kind)i));
    for (size_t i = 0; i < ODD_KINDS; i++)
        for (size_t a = 0; a < lists[i].count; a++)
            for (size_t j = i; j < ODD_KINDS; j++)
                for (size_t b = j == i ? a + 1 : 0; b < lists[j].count; b++)
                    if (strcmp(lists[i].items[a], lists[j].items[b]) == 0)
                        return odd_fail(err, ODDROW_EINVAL,
                                        "the column '%s' is named under %s and again under %s",
                                        lists[i].items[a], odd_kind_name((odd_kind)i),
                                        odd_kind_name((odd_kind)j));
    return 0;
}

odd_train_options odd_options_train(const odd_options *options)
{
    odd_train_options train = options->training;
    train.csv = options->data;
    train.columns = options->columns;
    return train;
}

odd_score_options odd_options_score(const odd_options *options)
{
    odd_score_options score = options->scoring;
    score.csv = options->data;
    return score;
}

odd_send_options odd_options_send(const odd_options *options)
{
    odd_send_options send = options->client;
    send.csv = options->data;
    send.link.keys = send.keys;
    return send;
}
