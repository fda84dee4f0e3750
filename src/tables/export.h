/* tables/export.h: embedding tables as files that other tools open. docs/embeddings.md says what
 * each format holds and what it cannot. */
#ifndef ODD_TABLES_EXPORT_H
#define ODD_TABLES_EXPORT_H

#include "tables/embedding.h"

typedef enum odd_table_format {
    ODD_TABLE_NPY,      /* X.npy (V, E) float32, X.txt a value a line; counts: X.counts.npy int64 */
    ODD_TABLE_CSV,      /* value[,count],COLUMN[0],…: the value first */
    ODD_TABLE_WORD2VEC, /* "V E", then "VALUE x x …" a line; counts: X.vocab */
    ODD_TABLE_PROJECTOR,  /* X.vectors.tsv and X.metadata.tsv of the TensorBoard projector */
    ODD_TABLE_SAFETENSORS /* embedding.COLUMN (V, E) F32; values as JSON under values.COLUMN in the
                             metadata; counts: count.COLUMN (V) F64 */
} odd_table_format;

/* Writes tables to `path`, each file whole or not at all. With the format safetensors the one file
 * has all of them. With another, `directory` false writes the one table: endings .npy and .tsv of
 * `path` are replaced where the format has several files; "-" is standard output, for CSV and
 * word2vec without counts. `directory` true makes the directory where it is not there, and in it a
 * file a column, named for the column, bytes other than letters, digits, ".", "_" and "-" as %XX.
 * ODDROW_EINVAL: standard output where files are needed. */
int odd_export(const odd_embedding *tables, size_t count, odd_table_format format, bool counts,
               const char *path, bool directory, oddrow_error *err);

#endif
