/* worker/shadow.c: the scores and verdicts of two models, summed and ranked. */
#include "worker/shadow.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/sort.h"

#define RING 4096u /* pairs of scores kept */

/* What has been added; all zeros: nothing. */
struct sums {
    uint64_t rows, odd, shadow_odd, both, either;
    uint64_t finite; /* rows whose numbers all are */
    double loss, shadow_loss;
};

struct odd_shadow {
    struct sums sums;
    float score[RING], shadow_score[RING]; /* finite row r at r % RING */
    float *sorted;                         /* (RING) room for a report */
    double *rank;                          /* (2, RING) likewise */
};

int odd_shadow_new(odd_shadow **out, oddrow_error *err)
{
    odd_shadow *s = *out = odd_alloc(1, sizeof *s);
    if (s) {
        s->sorted = odd_alloc(RING, sizeof *s->sorted);
        s->rank = odd_alloc(2 * (size_t)RING, sizeof *s->rank);
    }
    if (s && s->sorted && s->rank)
        return 0;
    odd_shadow_free(out);
    return odd_no_memory(err);
}

void odd_shadow_free(odd_shadow **s)
{
    if (!s || !*s)
        return;
    odd_free((*s)->sorted);
    odd_free((*s)->rank);
    odd_free(*s);
    *s = NULL;
}

void odd_shadow_add(odd_shadow *s, size_t rows, const float *score, const float *loss,
                    const bool *odd, const float *shadow_score, const float *shadow_loss,
                    const bool *shadow_odd)
{
    struct sums *t = &s->sums;
    t->rows += rows;
    for (size_t i = 0; i < rows; i++) {
        t->odd += odd[i];
        t->shadow_odd += shadow_odd[i];
        t->both += odd[i] && shadow_odd[i];
        t->either += odd[i] || shadow_odd[i];
        if (!isfinite(score[i]) || !isfinite(loss[i]) || !isfinite(shadow_score[i]) ||
            !isfinite(shadow_loss[i]))
            continue;
        t->loss += (double)loss[i];
        t->shadow_loss += (double)shadow_loss[i];
        s->score[t->finite % RING] = score[i];
        s->shadow_score[t->finite % RING] = shadow_score[i];
        t->finite++;
    }
}

/* Of n rising values, how many are below x (or equal to it, with `equal`). */
static size_t count_below(const float *sorted, size_t n, float x, bool equal)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle] < x || (equal && sorted[middle] == x))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Ranks 1 .. n less their mean, ties with the mean of theirs; returns the sum of squares. */
static double rank_all(const float *values, size_t n, float *sorted, double *rank)
{
    double squares = 0, mean = ((double)n + 1) / 2;
    memcpy(sorted, values, n * sizeof *sorted);
    odd_sort_floats(sorted, n);
    for (size_t i = 0; i < n; i++) {
        size_t below = count_below(sorted, n, values[i], false);
        size_t upto = count_below(sorted, n, values[i], true);
        rank[i] = (double)(below + 1 + upto) / 2 - mean;
        squares += rank[i] * rank[i];
    }
    return squares;
}

/* Spearman's: Pearson's correlation of the ranks. */
static double correlate(const odd_shadow *s)
{
    size_t n = s->sums.finite < RING ? (size_t)s->sums.finite : RING;
    double *a = s->rank, *b = s->rank + RING, products = 0;
    double squares = rank_all(s->score, n, s->sorted, a);
    double shadow_squares = rank_all(s->shadow_score, n, s->sorted, b);
    if (squares == 0 || shadow_squares == 0)
        return NAN;
    for (size_t i = 0; i < n; i++)
        products += a[i] * b[i];
    return products / (sqrt(squares) * sqrt(shadow_squares));
}

odd_shadow_report odd_shadow_report_of(const odd_shadow *s)
{
    const struct sums *t = &s->sums;
    return (odd_shadow_report){
        .rows = t->rows,
        .rank_correlation = correlate(s),
        .overlap = t->either ? (double)t->both / (double)t->either : NAN,
        .mean_loss = t->finite ? t->loss / (double)t->finite : NAN,
        .shadow_mean_loss = t->finite ? t->shadow_loss / (double)t->finite : NAN,
        .odd = t->odd,
        .shadow_odd = t->shadow_odd,
    };
}

void odd_shadow_clear(odd_shadow *s)
{
    s->sums = (struct sums){0};
}
