/* train/window.c: shuffled blocks loaded into a window, whose rows are shuffled. */
#include "train/window.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

enum { BLOCK_ROWS = 4096, BLOCK_STREAM = 0xb10c, ROW_STREAM = 0x4057 };

struct odd_window {
    odd_store *store;
    size_t batch;
    size_t block_rows, blocks; /* rows a block, blocks of the store */
    size_t window_blocks;      /* blocks a window holds */
    uint32_t *block_order;     /* (blocks) */
    uint32_t *row_order;       /* of the window's rows */
    char *scratch;             /* one block's records */
    odd_rows *rows;            /* window_blocks * block_rows + batch */
    uint64_t seed, epoch;
    size_t next_block; /* in block_order */
    size_t next_row;   /* in rows */
};

int odd_window_new(odd_store *store, const odd_schema *schema, size_t batch, size_t memory,
                   odd_window **out, oddrow_error *err)
{
    uint64_t rows = store->rows;
    size_t size = odd_rows_size(schema) + sizeof(uint32_t);
    odd_window *w = odd_alloc(1, sizeof *w);
    *out = w;
    if (!w)
        return odd_no_memory(err);
    w->store = store;
    w->batch = batch;
    w->block_rows = BLOCK_ROWS;
    while (w->block_rows > 1 && w->block_rows * size > memory / 4)
        w->block_rows /= 2;
    w->blocks = (size_t)((rows + w->block_rows - 1) / w->block_rows);
    w->window_blocks = memory / (w->block_rows * size);
    if (w->window_blocks > w->blocks)
        w->window_blocks = w->blocks;
    if (w->window_blocks == 0)
        w->window_blocks = 1;
    w->block_order = odd_alloc(w->blocks, sizeof *w->block_order);
    w->row_order = odd_alloc(w->window_blocks * w->block_rows, sizeof *w->row_order);
    w->scratch = odd_alloc(w->block_rows, store->record_size);
    int rc = odd_rows_new(schema, w->window_blocks * w->block_rows + batch, false, &w->rows, err);
    if (!rc && (!w->block_order || !w->row_order || !w->scratch))
        rc = odd_no_memory(err);
    if (rc)
        odd_window_free(out);
    return rc;
}

void odd_window_free(odd_window **window)
{
    if (!window || !*window)
        return;
    odd_free((*window)->block_order);
    odd_free((*window)->row_order);
    odd_free((*window)->scratch);
    odd_rows_free(&(*window)->rows);
    odd_free(*window);
    *window = NULL;
}

void odd_window_start(odd_window *w, uint64_t seed, uint64_t epoch)
{
    odd_random random;
    w->seed = seed;
    w->epoch = epoch;
    w->next_block = w->next_row = w->rows->count = 0;
    for (size_t i = 0; i < w->blocks; i++)
        w->block_order[i] = (uint32_t)i;
    odd_random_start(&random, seed, odd_random_hash(seed, BLOCK_STREAM, epoch));
    odd_random_shuffle(&random, w->block_order, w->blocks);
}

/* Rows in block number `block` of the store. */
static size_t rows_in(const odd_window *w, size_t block)
{
    uint64_t left = w->store->rows - (uint64_t)block * w->block_rows;
    return left < w->block_rows ? (size_t)left : w->block_rows;
}

/* Loads the next blocks behind the rows of the last window that made no full batch. */
static int load(odd_window *w, oddrow_error *err)
{
    odd_random random;
    size_t kept = w->rows->count - w->next_row, end = w->next_block + w->window_blocks, total = 0;
    odd_rows_to_front(w->rows, w->next_row, kept);
    if (end > w->blocks)
        end = w->blocks;
    for (size_t b = w->next_block; b < end; b++)
        total += rows_in(w, w->block_order[b]);
    for (size_t i = 0; i < total; i++)
        w->row_order[i] = (uint32_t)i;
    odd_random_start(&random, odd_random_hash(w->seed, ROW_STREAM, w->epoch), w->next_block);
    odd_random_shuffle(&random, w->row_order, total);
    for (size_t done = 0; w->next_block < end; w->next_block++) {
        size_t block = w->block_order[w->next_block], count = rows_in(w, block);
        int rc = odd_dataset_load(w->store, (uint64_t)block * w->block_rows, count, w->scratch,
                                  w->rows, kept, w->row_order + done, err);
        if (rc)
            return rc;
        done += count;
    }
    w->next_row = 0;
    w->rows->count = kept + total;
    return 0;
}

int odd_window_next(odd_window *w, odd_rows *batch, oddrow_error *err)
{
    int rc = 0;
    while (!rc && w->rows->count - w->next_row < w->batch && w->next_block < w->blocks)
        rc = load(w, err);
    size_t left = w->rows->count - w->next_row, count = left < w->batch ? left : w->batch;
    *batch = odd_rows_slice(w->rows, w->next_row, rc ? 0 : count);
    w->next_row += batch->count;
    return rc;
}
