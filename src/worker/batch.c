/* worker/batch.c: messages through the engine into the journal, then feed, answers, counts. */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "worker/parts.h"

const double odd_latency_bounds[ODD_LATENCIES] = {50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3,
                                                  10e-3, 25e-3,  50e-3,  0.1,    0.25, 1,      5};

static const char *socket_name(const odd_message *m)
{
    return m->kind == ODD_PULLED ? "pull" : "rows";
}

static odd_span client_of(odd_message *m)
{
    return (odd_span){zmq_msg_data(&m->client), zmq_msg_size(&m->client)};
}

static odd_span payload_of(odd_message *m)
{
    return (odd_span){zmq_msg_data(&m->payload), zmq_msg_size(&m->payload)};
}

/* ---- places of senders ---- */

/* The sender's place in this batch; the journal is asked once a batch. */
static int find_place(odd_worker *w, odd_message *m, oddrow_error *err)
{
    odd_span name = client_of(m);
    size_t slot = odd_hash(name.data, name.size, 0) & (w->place_slots - 1);
    for (; w->place_table[slot]; slot = (slot + 1) & (w->place_slots - 1)) {
        const odd_span *other = &w->places[w->place_table[slot] - 1].place.name;
        if (other->size == name.size && memcmp(other->data, name.data, name.size) == 0) {
            m->place = w->place_table[slot] - 1;
            return 0;
        }
    }
    odd_place *p = &w->places[w->place_count];
    *p = (odd_place){.place = {.name = name}};
    int known = odd_journal_client(w->journal, name, &p->place.highest, err);
    if (known < 0)
        return known;
    p->known = known > 0;
    m->place = w->place_count++;
    w->place_table[slot] = (uint32_t)w->place_count;
    return 0;
}

/* Holds the numbers of a sent message against the sender's place: which rows are new. A message of
 * which nothing could be read has one number. */
static int admit(odd_worker *w, odd_message *m, oddrow_error *err)
{
    size_t rows = m->job->decoded.reject ? 1 : m->job->decoded.rows;
    int rc = find_place(w, m, err);
    if (rc)
        return rc;
    odd_place *p = &w->places[m->place];
    uint64_t expected = p->known ? p->place.highest + 1 : 1;
    if (!p->known && m->first == 0)
        expected = 0; /* a sender may count from 0 */
    if (m->first > expected || m->first > UINT64_MAX - rows) {
        m->expected = expected;
        m->skip = rows;
        return 0;
    }
    uint64_t behind = expected - m->first;
    m->skip = behind < rows ? (size_t)behind : rows;
    if (m->skip < rows) {
        p->place.highest = m->first + rows - 1;
        p->known = p->changed = true;
    }
    return 0;
}

/* ---- entries ---- */

/* Adds an entry whose tail stands at the end of w->json from `start` on, or is given. */
static int add_entry(odd_worker *w, odd_topic topic, const char *time, odd_span tail)
{
    uint64_t sequence = odd_journal_next(w->journal) + w->entry_count;
    size_t start = w->json.size;
    if (w->entry_count == w->entry_capacity) {
        size_t capacity = 2 * w->entry_capacity + 1024;
        odd_entry *grown = odd_resize(w->entries, w->entry_count, capacity, sizeof *grown);
        if (!grown)
            return ODDROW_ENOMEM;
        w->entries = grown;
        w->entry_capacity = capacity;
    }
    int rc = odd_entry_head(&w->json, sequence, time);
    if (!rc)
        rc = odd_bytes_add(&w->json, tail.data, tail.size);
    if (!rc)
        w->entries[w->entry_count++] =
            (odd_entry){topic, sequence, {(const char *)(uintptr_t)start, w->json.size - start}};
    return rc;
}

static int plan_rejected(odd_worker *w, odd_message *m, odd_reject reject, const char *reason,
                         const char *time)
{
    odd_bytes tail = {0};
    odd_sender sender = {client_of(m), m->first};
    int rc = odd_entry_reject(&tail, socket_name(m), &sender, 0, reject, reason, payload_of(m));
    if (!rc)
        rc = add_entry(w, ODD_TOPIC_REJECT, time, (odd_span){tail.data, tail.size});
    odd_bytes_free(&tail);
    return rc;
}

