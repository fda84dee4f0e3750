/* worker/engine.c: messages decoded, scored and turned into entries, a run of them per thread. */
#include "worker/engine.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "score/scorer.h"

enum { BLOCK = 256 };

/* A thread's own. */
typedef struct slice {
    odd_decoder *decoder;
    odd_rows *batch;
    odd_scratch *scratch;
    odd_explainer *explainer;
    odd_scores scores;   /* of the block in hand */
    odd_bytes out;       /* bodies */
    odd_result *results; /* of all rows of the run, in order */
    size_t results_capacity;
    size_t first, count; /* jobs of this run */
    int rc;
    oddrow_error err;
} slice;

struct odd_engine {
    char *path;
    odd_model *model;
    odd_scorer *scorer;
    odd_encoder *encoder;
    odd_bytes identity; /* see odd_entry_model */
    odd_engine_options options;
    double alerts;
    odd_engine *shadow; /* borrowed */
    slice *slices;      /* (options.threads) */
    /* of the run under way */
    odd_job *jobs;
    odd_drift *drift;
    pthread_mutex_t *lock;
};

/* ---- life ---- */

static int slice_new(odd_engine *e, slice *s, oddrow_error *err)
{
    const odd_schema *schema = e->model->schema;
    int rc;
    if (!(rc = odd_decoder_new(schema, e->options.max_message, &s->decoder, err)) &&
        !(rc = odd_rows_new(schema, BLOCK, true, &s->batch, err)) &&
        !(rc = odd_scratch_new(e->scorer, BLOCK, false, &s->scratch, err)))
        rc = odd_explainer_new(s->scratch, e->options.explain, &s->explainer, err);
    return rc;
}

static void slice_free(slice *s)
{
    odd_decoder_free(&s->decoder);
    odd_rows_free(&s->batch);
    odd_explainer_free(&s->explainer);
    odd_scratch_free(&s->scratch);
    odd_free(s->results);
    odd_bytes_free(&s->out);
}

/* The rows of the wire have their cells in schema order: the header is the schema's names. */
static int bind(odd_engine *e, oddrow_error *err)
{
    const odd_schema *schema = e->model->schema;
    const char **names = odd_alloc(schema->K, sizeof *names);
    if (!names)
        return odd_no_memory(err);
    for (size_t k = 0; k < schema->K; k++)
        names[k] = schema->columns[k].name;
    int rc = odd_encoder_new(schema, names, schema->K, &e->encoder, err);
    odd_free(names);
    return rc;
}

int odd_engine_load(const char *path, const odd_engine_options *options, odd_engine **out,
                    oddrow_error *err)
{
    odd_engine *e = odd_alloc(1, sizeof *e);
    *out = e;
    if (!e)
        return odd_no_memory(err);
    e->options = *options;
    e->path = odd_copy(path, strlen(path));
    e->slices = odd_alloc(options->threads, sizeof *e->slices);
    int rc = e->path && e->slices ? 0 : odd_no_memory(err);
    if (!rc && !(rc = odd_model_load(path, &e->model, err)) &&
        !(rc = odd_scorer_new(&e->model->verdict, false, &e->scorer, err)) &&
        !(rc = bind(e, err))) {
        odd_entry_model(&e->identity, e->model, path);
        rc = odd_bytes_check(&e->identity, err);
    }
    for (size_t i = 0; !rc && i < options->threads; i++)
        rc = slice_new(e, &e->slices[i], err);
    if (rc)
        odd_engine_free(out);
    else
        e->alerts = options->alerts > 0 ? options->alerts : e->model->verdict.alerts;
    return rc;
}

void odd_engine_free(odd_engine **engine)
{
    if (!engine || !*engine)
        return;
    odd_engine *e = *engine;
    for (size_t i = 0; e->slices && i < e->options.threads; i++)
        slice_free(&e->slices[i]);
    odd_free(e->slices);
    odd_bytes_free(&e->identity);
    odd_encoder_free(&e->encoder);
    odd_scorer_free(&e->scorer);
    odd_model_free(&e->model);
    odd_free(e->path);
    odd_free(e);
    *engine = NULL;
}

