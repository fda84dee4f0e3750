/* worker/drift.c: bins of the training rows, and the rows of a sliding window counted in them. */
#include "worker/drift.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define PARTS 10       /* a window has */
#define COMMONEST 20   /* values with a bin of their own */
#define TARGET_BINS 10 /* numeric */
#define MOST_BINS 21   /* of any column: see cut_numbers; COMMONEST + 1 */
#define LEAST_STEPS 4  /* a numeric bin holds so many steps between quantiles at least */
#define SMOOTHING 0.5  /* added to each bin's count */
#define STEPS (ODD_QUANTILES - 1)
#define TILE 256 /* rows counted at once */

/* The counters of a column, in this order. */
enum { MISSING, UNSEEN, BINS };

struct column {
    odd_drift_column state;
    size_t first;        /* its counters, shares and edges start here */
    size_t bins;         /* 0: no PSI */
    double trained;      /* training cells with a value */
    uint8_t *counter_of; /* categorical: (V) counter of an id */
};

struct odd_drift {
    const odd_schema *schema;
    odd_drift_options options;
    struct column *columns; /* (K) */
    size_t counters;        /* of a part: S */
    uint32_t *counts;       /* (PARTS + 1, S) completed parts and the one being filled */
    double *share;          /* (S) training share of each bin */
    float *edge;            /* (S) lowest scaled value of each numeric bin but the first */
    size_t part_rows;
    size_t part, filled; /* the one being filled, and rows in it */
    size_t completed;    /* parts, at most PARTS */
    bool fresh;          /* a part was completed since the last check */
};

/* ---- what training looked like ---- */

/* Values of a numeric column between neighbouring cuts; a cut lies between unequal quantiles, so
 * that equal values stay together. In steps between quantiles, 256 in all. */
struct cells {
    size_t count;
    double end[STEPS + 1]; /* end[i]: steps below cut i, the end of cell i; the last is 256 */
    float edge[STEPS];     /* scaled value of cut i */
};

/* Below a cut between quantiles j - 1 and j lie between j - 1 and j steps. */
static void find_cells(const odd_scaler *scaler, struct cells *cells)
{
    const double *q = odd_scaler_quantiles(scaler);
    cells->count = 0;
    for (size_t j = 1; j <= STEPS; j++) {
        if (q[j] <= q[j - 1])
            continue;
        float edge = odd_scaler_apply(scaler, q[j - 1] + (q[j] - q[j - 1]) / 2);
        /* scaled values of the ends are clipped: some cuts cannot be told from a quantile */
        if (odd_scaler_apply(scaler, q[j - 1]) < edge && edge <= odd_scaler_apply(scaler, q[j])) {
            cells->edge[cells->count] = edge;
            cells->end[cells->count++] = (double)j - 0.5;
        }
    }
    cells->end[cells->count++] = STEPS;
}

static double start_of(const struct cells *cells, size_t i)
{
    return i ? cells->end[i - 1] : 0;
}

/* The size of an even bin, once the cells that are larger have bins of their own. */
static double even_size(const struct cells *cells)
{
    double size = (double)STEPS / TARGET_BINS;
    for (size_t known = 0;;) {
        size_t heavy = 0;
        double light = STEPS;
        for (size_t i = 0; i < cells->count; i++) {
            double steps = cells->end[i] - start_of(cells, i);
            heavy += steps >= size;
            light -= steps >= size ? steps : 0;
        }
        if (heavy == known || heavy >= TARGET_BINS)
            return size;
        known = heavy;
        size = fmax(LEAST_STEPS, light / (double)(TARGET_BINS - heavy));
    }
}

/* Cuts cells first .. last - 1 into bins of about `size`; end[b] is the cell behind bin b. */
static size_t cut_evenly(const struct cells *cells, size_t first, size_t last, double size,
                         size_t *end)
{
    double from = start_of(cells, first), steps = cells->end[last - 1] - from;
    size_t bins = 0, wanted = (size_t)fmax(1, floor(steps / size + 0.5));
    for (size_t b = 1; b <= wanted && first < last; b++) {
        double goal = from + steps * (double)b / (double)wanted;
        while (first + 1 < last &&
               (b == wanted || goal - cells->end[first] > cells->end[first + 1] - goal))
            first++;
        end[bins++] = ++first;
    }
    return bins;
}

