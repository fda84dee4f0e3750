/* cli/command.h: what a command is, and the exit codes that all of them share. */
#ifndef ODD_CLI_COMMAND_H
#define ODD_CLI_COMMAND_H

#include "pipeline/options.h"

enum {
    ODD_EXIT_DONE = 0,
    ODD_EXIT_FAILED = 1,
    ODD_EXIT_USAGE = 2,   /* wrong usage, a bad value, a bad pipeline file */
    ODD_EXIT_REJECTED = 3 /* done, but rows were rejected, and --strict was given */
};

/* Commands without options that a pipeline file has. */
enum { ODD_NO_PIPELINE = ODD_COMMAND_INSPECT | ODD_COMMAND_KEYGEN };

/* A command line as read: options, and the words that are not options, in their order. */
typedef struct odd_arguments {
    odd_options options;
    const char **words; /* borrowed from argv; the list is owned */
    size_t word_count;
    const char *pipeline; /* --pipeline, or NULL */
    bool help;
} odd_arguments;

typedef struct odd_command {
    const char *name;
    unsigned bit; /* ODD_COMMAND_… */
    const char *usage, *summary, *about, *examples;
    int (*run)(odd_arguments *arguments, oddrow_error *err); /* an exit code, or an error's */
} odd_command;

extern const odd_command odd_command_train;
extern const odd_command odd_command_score;
extern const odd_command odd_command_eval;
extern const odd_command odd_command_inspect;
extern const odd_command odd_command_columns;
extern const odd_command odd_command_predict;
extern const odd_command odd_command_embeddings;
extern const odd_command odd_command_encode;
extern const odd_command odd_command_similar;
extern const odd_command odd_command_serve;
extern const odd_command odd_command_send;
extern const odd_command odd_command_ask;
extern const odd_command odd_command_watch;
extern const odd_command odd_command_keygen;
extern const odd_command odd_command_promote;

extern const odd_command *const odd_commands[]; /* all of them, in the order of help; then NULL */

/* Reads argv[0..argc), the words after the command's name, then the pipeline file; a flag wins over
 * the file. Free with odd_arguments_free, also after an error. EINVAL: usage. */
int odd_arguments_read(const odd_command *command, int argc, char **argv, odd_arguments *arguments,
                       oddrow_error *err);
void odd_arguments_free(odd_arguments *arguments);

/* The data files: the words from `first` on, else those of the pipeline file. 0, or usage. */
int odd_arguments_files(const odd_arguments *arguments, size_t first, const char *const **paths,
                        size_t *count, oddrow_error *err);

/* The model, the first word, and the data files behind it. 0, or usage: `usage` says how. */
int odd_arguments_model(const odd_arguments *arguments, const char *usage,
                        const char *const **paths, size_t *count, oddrow_error *err);

/* Rows through a model, as score and predict do it: odd_score_files or odd_predict_files, with
 * progress, into --output; then print(summary, output). `missing` asks where the output goes. */
typedef struct odd_rows_command {
    const char *usage, *missing;
    int (*run)(const odd_model *model, const char *const *paths, size_t path_count, const char *out,
               const odd_score_options *options, odd_score_summary *summary, oddrow_error *err);
    void (*print)(const odd_score_summary *summary, const char *output);
} odd_rows_command;
int odd_rows_command_run(const odd_rows_command *command, odd_arguments *arguments,
                         oddrow_error *err);

/* Runs a command on its words; prints what went wrong. */
int odd_command_run(const odd_command *command, int argc, char **argv);

/* "oddrow train: MESSAGE" on standard error, and for wrong usage where the help is; returns the
 * exit code that belongs to the error. */
int odd_complain(const char *command, const oddrow_error *err);

/* Flushes standard output; a closed pipe or a full disk is an error. */
int odd_finish_output(oddrow_error *err);

/* Prints a text of notes on standard error, "oddrow: note: " before each line. */
void odd_print_notes(const char *notes);

/* oddrow --help; oddrow COMMAND --help with the live defaults. On standard output. */
void odd_help(void);
void odd_command_help(const odd_command *command);

#endif
