/* base/hash.h: a fast hash of short strings, for tables in memory. */
#ifndef ODD_BASE_HASH_H
#define ODD_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* 64 well-mixed bits of size bytes. They differ between byte orders and versions: do not store
 * them. They do not resist an adversary: a table must bound the cost of its probes by its load. */
uint64_t odd_hash(const void *data, size_t size, uint64_t seed);

#endif
