#include "tables/embedding.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "model/parts.h"

static const char *const UNKNOWN = "(unknown)", *const MISSING = "(missing)",
                         *const RARE = "(rare)";

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

static bool is_name(const char *data, size_t size)
{
    const char *const names[] = {UNKNOWN, MISSING, RARE};
    for (size_t i = 0; i < 3; i++)
        if (size == strlen(names[i]) && memcmp(data, names[i], size) == 0)
            return true;
    return false;
}

static bool equals(const char *data, size_t size, const char *name)
{
    return size == strlen(name) && memcmp(data, name, size) == 0;
}

int odd_embedding_id(const odd_embedding *e, const char *value, size_t size, uint32_t *id,
                     oddrow_error *err)
{
    const odd_vocabulary *v = e->vocabulary;
    *id = 0;
    if (equals(value, size, UNKNOWN))
        return 0;
    bool missing = equals(value, size, MISSING), rare = equals(value, size, RARE);
    if (missing || rare) {
        *id = missing ? v->missing_id : v->rare_id;
        if (*id)
            return 0;
        return odd_fail(err, ODDROW_ESCHEMA,
                        missing
                            ? "no cell of '%.200s' was missing in training: it has no entry for "
                              "it"
                            : "no value of '%.200s' was too rare in training: it has no entry "
                              "for them",
                        e->name);
    }
    if (size > 1 && value[0] == '\\' && is_name(value + 1, size - 1)) {
        value++;
        size--;
    }
    *id = odd_vocabulary_find(v, value, size);
    if (*id)
        return 0;
    return odd_fail(err, ODDROW_ESCHEMA, "'%.200s' has no value '%.*s'", e->name,
                    (int)(size < 200 ? size : 200), value);
}

int odd_embedding_spell(const odd_embedding *e, uint32_t id, odd_spelling spelling, odd_bytes *out)
{
    const odd_vocabulary *v = e->vocabulary;
    const char *name = id == 0               ? UNKNOWN
                       : id == v->missing_id ? MISSING
                       : id == v->rare_id    ? RARE
                                             : NULL;
    if (name)
        return odd_bytes_add(out, name, strlen(name));
    odd_span text = odd_vocabulary_text(v, id);
    int rc = is_name(text.data, text.size) ? odd_bytes_add(out, "\\", 1) : 0;
    return rc ? rc : odd_spell(text.data, text.size, spelling, out);
}

double odd_embedding_norm(const odd_embedding *e, size_t id)
{
    double sum = 0;
    for (size_t j = 0; j < e->E; j++)
        sum += (double)e->vectors[id * e->E + j] * (double)e->vectors[id * e->E + j];
    return sqrt(sum);
}
