/* wire/codec.h: private to the room: what an encoding consists of, and what decoders share: memory,
 * and rows under way. */
#ifndef ODD_WIRE_CODEC_H
#define ODD_WIRE_CODEC_H

#include <locale.h>

#include "base/arena.h"
#include "wire/payload.h"

/* Objects and arrays open at once, the payload's own among them. */
enum { ODD_DEPTH_MAX = 8 };

/* Longest _id: bytes of a string between its quotes, characters of an integer. */
enum { ODD_ID_TEXT_MAX = 256, ODD_ID_DIGITS_MAX = 64 };

/* Not a column of the schema. */
#define ODD_UNKNOWN_NAME SIZE_MAX

/* What can be wrong with a column of a row. The sentences are made once, so that a million bad rows
 * need no text. */
typedef enum {
    ODD_PROBLEM_ABSENT,
    ODD_PROBLEM_TWICE,
    ODD_PROBLEM_NESTED,
    ODD_PROBLEM_TYPE,
    ODD_PROBLEM_UTF8,
    ODD_PROBLEMS
} odd_problem;

struct odd_decoder {
    const odd_schema *schema;
    size_t max_payload;
    char too_long[48]; /* the reason of payloads beyond that */

    odd_row *rows;
    size_t row_count, row_capacity;
    odd_span *cells; /* (good, K), and room for the row under way */
    size_t good, cell_capacity;
    size_t first;    /* row of the payload under way */
    bool too_many;   /* it has more than ODD_ROWS_MAX */
    odd_arena texts; /* what rows and cells point to when it is not in the payload */

    odd_vocabulary *names; /* column k has id k + 1 */
    size_t *name_size;     /* (K) bytes */
    size_t *guess;  /* (2 K) column of the i-th name of the last object, or ODD_UNKNOWN_NAME */
    uint64_t *seen; /* (K) number of the last object that had the column */
    uint64_t objects;
    odd_bytes reasons;
    size_t *reason_at; /* (K, ODD_PROBLEMS) into reasons */

    /* working memory of one payload */
    odd_arena parser;
    odd_bytes json;
    locale_t c_locale;
};

/* Makes room for one more row and returns its K cells, for the caller to fill before odd_row_add.
 * NULL: no memory, or too many rows. */
odd_span *odd_row_begin(odd_decoder *d);

/* Adds the row for which odd_row_begin made room, with those cells when reject is NONE. */
void odd_row_add(odd_decoder *d, odd_reject reject, const char *reason, odd_span text, odd_span id);

/* A row under way that names its columns. */
typedef struct odd_object {
    odd_span *cells;
    size_t position, found; /* names met; columns among them */
    size_t column;          /* of the last name, or ODD_UNKNOWN_NAME */
    bool is_id;             /* the last name was _id, whether a column or not */
    bool has_id;
    odd_reject reject; /* the first thing that is wrong */
    const char *reason;
    odd_span id;
} odd_object;

/* False: no memory. */
bool odd_object_begin(odd_decoder *d, odd_object *o);

/* Takes the next name; sets column and is_id. */
void odd_object_name(odd_decoder *d, odd_object *o, const char *name, size_t size);

/* Takes the value of that name as a cell; trim: it is a string. Does nothing for ODD_UNKNOWN_NAME.
 */
void odd_object_cell(odd_decoder *d, odd_object *o, const char *text, size_t size, bool trim);

/* Reject the row unless it is rejected already; the second for a problem with o->column. */
void odd_object_reject(odd_object *o, odd_reject reject, const char *reason);
void odd_object_problem(odd_decoder *d, odd_object *o, odd_problem problem);

/* Looks for absent columns and adds the row. */
void odd_object_end(odd_decoder *d, odd_object *o, odd_span text);

/* What an encoding does. */
typedef struct odd_codec {
    const char *name;
    bool json; /* a row's text is JSON */
    /* Whether a payload begins as this encoding does. No payload may begin as two do. */
    bool (*recognise)(odd_span payload);
    /* Adds the rows of a payload that is not blank. When the whole payload is bad, sets
     * out->reject and out->reason, and odd_decode takes its rows back. 0 or ODDROW_ENOMEM. */
    int (*decode)(odd_decoder *d, odd_span payload, odd_decoded *out);
    /* See odd_payload_write; failures stay in *out. */
    void (*write)(const char *const *names, size_t columns, const odd_span *cells, size_t rows,
                  odd_bytes *out);
} odd_codec;

extern const odd_codec odd_csv_codec, odd_json_codec, odd_msgpack_codec;

static inline bool odd_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Bytes of blanks and line ends in front of a payload. */
static inline size_t odd_blank_size(odd_span payload)
{
    size_t size = 0;
    while (size < payload.size && memchr(" \t\r\n", payload.data[size], 4))
        size++;
    return size;
}

/* Without the blanks at its ends. */
static inline odd_span odd_trimmed(odd_span text)
{
    while (text.size && odd_is_blank(text.data[0]))
        text.data++, text.size--;
    while (text.size && odd_is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

/* Makes the reason of a reject, which lives until odd_decoder_clear. NULL: no memory. */
const char *odd_reason_text(odd_decoder *d, const char *format, ...)
    __attribute__((format(printf, 2, 3), cold));

/* Rejects the payload; reason: made as above, or static. 0, or ODDROW_ENOMEM when it is NULL. */
int odd_refuse(odd_decoded *out, odd_reject reject, const char *reason);

#endif
