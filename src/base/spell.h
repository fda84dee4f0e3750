/* base/spell.h: texts escaped so that they survive a line or a word, and read back. */
#ifndef ODD_BASE_SPELL_H
#define ODD_BASE_SPELL_H

#include <stddef.h>

#include "base/bytes.h"

/* What is escaped. A NUL and a byte that is not UTF-8 always are, as \xHH. */
typedef enum odd_spelling {
    ODD_AS_IS,   /* nothing else */
    ODD_AS_LINE, /* \\, \n, \r, \t; other control characters, U+0085, U+2028 and U+2029 as \uXXXX:
                    one value a line, without a tab in it */
    ODD_AS_WORD  /* also a space as \_, other white space as \uXXXX: one word */
} odd_spelling;

/* Appends the text, escaped. */
void odd_spell(const char *data, size_t size, odd_spelling spelling, odd_bytes *out);

/* Appends what any of the three spellings stands for; \( is an opening bracket. What is no escape
 * stays as it is. */
void odd_unspell(const char *data, size_t size, odd_bytes *out);

#endif
