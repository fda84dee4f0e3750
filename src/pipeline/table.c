#include "pipeline/options.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "column/fit.h"
#include "nn/network.h"

#define AT(field) .offset = offsetof(odd_options, field)

/* 2^64: every count is below it. */
#define ANY 18446744073709551616.0

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

static const odd_choice embedding_rules[] = {
    {"half", ODD_EMBEDDING_HALF}, {"power", ODD_EMBEDDING_POWER}, {NULL, 0}};
static const odd_choice scalers[] = {
    {"gauss-rank", ODD_GAUSS_RANK}, {"standard", ODD_STANDARD}, {"robust", ODD_ROBUST}, {NULL, 0}};
static const odd_choice activations[] = {{"leaky-relu", ODD_LEAKY_RELU},
                                         {"relu", ODD_RELU},
                                         {"elu", ODD_ELU},
                                         {"gelu", ODD_GELU},
                                         {"silu", ODD_SILU},
                                         {"tanh", ODD_TANH},
                                         {"linear", ODD_LINEAR},
                                         {NULL, 0}};
static const odd_choice objectives[] = {
    {"row", ODD_ROW}, {"embedding-mse", ODD_EMBEDDING_MSE}, {NULL, 0}};
static const odd_choice tasks[] = {{"auto", ODD_TARGET_INFER},
                                   {"classify", ODD_TARGET_CLASS},
                                   {"regress", ODD_TARGET_NUMBER},
                                   {NULL, 0}};
static const odd_choice class_weights[] = {{"none", 0}, {"balanced", 1}, {NULL, 0}};
static const odd_choice formats[] = {
    {"csv", ODD_FORMAT_CSV}, {"jsonl", ODD_FORMAT_JSONL}, {NULL, 0}};
static const odd_choice scores[] = {{"both", ODD_SCORE_BOTH},
                                    {"reconstruction", ODD_SCORE_RECONSTRUCTION},
                                    {"rarity", ODD_SCORE_RARITY},
                                    {"loss", ODD_SCORE_LOSS},
                                    {NULL, 0}};

static const odd_choice table_formats[] = {{"npy", ODD_TABLE_NPY},
                                           {"csv", ODD_TABLE_CSV},
                                           {"word2vec", ODD_TABLE_WORD2VEC},
                                           {"projector", ODD_TABLE_PROJECTOR},
                                           {"safetensors", ODD_TABLE_SAFETENSORS},
                                           {NULL, 0}};
static const odd_choice metrics[] = {
    {"cosine", ODD_COSINE}, {"euclidean", ODD_EUCLIDEAN}, {NULL, 0}};
static const odd_choice methods[] = {{"pca", ODD_METHOD_PCA}, {"tsne", ODD_METHOD_TSNE}, {NULL, 0}};
static const odd_choice whats[] = {{"input", ODD_ENCODE_INPUT},
                                   {"code", ODD_ENCODE_CODE},
                                   {"hidden", ODD_ENCODE_HIDDEN},
                                   {NULL, 0}};
static const odd_choice publishes[] = {{"odd", 0}, {"all", 1}, {NULL, 0}};
static const odd_choice durabilities[] = {{"process", 0}, {"power", 1}, {NULL, 0}};
static const odd_choice logs[] = {{"text", 0}, {"json", 1}, {NULL, 0}};
static const odd_choice encodings[] = {{"csv", ODD_ENCODING_CSV},
                                       {"json", ODD_ENCODING_JSON},
                                       {"msgpack", ODD_ENCODING_MSGPACK},
                                       {NULL, 0}};

