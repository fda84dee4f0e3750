/* column/scaler.c: quantile tables and the three ways to scale by them. */
#include "column/scaler.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "column/normal.h"

/* No scaled number is larger than this, so that float32 squares stay finite. */
#define Z_LIMIT 1e6
#define CLIP (1.0 / 512)

/* The distinct quantiles are the knots of a piecewise linear map from x to rank (0 .. 1). */
struct odd_scaler_table {
    double center, scale;
    double z_low, z_high; /* standard, robust: bounds of z, the cap included */
    size_t knots;         /* 1 .. 257 */
    double quantiles[ODD_QUANTILES];
    double knot[ODD_QUANTILES];
    double rank[ODD_QUANTILES];  /* mean rank of the ties: (first + last) / 512 */
    double slope[ODD_QUANTILES]; /* to the next knot; 0 at the last */
    float z[ODD_QUANTILES];      /* scaled value at the knot itself */
};

/* A kind of scaler: its name, its center and scale, and whether it goes by the rank of a number. */
typedef struct scaler_row {
    const char *name;
    void (*fit)(const odd_summary *of, double *center, double *scale);
    bool rank;
} scaler_row;

static void fit_moments(const odd_summary *of, double *center, double *scale)
{
    *center = of->mean;
    *scale = of->deviation;
}

static void fit_quartiles(const odd_summary *of, double *center, double *scale)
{
    double range = of->three_quarters - of->quarter;
    *center = of->median;
    *scale = range > 0 ? range : of->deviation;
}

static const scaler_row rows[ODD_SCALERS] = {
    [ODD_GAUSS_RANK] = {"gauss-rank", fit_moments, .rank = true},
    [ODD_STANDARD] = {"standard", fit_moments, .rank = false},
    [ODD_ROBUST] = {"robust", fit_quartiles, .rank = false},
};

void odd_scaler_fit(odd_scaler_kind kind, const odd_summary *of, double *center, double *scale)
{
    rows[kind].fit(of, center, scale);
}

