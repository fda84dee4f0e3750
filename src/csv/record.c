/* csv/record.c: a machine of seven states over classes of bytes. */
#include "csv/record.h"

#include <string.h>

/* What a byte is to the scanner; bits, so that one test takes several kinds. */
enum { TEXT = 1, BLANK = 2, QUOTE = 4, DELIMITER = 8, LINE_END = 16, NUL = 32 };

/* Where in a record the scanner is. */
enum {
    BEGIN,      /* nothing but blanks yet */
    FIELD,      /* behind a delimiter, nothing but blanks yet */
    UNQUOTED,   /* in a field without quotes, or one that began otherwise */
    QUOTED,     /* between quotes */
    QUOTE_SEEN, /* just behind a quote that ends the field, unless another one follows */
    CLOSED,     /* blanks behind a closed field */
    BROKEN      /* invalid: on to the line end */
};

static const char invalid_quoting[] = "invalid quoting";
static const char unterminated_quote[] = "unterminated quote";
static const char nul_byte[] = "NUL byte";

static void begin(odd_record_scanner *s)
{
    s->state = BEGIN;
    s->at = s->first_text = s->first_size = 0;
    s->reason = NULL;
}

void odd_record_start(odd_record_scanner *s, char delimiter, size_t max_record)
{
    memset(s->class_of, TEXT, sizeof s->class_of);
    s->class_of[' '] = s->class_of['\t'] = BLANK;
    s->class_of['\n'] = s->class_of['\r'] = LINE_END;
    s->class_of['"'] = QUOTE;
    s->class_of[0] = NUL;
    s->class_of[(unsigned char)delimiter] = DELIMITER;
    s->max_record = max_record ? max_record : 1;
    begin(s);
}

/* Bytes of the line end at data[at]. A CR that is the last byte seen counts alone: its LF, should
 * one follow, is then an empty line. */
static size_t line_end(const char *data, size_t size, size_t at)
{
    return data[at] == '\r' && at + 1 < size && data[at + 1] == '\n' ? 2 : 1;
}

/* The result for the record whose text ends at `text`. */
static odd_record_status finish(odd_record_scanner *s, size_t text, size_t size, odd_record *out)
{
    bool blank = s->state == BEGIN;
    *out = (odd_record){size, text, s->reason};
    begin(s);
    return out->reason ? ODD_RECORD_BAD : blank ? ODD_RECORD_BLANK : ODD_RECORD_GOOD;
}

/* A quote that nothing closes: the first physical line is the bad record. */
static odd_record_status give_up(odd_record_scanner *s, odd_record *out)
{
    s->reason = unterminated_quote;
    return finish(s, s->first_text, s->first_size, out);
}

/* The bytes are used up, or the longest record is. */
static odd_record_status run_out(odd_record_scanner *s, const char *data, size_t size, bool end,
                                 odd_record *out)
{
    bool quoted = s->state == QUOTED;
    if (s->at < size) { /* max_record bytes and the record goes on */
        if (quoted && !s->first_size && s->class_of[(unsigned char)data[s->at]] == LINE_END) {
            s->first_text = s->at;
            s->first_size = s->at + line_end(data, size, s->at);
        }
        if (quoted && s->first_size)
            return give_up(s, out);
        *out = (odd_record){s->at, s->at, NULL};
        begin(s);
        return ODD_RECORD_LONG;
    }
    if (!end)
        return ODD_RECORD_MORE;
    if (quoted && !s->first_size)
        s->first_text = s->first_size = size;
    return quoted ? give_up(s, out) : finish(s, size, size, out);
}

/* Skips bytes that mean nothing in the state the scanner is in: the bulk of a record. */
static void skip(odd_record_scanner *s, const char *data, size_t limit)
{
    const unsigned char *u = (const unsigned char *)data, *class_of = s->class_of;
    size_t at = s->at;
    int dull = 0;
    if (s->state == UNQUOTED || s->state == BROKEN)
        dull = TEXT | BLANK | QUOTE;
    else if (s->state == QUOTED)
        dull = TEXT | BLANK | DELIMITER;
    while (at < limit && (class_of[u[at]] & dull))
        at++;
    s->at = at;
}

/* Takes the byte at s->at, which is no line end outside quotes. */
static void step(odd_record_scanner *s, const char *data, size_t size)
{
    int class = s->class_of[(unsigned char)data[s->at]];
    if (class == NUL && !s->reason)
        s->reason = nul_byte;
    switch (s->state) {
    case BEGIN:
    case FIELD:
        if (class == DELIMITER)
            s->state = FIELD;
        else if (class == QUOTE)
            s->state = QUOTED;
        else if (class != BLANK)
            s->state = UNQUOTED;
        break;
    case UNQUOTED:
        if (class == DELIMITER)
            s->state = FIELD;
        break;
    case QUOTED:
        if (class == QUOTE) {
            s->state = QUOTE_SEEN;
        } else if (class == LINE_END && !s->first_size) {
            s->first_text = s->at;
            s->first_size = s->at + line_end(data, size, s->at);
        }
        break;
    case QUOTE_SEEN:
    case CLOSED:
        if (class == DELIMITER) {
            s->state = FIELD;
        } else if (class == BLANK) {
            s->state = CLOSED;
        } else if (class == QUOTE && s->state == QUOTE_SEEN) {
            s->state = QUOTED;
        } else {
            s->state = BROKEN;
            s->reason = invalid_quoting;
        }
        break;
    default:
        break;
    }
    s->at++;
}

odd_record_status odd_record_scan(odd_record_scanner *s, const char *data, size_t size, bool end,
                                  odd_record *out)
{
    size_t limit = size < s->max_record ? size : s->max_record;
    for (;;) {
        skip(s, data, limit);
        bool here = s->at < size && s->state != QUOTED;
        if (here && s->class_of[(unsigned char)data[s->at]] == LINE_END)
            return finish(s, s->at, s->at + line_end(data, size, s->at), out);
        if (s->at >= limit)
            return run_out(s, data, size, end, out);
        step(s, data, size);
    }
}
