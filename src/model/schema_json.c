/* model/schema_json.c: the fields of a schema, of its columns and of what the columns hold. */
#include "model/schema_json.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/fields.h"

/* Text that the schema keeps; null where *text is NULL. *size may be left out. */
static void text_field(odd_fields *f, odd_schema *schema, const char *key, char **text,
                       size_t *size)
{
    if (!f->reading) {
        odd_field_set(f, key,
                      *text ? odd_text_to_json(*text, size ? *size : strlen(*text)) : json_null());
        return;
    }
    const json_t *value = json_object_get(f->at.json, key);
    odd_bytes read = {0};
    if (f->rc || json_is_null(value))
        return;
    f->rc = odd_text_from_json(value, &read, f->err);
    if (!f->rc && !(*text = odd_schema_keep(schema, read.data, read.size)))
        f->rc = odd_no_memory(f->err);
    if (size)
        *size = read.size;
    odd_bytes_free(&read);
}

static void write_entries(odd_fields *f, const odd_vocabulary *v)
{
    json_t *texts = json_array(), *counts = json_array();
    odd_field_set(f, "vocabulary", texts);
    odd_field_set(f, "counts", counts);
    for (uint32_t id = 1; id < v->size && !f->rc; id++) {
        odd_span text = odd_vocabulary_text(v, id);
        json_t *entry = id == v->missing_id ? json_null()
                        : id == v->rare_id  ? json_pack("{s:b}", "rare", 1)
                                            : odd_text_to_json(text.data, text.size);
        if (json_array_append_new(texts, entry) ||
            json_array_append_new(counts, json_integer((json_int_t)v->counts[id])))
            f->rc = odd_no_memory(f->err);
    }
}

/* What vocabularies are built from. */
typedef struct entries {
    size_t n;
    odd_span *texts;  /* (n), end to end in `bytes`: offsets until all are read */
    uint64_t *counts; /* (n) */
    uint32_t missing, rare;
    odd_bytes bytes;
} entries;

static void read_entry(odd_fields *f, entries *e, size_t i, const json_t *entry,
                       const json_t *count)
{
    size_t before = e->bytes.size;
    if (!json_is_integer(count) || json_integer_value(count) < 0)
        odd_fields_fail(f, "count %zu is not a whole number", i + 1);
    e->counts[i] = (uint64_t)json_integer_value(count);
    if (json_is_null(entry) && e->missing == 0)
        e->missing = (uint32_t)i + 1;
    else if (json_is_true(json_object_get(entry, "rare")) && e->rare == 0)
        e->rare = (uint32_t)i + 1;
    else if (!f->rc)
        f->rc = odd_prefix(f->err, odd_text_from_json(entry, &e->bytes, f->err),
                           "vocabulary entry %zu: ", i + 1);
    e->texts[i] = (odd_span){(const char *)(uintptr_t)before, e->bytes.size - before};
}

static odd_vocabulary *read_entries(odd_fields *f)
{
    const json_t *texts = json_object_get(f->at.json, "vocabulary");
    const json_t *counts = json_object_get(f->at.json, "counts");
    entries e = {.n = json_array_size(texts)};
    odd_vocabulary *out = NULL;
    if (!json_is_array(texts) || !json_is_array(counts) || json_array_size(counts) != e.n)
        odd_fields_fail(f, "vocabulary and counts are not two equal lists");
    if (f->rc)
        return NULL;
    e.texts = odd_alloc(e.n + 1, sizeof *e.texts);
    e.counts = odd_alloc(e.n + 1, sizeof *e.counts);
    if (!e.texts || !e.counts)
        f->rc = odd_no_memory(f->err);
    for (size_t i = 0; i < e.n && !f->rc; i++)
        read_entry(f, &e, i, json_array_get(texts, i), json_array_get(counts, i));
    for (size_t i = 0; i < e.n && !f->rc; i++)
        e.texts[i].data = (e.bytes.data ? e.bytes.data : "") + (uintptr_t)e.texts[i].data;
    if (!f->rc)
        f->rc = odd_vocabulary_new_from(e.texts, e.counts, e.n, e.missing, e.rare, &out, f->err);
    odd_free(e.texts);
    odd_free(e.counts);
    odd_bytes_free(&e.bytes);
    return out;
}

static void vocabulary_fields(odd_fields *f, odd_column *c)
{
    uint64_t distinct = c->vocabulary ? c->vocabulary->distinct : 0;
    odd_field_size(f, "embedding", &c->embedding, 0, INT64_MAX);
    odd_field_whole(f, "distinct", &distinct, 0, INT64_MAX);
    if (!f->reading) {
        write_entries(f, c->vocabulary);
        return;
    }
    c->vocabulary = read_entries(f);
    if (c->vocabulary)
        c->vocabulary->distinct = distinct;
}

