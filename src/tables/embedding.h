/* tables/embedding.h: the table of one categorical column, and its values as texts.
 *
 * Legend of the room: V entries (id 0, unknown, included), E width, X width of x. */
#ifndef ODD_TABLES_EMBEDDING_H
#define ODD_TABLES_EMBEDDING_H

#include "base/spell.h"
#include "model/model.h"

/* What an entry of a vocabulary stands for: a text, or one of "(unknown)", "(missing)", "(rare)".
 */
typedef enum odd_value_kind {
    ODD_VALUE_UNKNOWN,
    ODD_VALUE_MISSING,
    ODD_VALUE_RARE,
    ODD_VALUE_TEXT
} odd_value_kind;

/* Of an id; of a text, by those names; and the id of an entry without a text, 0 where there is no
 * such entry. */
odd_value_kind odd_value_kind_of(const odd_vocabulary *v, uint32_t id);
odd_value_kind odd_value_kind_named(const char *text, size_t size);
uint32_t odd_value_id(const odd_vocabulary *v, odd_value_kind kind);

/* Everything is borrowed from the model. */
typedef struct odd_embedding {
    const char *name; /* of the column */
    size_t column;    /* index in the schema */
    size_t V, E;
    const float *vectors; /* (V, E), row i that of id i */
    const odd_vocabulary *vocabulary;
} odd_embedding;

/* Categorical columns of a model, C; and number `at` of them, in the order of the file. */
size_t odd_embedding_count(const odd_model *model);
odd_embedding odd_embedding_at(const odd_model *model, size_t at);

/* By the column's name. ODDROW_EINVAL: no such column, or none with an embedding. */
int odd_embedding_find(const odd_model *model, const char *name, odd_embedding *out,
                       oddrow_error *err);

/* The id of a value: a text, or the name of an entry without one; with a backslash in front a name
 * is a text. ODDROW_ESCHEMA: the column has no such entry. */
int odd_embedding_id(const odd_embedding *e, const char *value, size_t size, uint32_t *id,
                     oddrow_error *err);

/* Appends the value of an id: an entry without a text by its name, a text that reads like such a
 * name with a backslash in front, which odd_unspell takes away. */
void odd_embedding_spell(const odd_embedding *e, uint32_t id, odd_spelling spelling,
                         odd_bytes *out);

/* Length of a vector. */
double odd_embedding_norm(const float *vector, size_t width);

#endif
