/* worker/entry.c: see entry.h. */
#include "worker/entry.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/utf8.h"
#include "model/parts.h"
#include "wire/frame.h"

/* Appends a literal; sizeof keeps strlen away from the path of every row. */
#define ADD(out, text) odd_bytes_add((out), (text), sizeof(text) - 1)

static int add_whole(odd_bytes *out, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return odd_bytes_add(out, digits + at, sizeof digits - at);
}

static int add_number(odd_bytes *out, double value)
{
    char text[ODD_NUMBER_SIZE];
    if (!isfinite(value))
        return ADD(out, "null");
    return odd_bytes_add(out, text, odd_number_format(text, value));
}

int odd_entry_number(odd_bytes *out, const char *key, double value)
{
    int rc = odd_bytes_print(out, ",\"%s\":", key);
    return rc ? rc : add_number(out, value);
}

/* ---- names ---- */

int odd_entry_names_new(const odd_model *model, const char *path, odd_entry_names *out,
                        oddrow_error *err)
{
    const odd_schema *schema = model->schema;
    const char *name = odd_path_name(path);
    *out = (odd_entry_names){.K = schema->K};
    out->columns = odd_alloc(schema->K, sizeof *out->columns);
    int rc = out->columns ? 0 : ODDROW_ENOMEM;
    if (!rc)
        rc = ADD(&out->model, "{\"name\":");
    if (!rc)
        rc = odd_json_text_add(&out->model, name, strlen(name));
    if (!rc)
        rc = odd_bytes_print(&out->model, ",\"hash\":\"%s\"}", model->hash);
    for (size_t k = 0; !rc && k < schema->K; k++)
        rc = odd_json_text_add(&out->columns[k], schema->columns[k].name,
                               strlen(schema->columns[k].name));
    return rc ? odd_fail(err, rc, "out of memory") : 0;
}

void odd_entry_names_free(odd_entry_names *names)
{
    if (!names)
        return;
    for (size_t k = 0; names->columns && k < names->K; k++)
        odd_bytes_free(&names->columns[k]);
    odd_free(names->columns);
    odd_bytes_free(&names->model);
    *names = (odd_entry_names){0};
}

/* ---- parts ---- */

int odd_entry_head(odd_bytes *out, uint64_t sequence, const char *time)
{
    int rc = ADD(out, "{\"seq\":");
    if (!rc)
        rc = sequence ? add_whole(out, sequence) : ADD(out, "null");
    if (!rc)
        rc = ADD(out, ",\"time\":\"");
    if (!rc)
        rc = odd_bytes_add(out, time, strlen(time));
    return rc ? rc : ADD(out, "\",");
}

static int add_sender(odd_bytes *out, const odd_sender *sender)
{
    if (!sender->client.size)
        return ADD(out, "\"client\":null,\"number\":null");
    int rc = ADD(out, "\"client\":");
    if (!rc)
        rc = odd_json_text_add(out, sender->client.data, sender->client.size);
    if (!rc)
        rc = ADD(out, ",\"number\":");
    return rc ? rc : add_whole(out, sender->number);
}

static int add_reason(odd_bytes *out, const odd_entry_names *names, const odd_reason *reason)
{
    const odd_bytes *name = &names->columns[reason->column];
    int rc = ADD(out, "{\"column\":");
    if (!rc)
        rc = odd_bytes_add(out, name->data, name->size);
    if (!rc)
        rc = ADD(out, ",\"observed\":");
    if (!rc)
        rc = odd_json_text_add(out, reason->observed.data, reason->observed.size);
    if (!rc)
        rc = ADD(out, ",\"expected\":");
    if (!rc)
        rc = odd_json_text_add(out, reason->expected.data, reason->expected.size);
    if (!rc)
        rc = ADD(out, ",\"surprise\":");
    if (!rc)
        rc = add_number(out, (double)reason->surprise);
    if (!rc)
        rc = odd_bytes_print(out, ",\"flag\":\"%s\"}", odd_flag_name(reason->flag));
    return rc;
}

