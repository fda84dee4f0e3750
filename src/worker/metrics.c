/* worker/metrics.c: what the HTTP pages and the status entries show. */
#include <math.h>

#include "base/file.h"
#include "base/prometheus.h"
#include "worker/parts.h"

void odd_count(odd_worker *w, uint64_t *counter, uint64_t count)
{
    pthread_mutex_lock(&w->lock);
    *counter += count;
    pthread_mutex_unlock(&w->lock);
}

void odd_measure_journal(odd_worker *w)
{
    odd_journal_state state = odd_journal_state_of(w->journal);
    pthread_mutex_lock(&w->lock);
    w->journal_state = state;
    pthread_mutex_unlock(&w->lock);
}

static const char *const sockets[] = {"pull", "rows"};
static const char *const outcomes[ODD_OUTCOMES] = {"scored", "odd", "rejected"};
static const char *const kinds[] = {"pulled", "asked", "sent"};

/* A family of one sample without labels; a counter is called …_total. */
static void one(odd_prometheus *m, const char *name, double value, const char *help)
{
    odd_prometheus_family(m, name, odd_path_ends(name, "_total") ? "counter" : "gauge", help);
    odd_prometheus_sample(m, "", value, NULL);
}

static void show_rows(odd_prometheus *m, const odd_counts *c)
{
    odd_prometheus_family(
        m, "oddrow_rows_total", "counter",
        "Rows by the socket they came from and what became of them; scored: not odd");
    for (size_t s = 0; s < 2; s++)
        for (size_t o = 0; o < ODD_OUTCOMES; o++)
            odd_prometheus_sample(m, "", (double)c->rows[s][o], "socket", sockets[s], "outcome",
                                  outcomes[o], NULL);
    odd_prometheus_family(m, "oddrow_rejects_total", "counter",
                          "Rows and messages rejected, by reason");
    for (odd_reject r = ODD_REJECT_EMPTY; r < ODD_REJECTS; r++)
        odd_prometheus_sample(m, "", (double)c->rejects[r], "reason", odd_reject_name(r), NULL);
    odd_prometheus_family(m, "oddrow_messages_total", "counter", "Messages by how they came");
    for (size_t k = 0; k < 3; k++)
        odd_prometheus_sample(m, "", (double)c->messages[k], "kind", kinds[k], NULL);
    one(m, "oddrow_duplicate_rows_total", (double)c->duplicates,
        "Sent rows that were safe before: acknowledged, not scored again");
    one(m, "oddrow_gaps_total", (double)c->gaps, "Sent messages refused for a gap (NAK)");
    one(m, "oddrow_lost_answers_total", (double)c->lost_answers,
        "Answers to peers that were gone or did not read");
    one(m, "oddrow_refused_total", (double)c->refused_stalled,
        "Messages not taken while the journal could not be written");
    one(m, "oddrow_batches_total", (double)c->batches, "Batches scored");
    one(m, "oddrow_published_total", (double)c->published, "Entries put into the feed");
}

static void show_latency(odd_prometheus *m, const odd_counts *c)
{
    uint64_t sum = 0;
    odd_prometheus_family(m, "oddrow_latency_seconds", "histogram",
                          "Seconds from the receipt of a message to the publication of its rows");
    for (size_t i = 0; i <= ODD_LATENCIES; i++) {
        char bound[32] = "+Inf";
        sum += c->latency[i];
        if (i < ODD_LATENCIES)
            snprintf(bound, sizeof bound, "%g", odd_latency_bounds[i]);
        odd_prometheus_sample(m, "_bucket", (double)sum, "le", bound, NULL);
    }
    odd_prometheus_sample(m, "_sum", c->latency_sum, NULL);
    odd_prometheus_sample(m, "_count", (double)sum, NULL);
}

