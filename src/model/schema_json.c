#include "model/schema_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"

int odd_json_parse(const char *text, size_t size, const char *what, json_t **out, oddrow_error *err)
{
    json_error_t problem;
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES, &problem);
    if (*out)
        return 0;
    /* where jansson has no memory for a value it says nothing at all */
    if (!problem.text[0] || json_error_code(&problem) == json_error_out_of_memory)
        return odd_no_memory(err);
    return odd_fail(err, ODDROW_EFORMAT, "%s is not JSON: %s at byte %d", what, problem.text,
                    problem.position);
}

/* ---- text ---- */

json_t *odd_text_to_json(const char *data, size_t size)
{
    if (odd_utf8_valid(data, size) && !memchr(data, 0, size))
        return json_stringn(data, size);
    odd_bytes hex = {0};
    json_t *out = NULL;
    int rc = 0;
    for (size_t i = 0; !rc && i < size; i++)
        rc = odd_bytes_print(&hex, "%02x", (unsigned char)data[i]);
    if (!rc)
        out = json_pack("{s:s#}", "bytes", hex.data ? hex.data : "", (int)hex.size);
    odd_bytes_free(&hex);
    return out;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int odd_text_from_json(const json_t *json, odd_bytes *out, oddrow_error *err)
{
    if (json_is_string(json))
        return odd_bytes_add(out, json_string_value(json), json_string_length(json))
                   ? odd_no_memory(err)
                   : 0;
    const json_t *bytes = json_object_get(json, "bytes");
    const char *hex = json_string_value(bytes);
    size_t size = json_string_length(bytes);
    if (!hex || size % 2 != 0)
        return odd_fail(err, ODDROW_EFORMAT, "a text is neither a string nor {\"bytes\": HEX}");
    for (size_t i = 0; i < size; i += 2) {
        int high = digit_of(hex[i]), low = digit_of(hex[i + 1]);
        char byte = (char)(high * 16 + low);
        if (high < 0 || low < 0)
            return odd_fail(err, ODDROW_EFORMAT, "\"bytes\" is not hexadecimal");
        if (odd_bytes_add(out, &byte, 1))
            return odd_no_memory(err);
    }
    return 0;
}

/* ---- writing ---- */

static int set(json_t *object, const char *key, json_t *value)
{
    return value ? json_object_set_new(object, key, value) : -1;
}

static json_t *whole(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static int write_vocabulary(json_t *out, const odd_column *column)
{
    const odd_vocabulary *v = column->vocabulary;
    json_t *texts = json_array(), *counts = json_array();
    int rc = texts && counts ? 0 : -1;
    for (uint32_t id = 1; !rc && id < v->size; id++) {
        odd_span text = odd_vocabulary_text(v, id);
        json_t *entry = id == v->missing_id ? json_null()
                        : id == v->rare_id  ? json_pack("{s:b}", "rare", 1)
                                            : odd_text_to_json(text.data, text.size);
        rc = entry ? json_array_append_new(texts, entry) : -1;
        if (!rc)
            rc = json_array_append_new(counts, whole(v->counts[id]));
    }
    rc |= set(out, "embedding", whole(column->embedding));
    rc |= set(out, "distinct", whole(v->distinct));
    rc |= set(out, "vocabulary", texts);
    rc |= set(out, "counts", counts);
    return rc;
}

static int write_scaler(json_t *out, const odd_column *column)
{
    const double *quantiles = odd_scaler_quantiles(&column->scaler);
    json_t *list = json_array();
    int rc = list ? 0 : -1;
    for (size_t i = 0; !rc && i < ODD_QUANTILES; i++)
        rc = json_array_append_new(list, json_real(quantiles[i]));
    rc |= set(out, "scaler", json_string(odd_scaler_name(column->scaler.kind)));
    rc |= set(out, "center", json_real(odd_scaler_center(&column->scaler)));
    rc |= set(out, "scale", json_real(odd_scaler_scale(&column->scaler)));
    rc |= set(out, "minimum", json_real(column->minimum));
    rc |= set(out, "maximum", json_real(column->maximum));
    rc |= set(out, "quantiles", list);
    return rc;
}

static json_t *column_to_json(const odd_column *column)
{
    json_t *out = json_object();
    int rc = out ? 0 : -1;
    if (rc)
        return NULL;
    rc |= set(out, "name", odd_text_to_json(column->name, strlen(column->name)));
    rc |= set(out, "kind", json_string(odd_kind_name(column->kind)));
    if (column->why)
        rc |= set(out, "why", odd_text_to_json(column->why, strlen(column->why)));
    if (column->kind == ODD_CONSTANT) {
        rc |= set(out, "constant",
                  column->constant ? odd_text_to_json(column->constant, column->constant_size)
                                   : json_null());
        rc |= set(out, "differing", whole(column->differing));
    }
    if (odd_kind_is_read(column->kind)) {
        rc |= set(out, "count", whole(column->count));
        rc |= set(out, "missing", whole(column->missing));
        rc |= set(out, "unparsed", whole(column->unparsed));
    }
    if (column->vocabulary)
        rc |= write_vocabulary(out, column);
    if (column->scaler.table)
        rc |= write_scaler(out, column);
    if (rc) {
        json_decref(out);
        return NULL;
    }
    return out;
}

json_t *odd_schema_to_json(const odd_schema *schema)
{
    json_t *columns = json_array();
    int rc = columns ? 0 : -1;
    for (size_t k = 0; !rc && k < schema->K; k++) {
        json_t *column = column_to_json(&schema->columns[k]);
        rc = column ? json_array_append_new(columns, column) : -1;
    }
    json_t *out = rc ? NULL : json_object();
    if (!out || set(out, "rows", whole(schema->rows)) ||
        set(out, "columns", json_incref(columns))) {
        json_decref(out);
        out = NULL;
    }
    json_decref(columns);
    return out;
}

/* ---- reading ---- */

static int read_whole(const json_t *object, const char *key, uint64_t *out, oddrow_error *err)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return odd_fail(err, ODDROW_EFORMAT, "\"%s\" is not a whole number", key);
    *out = (uint64_t)json_integer_value(value);
    return 0;
}

static int read_real(const json_t *object, const char *key, double *out, oddrow_error *err)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        return odd_fail(err, ODDROW_EFORMAT, "\"%s\" is not a number", key);
    *out = json_number_value(value);
    return 0;
}

