/* worker/deliver.c: a batch through the engine and into the journal, then to the feed and to those
 * who wait for an answer; what it counts. */
#include "base/clock.h"
#include "worker/parts.h"

const double odd_latency_bounds[ODD_LATENCIES] = {50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3,
                                                  10e-3, 25e-3,  50e-3,  0.1,    0.25, 1,      5};

/* ---- before the commit ---- */

static int plan(odd_worker *w, oddrow_error *err)
{
    odd_batch *b = &w->batch;
    odd_batch_list_jobs(b);
    int rc = odd_engine_run(w->use.engine, w->pool, b->jobs, b->count, w->drift, &w->lock, err);
    if (!rc)
        rc = odd_batch_plan(b, w->places, odd_journal_next(w->journal), err);
    if (rc)
        odd_places_settle(w->places, false);
    return rc;
}

static int commit(odd_worker *w, oddrow_error *err)
{
    const odd_batch *b = &w->batch;
    size_t count;
    const odd_client_place *places = odd_places_changes(w->places, &count);
    return odd_journal_commit(w->journal, b->entries, b->entry_count, places, count,
                              odd_clock_utc(), err);
}

/* ---- after the commit ---- */

static void publish(odd_worker *w)
{
    for (size_t i = 0; w->feed && i < w->batch.entry_count; i++) {
        const odd_entry *e = &w->batch.entries[i];
        /* a full queue drops the message for that subscriber alone: it sees the gap */
        odd_feed_send(w->feed, e->topic, e->sequence, e->json, false);
    }
}

bool odd_answer(odd_worker *w, odd_message *m, const odd_span *frames, size_t count)
{
    const odd_span start[] = {odd_frame_span(&m->identity), {"", 0}};
    m->answered = true;
    return !odd_frames_send(w->rows, start, 1 + (size_t)m->delimiter, true) &&
           !odd_frames_send(w->rows, frames, count, false);
}

/* Says ACK or NAK to a sent message, scores to an asked one. False: the peer is gone or does not
 * read. */
static bool answer(odd_worker *w, odd_message *m)
{
    static const char gap[] = "a gap: rows before this one have not arrived";
    unsigned char number[8];
    if (m->kind == ODD_ASKED) {
        odd_bytes_clear(&w->answer);
        return !odd_batch_answer(&w->batch, m, &w->answer) &&
               odd_answer(w, m, &(odd_span){w->answer.data, w->answer.size}, 1);
    }
    odd_put(number, 8, m->expected ? m->expected : odd_places_get(w->places, m->client_at).last);
    const odd_span frames[] = {
        {m->expected ? "NAK" : "ACK", 3}, {(const char *)number, 8}, {gap, sizeof gap - 1}};
    return odd_answer(w, m, frames, m->expected ? 3 : 2);
}

static void answer_all(odd_worker *w)
{
    uint64_t lost = 0;
    for (size_t i = 0; i < w->batch.count; i++) {
        odd_message *m = &w->batch.messages[i];
        if (m->kind != ODD_PULLED && !m->answered)
            lost += !answer(w, m);
    }
    odd_count(w, &w->counts.lost_answers, lost);
}

/* A message of which nothing could be read is one row. */
static void count_rows(odd_worker *w, const odd_message *m)
{
    odd_counts *c = &w->counts;
    const odd_decoded *d = &m->job->decoded;
    uint64_t *rows = c->rows[m->kind != ODD_PULLED];
    if (d->reject && !m->skip) {
        rows[2]++;
        c->rejects[d->reject]++;
    }
    for (size_t i = m->skip; i < d->rows; i++) {
        const odd_result *r = &m->job->results[i];
        rows[r->reject ? 2 : r->odd]++;
        if (r->reject)
            c->rejects[r->reject]++;
        else if (w->use.shadow)
            odd_shadow_add(w->compared, 1, &r->score, &r->loss, &r->odd, &r->shadow_score,
                           &r->shadow_loss, &r->shadow_odd);
    }
    if (m->expected)
        c->gaps++;
    else
        c->duplicates += m->skip;
}

static void count_all(odd_worker *w)
{
    double now = odd_clock();
    pthread_mutex_lock(&w->lock);
    odd_counts *c = &w->counts;
    for (size_t i = 0; i < w->batch.count; i++) {
        const odd_message *m = &w->batch.messages[i];
        double seconds = now - m->received;
        size_t bucket = 0;
        while (bucket < ODD_LATENCIES && seconds > odd_latency_bounds[bucket])
            bucket++;
        c->latency[bucket]++;
        c->latency_sum += seconds;
        c->messages[m->kind]++;
        count_rows(w, m);
    }
    c->batches += w->batch.count > 0;
    c->waiting = 0;
    c->published += w->batch.entry_count;
    w->journal_state.next = odd_journal_next(w->journal);
    pthread_mutex_unlock(&w->lock);
}

static void finish(odd_worker *w, bool committed)
{
    odd_places_settle(w->places, committed);
    odd_batch_clear(&w->batch);
    w->ended = odd_clock();
}

/* ---- when it fails ---- */

/* Who asked is told that there is no score. */
static void answer_failure(odd_worker *w, const char *reason)
{
    odd_bytes_clear(&w->answer);
    odd_bytes_char(&w->answer, '[');
    odd_entry_error(&w->answer, reason, 1);
    odd_bytes_char(&w->answer, ']');
    if (odd_bytes_check(&w->answer, NULL))
        return;
    const odd_span answer = {w->answer.data, w->answer.size};
    for (size_t i = 0; i < w->batch.count; i++) {
        odd_message *m = &w->batch.messages[i];
        if (m->kind == ODD_ASKED && !m->answered)
            odd_answer(w, m, &answer, 1);
    }
}

/* The journal is full or broken: the batch waits, and who asked is told. */
static void stall(odd_worker *w, const oddrow_error *err)
{
    if (!atomic_exchange(&w->stalled, true))
        odd_log_write(w->options.log, ODD_LOG_ERROR, "stalled",
                      "%s; nothing is acknowledged until it can be written", err->message);
    answer_failure(w, ODD_STALLED);
    w->tried = odd_clock();
    odd_measure_journal(w);
}

int odd_deliver(odd_worker *w, oddrow_error *err)
{
    oddrow_error failure = {0};
    pthread_mutex_lock(&w->lock);
    w->counts.waiting = w->batch.count;
    pthread_mutex_unlock(&w->lock);
    int rc = w->batch.planned ? 0 : plan(w, &failure);
    if (rc && rc != ODDROW_EIO) {
        answer_failure(w, "out of memory");
        finish(w, false);
        if (err)
            *err = failure;
        return rc;
    }
    if (rc || commit(w, &failure)) { /* a sender's place cannot be read, or nothing be written */
        stall(w, &failure);
        return 0;
    }
    if (atomic_exchange(&w->stalled, false))
        odd_log_write(w->options.log, ODD_LOG_INFO, "recovered",
                      "the journal can be written again");
    publish(w);
    answer_all(w);
    count_all(w);
    finish(w, true);
    return 0;
}