const odd_model *odd_engine_model(const odd_engine *e)
{
    return e->model;
}

const char *odd_engine_path(const odd_engine *e)
{
    return e->path;
}

odd_span odd_engine_identity(const odd_engine *e)
{
    return (odd_span){e->identity.data, e->identity.size};
}

void odd_engine_set_shadow(odd_engine *e, odd_engine *shadow)
{
    e->shadow = shadow;
}

int odd_engine_compare(const odd_engine *e, const odd_engine *other, oddrow_error *err)
{
    const odd_schema *a = e->model->schema, *b = other->model->schema;
    if (a->K != b->K)
        return odd_fail(err, ODDROW_ESCHEMA, "%s has %zu columns where the model in use has %zu",
                        other->path, b->K, a->K);
    for (size_t k = 0; k < a->K; k++) {
        const odd_column *p = &a->columns[k], *q = &b->columns[k];
        if (strcmp(p->name, q->name) != 0)
            return odd_fail(err, ODDROW_ESCHEMA,
                            "%s has the column '%s' where the model in use has '%s'", other->path,
                            q->name, p->name);
        if (p->kind != q->kind)
            return odd_fail(err, ODDROW_ESCHEMA,
                            "column '%s' is %s in %s and %s in the model in use", p->name,
                            odd_kind_name(q->kind), other->path, odd_kind_name(p->kind));
    }
    return 0;
}

/* ---- one slice ---- */

static void score(const odd_engine *e, slice *s, const odd_span *cells, size_t n)
{
    odd_encode(e->encoder, cells, n, s->batch);
    s->scores = odd_scratch_score(s->scratch, s->batch, ODD_SCORE_BOTH);
}

/* Scores the block of good rows that begins with row `first`, by the shadow too. */
static void score_block(odd_engine *e, slice *s, size_t first)
{
    size_t good;
    const odd_span *cells = odd_decoder_cells(s->decoder, &good) + first * e->model->schema->K;
    size_t n = good - first < BLOCK ? good - first : BLOCK;
    score(e, s, cells, n);
    if (e->drift) {
        pthread_mutex_lock(e->lock);
        odd_drift_add(e->drift, s->batch, n);
        pthread_mutex_unlock(e->lock);
    }
    if (e->shadow)
        score(e->shadow, &e->shadow->slices[s - e->slices], cells, n);
}

/* Appends the entry of a row of the block just scored, row i of it. */
static int add_entry(odd_engine *e, slice *s, const odd_row *row, odd_encoding encoding,
                     const odd_sender *sender, bool odd, oddrow_error *err)
{
    size_t good, i = row->good % BLOCK;
    const odd_span *cells = odd_decoder_cells(s->decoder, &good) + row->good * e->model->schema->K;
    odd_reasons reasons = {0};
    int rc = 0;
    if (odd && e->options.explain)
        rc = odd_explain(s->explainer, e->encoder, i, cells, &reasons, err);
    odd_scored verdict = {.score = s->scores.score[i],
                          .reconstruction = s->scores.part[ODD_PART_RECONSTRUCTION][i],
                          .local = s->scores.part[ODD_PART_LOCAL][i],
                          .global = s->scores.part[ODD_PART_GLOBAL][i],
                          .p_value = s->scores.p_value[i],
                          .odd = odd,
                          .reasons = reasons.items,
                          .found = reasons.count};
    if (!rc)
        odd_entry_row(&s->out, e->model->schema, odd_engine_identity(e), row, encoding, sender,
                      &verdict);
    return rc;
}

