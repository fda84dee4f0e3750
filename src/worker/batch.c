/* worker/batch.c: a batch from received messages to entries, places and answers. */
#include "worker/batch.h"

#include "base/error.h"
#include "base/memory.h"

/* ---- life ---- */

void odd_message_open(odd_message *m, odd_message_kind kind)
{
    *m = (odd_message){.kind = kind};
    zmq_msg_init(&m->identity);
    zmq_msg_init(&m->client);
    zmq_msg_init(&m->payload);
}

void odd_message_close(odd_message *m)
{
    zmq_msg_close(&m->identity);
    zmq_msg_close(&m->client);
    zmq_msg_close(&m->payload);
}

const char *odd_message_socket(const odd_message *m)
{
    return m->kind == ODD_PULLED ? "pull" : "rows";
}

int odd_batch_open(odd_batch *b, size_t rows, oddrow_error *err)
{
    *b = (odd_batch){.rows = rows, .bytes_per_row = 128};
    b->messages = odd_alloc(rows, sizeof *b->messages);
    b->jobs = odd_alloc(rows, sizeof *b->jobs);
    return b->messages && b->jobs ? 0 : odd_no_memory(err);
}

void odd_batch_close(odd_batch *b)
{
    odd_batch_clear(b);
    odd_bytes_free(&b->json);
    odd_free(b->messages);
    odd_free(b->jobs);
    odd_free(b->entries);
    *b = (odd_batch){0};
}

void odd_batch_clear(odd_batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        odd_message_close(&b->messages[i]);
    for (size_t i = 0; i < b->note_count; i++)
        odd_bytes_free(&b->notes[i].body);
    b->count = b->note_count = b->entry_count = 0;
    b->gathered = 0;
    b->asked = b->planned = false;
}

/* ---- gathering ---- */

bool odd_batch_full(const odd_batch *b)
{
    return b->count == b->rows || (b->count && b->gathered >= (double)b->rows);
}

odd_message *odd_batch_next(odd_batch *b, odd_message_kind kind)
{
    odd_message *m = &b->messages[b->count];
    odd_message_open(m, kind);
    return m;
}

void odd_batch_add(odd_batch *b, double now)
{
    odd_message *m = &b->messages[b->count];
    double size = (double)zmq_msg_size(&m->payload);
    m->received = now;
    if (b->count++ == 0)
        b->first_at = now;
    b->gathered += size > b->bytes_per_row ? size / b->bytes_per_row : 1;
    b->asked = b->asked || m->kind == ODD_ASKED;
}

void odd_batch_note(odd_batch *b, odd_topic topic, odd_bytes *body)
{
    if (b->note_count < ODD_NOTES && !body->failed) {
        b->notes[b->note_count++] = (odd_note){topic, *body};
        *body = (odd_bytes){0};
    }
    odd_bytes_free(body);
}

void odd_batch_list_jobs(odd_batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        odd_message *m = &b->messages[i];
        m->job = &b->jobs[i];
        b->jobs[i] = (odd_job){.payload = odd_frame_span(&m->payload),
                               .client = odd_frame_span(&m->client),
                               .first = m->first,
                               .asked = m->kind == ODD_ASKED,
                               .socket = odd_message_socket(m),
                               .refused = m->refused};
    }
}

/* ---- planning ---- */

/* Begins an entry, whose body the caller appends to b->json. The entry has an offset in place of
 * its text until all texts are there. */
static void begin_entry(odd_batch *b, uint64_t next, odd_topic topic)
{
    odd_span text = {(const char *)(uintptr_t)b->json.size, 0};
    uint64_t sequence = next + b->entry_count;
    b->entries[b->entry_count++] = (odd_entry){topic, sequence, text};
    odd_entry_head(&b->json, sequence, b->time);
}

static void add_entry(odd_batch *b, uint64_t next, odd_topic topic, odd_span body)
{
    begin_entry(b, next, topic);
    odd_bytes_span(&b->json, body);
}

