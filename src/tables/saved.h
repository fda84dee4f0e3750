/* tables/saved.h: embedding tables that start from saved ones: another model's, those of a
 * safetensors file, or word vectors as text. */
#ifndef ODD_TABLES_SAVED_H
#define ODD_TABLES_SAVED_H

#include "column/schema.h"
#include "nn/network.h"
#include "oddrow.h"

typedef struct odd_saved_options {
    const char *const *widths; /* "COLUMN=N" each: widths that the rule does not choose */
    size_t width_count;
    const char *const *files; /* FILE or COLUMN=FILE each */
    size_t file_count;
    const char *const *freeze; /* columns whose loaded tables stay, or "all" */
    size_t freeze_count;
    uint64_t seed;
} odd_saved_options;

/* Sets the widths that options->widths give, "COLUMN=N" each. EINVAL: no such categorical
 * column, or a width out of range. */
int odd_saved_widths(const odd_saved_options *options, odd_schema *schema, oddrow_error *err);

/* Fills tables of an initialised network from the files of options->files: FILE is a
 * safetensors file (docs/format.md), all of whose tables for categorical columns are taken but
 * those of columns that have a COLUMN=FILE, one table of such a file or a text of vectors; else the
 * later counts. A value that a table has keeps its vector bit for bit; the others start from the
 * mean of the table's values with a little noise, drawn from options->seed, and are named in
 * `notes` (`size` bytes, appended to). frozen (C) is set for the columns of options->freeze.
 * EINVAL: a width that differs, a table without any of the column's values, a name that is none;
 * what the readers say about files. */
int odd_saved_apply(const odd_saved_options *options, const odd_schema *schema,
                    odd_network *network, bool *frozen, char *notes, size_t size,
                    oddrow_error *err);

#endif