/* Bins of a numeric column: a cell of a heavy tie is one, what lies between is cut evenly, or goes
 * to the neighbour where it is next to nothing. With H heavy ties there are at most H + 1 stretches
 * between them, the even bins number TARGET_BINS - H, and rounding adds one a stretch at most;
 * the stretches hold a bin's size or are few: no more than MOST_BINS. */
static size_t cut_numbers(const odd_column *c, double *share, float *edge)
{
    struct cells cells;
    size_t end[STEPS + 1], bins = 0;
    find_cells(&c->scaler, &cells);
    double size = even_size(&cells);
    for (size_t i = 0, stop; i < cells.count; i = stop) {
        stop = i;
        while (stop < cells.count && cells.end[stop] - start_of(&cells, stop) < size)
            stop++;
        if (stop == i || (i == 0 && stop < cells.count && cells.end[stop - 1] < LEAST_STEPS))
            end[bins++] = ++stop;
        else if (bins && cells.end[stop - 1] - start_of(&cells, i) < LEAST_STEPS)
            end[bins - 1] = stop;
        else
            bins += cut_evenly(&cells, i, stop, size, end + bins);
    }
    assert(bins <= MOST_BINS);
    for (size_t b = 0; b < bins; b++) {
        double from = b ? cells.end[end[b - 1] - 1] : 0;
        share[b] = (cells.end[end[b] - 1] - from) / STEPS;
        edge[b] = b ? cells.edge[end[b - 1] - 1] : -INFINITY;
    }
    return bins;
}

/* Share of rows whose text would have had no entry had the row been left out of training. That is
 * so for folded texts; for the kept ones of the lowest count m, if m is the limit (known of 1;
 * believed where more than m kept texts have it); and for those of m + 1 as far as they would then
 * have competed with folded texts of count m, of which there are at most so many as the folded
 * texts' cells allow when each has one cell at least. */
static double left_out(const odd_vocabulary *v, double rows)
{
    double lowest = INFINITY, texts = 0, next = 0, kept = 0;
    double folded = v->rare_id ? (double)v->counts[v->rare_id] : 0;
    for (uint32_t id = 1; id < v->size; id++) {
        double count = (double)v->counts[id];
        if (id == v->missing_id || id == v->rare_id || count == 0)
            continue;
        kept++;
        if (count < lowest) {
            next = count + 1 == lowest ? texts : 0;
            texts = 0;
            lowest = count;
        }
        texts += count == lowest;
        next += count == lowest + 1;
    }
    if (rows == 0 || kept == 0 || (lowest > 1 && (folded == 0 || texts <= lowest)))
        return rows > 0 ? folded / rows : 0;
    double rivals = folded / lowest, distinct = (double)v->distinct - kept;
    if (lowest > 1 && distinct > 0)
        rivals = fmin(rivals, fmax(0, folded - distinct) / (lowest - 1));
    double unseen = folded + lowest * texts + (lowest + 1) * next * rivals / (rivals + texts);
    return fmin(1, unseen / rows);
}

/* Bins of a categorical column: entries stand by falling count. */
static int cut_texts(const odd_column *c, struct column *own, double *share, oddrow_error *err)
{
    const odd_vocabulary *v = c->vocabulary;
    size_t rest = 0;
    double rows = 0;
    own->counter_of = odd_alloc(v->size, 1);
    if (!own->counter_of)
        return odd_no_memory(err);
    for (uint32_t id = 1; id < v->size && rest < COMMONEST; id++)
        if (id != v->missing_id && id != v->rare_id)
            own->counter_of[id] = (uint8_t)(BINS + rest++);
    for (uint32_t id = 0; id < v->size; id++) {
        double count = (double)v->counts[id];
        rows += count;
        if (id != v->missing_id || id == 0) {
            own->trained += count;
            if (!own->counter_of[id])
                own->counter_of[id] = (uint8_t)(BINS + rest);
            share[own->counter_of[id] - BINS] += count;
        }
    }
    own->bins = own->trained > 0 ? rest + 1 : 0;
    for (size_t b = 0; b < own->bins; b++)
        share[b] /= own->trained;
    own->state.trained_unseen = left_out(v, rows);
    return 0;
}

