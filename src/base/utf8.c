/* base/utf8.c: well-formed characters, and texts of nothing else. */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

size_t odd_utf8_size(const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;
    unsigned char c = s[0], low = 0x80, high = 0xbf;
    size_t size;
    if (c < 0x80)
        return 1;
    if (c >= 0xc2 && c <= 0xdf)
        size = 2;
    else if (c >= 0xe0 && c <= 0xef)
        size = 3;
    else if (c >= 0xf0 && c <= 0xf4)
        size = 4;
    else
        return 0;
    if (size > n)
        return 0;
    if (c == 0xe0)
        low = 0xa0;
    else if (c == 0xed)
        high = 0x9f;
    else if (c == 0xf0)
        low = 0x90;
    else if (c == 0xf4)
        high = 0x8f;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return size;
}

bool odd_utf8_valid(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n) {
        uint64_t word;
        if (n - i >= sizeof word) {
            memcpy(&word, s + i, sizeof word);
            if (!(word & 0x8080808080808080u)) {
                i += sizeof word;
                continue;
            }
        }
        size_t size = odd_utf8_size(s + i, n - i);
        if (!size)
            return false;
        i += size;
    }
    return true;
}