static const odd_option table[] = {
    {"data", "files", ODD_OPTION_NAMES, TRAIN | SCORE | EVAL | COLUMNS | ENCODE | PREDICT,
     AT(data.files), .value = "FILES", .help = "CSV files, where the command line names none"},
    {"data", "delimiter", ODD_OPTION_CHARACTER,
     TRAIN | SCORE | EVAL | COLUMNS | ENCODE | SIMILAR | SEND | ASK | PREDICT, AT(data.delimiter),
     .value = "C", .help = "field delimiter: a character, tab, or auto (one of , ; tab |)"},

    {"columns", "categorical", ODD_OPTION_NAMES, TRAIN | COLUMNS, AT(columns.categorical),
     .value = "A,B", .unset = "inferred", .help = "columns of categories"},
    {"columns", "numeric", ODD_OPTION_NAMES, TRAIN | COLUMNS, AT(columns.numeric), .value = "A,B",
     .unset = "inferred", .help = "columns of numbers"},
    {"columns", "timestamp", ODD_OPTION_NAMES, TRAIN | COLUMNS, AT(columns.timestamp),
     .value = "A,B", .unset = "inferred", .help = "columns of ISO 8601 or epoch times"},
    {"columns", "id", ODD_OPTION_NAMES, TRAIN | COLUMNS, AT(columns.id), .value = "A,B",
     .unset = "inferred", .help = "columns carried to the scores, never an input"},
    {"columns", "label", ODD_OPTION_NAMES, TRAIN | EVAL | COLUMNS, AT(columns.label), .value = "A",
     .help = "column that says which rows are odd, never an input"},
    {"columns", "ignore", ODD_OPTION_NAMES, TRAIN | COLUMNS, AT(columns.ignore), .value = "A,B",
     .help = "columns carried to the scores, never an input"},
    {"columns", "min-count", ODD_OPTION_COUNT, TRAIN | COLUMNS, AT(columns.min_count), 1, 1e9,
     .value = "N", .help = "a category seen fewer times becomes 'rare'"},
    {"columns", "max-vocab", ODD_OPTION_COUNT, TRAIN | COLUMNS, AT(columns.max_vocab), 2, 1e7,
     .value = "N", .help = "most categories kept per column"},
    {"columns", "embedding-rule", ODD_OPTION_CHOICE, TRAIN | COLUMNS, AT(columns.embedding_rule),
     .choices = embedding_rules, .help = "width for V categories: min(50, V/2) or 1.6 V^0.56"},
    {"columns", "scaler", ODD_OPTION_CHOICE, TRAIN | COLUMNS, AT(columns.scaler),
     .choices = scalers, .help = "scaling of numbers"},
    {"columns", "embedding-width", ODD_OPTION_NAMES, TRAIN | COLUMNS, AT(columns.embedding_width),
     .value = "A=N,B=N", .repeats = true, .help = "widths that the rule is not to choose"},
    {"columns", "target", ODD_OPTION_TEXT, TRAIN | COLUMNS, AT(columns.target), .value = "A",
     .help = "column to learn to predict, never an input: a supervised model"},
    {"columns", "task", ODD_OPTION_CHOICE, TRAIN | COLUMNS, AT(columns.task), .choices = tasks,
     .help = "the target is a class or a number; auto: as its cells look"},

    {"network", "widths", ODD_OPTION_COUNTS, TRAIN, AT(network.widths), 1, 4096, .value = "N,N",
     .help = "hidden layers; with a target 64,32 unless given"},
    {"network", "projection", ODD_OPTION_COUNT, TRAIN, AT(network.projection), 1, 1024,
     .value = "N", .help = "width of the dense layer over the numbers"},
    {"network", "activation", ODD_OPTION_CHOICE, TRAIN, AT(network.activation),
     .choices = activations, .help = "activation of the hidden layers"},
    {"network", "dropout", ODD_OPTION_REAL, TRAIN, AT(network.dropout), 0, 1, .below_high = true,
     .value = "P", .help = "share of hidden units dropped while training"},
    {"network", "mask", ODD_OPTION_REAL, TRAIN, AT(network.mask), 0, 1, .below_high = true,
     .value = "P", .help = "share of input columns masked while training"},
    {"network", "objective", ODD_OPTION_CHOICE, TRAIN, AT(network.objective), .choices = objectives,
     .help = "reconstruct the row, or the network's own input"},

    {"training", "output", ODD_OPTION_TEXT, TRAIN, AT(training.output), .value = "MODEL",
     .help = "where the model goes (-o)"},
    {"training", "contamination", ODD_OPTION_REAL, TRAIN, AT(training.contamination), 0, 0.5,
     .below_high = true, .value = "F", .help = "share of the training rows that may be odd"},
    {"training", "epochs", ODD_OPTION_COUNT, TRAIN, AT(training.epochs), 1, 1e6, .value = "N",
     .help = "passes over the rows"},
    {"training", "min-steps", ODD_OPTION_COUNT, TRAIN, AT(training.min_steps), 0, 1e9, .value = "N",
     .help = "more passes over small files until this many steps"},
    {"training", "batch-size", ODD_OPTION_COUNT, TRAIN, AT(training.batch_size), 1, 1e6,
     .value = "N", .help = "rows a step"},
    {"training", "learning-rate", ODD_OPTION_REAL, TRAIN, AT(training.learning_rate), 0, 10,
     .above_low = true, .value = "X", .help = "peak of the one-cycle schedule"},
    {"training", "weight-decay", ODD_OPTION_REAL, TRAIN, AT(training.weight_decay), 0, 1,
     .value = "X", .help = "decoupled weight decay"},
    {"training", "validation", ODD_OPTION_REAL, TRAIN, AT(training.validation), 0, 0.9,
     .above_low = true, .value = "F", .help = "share of the rows held out for calibration"},
    {"training", "patience", ODD_OPTION_COUNT, TRAIN, AT(training.patience), 0, 1e6, .value = "N",
     .help = "epochs without a better validation loss before stopping; 0: never"},
    {"training", "alerts", ODD_OPTION_REAL, TRAIN, AT(training.alerts), 0, 1, .above_low = true,
     .below_high = true, .value = "Q", .help = "share of normal rows that the model may call odd"},
    {"training", "seed", ODD_OPTION_COUNT, TRAIN, AT(training.seed), 0, ANY, .value = "N",
     .help = "start of all randomness"},
    {"training", "threads", ODD_OPTION_COUNT, TRAIN, AT(training.threads), 0, 1024, .value = "N",
     .help = "threads; 0: one per processor. The model is the same for any number"},
    {"training", "memory", ODD_OPTION_BYTES, TRAIN, AT(training.memory), 16777216.0, 1e15,
     .value = "SIZE", .help = "resident memory to stay near, such as 256M or 2G"},
    {"training", "checkpoint", ODD_OPTION_TEXT, TRAIN, AT(training.checkpoint), .value = "DIR",
     .help = "directory that keeps the state of the run"},
    {"training", "resume", ODD_OPTION_SWITCH, TRAIN, AT(training.resume),
     .help = "go on from the checkpoint, where there is one"},
    {"training", "report", ODD_OPTION_TEXT, TRAIN, AT(training.report), .value = "FILE.json",
     .help = "where a record of every epoch goes"},
    {"training", "class-weights", ODD_OPTION_CHOICE, TRAIN, AT(training.balanced),
     .choices = class_weights, .help = "balanced: rare classes of the target weigh as much in all"},
    {"training", "embeddings", ODD_OPTION_NAMES, TRAIN, AT(training.embeddings),
     .value = "FILE,A=FILE", .repeats = true,
     .help = "saved tables to start from: a model, safetensors, or COLUMN=vectors.txt"},
    {"training", "freeze", ODD_OPTION_NAMES, TRAIN, AT(training.freeze), .value = "A,B|all",
     .repeats = true, .help = "columns whose loaded tables stay as they are"},
    {"training", "quiet", ODD_OPTION_SWITCH, TRAIN, AT(training.quiet),
     .help = "say nothing but errors"},

    {"scoring", "output", ODD_OPTION_TEXT, SCORE | PREDICT, AT(scoring.output), .value = "OUT",
     .help = "where the rows go (-o); - is standard output"},
    {"scoring", "format", ODD_OPTION_CHOICE, SCORE, AT(scoring.format), .choices = formats,
     .help = "CSV or JSON lines"},
    {"scoring", "explain", ODD_OPTION_COUNT, SCORE, AT(scoring.explain), 0, 10000, .value = "K",
     .help = "name the K most surprising columns of each row"},
    {"scoring", "only-odd", ODD_OPTION_SWITCH, SCORE, AT(scoring.only_odd),
     .help = "write odd rows only"},
    {"scoring", "top", ODD_OPTION_COUNT, SCORE, AT(scoring.top), 0, 1e8, .value = "N",
     .help = "write the N oddest rows, oddest first; 0: all, in order"},
    {"scoring", "alerts", ODD_OPTION_REAL, SCORE | EVAL, AT(scoring.alerts), 0, 1,
     .above_low = true, .below_high = true, .value = "Q", .unset = "the model's",
     .help = "share of normal rows that may be called odd"},
    {"scoring", "score", ODD_OPTION_CHOICE, SCORE | EVAL, AT(scoring.score), .choices = scores,
     .help = "what the score is made of; both: reconstruction and rarity"},
    {"scoring", "masked", ODD_OPTION_SWITCH, SCORE | EVAL, AT(scoring.masked),
     .help = "score each column with that column masked; one pass a column"},
    {"scoring", "rejects", ODD_OPTION_TEXT, SCORE | ENCODE | PREDICT, AT(scoring.rejects),
     .value = "FILE", .help = "where rejected rows go, with their reason"},
    {"scoring", "strict", ODD_OPTION_SWITCH, SCORE | ENCODE | PREDICT, AT(scoring.strict),
     .help = "exit with 3 when rows were rejected"},
    {"scoring", "positive", ODD_OPTION_TEXT, EVAL, AT(scoring.positive), .value = "VALUE",
     .unset = "1, true, yes, anomaly, odd", .help = "label of the odd rows"},
    {"scoring", "threads", ODD_OPTION_COUNT, SCORE | EVAL | ENCODE | SIMILAR | PREDICT,
     AT(scoring.threads), 0, 1024, .value = "N", .help = "threads; 0: one per processor"},
    {"scoring", "quiet", ODD_OPTION_SWITCH, SCORE | EVAL | EMBEDDINGS | ENCODE | SIMILAR | PREDICT,
     AT(scoring.quiet), .help = "say nothing but errors"},
    {"scoring", "json", ODD_OPTION_SWITCH, EVAL | INSPECT | COLUMNS, AT(scoring.json),
     .help = "print JSON, not a table"},

    {"embeddings", "output", ODD_OPTION_TEXT, EMBEDDINGS | ENCODE, AT(embeddings.output),
     .value = "PATH", .help = "where the result goes (-o)"},
    {"embeddings", "format", ODD_OPTION_CHOICE, EMBEDDINGS, AT(embeddings.format),
     .choices = table_formats, .help = "export: the files' format"},
    {"embeddings", "with-counts", ODD_OPTION_SWITCH, EMBEDDINGS, AT(embeddings.with_counts),
     .help = "export: how many training rows had each value, too"},
    {"embeddings", "neighbours", ODD_OPTION_COUNT, EMBEDDINGS | SIMILAR, AT(embeddings.neighbours),
     1, 1e6, .value = "K", .help = "near, similar: how many (-k)"},
    {"embeddings", "metric", ODD_OPTION_CHOICE, EMBEDDINGS, AT(embeddings.metric),
     .choices = metrics, .help = "near: what near means"},
    {"embeddings", "all", ODD_OPTION_SWITCH, EMBEDDINGS, AT(embeddings.all),
     .help = "plot: every column, each in a panel of its own"},
    {"embeddings", "method", ODD_OPTION_CHOICE, EMBEDDINGS, AT(embeddings.method),
     .choices = methods, .help = "plot: principal components, or t-SNE (up to 20,000 values)"},
    {"embeddings", "labels", ODD_OPTION_COUNT, EMBEDDINGS, AT(embeddings.labels), 0, 1e5,
     .value = "N", .help = "plot: at most so many labels, of the most frequent values"},
    {"embeddings", "seed", ODD_OPTION_COUNT, EMBEDDINGS, AT(embeddings.seed), 0, ANY, .value = "N",
     .help = "plot: start of t-SNE's randomness"},
    {"embeddings", "what", ODD_OPTION_CHOICE, ENCODE, AT(embeddings.what), .choices = whats,
     .help = "design matrix, bottleneck, or last hidden layer"},
    {"embeddings", "row", ODD_OPTION_COUNT, SIMILAR, AT(embeddings.row), 0, ANY, .value = "N",
     .unset = "", .help = "the row to compare with, data rows counted from 1"},
    {"embeddings", "against", ODD_OPTION_TEXT, SIMILAR, AT(embeddings.against),
     .value = "OTHER.csv", .help = "look among the rows of this file instead"},
    {"embeddings", "json", ODD_OPTION_SWITCH, EMBEDDINGS | SIMILAR, AT(embeddings.json),
     .help = "list, near, similar: print JSON, not a table"},
    {"worker", "pull", ODD_OPTION_TEXT, SERVE, AT(worker.pull), .value = "EP",
     .help = "PULL socket: rows, fire and forget; none: not bound, as for the next four"},
    {"worker", "rows", ODD_OPTION_TEXT, SERVE, AT(worker.rows), .value = "EP",
     .help = "ROUTER socket: rows acknowledged (send) or answered (ask)"},
    {"worker", "feed", ODD_OPTION_TEXT, SERVE, AT(worker.feed), .value = "EP",
     .help = "XPUB socket: scored rows, rejects, drift, status"},
    {"worker", "replay", ODD_OPTION_TEXT, SERVE, AT(worker.replay), .value = "EP",
     .help = "ROUTER socket: the feed from any sequence number on"},
    {"worker", "http", ODD_OPTION_TEXT, SERVE, AT(worker.http), .value = "HOST:PORT",
     .help = "/healthz, /readyz and /metrics"},
    {"worker", "http-token", ODD_OPTION_TEXT, SERVE | PROMOTE, AT(worker.http_token),
     .value = "FILE",
     .help = "file with the token that HTTP clients must bear; wanted beyond loopback"},
    {"worker", "journal", ODD_OPTION_TEXT, SERVE, AT(worker.journal), .value = "FILE.db",
     .unset = "a temporary one", .help = "SQLite file of the feed and of the clients' places"},
    {"worker", "durability", ODD_OPTION_CHOICE, SERVE, AT(worker.durability),
     .choices = durabilities,
     .help = "what acknowledged rows survive: the end of the process, or a power failure"},
    {"worker", "retain", ODD_OPTION_RETAIN, SERVE, AT(worker.retain), .value = "DURATION|SIZE",
     .help = "how much of the feed the journal keeps: 12h, 7d, 500M, 10G"},
    {"worker", "publish", ODD_OPTION_CHOICE, SERVE, AT(worker.publish), .choices = publishes,
     .help = "which scored rows the feed carries"},
    {"worker", "explain", ODD_OPTION_COUNT, SERVE, AT(worker.explain), 0, 1000, .value = "K",
     .help = "name the K most surprising columns of each odd row"},
    {"worker", "alerts", ODD_OPTION_REAL, SERVE, AT(worker.alerts), 0, 1, .above_low = true,
     .below_high = true, .value = "Q", .unset = "the model's",
     .help = "share of normal rows that may be called odd"},
    {"worker", "batch-rows", ODD_OPTION_COUNT, SERVE, AT(worker.batch_rows), 1, 65536, .value = "N",
     .help = "rows scored together at most"},
    {"worker", "batch-wait", ODD_OPTION_DURATION, SERVE, AT(worker.batch_wait), 0, 60,
     .value = "DURATION",
     .help = "how long a busy worker waits for a batch to fill; an idle one never waits"},
    {"worker", "threads", ODD_OPTION_COUNT, SERVE, AT(worker.threads), 0, 1024, .value = "N",
     .help = "scoring threads; 0: one per processor"},
    {"worker", "max-message", ODD_OPTION_BYTES, SERVE, AT(worker.max_message), 4096,
     ODD_MESSAGE_MOST, .value = "SIZE", .help = "longest payload; a longer one is rejected"},
    {"worker", "keys", ODD_OPTION_TEXT, SERVE, AT(worker.keys), .value = "DIR",
     .help = "CURVE keys and allow list, as oddrow keygen makes them; wanted beyond loopback"},
    {"worker", "shadow", ODD_OPTION_TEXT, SERVE, AT(worker.shadow), .value = "MODEL",
     .help = "a candidate that scores the same rows, to compare"},
    {"worker", "log", ODD_OPTION_CHOICE, SERVE, AT(worker.log), .choices = logs,
     .help = "form of the log on standard error"},

    {"client", "client", ODD_OPTION_TEXT, SEND, AT(client.name), .value = "NAME",
     .unset = "a new one", .help = "name under which the worker counts the rows of this sender"},
    {"client", "resume", ODD_OPTION_SWITCH, SEND, AT(client.resume),
     .help = "row N of the data has number N: pass over what the worker has; needs --client"},
    {"client", "format", ODD_OPTION_CHOICE, SEND, AT(client.encoding), .choices = encodings,
     .help = "form of the rows on the wire; csv needs the model's column order"},
    {"client", "batch", ODD_OPTION_COUNT, SEND, AT(client.batch), 1, 65536, .value = "N",
     .help = "rows a message"},
    {"client", "rate", ODD_OPTION_REAL, SEND, AT(client.rate), 0, 1e12, .value = "N",
     .help = "rows a second; 0: as fast as the worker takes them"},
    {"client", "patience", ODD_OPTION_DURATION, SEND | ASK, AT(client.patience), 0, 1e9,
     .value = "DURATION", .unset = "ask: 10s; send: for ever",
     .help = "how long to wait for the worker before giving up"},
    {"client", "keys", ODD_OPTION_TEXT, SEND | ASK | WATCH, AT(client.keys), .value = "DIR",
     .help = "CURVE keys: those of oddrow keygen, and server.key of the worker"},
    {"client", "quiet", ODD_OPTION_SWITCH, SEND | ASK | WATCH, AT(client.quiet),
     .help = "say nothing but errors"},

    {"watch", "replay", ODD_OPTION_TEXT, WATCH, AT(client.replay), .value = "EP",
     .help = "the worker's replay socket, to fetch what was missed"},
    {"watch", "from", ODD_OPTION_COUNT, WATCH, AT(client.from), 0, ANY, .value = "N",
     .unset = "what comes", .help = "begin at this sequence number, by replay"},
    {"watch", "topic", ODD_OPTION_TEXT, WATCH, AT(client.topic), .value = "T", .unset = "all",
     .help = "odd, score, reject, drift, status, or the beginning of one"},
    {"watch", "count", ODD_OPTION_COUNT, WATCH, AT(client.count), 0, ANY, .value = "N",
     .help = "stop after N messages; 0: never"},
    {"watch", "format", ODD_OPTION_CHOICE, WATCH, AT(client.watch_format), .choices = logs,
     .help = "a line for people, or one JSON object a line"},
    {"watch", "state", ODD_OPTION_TEXT, WATCH, AT(client.state), .value = "FILE",
     .help = "file that remembers the place, so that the next run goes on there"},
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