static int plan_message(odd_worker *w, odd_message *m, const char *time, oddrow_error *err)
{
    int rc = 0;
    m->entry = w->entry_count;
    if (!m->job) {
        rc = plan_rejected(w, m, m->reject, m->reason, time);
    } else {
        const odd_decoded *d = &m->job->decoded;
        const odd_result *results = odd_engine_results(w->engine, m->job);
        if (m->kind == ODD_SENT && (rc = admit(w, m, err)))
            return rc;
        if (d->reject && !m->skip)
            rc = plan_rejected(w, m, d->reject, d->reason, time);
        for (size_t i = m->skip; !rc && i < d->rows; i++)
            if (results[i].entry)
                rc = add_entry(w, results[i].topic, time, results[i].tail);
    }
    m->entries = w->entry_count - m->entry;
    return rc == ODDROW_ENOMEM ? odd_fail(err, rc, "out of memory") : rc;
}

/* Scores the messages and writes down what is to be committed. */
static int plan(odd_worker *w, oddrow_error *err)
{
    size_t jobs = 0, bytes = 0, rows = 0;
    const char *time = w->time;
    odd_clock_text(w->time, odd_clock_utc());
    odd_bytes_clear(&w->json);
    w->entry_count = w->place_count = 0;
    memset(w->place_table, 0, w->place_slots * sizeof *w->place_table);
    for (size_t i = 0; i < w->count; i++) {
        odd_message *m = &w->messages[i];
        odd_span payload = payload_of(m);
        m->job = NULL;
        if (m->reject)
            continue;
        m->job = &w->jobs[jobs++];
        *m->job = (odd_job){.payload = payload.data,
                            .size = payload.size,
                            .client = client_of(m),
                            .first = m->first,
                            .asked = m->kind == ODD_ASKED,
                            .socket = socket_name(m)};
        bytes += payload.size;
    }
    int rc = odd_engine_run(w->engine, w->pool, w->jobs, jobs, w->drift, &w->lock, err);
    for (size_t i = 0; !rc && i < w->note_count; i++)
        rc = add_entry(w, w->notes[i].topic, time,
                       (odd_span){w->notes[i].tail.data, w->notes[i].tail.size});
    for (size_t i = 0; !rc && i < w->count; i++)
        rc = plan_message(w, &w->messages[i], time, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < w->entry_count; i++)
        w->entries[i].json.data = w->json.data + (uintptr_t)w->entries[i].json.data;
    for (size_t i = 0; i < jobs; i++)
        rows += w->jobs[i].decoded.rows;
    if (rows) /* a slow mean: what a batch is measured by while it is gathered */
        w->bytes_per_row = 0.9 * w->bytes_per_row + 0.1 * ((double)bytes / (double)rows);
    return 0;
}

static int commit(odd_worker *w, oddrow_error *err)
{
    size_t marks = 0;
    for (size_t i = 0; i < w->place_count; i++)
        if (w->places[i].changed)
            w->marks[marks++] = w->places[i].place;
    if (!marks && !w->entry_count)
        return 0;
    return odd_journal_commit(w->journal, w->entries, w->entry_count, w->marks, marks,
                              odd_clock_utc(), err);
}

/* ---- after the commit ---- */

static void publish(odd_worker *w)
{
    unsigned char number[8];
    for (size_t i = 0; w->feed && i < w->entry_count; i++) {
        const odd_entry *e = &w->entries[i];
        const char *topic = odd_topic_name(e->topic);
        odd_put64(number, e->sequence);
        /* a full queue drops the message for that subscriber alone: it sees the gap */
        zmq_send(w->feed, topic, strlen(topic), ZMQ_SNDMORE | ZMQ_DONTWAIT);
        zmq_send(w->feed, number, sizeof number, ZMQ_SNDMORE | ZMQ_DONTWAIT);
        zmq_send(w->feed, e->json.data, e->json.size, ZMQ_DONTWAIT);
    }
}