static int add_why(odd_bytes *out, const odd_entry_names *names, const odd_scored *verdict,
                   const odd_reason *reasons, size_t found)
{
    int rc = ADD(out, ",\"reconstruction\":");
    if (!rc)
        rc = add_number(out, (double)verdict->reconstruction);
    if (!rc)
        rc = ADD(out, ",\"local_rarity\":");
    if (!rc)
        rc = add_number(out, (double)verdict->local);
    if (!rc)
        rc = ADD(out, ",\"global_rarity\":");
    if (!rc)
        rc = add_number(out, (double)verdict->global);
    if (!rc)
        rc = ADD(out, ",\"why\":[");
    for (size_t i = 0; !rc && i < found; i++) {
        rc = i ? ADD(out, ",") : 0;
        if (!rc)
            rc = add_reason(out, names, &reasons[i]);
    }
    return rc ? rc : ADD(out, "]");
}

int odd_entry_row(odd_bytes *out, const odd_entry_names *names, const odd_row *row,
                  odd_encoding encoding, const odd_sender *sender, const odd_scored *verdict,
                  const odd_reason *reasons, size_t found)
{
    int rc = ADD(out, "\"id\":");
    if (!rc)
        rc = row->id.size ? odd_bytes_add(out, row->id.data, row->id.size) : ADD(out, "null");
    if (!rc)
        rc = ADD(out, ",");
    if (!rc)
        rc = add_sender(out, sender);
    if (!rc)
        rc = ADD(out, ",\"score\":");
    if (!rc)
        rc = add_number(out, (double)verdict->score);
    if (!rc)
        rc = ADD(out, ",\"p_value\":");
    if (!rc)
        rc = add_number(out, verdict->p_value);
    if (!rc)
        rc = verdict->odd ? ADD(out, ",\"odd\":true,\"model\":")
                          : ADD(out, ",\"odd\":false,\"model\":");
    if (!rc)
        rc = odd_bytes_add(out, names->model.data, names->model.size);
    if (!rc && verdict->odd)
        rc = add_why(out, names, verdict, reasons, found);
    if (!rc)
        rc = ADD(out, ",\"row\":");
    if (!rc)
        rc = encoding == ODD_ENCODING_CSV ? odd_json_text_add(out, row->text.data, row->text.size)
                                          : odd_bytes_add(out, row->text.data, row->text.size);
    return rc ? rc : ADD(out, "}");
}

int odd_entry_reject(odd_bytes *out, const char *socket, const odd_sender *sender, size_t index,
                     odd_reject reject, const char *reason, odd_span excerpt)
{
    size_t size = excerpt.size < ODD_EXCERPT_MAX ? excerpt.size : ODD_EXCERPT_MAX;
    while (size && size < excerpt.size && ((unsigned char)excerpt.data[size] & 0xc0) == 0x80)
        size--; /* not within a character */
    int rc = odd_bytes_print(out, "\"socket\":\"%s\",", socket);
    if (!rc)
        rc = add_sender(out, sender);
    if (!rc && index)
        rc = odd_bytes_print(out, ",\"row\":%zu", index);
    if (!rc)
        rc = odd_bytes_print(out, ",\"reason\":\"%s\",\"message\":", odd_reject_name(reject));
    if (!rc)
        rc = odd_json_text_add(out, reason, strlen(reason));
    if (!rc)
        rc = ADD(out, ",\"excerpt\":");
    if (!rc)
        rc = odd_json_text_add(out, excerpt.data, size);
    return rc ? rc : ADD(out, "}");
}

int odd_entry_error(odd_bytes *out, const char *reason, size_t index)
{
    int rc = ADD(out, "{\"error\":");
    if (!rc)
        rc = odd_json_text_add(out, reason, strlen(reason));
    return rc ? rc : odd_bytes_print(out, ",\"row\":%zu}", index);
}
