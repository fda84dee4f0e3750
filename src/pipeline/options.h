/* pipeline/options.h: every option of every command in one declarative table, shared by the command
 * line (--key) and the pipeline file (section: key:). */
#ifndef ODD_PIPELINE_OPTIONS_H
#define ODD_PIPELINE_OPTIONS_H

#include "client/send.h"
#include "embed/near.h"
#include "embed/picture.h"
#include "files/encode.h"
#include "files/score.h"
#include "oddrow.h"
#include "tables/export.h"
#include "train/train.h"
#include "worker/worker.h"

/* A list of texts; the list and its items are owned. */
typedef struct odd_names {
    char **items;
    size_t count;
} odd_names;

/* A list of whole numbers, owned. */
typedef struct odd_sizes {
    size_t *items;
    size_t count;
} odd_sizes;

/* Where a value came from; a higher one is never replaced by a lower one. */
typedef enum { ODD_FROM_DEFAULT, ODD_FROM_PIPELINE, ODD_FROM_FLAG } odd_origin;

enum { ODD_OPTION_MAX = 160 };

/* All values, section by section as in the pipeline file. Texts are owned; NULL when not given. */
typedef struct odd_options {
    struct {
        odd_names files;
        size_t delimiter; /* the character; 0: detect */
    } data;
    struct {
        odd_names categorical, numeric, timestamp, id, label, ignore;
        size_t min_count, max_vocab;
        int embedding_rule, scaler; /* odd_embedding_rule, odd_scaler_kind */
        odd_names embedding_width;  /* COLUMN=N each */
        char *target;
        int task; /* odd_target_kind */
    } columns;
    struct {
        odd_sizes widths;
        size_t projection;
        int activation, objective; /* odd_activation, odd_objective */
        double dropout, mask;
    } network;
    struct {
        char *output;
        double contamination, learning_rate, weight_decay, validation, alerts;
        size_t epochs, min_steps, batch_size, patience, seed, threads, memory;
        char *checkpoint, *report;
        int balanced; /* --class-weights, 0 or 1 */
        odd_names embeddings, freeze;
        bool resume, quiet;
    } training;
    struct {
        char *output, *rejects, *positive;
        int format, score; /* odd_format, odd_score_kind */
        size_t explain, top, threads;
        double alerts; /* 0: the model's own */
        bool only_odd, masked, strict, quiet, json;
    } scoring;
    struct {
        char *output, *against;
        int format, metric, method, what; /* odd_table_format, odd_metric, odd_method, odd_what */
        size_t neighbours, labels, row, seed;
        bool with_counts, all, json;
    } embeddings;
    struct {
        char *pull, *rows, *feed, *replay, *http, *journal, *keys, *shadow, *http_token;
        int publish, durability, log; /* bool: all; bool: power; bool: JSON */
        size_t explain, batch_rows, threads, max_message;
        double alerts, batch_wait; /* alerts 0: the model's own; seconds */
        odd_retain retain;
    } worker;
    struct {
        char *name, *keys, *replay, *topic, *state;
        double rate, patience;      /* rows a second, 0: no limit; seconds */
        size_t batch, from, count;  /* rows a message; sequence number; messages */
        int encoding, watch_format; /* odd_encoding; bool: JSON */
        bool resume, quiet;
    } client;
    unsigned char origin[ODD_OPTION_MAX]; /* odd_origin of each row of the table */
} odd_options;

typedef enum {
    ODD_OPTION_TEXT,      /* char * */
    ODD_OPTION_NAMES,     /* odd_names */
    ODD_OPTION_COUNT,     /* size_t */
    ODD_OPTION_COUNTS,    /* odd_sizes */
    ODD_OPTION_REAL,      /* double */
    ODD_OPTION_SWITCH,    /* bool */
    ODD_OPTION_CHOICE,    /* int */
    ODD_OPTION_BYTES,     /* size_t, written 256M */
    ODD_OPTION_CHARACTER, /* size_t, one ASCII character; 0: auto */
    ODD_OPTION_DURATION,  /* double, seconds, written 500us, 20ms, 10s, 5m, 12h, 7d */
    ODD_OPTION_RETAIN,    /* odd_retain, a duration or a size */
} odd_option_type;

/* The commands that know an option, as bits. */
enum {
    ODD_COMMAND_TRAIN = 1,
    ODD_COMMAND_SCORE = 2,
    ODD_COMMAND_EVAL = 4,
    ODD_COMMAND_INSPECT = 8,
    ODD_COMMAND_COLUMNS = 16,
    ODD_COMMAND_EMBEDDINGS = 1 << 16,
    ODD_COMMAND_ENCODE = 1 << 17,
    ODD_COMMAND_SIMILAR = 1 << 18,
    ODD_COMMAND_SERVE = 32,
    ODD_COMMAND_SEND = 64,
    ODD_COMMAND_ASK = 128,
    ODD_COMMAND_WATCH = 256,
    ODD_COMMAND_KEYGEN = 512,
    ODD_COMMAND_PROMOTE = 1024,
    ODD_COMMAND_PREDICT = 1 << 20
};

typedef struct odd_choice {
    const char *name;
    int value;
} odd_choice;

typedef struct odd_option {
    const char *section, *key;
    odd_option_type type;
    unsigned commands;
    size_t offset;             /* of the value in odd_options */
    double low, high;          /* bounds of a number (of each, in a list), both allowed … */
    bool above_low;            /* … or low itself not allowed */
    bool below_high;           /* … or high itself not allowed */
    bool repeats;              /* a list that flags given again add to */
    const odd_choice *choices; /* ends with a NULL name */
    const char *value;         /* what help calls the value: "N", "FILE" */
    const char *unset;         /* what help says where the default is nothing given, or NULL */
    const char *help;
} odd_option;

/* The table: its rows in the order in which help prints them. */
const odd_option *odd_option_table(size_t *count);

/* The row of a key in a section; or of a key that `command` (one bit) knows; NULL when none is. */
const odd_option *odd_option_find(const char *section, const char *key);
const odd_option *odd_option_of(unsigned command, const char *key);

/* All defaults: those of train and score. Free with odd_options_free, also after a failure. */
int odd_options_init(odd_options *options, oddrow_error *err);
void odd_options_free(odd_options *options);

/* Reads one value from text and stores it, unless a higher origin has spoken. Lists are split at
 * commas outside double quotes. The message of an error begins with the key: "epochs must be …". */
int odd_options_set(odd_options *options, const odd_option *option, const char *text,
                    odd_origin origin, oddrow_error *err);

/* The same for the items of a list, none of which is split. */
int odd_options_set_list(odd_options *options, const odd_option *option, const char *const *items,
                         size_t count, odd_origin origin, oddrow_error *err);

/* What no single value shows: a column under two kinds. */
int odd_options_check(const odd_options *options, oddrow_error *err);

odd_origin odd_options_origin(const odd_options *options, const odd_option *option);

/* The value as a person would write it, cut to `size`; "" where there is none. */
void odd_options_print(const odd_options *options, const odd_option *option, char *text,
                       size_t size);

/* The values as train, score and serve take them. The result borrows from `options`. */
void odd_options_train(const odd_options *options, odd_train_options *train);
void odd_options_score(const odd_options *options, odd_score_options *score);
void odd_options_worker(const odd_options *options, odd_worker_options *worker);
void odd_options_send(const odd_options *options, odd_send_options *send);

void odd_options_encode(const odd_options *options, odd_encode_options *encode);

/* The candidate nearest to a mistyped word, or NULL when none is near. */
const char *odd_nearest(const char *word, const char *const *candidates, size_t count);

#endif