/* The entry of a message that is rejected as a whole. */
static void add_reject(odd_batch *b, uint64_t next, const odd_job *job)
{
    odd_sender sender = {job->client, job->first};
    begin_entry(b, next, ODD_TOPIC_REJECT);
    odd_entry_reject(&b->json, job->socket, &sender, 0, job->decoded.reject, job->decoded.reason,
                     job->payload);
}

/* Which rows of a sent message are new. A message of which nothing could be read is one row. */
static int admit(odd_message *m, odd_places *places, oddrow_error *err)
{
    const odd_decoded *d = &m->job->decoded;
    size_t rows = d->reject ? 1 : d->rows;
    int rc = odd_places_find(places, odd_frame_span(&m->client), &m->client_at, err);
    if (rc)
        return rc;
    odd_admission a = odd_place_admit(odd_places_get(places, m->client_at), m->first, rows);
    m->skip = a.repeated;
    m->expected = a.expected;
    if (a.repeated < rows)
        odd_places_set(places, m->client_at, a.place);
    return 0;
}

static int plan_message(odd_batch *b, odd_message *m, odd_places *places, uint64_t next,
                        oddrow_error *err)
{
    const odd_job *job = m->job;
    int rc = m->kind == ODD_SENT ? admit(m, places, err) : 0;
    m->entry = b->entry_count;
    if (!rc && job->decoded.reject && !m->skip)
        add_reject(b, next, job);
    for (size_t i = m->skip; !rc && i < job->decoded.rows; i++)
        if (job->results[i].entry)
            add_entry(b, next, job->results[i].topic, job->results[i].body);
    return rc;
}

/* Room for an entry of each note, message and row, and the mean bytes of a row. */
static int measure(odd_batch *b, oddrow_error *err)
{
    size_t most = b->note_count + b->count, rows = 0, bytes = 0;
    for (size_t i = 0; i < b->count; i++) {
        rows += b->jobs[i].decoded.rows;
        bytes += b->jobs[i].payload.size;
    }
    if (rows)
        b->bytes_per_row = 0.9 * b->bytes_per_row + 0.1 * ((double)bytes / (double)rows);
    return odd_grow(&b->entries, &b->entry_capacity, most + rows, sizeof *b->entries, err);
}

int odd_batch_plan(odd_batch *b, odd_places *places, uint64_t next, oddrow_error *err)
{
    odd_clock_text(b->time, odd_clock_utc());
    odd_bytes_clear(&b->json);
    b->entry_count = 0;
    int rc = measure(b, err);
    for (size_t i = 0; !rc && i < b->note_count; i++)
        add_entry(b, next, b->notes[i].topic,
                  (odd_span){b->notes[i].body.data, b->notes[i].body.size});
    for (size_t i = 0; !rc && i < b->count; i++)
        rc = plan_message(b, &b->messages[i], places, next, err);
    if (!rc)
        rc = odd_bytes_check(&b->json, err);
    if (rc)
        return rc;
    size_t end = b->json.size;
    for (size_t i = b->entry_count; i-- > 0;) {
        odd_span *text = &b->entries[i].json;
        size_t start = (uintptr_t)text->data;
        *text = (odd_span){b->json.data + start, end - start};
        end = start;
    }
    b->planned = true;
    return 0;
}

int odd_batch_answer(const odd_batch *b, const odd_message *m, odd_bytes *out)
{
    const odd_decoded *d = &m->job->decoded;
    size_t entry = m->entry;
    odd_bytes_char(out, '[');
    if (d->reject)
        odd_entry_error(out, d->reason, 1);
    for (size_t i = 0; i < d->rows; i++) {
        const odd_result *r = &m->job->results[i];
        const odd_entry *e = r->entry ? &b->entries[entry++] : NULL;
        if (i)
            odd_bytes_char(out, ',');
        if (r->reject) {
            odd_entry_error(out, r->reason, i + 1);
        } else if (e) {
            odd_bytes_span(out, e->json);
        } else {
            odd_entry_head(out, 0, b->time);
            odd_bytes_span(out, r->body);
        }
    }
    odd_bytes_char(out, ']');
    return odd_bytes_check(out, NULL);
}