static double clip(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static void fill_ranks(struct odd_scaler_table *t)
{
    for (size_t i = 0; i < ODD_QUANTILES;) {
        size_t last = i;
        while (last + 1 < ODD_QUANTILES && t->quantiles[last + 1] == t->quantiles[i])
            last++;
        t->knot[t->knots] = t->quantiles[i];
        t->rank[t->knots++] = (double)(i + last) / 512;
        i = last + 1;
    }
    for (size_t i = 0; i < t->knots; i++) {
        if (i + 1 < t->knots)
            t->slope[i] = (t->rank[i + 1] - t->rank[i]) / (t->knot[i + 1] - t->knot[i]);
        if (!isfinite(t->slope[i])) /* knots a few denormals apart */
            t->slope[i] = 0;
        t->z[i] = (float)odd_normal_quantile(clip(t->rank[i], CLIP, 1 - CLIP));
    }
}

int odd_scaler_from(odd_scaler *s, odd_scaler_kind kind, const double *quantiles, double center,
                    double scale, oddrow_error *err)
{
    *s = (odd_scaler){kind, NULL};
    if ((size_t)kind >= ODD_SCALERS)
        return odd_fail(err, ODDROW_EFORMAT, "no scaler %d", (int)kind);
    if (!(fabs(center) <= ODD_NUMBER_LIMIT && scale > 0 && scale <= 2 * ODD_NUMBER_LIMIT))
        return odd_fail(err, ODDROW_EFORMAT, "scaler centre %g or scale %g out of range", center,
                        scale);
    for (size_t i = 0; i < ODD_QUANTILES; i++)
        if (!(fabs(quantiles[i]) <= ODD_NUMBER_LIMIT) || (i > 0 && quantiles[i] < quantiles[i - 1]))
            return odd_fail(err, ODDROW_EFORMAT, "quantile %zu, %g, is out of range or falls", i,
                            quantiles[i]);
    struct odd_scaler_table *t = odd_alloc(1, sizeof *t);
    if (!t)
        return odd_no_memory(err);
    t->center = center;
    t->scale = scale;
    memcpy(t->quantiles, quantiles, sizeof t->quantiles);
    double low = (quantiles[0] - center) / scale - ODD_SCALER_CAP;
    double high = (quantiles[ODD_QUANTILES - 1] - center) / scale + ODD_SCALER_CAP;
    t->z_low = clip(low, -Z_LIMIT, Z_LIMIT);
    t->z_high = clip(high, -Z_LIMIT, Z_LIMIT);
    fill_ranks(t);
    s->table = t;
    return 0;
}

void odd_scaler_free(odd_scaler *s)
{
    if (!s)
        return;
    odd_free(s->table);
    s->table = NULL;
}

/* Index of the last knot <= x, 0 when there is none. Halving without branches on x. */
static inline size_t locate(const double *knot, size_t n, double x)
{
    const double *base = knot;
    while (n > 1) {
        size_t half = n / 2;
        base += half & (0 - (size_t)(base[half] <= x));
        n -= half;
    }
    return (size_t)(base - knot);
}

/* Several searches side by side hide each other's waits. */
enum { SIDE = 8 };
static inline void locate_all(const double *knot, size_t n, const double *x, size_t *index)
{
    for (size_t j = 0; j < SIDE; j++)
        index[j] = 0;
    for (; n > 1; n -= n / 2)
        for (size_t j = 0; j < SIDE; j++)
            index[j] += knot[index[j] + n / 2] <= x[j] ? n / 2 : 0;
}

/* i: the last knot <= x, or 0 */
static inline float gauss_rank(const struct odd_scaler_table *t, double x, size_t i)
{
    if (x == t->knot[i])
        return t->z[i];
    if (x < t->knot[i])
        return (float)(t->z[0] - fmin((t->knot[0] - x) / t->scale, ODD_SCALER_CAP));
    if (i + 1 == t->knots)
        return (float)(t->z[i] + fmin((x - t->knot[i]) / t->scale, ODD_SCALER_CAP));
    double rank = t->rank[i] + t->slope[i] * (x - t->knot[i]);
    return (float)odd_normal_quantile(clip(rank, CLIP, 1 - CLIP));
}

void odd_scaler_apply_all(const odd_scaler *s, const double *x, size_t n, float *z, size_t stride)
{
    const struct odd_scaler_table *t = s->table;
    if (rows[s->kind].rank)
        for (size_t first = 0; first < n; first += SIDE) {
            size_t side = n - first < SIDE ? n - first : SIDE, index[SIDE];
            double at[SIDE] = {0};
            for (size_t j = 0; j < side; j++)
                at[j] = x[first + j];
            locate_all(t->knot, t->knots, at, index);
            for (size_t j = 0; j < side; j++)
                z[(first + j) * stride] = gauss_rank(t, at[j], index[j]);
        }
    else
        for (size_t i = 0; i < n; i++)
            z[i * stride] = (float)clip((x[i] - t->center) / t->scale, t->z_low, t->z_high);
}

float odd_scaler_apply(const odd_scaler *s, double x)
{
    float z;
    odd_scaler_apply_all(s, &x, 1, &z, 1);
    return z;
}

double odd_scaler_invert(const odd_scaler *s, float z)
{
    const struct odd_scaler_table *t = s->table;
    double low = t->quantiles[0], high = t->quantiles[ODD_QUANTILES - 1];
    if (isnan(z))
        return t->center;
    if (!rows[s->kind].rank)
        return clip(t->center + (double)z * t->scale, low, high);
    if (z <= t->z[0])
        return low;
    if (z >= t->z[t->knots - 1])
        return high;
    double rank = odd_normal_cdf(z);
    size_t i = locate(t->rank, t->knots - 1, rank);
    if (z == t->z[i] || z == t->z[i + 1]) /* a knot comes back as itself */
        return z == t->z[i] ? t->knot[i] : t->knot[i + 1];
    double share = (rank - t->rank[i]) / (t->rank[i + 1] - t->rank[i]);
    return clip(t->knot[i] + share * (t->knot[i + 1] - t->knot[i]), low, high);
}

const double *odd_scaler_quantiles(const odd_scaler *s)
{
    return s->table->quantiles;
}

double odd_scaler_center(const odd_scaler *s)
{
    return s->table->center;
}

double odd_scaler_scale(const odd_scaler *s)
{
    return s->table->scale;
}

const char *odd_scaler_name(odd_scaler_kind kind)
{
    return (size_t)kind < ODD_SCALERS ? rows[kind].name : "?";
}

bool odd_scaler_parse(const char *name, odd_scaler_kind *kind)
{
    for (size_t i = 0; i < ODD_SCALERS; i++)
        if (strcmp(name, rows[i].name) == 0) {
            *kind = (odd_scaler_kind)i;
            return true;
        }
    return false;
}