/* The trend of a column whose values move on with time says nothing. */
static bool has_number_bins(const odd_column *c)
{
    return odd_kind_is_number(c->kind) && !odd_kind_moves_on(c->kind);
}

/* Counters that a column may need. */
static size_t counters_of(const odd_column *c)
{
    if (odd_kind_is_category(c->kind))
        return BINS + (c->vocabulary->size < MOST_BINS ? c->vocabulary->size : MOST_BINS);
    return has_number_bins(c) ? BINS + MOST_BINS : odd_kind_is_input(c->kind) ? BINS : 0;
}

static int learn(odd_drift *d, size_t k, oddrow_error *err)
{
    const odd_column *c = d->schema->columns + k;
    struct column *own = d->columns + k;
    double rows = (double)d->schema->rows, *share = d->share + own->first + BINS;
    int rc = 0;
    own->state.name = c->name;
    own->state.measured = odd_kind_is_input(c->kind);
    if (own->state.measured && rows > 0)
        own->state.trained_missing = ((double)c->missing + (double)c->unparsed) / rows;
    if (odd_kind_is_category(c->kind))
        rc = cut_texts(c, own, share, err);
    if (has_number_bins(c)) {
        own->trained = (double)c->count;
        own->bins = cut_numbers(c, share, d->edge + own->first + BINS);
    }
    if (c->differing && rows > 0)
        own->state.trained_unseen = (double)c->differing / rows;
    for (size_t b = 0; b < own->bins; b++)
        share[b] =
            (share[b] * own->trained + SMOOTHING) / (own->trained + SMOOTHING * (double)own->bins);
    return rc;
}

static int take_options(odd_drift *d, const odd_drift_options *options, oddrow_error *err)
{
    odd_drift_options o = options ? *options : (odd_drift_options){0};
    o.window = o.window ? o.window : 10000;
    o.psi = o.psi != 0 ? o.psi : 0.25;
    o.share = o.share != 0 ? o.share : 0.05;
    o.clear = o.clear != 0 ? o.clear : 0.8;
    if (o.window > UINT32_MAX)
        return odd_fail(err, ODDROW_EINVAL, "a drift window of %zu rows: at most 4294967295",
                        o.window);
    if (!(o.psi > 0 && o.share > 0 && o.clear > 0 && o.clear <= 1))
        return odd_fail(err, ODDROW_EINVAL,
                        "drift bounds are above 0, the share to clear is at most 1, not "
                        "%g, %g and %g",
                        o.psi, o.share, o.clear);
    d->options = o;
    d->part_rows = (o.window + PARTS - 1) / PARTS;
    return 0;
}

static int allocate(odd_drift *d, oddrow_error *err)
{
    size_t K = d->schema->K;
    d->columns = odd_alloc(K, sizeof *d->columns);
    for (size_t k = 0; d->columns && k < K; k++) {
        d->columns[k].first = d->counters;
        d->counters += counters_of(d->schema->columns + k);
    }
    d->counts = odd_alloc(d->counters, (PARTS + 1) * sizeof *d->counts);
    d->share = odd_alloc(d->counters + BINS, sizeof *d->share); /* the last may have no bins */
    d->edge = odd_alloc(d->counters + BINS, sizeof *d->edge);
    return d->columns && d->counts && d->share && d->edge ? 0 : odd_no_memory(err);
}

