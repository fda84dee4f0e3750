/* cli/schema_text.c: the columns of a model or file as a table for a person and as JSON. */
#include "cli/schema_text.h"

#include "cli/print.h"

int odd_schema_print(const odd_schema *schema, oddrow_error *err)
{
    odd_text_table table = {.columns = 5};
    odd_bytes inside = {0};
    int rc = 0;
    odd_text_table_cells(&table, "COLUMN", "KIND", ">MISSING", "CONTENT", "WHY", NULL);
    for (size_t i = 0; !rc && i < schema->K; i++) {
        const odd_column *c = &schema->columns[i];
        uint64_t missing = odd_kind_is_read(c->kind) ? c->missing + c->unparsed : 0;
        odd_text_table_cells(&table, c->name, odd_kind_name(c->kind), NULL);
        if (missing)
            odd_text_table_cell(&table, "%.2f%%", 100 * (double)missing / (double)schema->rows);
        else
            odd_text_table_cells(&table, "", NULL);
        odd_bytes_clear(&inside);
        odd_column_describe(c, &inside);
        odd_bytes_char(&inside, '\0');
        rc = odd_bytes_check(&inside, err);
        odd_text_table_cells(&table, rc ? "" : inside.data, c->why ? c->why : "", NULL);
    }
    odd_bytes_free(&inside);
    return odd_text_table_finish(&table, rc, err);
}

static json_t *column_json(const odd_column *c)
{
    json_t *out = json_pack("{s:o, s:s, s:o, s:I, s:I, s:I}", "name", odd_text_value(c->name),
                            "kind", odd_kind_name(c->kind), "why", odd_text_value(c->why), "count",
                            (json_int_t)c->count, "missing", (json_int_t)c->missing, "unparsed",
                            (json_int_t)c->unparsed);
    int failed = out == NULL;
    if (!failed && c->vocabulary)
        failed |=
            json_object_set_new(out, "values", json_integer((json_int_t)c->vocabulary->size - 1));
    if (!failed && odd_kind_is_category(c->kind))
        failed |= json_object_set_new(out, "embedding", json_integer((json_int_t)c->embedding));
    if (!failed && c->scaler.table) {
        failed |= json_object_set_new(out, "minimum", odd_number_value(c->minimum));
        failed |= json_object_set_new(out, "maximum", odd_number_value(c->maximum));
    }
    if (!failed && c->constant_index != SIZE_MAX)
        failed |= json_object_set_new(out, "value", odd_text_value(c->constant));
    if (failed) {
        json_decref(out);
        return NULL;
    }
    return out;
}

json_t *odd_schema_json(const odd_schema *schema)
{
    json_t *out = json_array();
    for (size_t i = 0; out && i < schema->K; i++) {
        if (json_array_append_new(out, column_json(&schema->columns[i]))) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}
