/* base/hash.h: a fast hash of short strings, for tables in memory. */
#ifndef ODD_BASE_HASH_H
#define ODD_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* 64 well-mixed bits of size bytes. Not stable between byte orders or versions: never store it.
 * Not keyed against an adversary either: tables must bound their probes' cost by their load. */
uint64_t odd_hash(const void *data, size_t size, uint64_t seed);

#endif
