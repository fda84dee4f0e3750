/* pipeline/options.h: every option of every command in one declarative table, shared by the command
 * line (--key) and the pipeline file (section: key:). */
#ifndef ODD_PIPELINE_OPTIONS_H
#define ODD_PIPELINE_OPTIONS_H

#include "oddrow.h"
#include "pipeline/option.h"

/* The table: its rows in the order in which help prints them. */
const odd_option *odd_option_table(size_t *count);

/* The row of a key in a section; or of a key that `command` (one bit) knows; NULL when none is. */
const odd_option *odd_option_find(const char *section, const char *key);
const odd_option *odd_option_of(unsigned command, const char *key);

/* All defaults; what is set later is released by odd_options_clear, which takes NULL. */
void odd_options_init(odd_options *options);
void odd_options_clear(odd_options *options);

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

/* The sections that a job takes, put together. The result borrows from `options`. */
odd_train_options odd_options_train(const odd_options *options);
odd_score_options odd_options_score(const odd_options *options);
odd_send_options odd_options_send(const odd_options *options);

/* The candidate nearest to a mistyped word, or NULL when none is near. */
const char *odd_nearest(const char *word, const char *const *candidates, size_t count);

#endif
