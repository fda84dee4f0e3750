/* files/format.c: lines of scores, as CSV and as JSON. */
#include "files/format.h"

#include "model/parts.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/number.h"
#include "csv/write.h"

/* ---- layout ---- */

int odd_layout_new(const odd_model *model, const odd_score_options *options,
                   const odd_csv_source *source, const odd_encoder *encoder, odd_layout *out,
                   oddrow_error *err)
{
    const odd_schema *schema = model->schema;
    *out = (odd_layout){.format = options->format, .explain = options->explain, .schema = schema};
    out->carried_cell = odd_alloc(schema->K, sizeof *out->carried_cell);
    out->carried_name = odd_alloc(schema->K, sizeof *out->carried_name);
    if (!out->carried_cell || !out->carried_name)
        return odd_no_memory(err);
    for (size_t k = 0; k < schema->K; k++) {
        size_t cell = odd_encoder_source(encoder, k);
        if (!odd_kind_is_carried(schema->columns[k].kind) || cell == SIZE_MAX)
            continue;
        out->carried_cell[out->carried] = cell;
        out->carried_name[out->carried++] = odd_csv_name(source, cell);
    }
    return 0;
}

void odd_layout_free(odd_layout *layout)
{
    if (!layout)
        return;
    odd_free(layout->carried_cell);
    odd_free(layout->carried_name);
    *layout = (odd_layout){0};
}

static const odd_span *carried_cell(const odd_layout *layout, const odd_block *block, size_t i,
                                    size_t c)
{
    return &block->cells[i * block->columns + layout->carried_cell[c]];
}

/* ---- CSV ---- */

void odd_format_carried_names(const odd_layout *layout, odd_bytes *out)
{
    for (size_t c = 0; c < layout->carried; c++) {
        odd_csv_write_field(out, layout->carried_name[c], strlen(layout->carried_name[c]), ',');
        odd_bytes_char(out, ',');
    }
}

void odd_format_carried(const odd_layout *layout, const odd_block *block, size_t i, odd_bytes *out)
{
    for (size_t c = 0; c < layout->carried; c++) {
        const odd_span *cell = carried_cell(layout, block, i, c);
        odd_csv_write_field(out, cell->data, cell->size, ',');
        odd_bytes_char(out, ',');
    }
}

void odd_format_header(const odd_layout *layout, odd_bytes *out)
{
    if (layout->format != ODD_FORMAT_CSV)
        return;
    odd_format_carried_names(layout, out);
    odd_bytes_text(out, "row,score,p_value,odd");
    if (layout->explain)
        odd_bytes_text(out, ",reconstruction,local_rarity,global_rarity");
    for (size_t k = 1; k <= layout->explain; k++)
        odd_bytes_print(out, ",column_%zu,observed_%zu,expected_%zu,surprise_%zu,flag_%zu", k, k, k,
                        k, k);
    odd_bytes_char(out, '\n');
}

static void csv_reason(const odd_layout *layout, const odd_reason *reason, odd_bytes *out)
{
    const char *name = layout->schema->columns[reason->column].name;
    const odd_span texts[] = {{name, strlen(name)}, reason->observed, reason->expected};
    for (size_t i = 0; i < 3; i++) {
        odd_bytes_char(out, ',');
        odd_csv_write_field(out, texts[i].data, texts[i].size, ',');
    }
    odd_bytes_char(out, ',');
    odd_bytes_number(out, (double)reason->surprise);
    odd_bytes_char(out, ',');
    odd_bytes_text(out, odd_flag_name(reason->flag));
}

/* row,score,p_value,odd: most lines are nothing else, so this is written straight. */
static void csv_score(const odd_block *block, size_t i, odd_bytes *out)
{
    if (odd_bytes_reserve(out, 4 + 3 * ODD_NUMBER_SIZE))
        return;
    char *at = out->data + out->size;
    at += odd_whole_format(at, block->row[i]);
    *at++ = ',';
    at += odd_number_format(at, (double)block->score[i]);
    *at++ = ',';
    at += odd_number_format(at, block->p_value[i]);
    *at++ = ',';
    *at++ = block->odd[i] ? '1' : '0';
    out->size = (size_t)(at - out->data);
}

static void csv_row(const odd_layout *layout, const odd_block *block, size_t i,
                    const odd_reason *reasons, size_t found, odd_bytes *out)
{
    odd_format_carried(layout, block, i, out);
    csv_score(block, i, out);
    if (layout->explain) {
        const float parts[] = {block->reconstruction[i], block->local[i], block->global[i]};
        for (size_t p = 0; p < 3; p++) {
            odd_bytes_char(out, ',');
            odd_bytes_number(out, (double)parts[p]);
        }
    }
    for (size_t k = 0; k < layout->explain; k++)
        if (k < found)
            csv_reason(layout, &reasons[k], out);
        else
            odd_bytes_text(out, ",,,,,");
    odd_bytes_char(out, '\n');
}

/* ---- JSON lines ---- */

/* Members of the k-th reason; their names end with its number. */
static void json_reason(odd_json *j, const odd_layout *layout, const odd_reason *reason, size_t k)
{
    char keys[5][40];
    static const char *const names[] = {"column", "observed", "expected", "surprise", "flag"};
    for (size_t i = 0; i < 5; i++)
        snprintf(keys[i], sizeof keys[i], "%s_%zu", names[i], k);
    odd_json_string(j, keys[0], layout->schema->columns[reason->column].name);
    odd_json_text(j, keys[1], reason->observed);
    odd_json_text(j, keys[2], reason->expected);
    odd_json_number(j, keys[3], (double)reason->surprise);
    odd_json_string(j, keys[4], odd_flag_name(reason->flag));
}

static void json_row(const odd_layout *layout, const odd_block *block, size_t i,
                     const odd_reason *reasons, size_t found, odd_bytes *out)
{
    odd_json j = {.out = out, .capitals = true};
    odd_json_open(&j, NULL, '{');
    for (size_t c = 0; c < layout->carried; c++) {
        odd_json_name(&j, (odd_span){layout->carried_name[c], strlen(layout->carried_name[c])});
        odd_json_text(&j, NULL, *carried_cell(layout, block, i, c));
    }
    odd_json_whole(&j, "row", block->row[i]);
    odd_json_number(&j, "score", (double)block->score[i]);
    odd_json_number(&j, "p_value", block->p_value[i]);
    odd_json_bool(&j, "odd", block->odd[i]);
    if (layout->explain) {
        odd_json_number(&j, "reconstruction", (double)block->reconstruction[i]);
        odd_json_number(&j, "local_rarity", (double)block->local[i]);
        odd_json_number(&j, "global_rarity", (double)block->global[i]);
    }
    for (size_t k = 0; k < found; k++)
        json_reason(&j, layout, &reasons[k], k + 1);
    odd_json_close(&j, '}');
    odd_bytes_char(out, '\n');
}

void odd_format_row(const odd_layout *layout, const odd_block *block, size_t i,
                    const odd_reason *reasons, size_t found, odd_bytes *out)
{
    (layout->format == ODD_FORMAT_CSV ? csv_row : json_row)(layout, block, i, reasons, found, out);
}
