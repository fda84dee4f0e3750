/* base/utf8.h: whether text is UTF-8. */
#ifndef ODD_BASE_UTF8_H
#define ODD_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* True when all n bytes are well-formed UTF-8 (Unicode 15, table 3-7: no overlong forms, no
 * surrogates, nothing above U+10FFFF). NUL is a character like any other. */
bool odd_utf8_valid(const char *s, size_t n);

/* Bytes of the character that begins the n > 0 bytes at s, by the same rule; 0 when there is none.
 */
size_t odd_utf8_size(const char *s, size_t n);

/* U+FFFD, which stands for what is no character. */
#define ODD_UTF8_REPLACEMENT "\xef\xbf\xbd"

#endif
