/* pipeline/table.c: the one table of options, made of the lists of the rooms. */
#include "pipeline/options.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "column/fit.h"
#include "nn/network.h"

#define AT(field) .offset = offsetof(odd_options, field)

enum {
    TRAIN = ODD_COMMAND_TRAIN,
    SCORE = ODD_COMMAND_SCORE,
    EVAL = ODD_COMMAND_EVAL,
    INSPECT = ODD_COMMAND_INSPECT,
    COLUMNS = ODD_COMMAND_COLUMNS,
    EMBEDDINGS = ODD_COMMAND_EMBEDDINGS,
    ENCODE = ODD_COMMAND_ENCODE,
    SIMILAR = ODD_COMMAND_SIMILAR,
    SERVE = ODD_COMMAND_SERVE,
    SEND = ODD_COMMAND_SEND,
    ASK = ODD_COMMAND_ASK,
    WATCH = ODD_COMMAND_WATCH,
    PROMOTE = ODD_COMMAND_PROMOTE,
    PREDICT = ODD_COMMAND_PREDICT
};

/* A choice whose names stand here alone. */
#define NAMES(choice, ...)                                                                         \
    static const char *choice(int value)                                                           \
    {                                                                                              \
        static const char *const names[] = {__VA_ARGS__};                                          \
        return (size_t)value < sizeof(names) / sizeof(names[0]) ? names[value] : "?";              \
    }

NAMES(embedding_rule, "half", "power")
NAMES(task, "auto", "classify", "regress")
NAMES(class_weights, "none", "balanced")
NAMES(format, "csv", "jsonl")
NAMES(score_kind, "both", "reconstruction", "rarity", "loss")
NAMES(table_format, "npy", "csv", "word2vec", "projector", "safetensors")
NAMES(metric, "cosine", "euclidean")
NAMES(method, "pca", "tsne")
NAMES(what, "input", "code", "hidden")
NAMES(publish, "odd", "all")
NAMES(durability, "process", "power")
NAMES(form, "text", "json")

/* A choice whose names stand where its values do. */
static const char *encoding(int value)
{
    return odd_encoding_name((odd_encoding)value);
}

static const char *scaler(int value)
{
    return odd_scaler_name((odd_scaler_kind)value);
}

static const char *activation(int value)
{
    return odd_activation_name((odd_activation)value);
}

/* Those of an autoencoder: a target brings its own. */
static const char *objective(int value)
{
    return odd_objective_supervised((odd_objective)value)
               ? "?"
               : odd_objective_name((odd_objective)value);
}

/* A row of a room's list, in the section and the member of odd_options that are defined around it.
 */
#define ROW(type_, name, initial, kind, key_, commands_, ...)                                      \
    {.section = SECTION,                                                                           \
     .key = key_,                                                                                  \
     .type = ODD_OPTION_##kind,                                                                    \
     .commands = commands_,                                                                        \
     .offset = offsetof(odd_options, MEMBER.name),                                                 \
     __VA_ARGS__},

static const odd_option table[] = {
#define SECTION "data"
#define MEMBER data
    ODD_CSV_OPTIONS(ROW)
#undef SECTION
#undef MEMBER

        {"columns", "categorical", ODD_OPTION_NAMES, TRAIN | COLUMNS,
         AT(columns.names[ODD_CATEGORICAL]), .value = "A,B", .unset = "inferred",
         .help = "columns of categories"},
    {"columns", "numeric", ODD_OPTION_NAMES, TRAIN | COLUMNS, AT(columns.names[ODD_NUMERIC]),
     .value = "A,B", .unset = "inferred", .help = "columns of numbers"},
    {"columns", "timestamp", ODD_OPTION_NAMES, TRAIN | COLUMNS, AT(columns.names[ODD_TIMESTAMP]),
     .value = "A,B", .unset = "inferred", .help = "columns of ISO 8601 or epoch times"},
    {"columns", "id", ODD_OPTION_NAMES, TRAIN | COLUMNS, AT(columns.names[ODD_ID]), .value = "A,B",
     .unset = "inferred", .help = "columns copied to the scores, never an input"},
    {"columns", "label", ODD_OPTION_NAMES, TRAIN | EVAL | COLUMNS, AT(columns.names[ODD_LABEL]),
     .value = "A", .help = "column that says which rows are odd, never an input"},
    {"columns", "ignore", ODD_OPTION_NAMES, TRAIN | COLUMNS, AT(columns.names[ODD_IGNORE]),
     .value = "A,B", .help = "columns copied to the scores, never an input"},

#define SECTION "columns"
#define MEMBER columns
    ODD_FIT_OPTIONS(ROW)
#undef SECTION
#undef MEMBER

#define SECTION "network"
#define MEMBER training.network
        ODD_NETWORK_OPTIONS(ROW)
#undef SECTION
#undef MEMBER

#define SECTION "training"
#define MEMBER training
            ODD_TRAINING_OPTIONS(ROW)
#undef SECTION
#undef MEMBER

#define SECTION "scoring"
#define MEMBER scoring
                ODD_SCORE_OPTIONS(ROW)
#undef SECTION
#undef MEMBER

#define SECTION "embeddings"
#define MEMBER embeddings
                    ODD_EMBEDDINGS_OPTIONS(ROW)
#undef SECTION
#undef MEMBER

#define SECTION "worker"
#define MEMBER worker
                        ODD_WORKER_OPTIONS(ROW)
#undef SECTION
#undef MEMBER

#define SECTION "client"
#define MEMBER client
                            ODD_CLIENT_OPTIONS(ROW)
#undef SECTION
#undef MEMBER

#define SECTION "watch"
#define MEMBER watch
                                ODD_WATCH_OPTIONS(ROW)
#undef SECTION
#undef MEMBER
};

static_assert(sizeof(table) / sizeof(table[0]) <= ODD_OPTION_MAX, "raise ODD_OPTION_MAX");

const odd_option *odd_option_table(size_t *count)
{
    *count = sizeof(table) / sizeof(table[0]);
    return table;
}

const odd_option *odd_option_find(const char *section, const char *key)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(table[i].section, section) == 0 && strcmp(table[i].key, key) == 0)
            return &table[i];
    return NULL;
}

const odd_option *odd_option_of(unsigned command, const char *key)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if ((table[i].commands & command) && strcmp(table[i].key, key) == 0)
            return &table[i];
    return NULL;
}
