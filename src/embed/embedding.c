#include "embed/embedding.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "model/parts.h"

static const char *const UNKNOWN = "(unknown)", *const MISSING = "(missing)",
                         *const RARE = "(rare)";

size_t odd_embedding_count(const odd_model *model)
{
    return model->schema->C;
}

odd_embedding odd_embedding_at(const odd_model *model, size_t at)
{
    const odd_network *network = model->network;
    size_t k = odd_model_loss_column(model, at);
    const odd_column *column = &model->schema->columns[k];
    return (odd_embedding){column->name,
                           k,
                           network->config.V[at],
                           network->config.E[at],
                           odd_network_tensor(network, at),
                           column->vocabulary};
}

int odd_embedding_find(const odd_model *model, const char *name, odd_embedding *out,
                       oddrow_error *err)
{
    const odd_schema *schema = model->schema;
    for (size_t k = 0; k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        if (strcmp(column->name, name) != 0)
            continue;
        if (column->kind != ODD_CATEGORICAL)
            return odd_fail(err, ODDROW_EINVAL,
                            "the column '%.200s' is %s and has no embedding; only categorical ones "
                            "have",
                            name, odd_kind_name(column->kind));
        *out = odd_embedding_at(model, column->categorical);
        return 0;
    }
    return odd_fail(err, ODDROW_EINVAL, "the model has no column '%.200s'", name);
}

static bool is_name(const char *data, size_t size)
{
    const char *const names[] = {UNKNOWN, MISSING, RARE};
    for (size_t i = 0; i < 3; i++)
        if (size == strlen(names[i]) && memcmp(data, names[i], size) == 0)
            return true;
    return false;
}

static bool equals(const char *data, size_t size, const char *name)
{
    return size == strlen(name) && memcmp(data, name, size) == 0;
}

int odd_embedding_id(const odd_embedding *e, const char *value, size_t size, uint32_t *id,
                     oddrow_error *err)
{
    const odd_vocabulary *v = e->vocabulary;
    *id = 0;
    if (equals(value, size, UNKNOWN))
        return 0;
    bool missing = equals(value, size, MISSING), rare = equals(value, size, RARE);
    if (missing || rare) {
        *id = missing ? v->missing_id : v->rare_id;
        if (*id)
            return 0;
        return odd_fail(err, ODDROW_ESCHEMA,
                        missing
                            ? "no cell of '%.200s' was missing in training: it has no entry for "
                              "it"
                            : "no value of '%.200s' was too rare in training: it has no entry "
                              "for them",
                        e->name);
    }
    if (size > 1 && value[0] == '\\' && is_name(value + 1, size - 1)) {
        value++;
        size--;
    }
    *id = odd_vocabulary_find(v, value, size);
    if (*id)
        return 0;
    return odd_fail(err, ODDROW_ESCHEMA, "'%.200s' has no value '%.*s'", e->name,
                    (int)(size < 200 ? size : 200), value);
}

/* Bytes of the well-formed character at s, 0 when it is none; its code. */
static size_t character(const unsigned char *s, size_t left, uint32_t *code)
{
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    *code = s[0];
    if (n == 1)
        return s[0] ? 1 : 0;
    if (n > left || !odd_utf8_valid((const char *)s, n))
        return 0;
    *code = s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        *code = *code << 6 | (s[i] & 0x3fu);
    return n;
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

int odd_spell(const char *data, size_t size, odd_spelling spelling, odd_bytes *out)
{
    int rc = 0;
    for (size_t i = 0; i < size && !rc;) {
        uint32_t c;
        char escaped[8];
        size_t n = character((const unsigned char *)data + i, size - i, &c);
        if (n == 0) {
            rc = odd_bytes_print(out, "\\x%02x", (unsigned char)data[i++]);
            continue;
        }
        escape(c, spelling, escaped);
        rc = escaped[0] ? odd_bytes_add(out, escaped, strlen(escaped))
                        : odd_bytes_add(out, data + i, n);
        i += n;
    }
    return rc ? ODDROW_ENOMEM : 0;
}

int odd_embedding_spell(const odd_embedding *e, uint32_t id, odd_spelling spelling, odd_bytes *out)
{
    const odd_vocabulary *v = e->vocabulary;
    const char *name = id == 0               ? UNKNOWN
                       : id == v->missing_id ? MISSING
                       : id == v->rare_id    ? RARE
                                             : NULL;
    if (name)
        return odd_bytes_add(out, name, strlen(name));
    odd_span text = odd_vocabulary_text(v, id);
    int rc = is_name(text.data, text.size) ? odd_bytes_add(out, "\\", 1) : 0;
    return rc ? rc : odd_spell(text.data, text.size, spelling, out);
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

int odd_unspell(const char *data, size_t size, odd_bytes *out)
{
    static const char plain[] = "\\n\\r\\t\\_\\\\\\(", meant[] = "\n\r\t \\(";
    int rc = 0;
    for (size_t i = 0; i < size && !rc;) {
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
        rc = odd_bytes_add(out, text, n);
        i += taken;
    }
    return rc ? ODDROW_ENOMEM : 0;
}

double odd_embedding_norm(const odd_embedding *e, size_t id)
{
    double sum = 0;
    for (size_t j = 0; j < e->E; j++)
        sum += (double)e->vectors[id * e->E + j] * (double)e->vectors[id * e->E + j];
    return sqrt(sum);
}
