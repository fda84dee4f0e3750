/* base/spell.c: escapes put in, character by character, and taken out. */
#include "base/spell.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/utf8.h"

/* Bytes of the character at s, its code in *code; 0 when it is none, or NUL. */
static size_t character(const char *s, size_t left, uint32_t *code)
{
    size_t n = odd_utf8_size(s, left);
    *code = (unsigned char)s[0];
    if (n > 1)
        *code &= 0x7fu >> n;
    for (size_t i = 1; i < n; i++)
        *code = *code << 6 | ((unsigned char)s[i] & 0x3fu);
    return *code ? n : 0;
}

/* White space by Unicode's property of that name, U+0020 apart. */
static bool is_blank(uint32_t c)
{
    return c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f || c == 0x205f ||
           c == 0x3000;
}

static bool ends_line(uint32_t c)
{
    return c < 0x20 || c == 0x7f || c == 0x85 || c == 0x2028 || c == 0x2029;
}

/* The escape that a character needs, at most 8 bytes with its NUL; "" for none. */
static void escape(uint32_t c, odd_spelling spelling, char out[8])
{
    out[0] = '\0';
    if (spelling == ODD_AS_IS)
        return;
    bool word = spelling == ODD_AS_WORD;
    char letter = (char)(c == '\\'          ? '\\'
                         : c == '\n'        ? 'n'
                         : c == '\r'        ? 'r'
                         : c == '\t'        ? 't'
                         : word && c == ' ' ? '_'
                                            : 0);
    if (letter)
        snprintf(out, 8, "\\%c", letter);
    else if (ends_line(c) || (word && is_blank(c)))
        snprintf(out, 8, "\\u%04x", c & 0xffff);
}

void odd_spell(const char *data, size_t size, odd_spelling spelling, odd_bytes *out)
{
    for (size_t i = 0; i < size;) {
        uint32_t c;
        char escaped[8];
        size_t n = character(data + i, size - i, &c);
        if (n == 0) {
            odd_bytes_print(out, "\\x%02x", (unsigned char)data[i++]);
            continue;
        }
        escape(c, spelling, escaped);
        if (escaped[0])
            odd_bytes_text(out, escaped);
        else
            odd_bytes_add(out, data + i, n);
        i += n;
    }
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The number in n hexadecimal digits, or -1. */
static int hexadecimal(const char *data, size_t left, size_t n)
{
    int number = 0;
    if (left < n)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (digit(data[i]) < 0)
            return -1;
        number = number * 16 + digit(data[i]);
    }
    return number;
}

static size_t to_utf8(unsigned code, char out[3])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    out[0] = (char)(0xe0 | code >> 12);
    out[1] = (char)(0x80 | (code >> 6 & 0x3f));
    out[2] = (char)(0x80 | (code & 0x3f));
    return 3;
}

void odd_unspell(const char *data, size_t size, odd_bytes *out)
{
    static const char plain[] = "\\n\\r\\t\\_\\\\\\(", meant[] = "\n\r\t \\(";
    for (size_t i = 0; i < size;) {
        char text[3] = {data[i]};
        size_t n = 1, taken = 1;
        int code;
        if (data[i] == '\\' && i + 1 < size) {
            for (size_t j = 0; j < sizeof meant - 1; j++)
                if (data[i + 1] == plain[2 * j + 1]) {
                    text[0] = meant[j];
                    taken = 2;
                }
            if (data[i + 1] == 'x' && (code = hexadecimal(data + i + 2, size - i - 2, 2)) >= 0) {
                text[0] = (char)code;
                taken = 4;
            } else if (data[i + 1] == 'u' &&
                       (code = hexadecimal(data + i + 2, size - i - 2, 4)) >= 0) {
                n = to_utf8((unsigned)code, text);
                taken = 6;
            }
        }
        odd_bytes_add(out, text, n);
        i += taken;
    }
}