/* Row `at` of a job. A body has its offset in place of its bytes until all are there. */
static int take(odd_engine *e, slice *s, const odd_job *job, const odd_row *row, size_t at,
                oddrow_error *err)
{
    odd_result *result = &s->results[job->decoded.first + at];
    odd_sender sender = {job->client, job->first + at};
    size_t start = s->out.size, i = row->good % BLOCK;
    int rc = 0;
    if (row->reject) {
        *result = (odd_result){
            .reject = row->reject, .topic = ODD_TOPIC_REJECT, .entry = true, .reason = row->reason};
        odd_entry_reject(&s->out, job->socket, &sender, at + 1, row->reject, row->reason,
                         row->text);
    } else {
        if (i == 0)
            score_block(e, s, row->good);
        bool odd = s->scores.p_value[i] < e->alerts;
        *result = (odd_result){.odd = odd,
                               .topic = odd ? ODD_TOPIC_ODD : ODD_TOPIC_SCORE,
                               .entry = odd || e->options.publish_all,
                               .score = s->scores.score[i],
                               .loss = s->scores.loss[i]};
        if (e->shadow) {
            const slice *other = &e->shadow->slices[s - e->slices];
            result->shadow_score = other->scores.score[i];
            result->shadow_loss = other->scores.loss[i];
            result->shadow_odd = other->scores.p_value[i] < e->shadow->alerts;
        }
        if (result->entry || job->asked)
            rc = add_entry(e, s, row, job->decoded.encoding, &sender, odd, err);
    }
    result->body = (odd_span){(const char *)(uintptr_t)start, s->out.size - start};
    return rc;
}

static int run_slice(odd_engine *e, slice *s, oddrow_error *err)
{
    size_t count;
    odd_job *jobs = e->jobs + s->first;
    odd_decoder_clear(s->decoder);
    odd_bytes_clear(&s->out);
    int rc = 0;
    for (size_t j = 0; !rc && j < s->count; j++)
        if (jobs[j].refused)
            jobs[j].decoded = (odd_decoded){.reject = ODD_REJECT_FRAMES, .reason = jobs[j].refused};
        else
            rc = odd_decode(s->decoder, jobs[j].payload, &jobs[j].decoded, err);
    const odd_row *rows = odd_decoder_rows(s->decoder, &count);
    if (!rc)
        rc = odd_grow(&s->results, &s->results_capacity, count, sizeof *s->results, err);
    for (size_t j = 0; !rc && j < s->count; j++)
        for (size_t at = 0; !rc && at < jobs[j].decoded.rows; at++)
            rc = take(e, s, &jobs[j], &rows[jobs[j].decoded.first + at], at, err);
    if (!rc)
        rc = odd_bytes_check(&s->out, err);
    for (size_t i = 0; !rc && s->out.size && i < count; i++)
        s->results[i].body.data = s->out.data + (uintptr_t)s->results[i].body.data;
    for (size_t j = 0; !rc && j < s->count; j++)
        jobs[j].results = s->results + jobs[j].decoded.first;
    return rc;
}

static void work(void *context, size_t index, size_t thread)
{
    odd_engine *e = context;
    slice *s = &e->slices[index];
    (void)thread;
    s->rc = run_slice(e, s, &s->err);
}

/* ---- all slices ---- */

/* Gives each slice a run of jobs of about the same bytes; few bytes are one thread's work. */
static size_t share_out(odd_engine *e, size_t count)
{
    enum { LEAST = 64 << 10, OVERHEAD = 32 };
    size_t total = 0, slices = e->options.threads, at = 0, used = 0;
    for (size_t i = 0; i < count; i++)
        total += e->jobs[i].payload.size + OVERHEAD;
    if (slices > 1 + total / LEAST)
        slices = 1 + total / LEAST;
    while (at < count && used < slices) {
        size_t want = total / (slices - used), got = 0;
        slice *s = &e->slices[used];
        s->first = at;
        while (at < count && (got < want || used + 1 == slices))
            got += e->jobs[at++].payload.size + OVERHEAD;
        s->count = at - s->first;
        total -= got;
        used++;
    }
    return used;
}

int odd_engine_run(odd_engine *e, odd_pool *pool, odd_job *jobs, size_t count, odd_drift *drift,
                   pthread_mutex_t *lock, oddrow_error *err)
{
    e->jobs = jobs;
    e->drift = drift;
    e->lock = lock;
    size_t slices = share_out(e, count);
    odd_pool_run(pool, slices, work, e);
    for (size_t i = 0; i < slices; i++)
        if (e->slices[i].rc)
            return odd_fail(err, e->slices[i].rc, "%s", e->slices[i].err.message);
    return 0;
}
