#include "files/format.h"

#include "model/parts.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/utf8.h"
#include "csv/write.h"

/* ---- JSON text ---- */

/* Bytes that are not UTF-8 become U+FFFD, as JSON has no other way. */
static char *mended(const char *data, size_t size, size_t *mended_size)
{
    char *out = odd_alloc(3 * size + 1, 1);
    size_t used = 0;
    for (size_t i = 0; out && i < size;) {
        size_t length = 1;
        while (length < 4 && i + length < size && !odd_utf8_valid(data + i, length))
            length++;
        if (odd_utf8_valid(data + i, length)) {
            memcpy(out + used, data + i, length);
            used += length;
            i += length;
        } else {
            memcpy(out + used, "\xef\xbf\xbd", 3);
            used += 3;
            i++;
        }
    }
    *mended_size = used;
    return out;
}

static int add_json(odd_bytes *out, const char *data, size_t size)
{
    char *copy = NULL;
    if (!odd_utf8_valid(data, size)) {
        copy = mended(data, size, &size);
        if (!copy)
            return ODDROW_ENOMEM;
        data = copy;
    }
    json_t *json = json_stringn(data, size);
    int rc = ODDROW_ENOMEM;
    if (json) {
        /* 0: jansson is out of memory, the first time or the second */
        size_t need = json_dumpb(json, NULL, 0, JSON_ENCODE_ANY);
        rc = need ? odd_bytes_reserve(out, need) : ODDROW_ENOMEM;
        if (!rc && json_dumpb(json, out->data + out->size, need, JSON_ENCODE_ANY) != need)
            rc = ODDROW_ENOMEM;
        if (!rc)
            out->size += need;
    }
    json_decref(json);
    odd_free(copy);
    return rc;
}

/* ---- layout ---- */

int odd_layout_new(const odd_model *model, const odd_score_options *options,
                   const odd_csv_source *source, const odd_encoder *encoder, odd_layout *out,
                   oddrow_error *err)
{
    const odd_schema *schema = model->schema;
    *out = (odd_layout){.format = options->format, .explain = options->explain, .schema = schema};
    out->carried_cell = odd_alloc(schema->K, sizeof *out->carried_cell);
    out->carried_name = odd_alloc(schema->K, sizeof *out->carried_name);
    out->names = odd_alloc(schema->K, sizeof *out->names);
    if (!out->carried_cell || !out->carried_name || !out->names)
        return odd_no_memory(err);
    for (size_t k = 0; k < schema->K; k++) {
        size_t cell = odd_encoder_source(encoder, k);
        if (!odd_kind_is_carried(schema->columns[k].kind) || cell == SIZE_MAX)
            continue;
        const char *name = odd_csv_name(source, cell);
        out->carried_cell[out->carried] = cell;
        out->carried_name[out->carried] = name;
        if (add_json(&out->names[out->carried++], name, strlen(name)))
            return odd_no_memory(err);
    }
    return 0;
}

void odd_layout_free(odd_layout *layout)
{
    if (!layout)
        return;
    for (size_t i = 0; layout->names && i < layout->carried; i++)
        odd_bytes_free(&layout->names[i]);
    odd_free(layout->names);
    odd_free(layout->carried_cell);
    odd_free(layout->carried_name);
    *layout = (odd_layout){0};
}

/* ---- pieces of a line ---- */

static int add_text(odd_bytes *out, const char *text)
{
    return odd_bytes_add(out, text, strlen(text));
}

static int add_number(odd_bytes *out, double value)
{
    char text[ODD_NUMBER_SIZE];
    return odd_bytes_add(out, text, odd_number_format(text, value));
}

/* ---- CSV ---- */

int odd_format_carried_names(const odd_layout *layout, odd_bytes *out)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < layout->carried; i++) {
        const char *name = layout->carried_name[i];
        rc = odd_csv_write_field(out, name, strlen(name), ',');
        if (!rc)
            rc = add_text(out, ",");
    }
    return rc;
}

int odd_format_carried(const odd_layout *layout, const odd_block *block, size_t i, odd_bytes *out)
{
    int rc = 0;
    for (size_t c = 0; !rc && c < layout->carried; c++) {
        const odd_span *cell = &block->cells[i * block->columns + layout->carried_cell[c]];
        rc = odd_csv_write_field(out, cell->data, cell->size, ',');
        if (!rc)
            rc = add_text(out, ",");
    }
    return rc;
}

int odd_format_header(const odd_layout *layout, odd_bytes *out)
{
    if (layout->format != ODD_FORMAT_CSV)
        return 0;
    int rc = odd_format_carried_names(layout, out);
    if (!rc)
        rc = add_text(out, "row,score,p_value,odd");
    if (!rc && layout->explain)
        rc = add_text(out, ",reconstruction,local_rarity,global_rarity");
    for (size_t k = 1; !rc && k <= layout->explain; k++)
        rc = odd_bytes_print(out, ",column_%zu,observed_%zu,expected_%zu,surprise_%zu,flag_%zu", k,
                             k, k, k, k);
    return rc ? rc : add_text(out, "\n");
}

