/* files/format.h: a scored row as a line of CSV or JSON. */
#ifndef ODD_FILES_FORMAT_H
#define ODD_FILES_FORMAT_H

#include "files/stream.h"
#include "score/explain.h"

/* What every line has in common. */
typedef struct odd_layout {
    odd_format format;
    size_t explain;       /* reasons a line has room for */
    size_t carried;       /* id, label, ignored and target columns, in file order */
    size_t *carried_cell; /* their index in the file */
    odd_span *carried_name;
    const odd_schema *schema;
} odd_layout;

/* format and explain are the caller's to set. Borrows schema and source. */
int odd_layout_new(const odd_schema *schema, const odd_csv_source *source,
                   const odd_encoder *encoder, odd_layout *out, oddrow_error *err);
void odd_layout_free(odd_layout *layout);

/* All below append, and leave a failure in *out; see odd_bytes_check. */

/* The carried cells of row i of a block as CSV, a comma behind each; likewise their names. */
void odd_format_carried(const odd_layout *layout, const odd_block *block, size_t i, odd_bytes *out);
void odd_format_carried_names(const odd_layout *layout, odd_bytes *out);

/* The header line of CSV; nothing for JSON lines. */
void odd_format_header(const odd_layout *layout, odd_bytes *out);

/* Row i of a block as one line. */
void odd_format_row(const odd_layout *layout, const odd_block *block, const odd_scores *scores,
                    size_t i, bool odd, const odd_reasons *reasons, odd_bytes *out);

#endif
