/* tables/embedding.c: columns, values and ids of embedding tables. */
#include "tables/embedding.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "model/parts.h"

static const char *const names[] = {"(unknown)", "(missing)", "(rare)"};

odd_value_kind odd_value_kind_of(const odd_vocabulary *v, uint32_t id)
{
    return id == 0               ? ODD_VALUE_UNKNOWN
           : id == v->missing_id ? ODD_VALUE_MISSING
           : id == v->rare_id    ? ODD_VALUE_RARE
                                 : ODD_VALUE_TEXT;
}

odd_value_kind odd_value_kind_named(const char *text, size_t size)
{
    size_t i = 0;
    while (i < ODD_VALUE_TEXT && (size != strlen(names[i]) || memcmp(text, names[i], size) != 0))
        i++;
    return (odd_value_kind)i;
}

uint32_t odd_value_id(const odd_vocabulary *v, odd_value_kind kind)
{
    return kind == ODD_VALUE_MISSING ? v->missing_id : kind == ODD_VALUE_RARE ? v->rare_id : 0;
}

size_t odd_embedding_count(const odd_model *model)
{
    return model->schema->C;
}

odd_embedding odd_embedding_at(const odd_model *model, size_t at)
{
    const odd_network *network = model->network;
    size_t k = odd_schema_loss_column(model->schema, at);
    const odd_column *column = &model->schema->columns[k];
    return (odd_embedding){column->name,
                           k,
                           network->config.V[at],
                           network->config.E[at],
                           odd_network_tensor(network, at),
                           column->vocabulary};
}

int odd_embedding_find(const odd_model *model, const char *name, odd_embedding *out,
                       oddrow_error *err)
{
    const odd_schema *schema = model->schema;
    for (size_t k = 0; k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        if (strcmp(column->name, name) != 0)
            continue;
        if (!odd_kind_is_category(column->kind))
            return odd_fail(err, ODDROW_EINVAL,
                            "the column '%.200s' is %s and has no embedding; only categorical ones "
                            "have",
                            name, odd_kind_name(column->kind));
        *out = odd_embedding_at(model, column->categorical);
        return 0;
    }
    return odd_fail(err, ODDROW_EINVAL, "the model has no column '%.200s'", name);
}

int odd_embedding_id(const odd_embedding *e, const char *value, size_t size, uint32_t *id,
                     oddrow_error *err)
{
    odd_value_kind kind = odd_value_kind_named(value, size);
    bool escaped =
        size > 1 && value[0] == '\\' && odd_value_kind_named(value + 1, size - 1) != ODD_VALUE_TEXT;
    *id = kind == ODD_VALUE_TEXT
              ? odd_vocabulary_find(e->vocabulary, value + escaped, size - escaped)
              : odd_value_id(e->vocabulary, kind);
    if (*id || kind == ODD_VALUE_UNKNOWN)
        return 0;
    if (kind == ODD_VALUE_MISSING)
        return odd_fail(err, ODDROW_ESCHEMA,
                        "no cell of '%.200s' was missing in training: it has no entry for it",
                        e->name);
    if (kind == ODD_VALUE_RARE)
        return odd_fail(err, ODDROW_ESCHEMA,
                        "no value of '%.200s' was too rare in training: it has no entry for them",
                        e->name);
    value += escaped;
    size -= escaped;
    return odd_fail(err, ODDROW_ESCHEMA, "'%.200s' has no value '%.*s'", e->name,
                    (int)(size < 200 ? size : 200), value);
}

void odd_embedding_spell(const odd_embedding *e, uint32_t id, odd_spelling spelling, odd_bytes *out)
{
    odd_value_kind kind = odd_value_kind_of(e->vocabulary, id);
    odd_span text = odd_vocabulary_text(e->vocabulary, id);
    if (kind != ODD_VALUE_TEXT) {
        odd_bytes_text(out, names[kind]);
        return;
    }
    if (odd_value_kind_named(text.data, text.size) != ODD_VALUE_TEXT)
        odd_bytes_char(out, '\\');
    odd_spell(text.data, text.size, spelling, out);
}

double odd_embedding_norm(const float *vector, size_t width)
{
    double sum = 0;
    for (size_t j = 0; j < width; j++)
        sum += (double)vector[j] * (double)vector[j];
    return sqrt(sum);
}