static void show_journal(odd_prometheus *m, const odd_worker *w)
{
    const odd_journal_state *j = &w->journal_state;
    one(m, "oddrow_feed_sequence", (double)(j->next - 1),
        "Sequence number of the newest entry of the feed");
    one(m, "oddrow_feed_oldest_sequence", (double)j->oldest,
        "Sequence number of the oldest entry that replay has");
    one(m, "oddrow_feed_subscriptions", (double)w->counts.subscribers,
        "Subscriptions of the feed at present");
    one(m, "oddrow_journal_bytes", (double)j->bytes, "Size of the journal, WAL included");
    one(m, "oddrow_journal_commits_total", (double)j->commits, "Transactions committed");
    one(m, "oddrow_journal_failures_total", (double)j->failures,
        "Transactions that failed, and were or will be tried again");
    one(m, "oddrow_journal_commit_seconds_total", j->commit_seconds, "Seconds spent in commits");
    one(m, "oddrow_journal_last_commit_seconds", j->last_commit_seconds,
        "Seconds of the last commit");
    one(m, "oddrow_journal_stalled", atomic_load(&w->stalled),
        "1 while the journal cannot be written and nothing is acknowledged");
    one(m, "oddrow_queue_messages", (double)w->counts.waiting,
        "Messages received and not finished");
}

static void show_model(odd_prometheus *m, const odd_worker *w)
{
    odd_prometheus_family(m, "oddrow_model_info", "gauge",
                          "The models in use, by their content hash");
    for (int shadow = 0; shadow < 2; shadow++) {
        const odd_engine *e = shadow ? w->use.shadow : w->use.engine;
        if (!e)
            continue;
        odd_prometheus_sample(m, "", 1, "role", shadow ? "shadow" : "model", "name",
                              odd_path_name(odd_engine_path(e)), "hash", odd_engine_model(e)->hash,
                              NULL);
    }
    one(m, "oddrow_reloads_total", (double)w->counts.reloads, "Models loaded again");
    one(m, "oddrow_failed_reloads_total", (double)w->counts.failed_reloads,
        "Models that could not be loaded; the old one stayed");
    one(m, "oddrow_start_time_seconds", (double)w->counts.started,
        "Start of the worker, seconds since 1970");
    one(m, "oddrow_draining", atomic_load(&w->draining), "1 while the worker ends");
}

static void show_shadow(odd_prometheus *m, const odd_shadow_report *r)
{
    one(m, "oddrow_shadow_rows_total", (double)r->rows, "Rows scored by both models");
    one(m, "oddrow_shadow_rank_correlation", r->rank_correlation,
        "Spearman's, of the scores of the last 4096 rows");
    one(m, "oddrow_shadow_overlap", r->overlap,
        "Rows that both models call odd, of those that either does");
    odd_prometheus_family(m, "oddrow_shadow_mean_loss", "gauge", "Mean reconstruction loss");
    odd_prometheus_sample(m, "", r->mean_loss, "role", "model", NULL);
    odd_prometheus_sample(m, "", r->shadow_mean_loss, "role", "shadow", NULL);
}

static void show_drift(odd_prometheus *m, const odd_worker *w)
{
    static const char *const families[][2] = {
        {"oddrow_drift_psi", "Population stability index of the last rows"},
        {"oddrow_drift_unseen", "Share of cells unseen or out of range"},
        {"oddrow_drift_missing", "Share of cells missing or unparsed"},
        {"oddrow_drifting", "1 while a column is beyond a bound"}};
    for (size_t f = 0; f < 4; f++) {
        odd_prometheus_family(m, families[f][0], "gauge", families[f][1]);
        for (size_t k = 0; k < odd_engine_model(w->use.engine)->schema->K; k++) {
            odd_drift_column c = odd_drift_column_of(w->drift, k);
            const double values[] = {c.psi, c.unseen, c.missing, c.drifting};
            if (c.measured)
                odd_prometheus_sample(m, "", values[f], "column", c.name, NULL);
        }
    }
}

