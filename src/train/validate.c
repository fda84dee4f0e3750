/* train/validate.c: held-out rows through the network, in blocks. */
#include "train/validate.h"

#include "base/error.h"
#include "base/memory.h"
#include "nn/forward.h"

enum { BLOCK = 512 };

struct odd_validator {
    size_t Y; /* of the network */
    odd_pool *pool;
    odd_folded *folded;
    odd_forward **forwards; /* one a thread */
    /* of the run under way */
    const odd_rows *rows;
    float *losses, *outputs;
};

int odd_validator_new(const odd_network *network, odd_pool *pool, odd_validator **out,
                      oddrow_error *err)
{
    size_t threads = odd_pool_threads(pool);
    odd_validator *v = odd_alloc(1, sizeof *v);
    *out = v;
    if (!v)
        return odd_no_memory(err);
    v->Y = network->Y;
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

static void run_block(void *context, size_t index, size_t thread)
{
    const odd_validator *v = context;
    size_t first = index * BLOCK, left = v->rows->count - first;
    odd_rows block = odd_rows_slice(v->rows, first, left < BLOCK ? left : BLOCK);
    odd_forward_run(v->forwards[thread], &block, ODD_NO_COLUMN,
                    &(odd_forward_out){.row_losses = v->losses + first,
                                       .outputs = v->outputs ? v->outputs + first * v->Y : NULL});
}

void odd_validator_run(odd_validator *v, const odd_rows *rows, float *losses, float *outputs)
{
    v->rows = rows;
    v->losses = losses;
    v->outputs = outputs;
    odd_folded_update(v->folded);
    odd_pool_run(v->pool, (rows->count + BLOCK - 1) / BLOCK, run_block, v);
}