/* Text under a key, kept in the schema; *out stays NULL where the value is null. */
static int read_text(odd_schema *schema, const json_t *value, const char *key, char **out,
                     size_t *size, oddrow_error *err)
{
    odd_bytes text = {0};
    if (json_is_null(value))
        return 0;
    int rc = value ? odd_text_from_json(value, &text, err)
                   : odd_fail(err, ODDROW_EFORMAT, "no \"%s\"", key);
    if (!rc) {
        *out = odd_schema_keep(schema, text.data ? text.data : "", text.size);
        if (size)
            *size = text.size;
        if (!*out)
            rc = odd_no_memory(err);
    }
    odd_bytes_free(&text);
    return rc;
}

/* Entry texts end to end in `text`; entries hold offsets until the buffer stands still. */
static int read_entries(const json_t *texts, const json_t *counts, odd_span *entries,
                        uint64_t *count_of, odd_bytes *text, uint32_t *missing, uint32_t *rare,
                        oddrow_error *err)
{
    size_t n = json_array_size(texts);
    for (size_t i = 0; i < n; i++) {
        const json_t *entry = json_array_get(texts, i), *count = json_array_get(counts, i);
        size_t before = text->size;
        if (!json_is_integer(count) || json_integer_value(count) < 0)
            return odd_fail(err, ODDROW_EFORMAT, "count %zu is not a whole number", i + 1);
        count_of[i] = (uint64_t)json_integer_value(count);
        if (json_is_null(entry) && *missing == 0) {
            *missing = (uint32_t)i + 1;
        } else if (json_is_true(json_object_get(entry, "rare")) && *rare == 0) {
            *rare = (uint32_t)i + 1;
        } else {
            int rc = odd_text_from_json(entry, text, err);
            if (rc)
                return odd_prefix(err, rc, "vocabulary entry %zu: ", i + 1);
        }
        entries[i] = (odd_span){(const char *)(uintptr_t)before, text->size - before};
    }
    for (size_t i = 0; i < n; i++)
        entries[i].data = (text->data ? text->data : "") + (uintptr_t)entries[i].data;
    return 0;
}

static int read_vocabulary(const json_t *object, odd_column *column, oddrow_error *err)
{
    const json_t *texts = json_object_get(object, "vocabulary");
    const json_t *counts = json_object_get(object, "counts");
    size_t n = json_array_size(texts);
    uint64_t embedding = 0, distinct = 0;
    uint32_t missing = 0, rare = 0;
    odd_bytes text = {0};
    if (!json_is_array(texts) || !json_is_array(counts) || json_array_size(counts) != n)
        return odd_fail(err, ODDROW_EFORMAT, "vocabulary and counts are not two equal lists");
    int rc = read_whole(object, "embedding", &embedding, err);
    if (!rc)
        rc = read_whole(object, "distinct", &distinct, err);
    if (rc)
        return rc;
    odd_span *entries = odd_alloc(n + 1, sizeof *entries);
    uint64_t *count_of = odd_alloc(n + 1, sizeof *count_of);
    rc = entries && count_of ? 0 : odd_no_memory(err);
    if (!rc)
        rc = read_entries(texts, counts, entries, count_of, &text, &missing, &rare, err);
    if (!rc)
        rc = odd_vocabulary_new_from(entries, count_of, n, missing, rare, &column->vocabulary, err);
    if (!rc) {
        column->vocabulary->distinct = distinct;
        column->embedding = (size_t)embedding;
    }
    odd_free(entries);
    odd_free(count_of);
    odd_bytes_free(&text);
    return rc;
}