static void scaler_fields(odd_fields *f, odd_column *c)
{
    double quantiles[ODD_QUANTILES] = {0}, center = 0, scale = 0;
    odd_scaler_kind kind = c->scaler.kind;
    if (!f->reading) {
        memcpy(quantiles, odd_scaler_quantiles(&c->scaler), sizeof quantiles);
        center = odd_scaler_center(&c->scaler);
        scale = odd_scaler_scale(&c->scaler);
    }
    if (!odd_scaler_parse(odd_field_name(f, "scaler", odd_scaler_name(kind)), &kind))
        odd_fields_fail(f, "no known \"scaler\"");
    odd_field_real(f, "center", &center);
    odd_field_real(f, "scale", &scale);
    odd_field_real(f, "minimum", &c->minimum);
    odd_field_real(f, "maximum", &c->maximum);
    odd_place outer = odd_fields_enter(f, "quantiles", '[');
    if (f->reading && json_array_size(f->at.json) != ODD_QUANTILES)
        odd_fields_fail(f, "\"quantiles\" is not a list of %d numbers", ODD_QUANTILES);
    for (size_t i = 0; i < ODD_QUANTILES; i++)
        odd_field_real(f, NULL, &quantiles[i]);
    f->at = outer;
    if (f->reading && !f->rc)
        f->rc = odd_scaler_from(&c->scaler, kind, quantiles, center, scale, f->err);
}

static void column_fields(odd_fields *f, odd_schema *schema, odd_column *c)
{
    char *why = (char *)c->why;
    text_field(f, schema, "name", &c->name, NULL);
    const char *kind = odd_field_name(f, "kind", odd_kind_name(c->kind));
    if (f->reading && (!odd_kind_parse(kind, &c->kind) || !c->name))
        odd_fields_fail(f, "no name or no known \"kind\"");
    if (why || json_object_get(f->at.json, "why"))
        text_field(f, schema, "why", &why, NULL);
    if (f->reading)
        c->why = why;
    if (c->kind == ODD_CONSTANT) {
        text_field(f, schema, "constant", &c->constant, &c->constant_size);
        odd_field_whole(f, "differing", &c->differing, 0, INT64_MAX);
    }
    if (odd_kind_is_read(c->kind)) {
        odd_field_whole(f, "count", &c->count, 0, INT64_MAX);
        odd_field_whole(f, "missing", &c->missing, 0, INT64_MAX);
        odd_field_whole(f, "unparsed", &c->unparsed, 0, INT64_MAX);
    }
    bool target = odd_kind_is_read(c->kind) && !odd_kind_is_input(c->kind);
    bool classes =
        f->reading ? json_object_get(f->at.json, "vocabulary") != NULL : c->vocabulary != NULL;
    if (odd_kind_is_category(c->kind) || (target && classes))
        vocabulary_fields(f, c);
    else if (odd_kind_is_number(c->kind) || target)
        scaler_fields(f, c);
}

static void schema_fields(odd_fields *f, odd_schema *schema)
{
    odd_field_whole(f, "rows", &schema->rows, 0, INT64_MAX);
    odd_place outer = odd_fields_enter(f, "columns", '[');
    for (size_t k = 0; k < schema->K && !f->rc; k++) {
        odd_place list = odd_fields_enter(f, NULL, '{');
        column_fields(f, schema, &schema->columns[k]);
        f->at = list;
        if (f->reading)
            odd_prefix(f->err, f->rc, "column %zu: ", k + 1);
    }
    f->at = outer;
}

json_t *odd_schema_to_json(const odd_schema *schema)
{
    json_t *json = json_object();
    odd_fields f = ODD_FIELDS_WRITE(json, NULL);
    schema_fields(&f, (odd_schema *)schema); /* which only reading changes */
    if (!f.rc)
        return json;
    json_decref(json);
    return NULL;
}

int odd_schema_from_json(const json_t *json, odd_schema **out, oddrow_error *err)
{
    const json_t *columns = json_object_get(json, "columns");
    odd_fields f = ODD_FIELDS_READ(json, err);
    *out = NULL;
    if (!json_is_array(columns) || json_array_size(columns) == 0)
        return odd_fail(err, ODDROW_EFORMAT, "schema: no \"columns\"");
    f.rc = odd_schema_new(json_array_size(columns), out, err);
    if (!f.rc)
        schema_fields(&f, *out);
    if (!f.rc)
        f.rc = odd_schema_index(*out, err);
    if (f.rc)
        odd_schema_free(out);
    return odd_prefix(err, f.rc, "schema: ");
}
