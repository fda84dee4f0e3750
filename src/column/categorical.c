/* column/categorical.c: columns of texts: their statistics, and the kind whose cells are ids. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "column/cell.h"
#include "column/kinds.h"

/* ---- texts, of categories and of a target's classes ---- */

static int start(odd_fit *fit, size_t k, oddrow_error *err)
{
    odd_texts *own = fit->tracks[k].state = odd_alloc(1, sizeof *own);
    return own && (own->vocabulary = odd_vocabulary_new()) ? 0 : odd_no_memory(err);
}

static void stop(void *state)
{
    odd_texts *own = state;
    odd_vocabulary_free(&own->vocabulary);
    odd_free(own->map);
}

static int take(odd_fit *fit, const odd_tile *t, char *record, oddrow_error *err)
{
    odd_texts *own = fit->tracks[t->k].state;
    const odd_span *cell = t->cells;
    for (size_t i = 0; i < t->n; i++, cell += t->stride) {
        uint32_t id = ODD_TEXT_MISSING;
        if (odd_cell_missing(*cell)) {
            own->missing++;
        } else {
            id = odd_vocabulary_add(own->vocabulary, cell->data, cell->size, fit->max_entries,
                                    fit->max_text);
            if (id == ODD_VOCABULARY_NO_MEMORY)
                return odd_no_memory(err);
            own->untracked += id == ODD_TEXT_UNTRACKED;
        }
        if (record) {
            memcpy(record, &id, sizeof id);
            record += fit->record_size;
        }
    }
    return 0;
}

const odd_tracking odd_track_texts = {sizeof(uint32_t), start, take, stop};

int odd_texts_settle(odd_fit *fit, size_t k, const odd_vocabulary_options *options,
                     uint64_t missing, oddrow_error *err)
{
    odd_texts *own = fit->tracks[k].state;
    odd_column *c = fit->schema->columns + k;
    int rc = odd_vocabulary_finish(own->vocabulary, options, missing, own->untracked,
                                   &c->vocabulary, &own->map, err);
    c->missing = own->missing;
    c->count = fit->schema->rows - own->missing;
    odd_vocabulary_free(&own->vocabulary);
    return rc;
}

/* ---- the kind ---- */

static int index_column(odd_schema *s, odd_column *c, oddrow_error *err)
{
    if (!c->vocabulary || c->vocabulary->size < 2)
        return odd_fail(err, ODDROW_EFORMAT, "column '%s': categorical without a vocabulary",
                        c->name);
    if (c->embedding < 1 || c->embedding > ODD_EMBEDDING_LIMIT)
        return odd_fail(err, ODDROW_EFORMAT, "column '%s': embedding width %zu is outside 1 to %u",
                        c->name, c->embedding, ODD_EMBEDDING_LIMIT);
    c->categorical = s->C++;
    return 0;
}

static int finish(odd_fit *fit, size_t k, oddrow_error *err)
{
    const odd_texts *own = fit->tracks[k].state;
    odd_column *c = fit->schema->columns + k;
    odd_vocabulary_options options = {fit->options.min_count, fit->options.max_vocab};
    if (own->vocabulary->size == 1 && own->untracked == 0)
        return odd_become_constant(fit, k, (odd_span){0}, err);
    if (own->vocabulary->size == 2 && own->untracked == 0 && own->missing == 0)
        return odd_become_constant(fit, k, odd_vocabulary_text(own->vocabulary, 1), err);
    int rc = odd_explain_watched(fit, k, err);
    if (rc == 0 && own->untracked > 0) {
        char tracked[ODD_NUMBER_SIZE], untracked[ODD_NUMBER_SIZE];
        rc = odd_schema_say(
            fit->schema, c, err,
            "%s; more than %s distinct texts in all rows, %s cells with later ones are rare",
            c->why, odd_grouped(own->vocabulary->distinct, tracked),
            odd_grouped(own->untracked, untracked));
    }
    if (rc == 0)
        rc = odd_texts_settle(fit, k, &options, own->missing, err);
    if (rc == 0)
        c->embedding = odd_embedding_width(fit->options.embedding_rule, c->vocabulary->size);
    return rc;
}

static void translate(const odd_fit *fit, const odd_tile *t, const char *record)
{
    const uint32_t *map = ((const odd_texts *)fit->tracks[t->k].state)->map;
    const odd_column *c = t->schema->columns + t->k;
    const uint32_t missing = c->vocabulary->missing_id, rare = c->vocabulary->rare_id;
    const size_t n = t->n, C = t->schema->C, K = t->schema->K;
    uint32_t *id = t->rows->ids + t->first * C + c->categorical;
    uint8_t *flag = t->rows->flags + t->first * K + t->k;
    for (size_t i = 0; i < n; i++, record += fit->record_size, id += C, flag += K) {
        uint32_t text;
        memcpy(&text, record, sizeof text);
        *id = text == ODD_TEXT_MISSING ? missing : map[text];
        *flag = text == ODD_TEXT_MISSING ? ODD_FLAG_MISSING
                : *id == rare            ? ODD_FLAG_UNSEEN
                                         : ODD_FLAG_NONE;
    }
}

static void encode(const odd_tile *t)
{
    const odd_column *c = t->schema->columns + t->k;
    const odd_vocabulary *v = c->vocabulary;
    const size_t n = t->n, stride = t->stride, C = t->schema->C, K = t->schema->K;
    const odd_span *cell = t->cells;
    uint32_t *id = t->rows->ids + t->first * C + c->categorical;
    uint8_t *flag = t->rows->flags + t->first * K + t->k;
    for (size_t i = 0; i < n; i++, cell += stride, id += C, flag += K) {
        *flag = ODD_FLAG_NONE;
        if (odd_cell_missing(*cell)) {
            *id = v->missing_id;
            *flag = ODD_FLAG_MISSING;
        } else if ((*id = odd_vocabulary_find(v, cell->data, cell->size)) == 0) {
            *id = v->rare_id;
            *flag = ODD_FLAG_UNSEEN;
        }
    }
}

static void describe(const odd_column *c, odd_bytes *out)
{
    odd_bytes_print(out, "%zu values, embedding %zu", c->vocabulary->size - 1, c->embedding);
}

static void expected(const odd_column *c, const odd_expected *of, odd_bytes *out)
{
    const odd_vocabulary *v = c->vocabulary;
    if (of->id && of->id == v->missing_id)
        odd_bytes_text(out, "(missing)");
    else if (of->id && of->id == v->rare_id)
        odd_bytes_text(out, "(rare)");
    else
        odd_bytes_span(out, odd_vocabulary_text(v, of->id));
    odd_bytes_print(out, " (%.0f%%)", 100 * (double)of->probability);
}

const odd_kind_row odd_kind_categorical = {.name = "categorical",
                                           .cell = "text",
                                           .category = true,
                                           .tracking = &odd_track_texts,
                                           .index = index_column,
                                           .finish = finish,
                                           .translate = translate,
                                           .encode = encode,
                                           .describe = describe,
                                           .expected = expected};