static void show_clients(odd_prometheus *m, odd_worker *w)
{
    odd_auth_counts a = odd_auth_counts_of(w->auth);
    odd_prometheus_family(m, "oddrow_handshakes_total", "counter",
                          "Connections, by what became of them");
    odd_prometheus_sample(m, "", (double)a.allowed, "outcome", "allowed", NULL);
    odd_prometheus_sample(m, "", (double)a.unlisted, "outcome", "unlisted", NULL);
    odd_prometheus_sample(m, "", (double)a.failed, "outcome", "failed", NULL);
    one(m, "oddrow_listed_clients", (double)a.clients, "Keys on the allow list");
    if (!w->replay)
        return;
    odd_replay_counts r = odd_replay_counts_of(w->replay);
    one(m, "oddrow_replay_requests_total", (double)r.requests, "Replays asked for");
    one(m, "oddrow_replay_messages_total", (double)r.messages, "Entries replayed");
    one(m, "oddrow_replay_refused_total", (double)r.refused, "Replays refused or given up");
}

void odd_worker_metrics(odd_worker *w, odd_bytes *out)
{
    odd_prometheus m = {.out = out};
    odd_shadow_report report = {0};
    pthread_mutex_lock(&w->lock);
    bool shadow = w->use.shadow != NULL;
    show_rows(&m, &w->counts);
    show_latency(&m, &w->counts);
    show_journal(&m, w);
    show_model(&m, w);
    show_drift(&m, w);
    if (shadow)
        report = odd_shadow_report_of(w->compared);
    pthread_mutex_unlock(&w->lock);
    if (shadow)
        show_shadow(&m, &report);
    show_clients(&m, w);
}

void odd_worker_models(odd_worker *w, odd_bytes *out)
{
    odd_json j = {.out = out};
    pthread_mutex_lock(&w->lock);
    odd_json_open(&j, NULL, '{');
    odd_json_raw(&j, "model", odd_engine_identity(w->use.engine));
    if (w->use.shadow)
        odd_json_raw(&j, "shadow", odd_engine_identity(w->use.shadow));
    odd_json_close(&j, '}');
    pthread_mutex_unlock(&w->lock);
    odd_bytes_char(out, '\n');
}

const char *odd_worker_unready(odd_worker *w)
{
    if (atomic_load(&w->draining) || atomic_load(&w->stop))
        return "draining";
    if (atomic_load(&w->stalled))
        return "the journal cannot be written";
    return NULL;
}

/* ---- status entries ---- */

static void add_shadow(odd_worker *w, odd_json *j)
{
    odd_shadow_report r = odd_shadow_report_of(w->compared);
    odd_json_open(j, "shadow", '{');
    odd_json_whole(j, "rows", r.rows);
    odd_json_number(j, "rank_correlation", r.rank_correlation);
    odd_json_number(j, "overlap", r.overlap);
    odd_json_number(j, "mean_loss", r.mean_loss);
    odd_json_number(j, "shadow_mean_loss", r.shadow_mean_loss);
    odd_json_raw(j, "model", odd_engine_identity(w->use.shadow));
    odd_json_close(j, '}');
}

void odd_status(odd_worker *w, odd_log_level level, const char *event, const char *message)
{
    odd_bytes body = {0};
    odd_json j = {.out = &body};
    uint64_t(*rows)[ODD_OUTCOMES] = w->counts.rows;
    odd_log_write(w->options.log, level, event, "%s", message ? message : "");
    pthread_mutex_lock(&w->lock);
    odd_json_string(&j, "event", event);
    odd_json_string(&j, "message", message);
    odd_json_raw(&j, "model", odd_engine_identity(w->use.engine));
    odd_json_whole(&j, "scored", rows[0][0] + rows[0][1] + rows[1][0] + rows[1][1]);
    odd_json_whole(&j, "odd", rows[0][1] + rows[1][1]);
    odd_json_whole(&j, "rejected", rows[0][2] + rows[1][2]);
    if (w->use.shadow)
        add_shadow(w, &j);
    pthread_mutex_unlock(&w->lock);
    odd_json_close(&j, '}');
    odd_batch_note(&w->batch, ODD_TOPIC_STATUS, &body);
}