static int csv_reason(const odd_layout *layout, const odd_reason *reason, odd_bytes *out)
{
    const char *name = layout->schema->columns[reason->column].name;
    int rc = add_text(out, ",");
    if (!rc)
        rc = odd_csv_write_field(out, name, strlen(name), ',');
    if (!rc)
        rc = add_text(out, ",");
    if (!rc)
        rc = odd_csv_write_field(out, reason->observed.data, reason->observed.size, ',');
    if (!rc)
        rc = add_text(out, ",");
    if (!rc)
        rc = odd_csv_write_field(out, reason->expected.data, reason->expected.size, ',');
    if (!rc)
        rc = add_text(out, ",");
    if (!rc)
        rc = add_number(out, (double)reason->surprise);
    if (!rc)
        rc = add_text(out, ",");
    return rc ? rc : add_text(out, odd_flag_name(reason->flag));
}

static char *put_whole(char *at, uint64_t value)
{
    char digits[24];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (n)
        *at++ = digits[--n];
    return at;
}

/* row,score,p_value,odd: most lines are nothing else, so this is written straight. */
static int csv_score(const odd_block *block, size_t i, odd_bytes *out)
{
    int rc = odd_bytes_reserve(out, 32 + 2 * ODD_NUMBER_SIZE);
    if (rc)
        return rc;
    char *at = put_whole(out->data + out->size, block->row[i]);
    *at++ = ',';
    at += odd_number_format(at, (double)block->score[i]);
    *at++ = ',';
    at += odd_number_format(at, block->p_value[i]);
    *at++ = ',';
    *at++ = block->odd[i] ? '1' : '0';
    out->size = (size_t)(at - out->data);
    return 0;
}

static int csv_row(const odd_layout *layout, const odd_block *block, size_t i,
                   const odd_reason *reasons, size_t found, odd_bytes *out)
{
    int rc = odd_format_carried(layout, block, i, out);
    if (!rc)
        rc = csv_score(block, i, out);
    if (layout->explain) {
        const float parts[] = {block->reconstruction[i], block->local[i], block->global[i]};
        for (size_t p = 0; !rc && p < 3; p++) {
            rc = add_text(out, ",");
            if (!rc)
                rc = add_number(out, (double)parts[p]);
        }
    }
    for (size_t k = 0; !rc && k < layout->explain; k++)
        rc = k < found ? csv_reason(layout, &reasons[k], out) : add_text(out, ",,,,,");
    return rc ? rc : add_text(out, "\n");
}

/* ---- JSON lines ---- */

static int json_reason(const odd_layout *layout, const odd_reason *reason, size_t k, odd_bytes *out)
{
    const char *name = layout->schema->columns[reason->column].name;
    int rc = odd_bytes_print(out, ",\"column_%zu\":", k);
    if (!rc)
        rc = add_json(out, name, strlen(name));
    if (!rc)
        rc = odd_bytes_print(out, ",\"observed_%zu\":", k);
    if (!rc)
        rc = add_json(out, reason->observed.data, reason->observed.size);
    if (!rc)
        rc = odd_bytes_print(out, ",\"expected_%zu\":", k);
    if (!rc)
        rc = add_json(out, reason->expected.data, reason->expected.size);
    if (!rc)
        rc = odd_bytes_print(out, ",\"surprise_%zu\":", k);
    if (!rc)
        rc = add_number(out, (double)reason->surprise);
    return rc ? rc : odd_bytes_print(out, ",\"flag_%zu\":\"%s\"", k, odd_flag_name(reason->flag));
}

static int json_field(odd_bytes *out, const char *name, double value)
{
    int rc = odd_bytes_print(out, ",\"%s\":", name);
    return rc ? rc : add_number(out, value);
}

static int json_row(const odd_layout *layout, const odd_block *block, size_t i,
                    const odd_reason *reasons, size_t found, odd_bytes *out)
{
    int rc = add_text(out, "{");
    for (size_t c = 0; !rc && c < layout->carried; c++) {
        const odd_span *cell = &block->cells[i * block->columns + layout->carried_cell[c]];
        rc = odd_bytes_add(out, layout->names[c].data, layout->names[c].size);
        if (!rc)
            rc = add_text(out, ":");
        if (!rc)
            rc = add_json(out, cell->data, cell->size);
        if (!rc)
            rc = add_text(out, ",");
    }
    if (!rc)
        rc = odd_bytes_print(out, "\"row\":%" PRIu64, block->row[i]);
    if (!rc)
        rc = json_field(out, "score", (double)block->score[i]);
    if (!rc)
        rc = json_field(out, "p_value", block->p_value[i]);
    if (!rc)
        rc = odd_bytes_print(out, ",\"odd\":%s", block->odd[i] ? "true" : "false");
    if (layout->explain) {
        rc = rc ? rc : json_field(out, "reconstruction", (double)block->reconstruction[i]);
        rc = rc ? rc : json_field(out, "local_rarity", (double)block->local[i]);
        rc = rc ? rc : json_field(out, "global_rarity", (double)block->global[i]);
    }
    for (size_t k = 0; !rc && k < found; k++)
        rc = json_reason(layout, &reasons[k], k + 1, out);
    return rc ? rc : add_text(out, "}\n");
}

int odd_format_row(const odd_layout *layout, const odd_block *block, size_t i,
                   const odd_reason *reasons, size_t found, odd_bytes *out)
{
    return layout->format == ODD_FORMAT_CSV ? csv_row(layout, block, i, reasons, found, out)
                                            : json_row(layout, block, i, reasons, found, out);
}
