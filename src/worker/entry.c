/* worker/entry.c: feed entries as JSON text. */
#include "worker/entry.h"

#include "base/file.h"
#include "wire/frame.h"

void odd_entry_model(odd_bytes *out, const odd_model *model, const char *path)
{
    odd_json j = {.out = out};
    odd_json_open(&j, NULL, '{');
    odd_json_string(&j, "name", odd_path_name(path));
    odd_json_string(&j, "hash", model->hash);
    odd_json_close(&j, '}');
}

void odd_entry_head(odd_bytes *out, uint64_t sequence, const char *time)
{
    odd_json j = {.out = out};
    odd_json_open(&j, NULL, '{');
    if (sequence)
        odd_json_whole(&j, "seq", sequence);
    else
        odd_json_string(&j, "seq", NULL);
    odd_json_string(&j, "time", time);
    odd_bytes_char(out, ',');
}

static void add_sender(odd_json *j, const odd_sender *sender)
{
    if (sender->client.size) {
        odd_json_text(j, "client", sender->client);
        odd_json_whole(j, "number", sender->number);
    } else {
        odd_json_string(j, "client", NULL);
        odd_json_string(j, "number", NULL);
    }
}

static void add_why(odd_json *j, const odd_schema *schema, const odd_scored *verdict)
{
    odd_json_number(j, "reconstruction", (double)verdict->reconstruction);
    odd_json_number(j, "local_rarity", (double)verdict->local);
    odd_json_number(j, "global_rarity", (double)verdict->global);
    odd_json_open(j, "why", '[');
    for (size_t i = 0; i < verdict->found; i++) {
        const odd_reason *reason = &verdict->reasons[i];
        odd_json_open(j, NULL, '{');
        odd_json_string(j, "column", schema->columns[reason->column].name);
        odd_json_text(j, "observed", reason->observed);
        odd_json_text(j, "expected", reason->expected);
        odd_json_number(j, "surprise", (double)reason->surprise);
        odd_json_string(j, "flag", odd_flag_name(reason->flag));
        odd_json_close(j, '}');
    }
    odd_json_close(j, ']');
}

void odd_entry_row(odd_bytes *out, const odd_schema *schema, odd_span model, const odd_row *row,
                   odd_encoding encoding, const odd_sender *sender, const odd_scored *verdict)
{
    odd_json j = {.out = out};
    odd_json_raw(&j, "id", row->id);
    add_sender(&j, sender);
    odd_json_number(&j, "score", (double)verdict->score);
    odd_json_number(&j, "p_value", verdict->p_value);
    odd_json_bool(&j, "odd", verdict->odd);
    odd_json_raw(&j, "model", model);
    if (verdict->odd)
        add_why(&j, schema, verdict);
    if (odd_encoding_is_json(encoding))
        odd_json_raw(&j, "row", row->text);
    else
        odd_json_text(&j, "row", row->text);
    odd_json_close(&j, '}');
}

void odd_entry_reject(odd_bytes *out, const char *socket, const odd_sender *sender, size_t index,
                      odd_reject reject, const char *reason, odd_span excerpt)
{
    odd_json j = {.out = out};
    size_t size = excerpt.size < ODD_EXCERPT_MAX ? excerpt.size : ODD_EXCERPT_MAX;
    while (size && size < excerpt.size && ((unsigned char)excerpt.data[size] & 0xc0) == 0x80)
        size--; /* not within a character */
    odd_json_string(&j, "socket", socket);
    add_sender(&j, sender);
    if (index)
        odd_json_whole(&j, "row", index);
    odd_json_string(&j, "reason", odd_reject_name(reject));
    odd_json_string(&j, "message", reason);
    odd_json_text(&j, "excerpt", (odd_span){excerpt.data, size});
    odd_json_close(&j, '}');
}

void odd_entry_error(odd_bytes *out, const char *reason, size_t index)
{
    odd_json j = {.out = out};
    odd_json_open(&j, NULL, '{');
    odd_json_string(&j, "error", reason);
    odd_json_whole(&j, "row", index);
    odd_json_close(&j, '}');
}
