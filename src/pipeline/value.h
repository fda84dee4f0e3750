/* pipeline/value.h: one value of the option table, from text and to text. */
#ifndef ODD_PIPELINE_VALUE_H
#define ODD_PIPELINE_VALUE_H

#include "pipeline/option.h"

/* Where the value of an option lies. */
void *odd_value_at(odd_options *options, const odd_option *option);
const void *odd_value_in(const odd_options *options, const odd_option *option);

/* What a value owns, where it is of such a type. */
typedef union odd_value {
    const char *text;
    odd_names names;
    odd_sizes sizes;
} odd_value;
odd_value odd_value_owned(const odd_option *option, const void *value);

/* Reads a value that is not a list into *value, which keeps what it held after an error; what it
 * owned is the caller's to release. */
int odd_value_read(const odd_option *option, const char *text, void *value, oddrow_error *err);

/* The same for a list, from its items. */
int odd_value_read_list(const odd_option *option, const char *const *items, size_t count,
                        void *value, oddrow_error *err);

/* Splits text at commas outside double quotes; blanks around items and the quotes go. */
int odd_value_split(const char *text, odd_names *items, oddrow_error *err);

void odd_names_free(odd_names *names);

/* Releases what a value owns. */
void odd_value_free(const odd_option *option, void *value);

/* The value as a person would write it, cut to `size`; "" where there is none. */
void odd_options_print(const odd_options *options, const odd_option *option, char *text,
                       size_t size);

#endif