bool odd_answer(odd_worker *w, odd_message *m, const odd_span *frames, size_t count)
{
    bool sent = zmq_msg_send(&m->identity, w->rows, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0;
    if (sent && m->delimiter)
        zmq_send(w->rows, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    for (size_t i = 0; sent && i < count; i++)
        zmq_send(w->rows, frames[i].data, frames[i].size,
                 (i + 1 < count ? ZMQ_SNDMORE : 0) | ZMQ_DONTWAIT);
    m->answered = true;
    return sent;
}

static int write_answer(odd_worker *w, const odd_message *m)
{
    const odd_decoded *d = m->job ? &m->job->decoded : NULL;
    odd_bytes *out = &w->answer;
    size_t entry = m->entry;
    odd_bytes_clear(out);
    int rc = odd_bytes_add(out, "[", 1);
    if (!d || d->reject) {
        rc = rc ? rc : odd_entry_error(out, d ? d->reason : m->reason, 1);
    } else {
        const odd_result *results = odd_engine_results(w->engine, m->job);
        for (size_t i = 0; !rc && i < d->rows; i++) {
            const odd_result *r = &results[i];
            const odd_entry *e = r->entry ? &w->entries[entry++] : NULL;
            rc = i ? odd_bytes_add(out, ",", 1) : 0;
            if (rc)
                break;
            if (r->reject) {
                rc = odd_entry_error(out, r->reason, i + 1);
            } else if (e) {
                rc = odd_bytes_add(out, e->json.data, e->json.size);
            } else {
                rc = odd_entry_head(out, 0, w->time);
                rc = rc ? rc : odd_bytes_add(out, r->tail.data, r->tail.size);
            }
        }
    }
    return rc ? rc : odd_bytes_add(out, "]", 1);
}

/* What each peer of the rows socket is told. */
static void answer_all(odd_worker *w)
{
    unsigned char number[8];
    static const char gap[] = "a gap: rows before this one have not arrived";
    uint64_t lost = 0;
    for (size_t i = 0; i < w->count; i++) {
        odd_message *m = &w->messages[i];
        bool sent = true;
        if (m->kind == ODD_PULLED || m->answered)
            continue;
        if (m->kind == ODD_ASKED) {
            sent = write_answer(w, m) == 0 &&
                   odd_answer(w, m, &(odd_span){w->answer.data, w->answer.size}, 1);
        } else if (m->expected) {
            odd_put64(number, m->expected);
            odd_span frames[] = {{"NAK", 3}, {(const char *)number, 8}, {gap, sizeof gap - 1}};
            sent = odd_answer(w, m, frames, 3);
        } else {
            const odd_place *p = &w->places[m->place];
            odd_put64(number, p->known ? p->place.highest : 0);
            odd_span frames[] = {{"ACK", 3}, {(const char *)number, 8}};
            sent = odd_answer(w, m, frames, 2);
        }
        lost += !sent;
    }
    if (lost) {
        pthread_mutex_lock(&w->lock);
        w->counts.lost_answers += lost;
        pthread_mutex_unlock(&w->lock);
    }
}

/* A message of which nothing could be read is one row. */
static void count_rows(odd_worker *w, const odd_message *m)
{
    odd_counts *c = &w->counts;
    size_t at = m->kind != ODD_PULLED;
    const odd_decoded *d = m->job ? &m->job->decoded : NULL;
    bool broken = !d || d->reject;
    if (broken && !m->skip) {
        c->rows[at][2]++;
        c->rejects[d ? d->reject : m->reject]++;
    }
    const odd_result *results = broken ? NULL : odd_engine_results(w->engine, m->job);
    for (size_t i = m->skip; !broken && i < d->rows; i++) {
        const odd_result *r = &results[i];
        c->rows[at][r->reject ? 2 : r->odd]++;
        if (r->reject)
            c->rejects[r->reject]++;
        else if (w->shadow)
            odd_shadow_add(w->compared, 1, &r->score, &r->loss, &r->odd, &r->shadow_score,
                           &r->shadow_loss, &r->shadow_odd);
    }
    c->batch_rows += broken ? 0 : d->rows - m->skip;
    if (m->expected)
        c->gaps++;
    else
        c->duplicates += m->skip;
}

static void count_all(odd_worker *w, double now)
{
    pthread_mutex_lock(&w->lock);
    odd_counts *c = &w->counts;
    for (size_t i = 0; i < w->count; i++) {
        const odd_message *m = &w->messages[i];
        double seconds = now - m->received;
        size_t bucket = 0;
        while (bucket < ODD_LATENCIES && seconds > odd_latency_bounds[bucket])
            bucket++;
        c->latency[bucket]++;
        c->latency_sum += seconds;
        c->messages[m->kind]++;
        count_rows(w, m);
    }
    c->batches += w->count > 0;
    c->waiting = 0;
    c->published += w->entry_count;
    w->journal_state.next = odd_journal_next(w->journal);
    pthread_mutex_unlock(&w->lock);
}

static void clear(odd_worker *w)
{
    for (size_t i = 0; i < w->count; i++)
        odd_message_close(&w->messages[i]);
    for (size_t i = 0; i < w->note_count; i++)
        odd_bytes_free(&w->notes[i].tail);
    w->count = w->note_count = 0;
    w->gathered = 0;
    w->asked = w->planned = false;
    w->ended = odd_clock();
}

/* Who asked is told that there is no score. */
static void answer_failure(odd_worker *w, const char *reason)
{
    odd_bytes_clear(&w->answer);
    if (odd_bytes_add(&w->answer, "[", 1) || odd_entry_error(&w->answer, reason, 1) ||
        odd_bytes_add(&w->answer, "]", 1))
        return;
    const odd_span answer = {w->answer.data, w->answer.size};
    for (size_t i = 0; i < w->count; i++)
        if (w->messages[i].kind == ODD_ASKED && !w->messages[i].answered)
            odd_answer(w, &w->messages[i], &answer, 1);
}

/* The journal is full or broken: the batch waits, and who asked is told. */
static void stall(odd_worker *w, const oddrow_error *err)
{
    if (!atomic_exchange(&w->stalled, true))
        odd_log_write(w->options.log, ODD_LOG_ERROR, "stalled",
                      "%s; nothing is acknowledged until it can be written", err->message);
    answer_failure(w, ODD_STALLED);
    w->tried = odd_clock();
    pthread_mutex_lock(&w->lock);
    w->journal_state = odd_journal_state_of(w->journal);
    pthread_mutex_unlock(&w->lock);
}

int odd_batch_run(odd_worker *w, oddrow_error *err)
{
    oddrow_error failure = {0};
    pthread_mutex_lock(&w->lock);
    w->counts.waiting = w->count;
    pthread_mutex_unlock(&w->lock);
    if (!w->planned) {
        int rc = plan(w, err);
        if (rc == ODDROW_EIO) { /* a sender's place could not be read */
            stall(w, err);
            return 0;
        }
        if (rc) {
            answer_failure(w, "out of memory");
            clear(w);
            return rc;
        }
        w->planned = true;
    }
    if (commit(w, &failure)) {
        stall(w, &failure);
        return 0;
    }
    if (atomic_exchange(&w->stalled, false))
        odd_log_write(w->options.log, ODD_LOG_INFO, "recovered",
                      "the journal can be written again");
    publish(w);
    answer_all(w);
    count_all(w, odd_clock());
    clear(w);
    return 0;
}

void odd_note_add(odd_worker *w, odd_topic topic, odd_bytes *tail)
{
    if (w->note_count < ODD_NOTES) {
        w->notes[w->note_count++] = (odd_note){topic, *tail};
        *tail = (odd_bytes){0};
    }
    odd_bytes_free(tail);
}
