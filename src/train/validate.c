#include "train/validate.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/sort.h"
#include "nn/forward.h"

enum { BLOCK = 512 };

struct odd_validator {
    const odd_network *network;
    odd_pool *pool;
    odd_folded *folded;
    odd_forward **forwards; /* one a thread */
    /* of the run under way */
    const odd_rows *rows;
    float *losses, *columns, *x, *outputs;
};

int odd_validator_new(const odd_network *network, odd_pool *pool, odd_validator **out,
                      oddrow_error *err)
{
    size_t threads = odd_pool_threads(pool);
    odd_validator *v = odd_alloc(1, sizeof *v);
    *out = v;
    if (!v)
        return odd_no_memory(err);
    v->network = network;
    v->pool = pool;
    v->forwards = odd_alloc(threads, sizeof(odd_forward *));
    int rc = v->forwards ? odd_folded_new(network, &v->folded, err) : odd_no_memory(err);
    for (size_t i = 0; !rc && i < threads; i++)
        rc = odd_forward_new(v->folded, &v->forwards[i], err);
    if (rc)
        odd_validator_free(out);
    return rc;
}

void odd_validator_free(odd_validator **v)
{
    if (!v || !*v)
        return;
    for (size_t i = 0; (*v)->forwards && i < odd_pool_threads((*v)->pool); i++)
        odd_forward_free(&(*v)->forwards[i]);
    odd_free((*v)->forwards);
    odd_folded_free(&(*v)->folded);
    odd_free(*v);
    *v = NULL;
}

void odd_validator_update(odd_validator *v)
{
    odd_folded_update(v->folded);
}

static void run_block(void *context, size_t index, size_t thread)
{
    odd_validator *v = context;
    const odd_rows *rows = v->rows;
    size_t first = index * BLOCK, count = rows->count - first < BLOCK ? rows->count - first : BLOCK;
    size_t columns = rows->C + rows->M;
    odd_forward_run(v->forwards[thread], rows->ids + first * rows->C,
                    rows->values + first * rows->F, rows->missing + first * rows->M, count,
                    ODD_NO_COLUMN, v->columns ? v->columns + first * columns : NULL,
                    v->losses ? v->losses + first : NULL,
                    v->x ? v->x + first * v->network->X : NULL);
}

void odd_validator_run(odd_validator *v, const odd_rows *rows, float *losses, float *columns,
                       float *x)
{
    v->rows = rows;
    v->losses = losses;
    v->columns = columns;
    v->x = x;
    odd_pool_run(v->pool, (rows->count + BLOCK - 1) / BLOCK, run_block, v);
}

static void predict_block(void *context, size_t index, size_t thread)
{
    odd_validator *v = context;
    const odd_rows *rows = v->rows;
    size_t first = index * BLOCK, count = rows->count - first < BLOCK ? rows->count - first : BLOCK;
    odd_forward_predict(v->forwards[thread], rows->ids + first * rows->C,
                        rows->values + first * rows->F, rows->missing + first * rows->M,
                        rows->targets + first, count, v->losses ? v->losses + first : NULL,
                        v->outputs ? v->outputs + first * v->network->Y : NULL);
}

void odd_validator_predict(odd_validator *v, const odd_rows *rows, float *losses, float *outputs)
{
    v->rows = rows;
    v->losses = losses;
    v->outputs = outputs;
    odd_pool_run(v->pool, (rows->count + BLOCK - 1) / BLOCK, predict_block, v);
}

double odd_trimmed_mean(float *losses, size_t count, double trim)
{
    size_t kept = count - (size_t)(trim * (double)count);
    double sum = 0;
    if (kept < count)
        odd_sort_floats(losses, count);
    for (size_t i = 0; i < kept; i++)
        sum += losses[i];
    return kept ? sum / (double)kept : 0;
}
