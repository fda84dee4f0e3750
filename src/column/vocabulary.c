/* column/vocabulary.c: open addressing over one arena of text; finishing orders and folds. */
#include "column/vocabulary.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"

#define FIRST_SLOTS 16u

/* Equal bytes, by overlapping loads: texts are short and calls to memcmp are not. */
static inline bool same(const char *a, const char *b, size_t n)
{
    if (n >= 8) {
        uint64_t x, y;
        for (size_t i = 0; i + 8 < n; i += 8) {
            memcpy(&x, a + i, 8);
            memcpy(&y, b + i, 8);
            if (x != y)
                return false;
        }
        memcpy(&x, a + n - 8, 8);
        memcpy(&y, b + n - 8, 8);
        return x == y;
    }
    if (n >= 4) {
        uint32_t x, y, u, v;
        memcpy(&x, a, 4);
        memcpy(&y, b, 4);
        memcpy(&u, a + n - 4, 4);
        memcpy(&v, b + n - 4, 4);
        return x == y && u == v;
    }
    return n == 0 || (a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1]);
}

odd_vocabulary *odd_vocabulary_new(void)
{
    odd_vocabulary *v = odd_alloc(1, sizeof *v);
    if (!v)
        return NULL;
    v->size = 1;
    v->capacity = FIRST_SLOTS / 2;
    v->mask = FIRST_SLOTS - 1;
    /* Ids do not depend on the seed; an address keeps files from being built to collide. */
    v->seed = (uint64_t)(uintptr_t)v * 0x9e3779b97f4a7c15u;
    v->counts = odd_alloc(v->capacity, sizeof *v->counts);
    v->entries = odd_alloc(v->capacity, sizeof *v->entries);
    v->slots = odd_alloc(FIRST_SLOTS, sizeof *v->slots);
    if (!v->counts || !v->entries || !v->slots)
        odd_vocabulary_free(&v);
    return v;
}

void odd_vocabulary_free(odd_vocabulary **v)
{
    if (!v || !*v)
        return;
    odd_free((*v)->counts);
    odd_free((*v)->entries);
    odd_free((*v)->slots);
    odd_bytes_free(&(*v)->text);
    odd_free(*v);
    *v = NULL;
}

/* The slot of a text: its own, or the empty one where it would go. */
static inline odd_vocabulary_slot *probe(const odd_vocabulary *v, const char *data, size_t size,
                                         uint32_t tag)
{
    for (uint32_t i = tag & v->mask;; i = (i + 1) & v->mask) {
        odd_vocabulary_slot *s = v->slots + i;
        if (s->id == 0 ||
            (s->tag == tag && s->size == size && same(v->text.data + s->offset, data, size)))
            return s;
    }
}

uint32_t odd_vocabulary_find(const odd_vocabulary *v, const char *data, size_t size)
{
    return probe(v, data, size, (uint32_t)odd_hash(data, size, v->seed))->id;
}

/* Doubles the table when another entry would load it beyond 1/2, and entries and counts likewise.
 */
static bool grow(odd_vocabulary *v)
{
    size_t counts = v->capacity, entries = v->capacity;
    if (odd_grow(&v->counts, &counts, v->size + 1, sizeof *v->counts, NULL) ||
        odd_grow(&v->entries, &entries, v->size + 1, sizeof *v->entries, NULL))
        return false;
    v->capacity = entries;
    if (v->size * 2 <= v->mask)
        return true;
    uint32_t mask = v->mask * 2 + 1;
    odd_vocabulary_slot *slots = odd_alloc((size_t)mask + 1, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i <= v->mask; i++) {
        if (v->slots[i].id == 0)
            continue;
        uint32_t j = v->slots[i].tag & mask;
        while (slots[j].id != 0)
            j = (j + 1) & mask;
        slots[j] = v->slots[i];
    }
    odd_free(v->slots);
    v->slots = slots;
    v->mask = mask;
    return true;
}

/* Gives the next id to a text that is not there. */
static uint32_t enter(odd_vocabulary *v, const char *data, size_t size, uint32_t tag)
{
    if (!grow(v))
        return ODD_VOCABULARY_NO_MEMORY;
    odd_bytes_add(&v->text, data, size);
    if (v->text.failed)
        return ODD_VOCABULARY_NO_MEMORY;
    uint32_t offset = (uint32_t)(v->text.size - size), id = (uint32_t)v->size++;
    *probe(v, data, size, tag) = (odd_vocabulary_slot){tag, id, offset, (uint32_t)size};
    v->entries[id] = (odd_vocabulary_entry){offset, (uint32_t)size};
    v->counts[id] = 0;
    v->distinct++;
    return id;
}

uint32_t odd_vocabulary_add(odd_vocabulary *v, const char *data, size_t size, size_t max_entries,
                            size_t max_text)
{
    uint32_t tag = (uint32_t)odd_hash(data, size, v->seed);
    uint32_t id = probe(v, data, size, tag)->id;
    if (id == 0) {
        if (max_text > UINT32_MAX)
            max_text = UINT32_MAX;
        if (v->size > max_entries || v->size > ODD_VOCABULARY_LIMIT || size > max_text ||
            v->text.size > max_text - size)
            return 0;
        id = enter(v, data, size, tag);
        if (id == ODD_VOCABULARY_NO_MEMORY)
            return id;
    }
    v->counts[id]++;
    return id;
}