int odd_drift_new(const odd_schema *schema, const odd_drift_options *options, odd_drift **out,
                  oddrow_error *err)
{
    odd_drift *d = odd_alloc(1, sizeof *d);
    *out = d;
    if (!d)
        return odd_no_memory(err);
    d->schema = schema;
    int rc = take_options(d, options, err);
    if (!rc)
        rc = allocate(d, err);
    for (size_t k = 0; !rc && k < schema->K; k++)
        rc = learn(d, k, err);
    if (rc)
        odd_drift_free(out);
    return rc;
}

void odd_drift_free(odd_drift **d)
{
    if (!d || !*d)
        return;
    for (size_t k = 0; (*d)->columns && k < (*d)->schema->K; k++)
        odd_free((*d)->columns[k].counter_of);
    odd_free((*d)->columns);
    odd_free((*d)->counts);
    odd_free((*d)->share);
    odd_free((*d)->edge);
    odd_free(*d);
    *d = NULL;
}

/* ---- counting ---- */

static void count_texts(const struct column *own, const odd_column *c, const odd_rows *batch,
                        size_t first, size_t n, const uint8_t *flag, uint32_t *counts)
{
    const uint32_t *id = batch->ids + first * batch->C + c->categorical;
    uint32_t unseen = 0;
    for (size_t i = 0; i < n; i++, id += batch->C, flag += batch->K) {
        size_t counter = *flag == ODD_FLAG_MISSING ? (size_t)MISSING : own->counter_of[*id];
        unseen += *flag == ODD_FLAG_UNSEEN;
        counts[counter]++;
    }
    counts[UNSEEN] += unseen;
}

/* By comparing all rows with one edge after the other, which goes several rows at a time: bin b
 * holds those at or above its edge less those of the next. */
static void count_numbers(const odd_drift *d, const struct column *own, const odd_column *c,
                          const odd_rows *batch, size_t first, size_t n, const uint8_t *flag,
                          uint32_t *counts)
{
    const float *value = batch->values + first * batch->F + c->first_feature;
    const uint8_t *missing = batch->missing + first * batch->M + c->numeric;
    const float *edge = d->edge + own->first + BINS;
    float z[TILE];
    uint32_t absent = 0, unseen = 0;
    for (size_t i = 0; i < n; i++, value += batch->F, missing += batch->M, flag += batch->K) {
        absent += *missing;
        unseen += *flag == ODD_FLAG_OUT_OF_RANGE;
        z[i] = *missing ? -INFINITY : *value;
    }
    counts[MISSING] += absent;
    counts[UNSEEN] += unseen;
    if (own->bins == 0)
        return;
    uint32_t above = (uint32_t)n - absent; /* at or above the edge of bin b */
    for (size_t b = 0; b + 1 < own->bins; b++) {
        uint32_t next = 0;
        for (size_t i = 0; i < n; i++)
            next += z[i] >= edge[b + 1];
        counts[BINS + b] += above - next;
        above = next;
    }
    counts[BINS + own->bins - 1] += above;
}

/* A column that is always missing has no flag where it is so again. */
static void count_constants(const odd_column *c, const odd_rows *batch, size_t n,
                            const uint8_t *flag, uint32_t *counts)
{
    const uint8_t missing = c->constant ? ODD_FLAG_MISSING : ODD_FLAG_NONE;
    for (size_t i = 0; i < n; i++, flag += batch->K) {
        counts[MISSING] += *flag == missing;
        counts[UNSEEN] += *flag == ODD_FLAG_UNSEEN || *flag == ODD_FLAG_OUT_OF_RANGE;
    }
}

static void count_rows(odd_drift *d, const odd_rows *batch, size_t first, size_t n)
{
    uint32_t *part = d->counts + d->part * d->counters;
    for (size_t k = 0; k < d->schema->K; k++) {
        const odd_column *c = d->schema->columns + k;
        const struct column *own = d->columns + k;
        const uint8_t *flag = batch->flags + first * batch->K + k;
        uint32_t *counts = part + own->first;
        if (odd_kind_is_category(c->kind))
            count_texts(own, c, batch, first, n, flag, counts);
        else if (odd_kind_is_number(c->kind))
            count_numbers(d, own, c, batch, first, n, flag, counts);
        else if (odd_kind_is_input(c->kind))
            count_constants(c, batch, n, flag, counts);
    }
}