static int read_scaler(const json_t *object, odd_column *column, oddrow_error *err)
{
    const json_t *list = json_object_get(object, "quantiles");
    const char *name = json_string_value(json_object_get(object, "scaler"));
    double quantiles[ODD_QUANTILES], center = 0, scale = 0;
    odd_scaler_kind kind;
    if (!name || !odd_scaler_parse(name, &kind))
        return odd_fail(err, ODDROW_EFORMAT, "no known \"scaler\"");
    if (json_array_size(list) != ODD_QUANTILES)
        return odd_fail(err, ODDROW_EFORMAT, "\"quantiles\" is not a list of %d numbers",
                        ODD_QUANTILES);
    for (size_t i = 0; i < ODD_QUANTILES; i++) {
        if (!json_is_number(json_array_get(list, i)))
            return odd_fail(err, ODDROW_EFORMAT, "quantile %zu is not a number", i);
        quantiles[i] = json_number_value(json_array_get(list, i));
    }
    int rc = read_real(object, "center", &center, err);
    if (!rc)
        rc = read_real(object, "scale", &scale, err);
    if (!rc)
        rc = read_real(object, "minimum", &column->minimum, err);
    if (!rc)
        rc = read_real(object, "maximum", &column->maximum, err);
    return rc ? rc : odd_scaler_from(&column->scaler, kind, quantiles, center, scale, err);
}

static int read_column(odd_schema *schema, const json_t *object, odd_column *column,
                       oddrow_error *err)
{
    const char *kind = json_string_value(json_object_get(object, "kind"));
    char *why = NULL;
    int rc = read_text(schema, json_object_get(object, "name"), "name", &column->name, NULL, err);
    if (!rc && (!column->name || !kind || !odd_kind_parse(kind, &column->kind)))
        rc = odd_fail(err, ODDROW_EFORMAT, "no name or no known \"kind\"");
    if (!rc && json_object_get(object, "why"))
        rc = read_text(schema, json_object_get(object, "why"), "why", &why, NULL, err);
    column->why = why;
    if (!rc && odd_kind_is_read(column->kind)) {
        rc = read_whole(object, "count", &column->count, err);
        if (!rc)
            rc = read_whole(object, "missing", &column->missing, err);
        if (!rc)
            rc = read_whole(object, "unparsed", &column->unparsed, err);
    }
    if (!rc && column->kind == ODD_CONSTANT) {
        rc = read_whole(object, "differing", &column->differing, err);
        if (!rc)
            rc = read_text(schema, json_object_get(object, "constant"), "constant",
                           &column->constant, &column->constant_size, err);
    }
    bool classes = column->kind == ODD_TARGET && json_object_get(object, "vocabulary");
    if (!rc && (odd_kind_is_category(column->kind) || classes))
        rc = read_vocabulary(object, column, err);
    else if (!rc && (odd_kind_is_number(column->kind) || column->kind == ODD_TARGET))
        rc = read_scaler(object, column, err);
    return rc;
}

int odd_schema_from_json(const json_t *json, odd_schema **out, oddrow_error *err)
{
    const json_t *columns = json_object_get(json, "columns");
    uint64_t rows = 0;
    odd_schema *schema = NULL;
    *out = NULL;
    if (!json_is_array(columns) || json_array_size(columns) == 0)
        return odd_fail(err, ODDROW_EFORMAT, "schema: no \"columns\"");
    int rc = read_whole(json, "rows", &rows, err);
    if (!rc)
        rc = odd_schema_new(json_array_size(columns), &schema, err);
    if (rc)
        return odd_prefix(err, rc, "schema: ");
    schema->rows = rows;
    for (size_t k = 0; !rc && k < schema->K; k++) {
        rc = read_column(schema, json_array_get(columns, k), &schema->columns[k], err);
        rc = odd_prefix(err, rc, "schema: column %zu: ", k + 1);
    }
    if (!rc)
        rc = odd_prefix(err, odd_schema_index(schema, err), "schema: ");
    if (rc)
        odd_schema_free(&schema);
    *out = schema;
    return rc;
}