odd_span odd_vocabulary_text(const odd_vocabulary *v, uint32_t id)
{
    if (id >= v->size || v->entries[id].size == 0)
        return (odd_span){"", 0};
    return (odd_span){v->text.data + v->entries[id].offset, v->entries[id].size};
}

int odd_vocabulary_new_from(const odd_span *entries, const uint64_t *counts, size_t n,
                            uint32_t missing_id, uint32_t rare_id, odd_vocabulary **out,
                            oddrow_error *err)
{
    *out = NULL;
    if (n > ODD_VOCABULARY_LIMIT)
        return odd_fail(err, ODDROW_EFORMAT, "a vocabulary of %zu entries is beyond %u", n,
                        ODD_VOCABULARY_LIMIT);
    if (missing_id > n || rare_id > n || (missing_id != 0 && missing_id == rare_id))
        return odd_fail(err, ODDROW_EFORMAT, "missing entry %u or rare entry %u of %zu", missing_id,
                        rare_id, n);
    odd_vocabulary *v = odd_vocabulary_new();
    if (!v)
        goto memory;
    for (uint32_t id = 1; id <= n; id++) {
        odd_span e = entries[id - 1];
        if (id == missing_id || id == rare_id) {
            if (!grow(v))
                goto memory;
            v->entries[v->size++] = (odd_vocabulary_entry){0, 0};
        } else {
            uint32_t tag = e.size == 0 ? 0 : (uint32_t)odd_hash(e.data, e.size, v->seed);
            if (e.size == 0 || e.size > UINT32_MAX - v->text.size ||
                probe(v, e.data, e.size, tag)->id != 0) {
                odd_vocabulary_free(&v);
                return odd_fail(err, ODDROW_EFORMAT,
                                "vocabulary entry %u is empty, too long or there twice", id);
            }
            if (enter(v, e.data, e.size, tag) == ODD_VOCABULARY_NO_MEMORY)
                goto memory;
        }
        v->counts[id] = counts ? counts[id - 1] : 0;
    }
    v->missing_id = missing_id;
    v->rare_id = rare_id;
    *out = v;
    return 0;
memory:
    odd_vocabulary_free(&v);
    return odd_no_memory(err);
}

/* An entry to be: a text that was tracked, *missing* or *rare*. */
typedef struct item {
    uint64_t count;
    uint32_t id; /* first-seen; 0 of the other two */
    enum { MISSING, RARE, TEXT } what;
    odd_span text;
} item;

/* Falling count, then missing, rare, texts by their bytes. */
static int by_count(const void *a, const void *b)
{
    const item *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    if (x->what != y->what)
        return (int)x->what - (int)y->what;
    size_t size = x->text.size < y->text.size ? x->text.size : y->text.size;
    int order = size ? memcmp(x->text.data, y->text.data, size) : 0;
    return order ? order : (x->text.size > y->text.size) - (x->text.size < y->text.size);
}

int odd_vocabulary_finish(const odd_vocabulary *v, const odd_vocabulary_options *options,
                          uint64_t missing, uint64_t untracked, odd_vocabulary **out,
                          uint32_t **map, oddrow_error *err)
{
    size_t n = v->size - 1, kept = 0;
    uint64_t rare = untracked;
    uint32_t ids[2] = {0}; /* of MISSING and RARE */
    *out = NULL;
    *map = odd_alloc(n + 1, sizeof **map);
    item *items = odd_alloc(n + 2, sizeof *items);
    odd_span *texts = odd_alloc(n + 2, sizeof *texts);
    uint64_t *counts = odd_alloc(n + 2, sizeof *counts);
    int rc = *map && items && texts && counts ? 0 : odd_no_memory(err);
    for (uint32_t id = 1; id <= n && rc == 0; id++)
        items[id - 1] = (item){v->counts[id], id, TEXT, odd_vocabulary_text(v, id)};
    if (rc == 0)
        qsort(items, n, sizeof *items, by_count);
    while (rc == 0 && kept < n && kept < options->max_vocab &&
           items[kept].count >= options->min_count)
        kept++;
    for (size_t i = kept; i < n && rc == 0; i++)
        rare += items[i].count;
    if (rc == 0) {
        size_t at = kept;
        if (missing > 0)
            items[at++] = (item){missing, 0, MISSING, {0}};
        if (kept < n || untracked > 0)
            items[at++] = (item){rare, 0, RARE, {0}};
        qsort(items, at, sizeof *items, by_count);
        for (uint32_t i = 0; i < at; i++) {
            texts[i] = items[i].text;
            counts[i] = items[i].count;
            *(items[i].what == TEXT ? &(*map)[items[i].id] : &ids[items[i].what]) = i + 1;
        }
        for (size_t id = 0; id <= n; id++)
            if ((*map)[id] == 0)
                (*map)[id] = ids[RARE];
        rc = odd_vocabulary_new_from(texts, counts, at, ids[MISSING], ids[RARE], out, err);
    }
    if (rc == 0) {
        (*out)->distinct = v->distinct;
    } else {
        odd_free(*map);
        *map = NULL;
    }
    odd_free(items);
    odd_free(texts);
    odd_free(counts);
    return rc;
}
