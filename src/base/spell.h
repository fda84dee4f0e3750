/* base/spell.h: texts written so that they survive a format, and read back. */
#ifndef ODD_BASE_SPELL_H
#define ODD_BASE_SPELL_H

#include <stddef.h>

#include "base/bytes.h"

/* Always: a NUL or a byte that is not UTF-8 as \xHH. */
typedef enum odd_spelling {
    ODD_AS_IS,   /* nothing else */
    ODD_AS_LINE, /* a backslash is doubled; \n, \r, \t; other control characters, U+0085, U+2028 and
                    U+2029 as \uXXXX: one value a line, without a tab in it */
    ODD_AS_WORD  /* the same, a space as \_, other white space \uXXXX: a word */
} odd_spelling;

/* Appends size bytes, spelled. 0 or ODDROW_ENOMEM. */
int odd_spell(const char *data, size_t size, odd_spelling spelling, odd_bytes *out);

/* The reverse, for all three spellings, appended too; \( is an opening bracket. What is no escape
 * stays. 0 or ODDROW_ENOMEM. */
int odd_unspell(const char *data, size_t size, odd_bytes *out);

#endif