void odd_drift_add(odd_drift *d, const odd_rows *batch, size_t rows)
{
    assert(rows <= batch->count && batch->K == d->schema->K && batch->C == d->schema->C &&
           batch->F == d->schema->F && batch->M == d->schema->M);
    for (size_t first = 0, n; first < rows; first += n) {
        size_t room = d->part_rows - d->filled;
        n = rows - first < TILE ? rows - first : TILE;
        n = n < room ? n : room;
        count_rows(d, batch, first, n);
        d->filled += n;
        if (d->filled < d->part_rows)
            continue;
        d->part = (d->part + 1) % (PARTS + 1);
        d->filled = 0;
        d->completed += d->completed < PARTS;
        d->fresh = true;
        memset(d->counts + d->part * d->counters, 0, d->counters * sizeof *d->counts);
    }
}

/* ---- comparing ---- */

/* A column's counter over the completed parts: all but the one being filled. */
static double sum_of(const odd_drift *d, size_t counter)
{
    uint64_t sum = 0;
    for (size_t p = 0; p <= PARTS; p++)
        sum += p == d->part ? 0 : d->counts[p * d->counters + counter];
    return (double)sum;
}

/* Sets the PSI and returns what chance seldom passes: PSI of n cells against N of training is
 * about (1/n + 1/N) chi-squared with bins - 1 degrees of freedom (Yurdakul 2018, "Statistical
 * properties of population stability index"), whose mean plus four standard deviations this is. */
static double compare_bins(const odd_drift *d, struct column *own)
{
    double count[MOST_BINS], cells = 0, bins = (double)own->bins, psi = 0;
    for (size_t b = 0; b < own->bins; b++)
        cells += count[b] = sum_of(d, own->first + BINS + b);
    own->state.psi = 0;
    if (cells == 0 || own->trained == 0)
        return INFINITY;
    for (size_t b = 0; b < own->bins; b++) {
        double p = (count[b] + SMOOTHING) / (cells + SMOOTHING * bins);
        double q = d->share[own->first + BINS + b];
        psi += (p - q) * log(p / q);
    }
    own->state.psi = psi;
    return (1 / cells + 1 / own->trained) * (bins - 1 + 4 * sqrt(2 * (bins - 1)));
}

/* True when the column began or ceased to drift. */
static bool compare(const odd_drift *d, size_t k)
{
    struct column *own = d->columns + k;
    odd_drift_column *s = &own->state;
    double rows = (double)d->part_rows * PARTS, slack = s->drifting ? d->options.clear : 1;
    if (!s->measured)
        return false;
    double chance = compare_bins(d, own);
    s->missing = sum_of(d, own->first + MISSING) / rows;
    s->unseen = sum_of(d, own->first + UNSEEN) / rows;
    bool later = odd_kind_moves_on(d->schema->columns[k].kind);
    bool drifting = s->psi > slack * fmax(d->options.psi, chance) ||
                    (!later && s->unseen - s->trained_unseen > slack * d->options.share) ||
                    s->missing - s->trained_missing > slack * d->options.share;
    bool changed = drifting != s->drifting;
    s->drifting = drifting;
    return changed;
}

bool odd_drift_check(odd_drift *d, void (*change)(void *context, const odd_drift_column *column),
                     void *context)
{
    if (!d->fresh || d->completed < PARTS)
        return false;
    d->fresh = false;
    for (size_t k = 0; k < d->schema->K; k++)
        if (compare(d, k) && change)
            change(context, &d->columns[k].state);
    return true;
}

odd_drift_column odd_drift_column_of(const odd_drift *d, size_t k)
{
    assert(k < d->schema->K);
    return d->columns[k].state;
}
