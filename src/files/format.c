/* files/format.c: lines of scores: what is carried, the score, its parts, the reasons. */
#include "files/format.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/number.h"
#include "csv/write.h"

int odd_layout_new(const odd_schema *schema, const odd_csv_source *source,
                   const odd_encoder *encoder, odd_layout *out, oddrow_error *err)
{
    out->schema = schema;
    out->carried_cell = odd_alloc(schema->K, sizeof *out->carried_cell);
    out->carried_name = odd_alloc(schema->K, sizeof *out->carried_name);
    if (!out->carried_cell || !out->carried_name)
        return odd_no_memory(err);
    for (size_t k = 0; k < schema->K; k++) {
        size_t cell = odd_encoder_source(encoder, k);
        if (!odd_kind_is_carried(schema->columns[k].kind) || cell == SIZE_MAX)
            continue;
        const char *name = odd_csv_names(source)[cell];
        out->carried_cell[out->carried] = cell;
        out->carried_name[out->carried++] = (odd_span){name, strlen(name)};
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

static odd_span cell_of(const odd_layout *layout, const odd_block *block, size_t i, size_t c)
{
    return block->cells[i * block->columns + layout->carried_cell[c]];
}

/* ---- CSV ---- */

static void add_field(odd_bytes *out, odd_span field)
{
    odd_csv_write_field(out, field.data, field.size, ',');
    odd_bytes_char(out, ',');
}

void odd_format_carried_names(const odd_layout *layout, odd_bytes *out)
{
    for (size_t c = 0; c < layout->carried; c++)
        add_field(out, layout->carried_name[c]);
}

void odd_format_carried(const odd_layout *layout, const odd_block *block, size_t i, odd_bytes *out)
{
    for (size_t c = 0; c < layout->carried; c++)
        add_field(out, cell_of(layout, block, i, c));
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

/* row,score,p_value,odd: most lines are nothing else, so this is written straight. */
static void csv_score(const odd_block *block, const odd_scores *scores, size_t i, bool odd,
                      odd_bytes *out)
{
    if (odd_bytes_reserve(out, 4 * ODD_NUMBER_SIZE))
        return;
    char *at = out->data + out->size;
    at += odd_whole_format(at, block->row[i]);
    *at++ = ',';
    at += odd_number_format(at, (double)scores->score[i]);
    *at++ = ',';
    at += odd_number_format(at, scores->p_value[i]);
    *at++ = ',';
    *at++ = odd ? '1' : '0';
    out->size = (size_t)(at - out->data);
}

static void csv_reason(const odd_layout *layout, const odd_reason *reason, odd_bytes *out)
{
    const char *name = layout->schema->columns[reason->column].name;
    odd_bytes_char(out, ',');
    add_field(out, (odd_span){name, strlen(name)});
    add_field(out, reason->observed);
    add_field(out, reason->expected);
    odd_bytes_number(out, (double)reason->surprise);
    odd_bytes_char(out, ',');
    odd_bytes_text(out, odd_flag_name(reason->flag));
}

static void csv_row(const odd_layout *layout, const odd_block *block, const odd_scores *scores,
                    size_t i, bool odd, const odd_reasons *reasons, odd_bytes *out)
{
    odd_format_carried(layout, block, i, out);
    csv_score(block, scores, i, odd, out);
    for (size_t p = 0; layout->explain && p < ODD_PARTS; p++) {
        odd_bytes_char(out, ',');
        odd_bytes_number(out, (double)scores->part[p][i]);
    }
    for (size_t k = 0; k < layout->explain; k++)
        if (k < reasons->count)
            csv_reason(layout, &reasons->items[k], out);
        else
            odd_bytes_text(out, ",,,,,");
    odd_bytes_char(out, '\n');
}

/* ---- JSON lines ---- */

/* Members of the k-th reason; their names end with its number. */
static void json_reason(odd_json *j, const odd_layout *layout, const odd_reason *reason, size_t k)
{
    static const char *const names[] = {"column", "observed", "expected", "surprise", "flag"};
    char keys[5][40];
    for (size_t i = 0; i < 5; i++)
        snprintf(keys[i], sizeof keys[i], "%s_%zu", names[i], k);
    odd_json_string(j, keys[0], layout->schema->columns[reason->column].name);
    odd_json_text(j, keys[1], reason->observed);
    odd_json_text(j, keys[2], reason->expected);
    odd_json_number(j, keys[3], (double)reason->surprise);
    odd_json_string(j, keys[4], odd_flag_name(reason->flag));
}

static void json_row(const odd_layout *layout, const odd_block *block, const odd_scores *scores,
                     size_t i, bool odd, const odd_reasons *reasons, odd_bytes *out)
{
    static const char *const parts[ODD_PARTS] = {"reconstruction", "local_rarity", "global_rarity"};
    odd_json j = {.out = out, .capitals = true};
    odd_json_open(&j, NULL, '{');
    for (size_t c = 0; c < layout->carried; c++) {
        odd_json_name(&j, layout->carried_name[c]);
        odd_json_text(&j, NULL, cell_of(layout, block, i, c));
    }
    odd_json_whole(&j, "row", block->row[i]);
    odd_json_number(&j, "score", (double)scores->score[i]);
    odd_json_number(&j, "p_value", scores->p_value[i]);
    odd_json_bool(&j, "odd", odd);
    for (size_t p = 0; layout->explain && p < ODD_PARTS; p++)
        odd_json_number(&j, parts[p], (double)scores->part[p][i]);
    for (size_t k = 0; k < reasons->count; k++)
        json_reason(&j, layout, &reasons->items[k], k + 1);
    odd_json_close(&j, '}');
    odd_bytes_char(out, '\n');
}

void odd_format_row(const odd_layout *layout, const odd_block *block, const odd_scores *scores,
                    size_t i, bool odd, const odd_reasons *reasons, odd_bytes *out)
{
    (layout->format == ODD_FORMAT_CSV ? csv_row : json_row)(layout, block, scores, i, odd, reasons,
                                                            out);
}
