/* tables/saved.h: embedding tables that start from saved ones: another model's, those of a
 * safetensors file, or word vectors as text. */
#ifndef ODD_TABLES_SAVED_H
#define ODD_TABLES_SAVED_H

#include "base/bytes.h"
#include "base/options.h"
#include "column/schema.h"
#include "nn/network.h"
#include "oddrow.h"

/* Sets the widths that the texts give, "COLUMN=N" each. EINVAL: no such categorical
 * column, or a width out of range. */
int odd_saved_widths(const odd_names *widths, odd_schema *schema, oddrow_error *err);

/* Fills tables of an initialised network from the files, FILE or COLUMN=FILE each: FILE is a
 * safetensors file (docs/format.md), all of whose tables for categorical columns are taken but
 * those of columns that have a COLUMN=FILE, one table of such a file or a text of vectors; else the
 * later counts. A value that a table has keeps its vector bit for bit; the others start from the
 * mean of the table's values with a little noise, drawn from the seed, and are named in
 * `notes`, a line a column. frozen (C) is set for the columns of `freeze`, or for all
 * loaded ones where it says "all". EINVAL: a width that differs, a table without any of the
 * column's values, a name that is none; what the readers say about files. */
int odd_saved_apply(const odd_names *files, const odd_names *freeze, uint64_t seed,
                    const odd_schema *schema, odd_network *network, bool *frozen, odd_bytes *notes,
                    oddrow_error *err);

#endif
