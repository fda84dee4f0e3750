/* cli/embeddings.h: the verbs of oddrow embeddings. */
#ifndef ODD_CLI_EMBEDDINGS_H
#define ODD_CLI_EMBEDDINGS_H

#include "cli/command.h"
#include "tables/embedding.h"

/* Each takes the words behind its name. 0 or the error. */
int odd_embeddings_list(const odd_options *o, const char **words, size_t count, oddrow_error *err);
int odd_embeddings_near(const odd_options *o, const char **words, size_t count, oddrow_error *err);
int odd_embeddings_export(const odd_options *o, const char **words, size_t count,
                          oddrow_error *err);
int odd_embeddings_plot(const odd_options *o, const char **words, size_t count, oddrow_error *err);
int odd_embeddings_align(const odd_options *o, const char **words, size_t count, oddrow_error *err);

/* The table of a column; a name that is none gets the nearest one that is. */
int odd_embeddings_column(const odd_model *model, const char *name, odd_embedding *out,
                          oddrow_error *err);

/* The tables of the columns named, or of all where none is. The caller frees with odd_free. */
int odd_embeddings_columns(const odd_model *model, const char *const *names, size_t count,
                           odd_embedding **out, size_t *found, oddrow_error *err);

#endif
