/* column/vocabulary.h: the values of one categorical column, text to id and back. */
#ifndef ODD_COLUMN_VOCABULARY_H
#define ODD_COLUMN_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "oddrow.h"

/* One slot of the open-addressing table (linear probing, load at most 1/2); id 0 is an empty slot.
 */
typedef struct odd_vocabulary_slot {
    uint32_t tag; /* low half of the hash: its low bits are the home slot */
    uint32_t id, offset, size;
} odd_vocabulary_slot;

typedef struct odd_vocabulary_entry {
    uint32_t offset, size; /* into text */
} odd_vocabulary_entry;

/* Read the first five members; the rest is private. Ids are 0 .. size-1. Id 0 is *unknown* (count
 * 0). A finished vocabulary has its entries by falling count, ties: missing, rare, then by bytes;
 * *missing* and *rare* are entries like the others, without a text. */
typedef struct odd_vocabulary {
    size_t size;         /* V: entries and the unknown one */
    uint32_t missing_id; /* 0: no training cell was missing */
    uint32_t rare_id;    /* 0: nothing was folded */
    uint64_t *counts;    /* (V) training rows of each id */
    uint64_t distinct; /* different texts met before folding (at least, when some went untracked) */
    odd_vocabulary_entry *entries;
    odd_vocabulary_slot *slots;
    odd_bytes text;
    size_t capacity; /* of entries and counts */
    uint32_t mask;   /* slots - 1 */
    uint64_t seed;
} odd_vocabulary;

#define ODD_VOCABULARY_LIMIT (1u << 24)     /* entries that any vocabulary may have */
#define ODD_VOCABULARY_NO_MEMORY UINT32_MAX /* see odd_vocabulary_add */

/* Limits under which a vocabulary is finished. */
typedef struct odd_vocabulary_options {
    uint64_t min_count; /* a text met fewer times folds into *rare*; 0 and 1: none */
    size_t max_vocab;   /* at most so many texts keep an entry (missing and rare come on top) */
} odd_vocabulary_options;

/* An empty vocabulary that grows: ids in the order of first appearance from 1. NULL: no memory. */
odd_vocabulary *odd_vocabulary_new(void);
void odd_vocabulary_free(odd_vocabulary **v);

/* The id of a text, entered when new while size - 1 < max_entries and its text fits max_text
 * bytes; its count goes up by one. 0: a new text and no room for it; ODD_VOCABULARY_NO_MEMORY.
 * Text may be any bytes. One thread. */
uint32_t odd_vocabulary_add(odd_vocabulary *v, const char *data, size_t size, size_t max_entries,
                            size_t max_text);

/* Orders a grown vocabulary by count, folds and adds *missing* and *rare*. missing: missing cells;
 * untracked: cells whose text odd_vocabulary_add turned away. *map gets v->size final ids, indexed
 * by first-seen id (0 -> where untracked cells go); the caller frees both with odd_free and
 * odd_vocabulary_free. The grown one is not changed. 0 or ODDROW_ENOMEM. */
int odd_vocabulary_finish(const odd_vocabulary *v, const odd_vocabulary_options *options,
                          uint64_t missing, uint64_t untracked, odd_vocabulary **out,
                          uint32_t **map, oddrow_error *err);

/* Rebuilds a finished vocabulary, as from a model file: n entries for ids 1 .. n (texts are copied;
 * those of missing_id and rare_id are not looked at), n counts or NULL for zeros. ODDROW_EFORMAT
 * when a text is empty or there twice, an id is out of range or the size beyond
 * ODD_VOCABULARY_LIMIT. The order of counts is not checked. */
int odd_vocabulary_new_from(const odd_span *entries, const uint64_t *counts, size_t n,
                            uint32_t missing_id, uint32_t rare_id, odd_vocabulary **out,
                            oddrow_error *err);

/* Id of a text, 0 when it has no entry (a cell of such a text is encoded as rare_id: either the
 * rare entry or 0). Any thread. */
uint32_t odd_vocabulary_find(const odd_vocabulary *v, const char *data, size_t size);

/* Text of an id (borrowed, not NUL-terminated); empty for unknown, missing, rare, out of range. */
odd_span odd_vocabulary_text(const odd_vocabulary *v, uint32_t id);

#endif
