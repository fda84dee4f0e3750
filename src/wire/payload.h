/* wire/payload.h: the payload of one message to rows of cells in schema order, and back. Pure: no
 * sockets.
 *
 * A payload is a JSON object by column name, a JSON array of objects, MessagePack of the two, or
 * CSV lines in schema order (comma, no header). Its first byte tells which: '{' or '[' (behind
 * blanks and line ends) JSON; 0x80-0x9f, 0xdc-0xdf MessagePack; anything else CSV, so a first cell
 * that begins like one of the others must stand in quotes. Blank lines are no rows.
 *
 * A cell is the text that would stand in a CSV file: a JSON string without its blanks at the ends
 * (kept where the column's vocabulary has the text with them), a JSON number as its literal stands
 * there, true and false as those words, null as an empty cell. MessagePack integers in decimal,
 * floats in the shortest form that reads back. Names that the schema does not know are ignored;
 * id, label and ignored columns may be absent; another absent column rejects the row, by name.
 * _id: a text of at most 256 bytes (of JSON as they stand) or an integer of at most 64 characters.
 * More than 8 objects and arrays in each other reject the payload. */
#ifndef ODD_WIRE_PAYLOAD_H
#define ODD_WIRE_PAYLOAD_H

#include "base/bytes.h"
#include "column/schema.h"
#include "oddrow.h"

/* Each has a file and a row in the table of payload.c. */
typedef enum {
    ODD_ENCODING_CSV, /* takes what no other encoding does */
    ODD_ENCODING_JSON,
    ODD_ENCODING_MSGPACK,
    ODD_ENCODINGS
} odd_encoding;

/* "csv", "json", "msgpack"; "?" otherwise. */
const char *odd_encoding_name(odd_encoding encoding);

/* Whether odd_row.text is JSON; otherwise it is plain text. */
bool odd_encoding_is_json(odd_encoding encoding);

/* The encoding that the first bytes of a payload say. */
odd_encoding odd_encoding_of(odd_span payload);

/* Why a row or a message is not scored, for counting; odd_reject_name gives the word. */
typedef enum {
    ODD_REJECT_NONE,
    ODD_REJECT_EMPTY,   /* "empty": no bytes, blanks alone, no rows */
    ODD_REJECT_SIZE,    /* "size": longer than the limit, or more than ODD_ROWS_MAX rows */
    ODD_REJECT_UTF8,    /* "utf8": not UTF-8 */
    ODD_REJECT_JSON,    /* "json": broken JSON */
    ODD_REJECT_MSGPACK, /* "msgpack": broken MessagePack */
    ODD_REJECT_CSV,     /* "csv": broken quoting, NUL byte */
    ODD_REJECT_DEPTH,   /* "depth": values nested in values */
    ODD_REJECT_COLUMNS, /* "columns": an absent column, one there twice, a wrong number of cells */
    ODD_REJECT_TYPE,    /* "type": a row that is no object, a cell that is no text or number, a bad
                           _id */
    ODD_REJECT_FRAMES,  /* "frames": a wrong number or size of frames; the worker's */
    ODD_REJECTS
} odd_reject;

/* Rows of one payload. A byte or two is enough for a bad row, and each of them has a reject entry.
 */
enum { ODD_ROWS_MAX = 65536 };

const char *odd_reject_name(odd_reject reject);

/* One row of a payload, good or not. Spans live until odd_decoder_clear, and no longer than the
 * payload they came from. */
typedef struct odd_row {
    odd_reject reject;
    const char *reason; /* for people, when rejected; else NULL */
    odd_span text;      /* the row as received: a CSV line without its end, a JSON object's text;
                           of MessagePack the same as JSON text */
    odd_span id;        /* JSON text of _id; size 0: none. Of CSV: none */
    size_t good;        /* when not rejected: index among the good rows */
} odd_row;

/* What became of one payload. */
typedef struct odd_decoded {
    odd_encoding encoding;
    odd_reject reject;  /* not NONE: the message as a whole is rejected; rows is 0 then */
    const char *reason; /* for people; else NULL */
    size_t first, rows; /* its rows in odd_decoder_rows, rejected ones among them */
} odd_decoded;

typedef struct odd_decoder odd_decoder;

/* Scratch of one thread. max_payload: longest payload in bytes. The schema is borrowed. */
int odd_decoder_new(const odd_schema *schema, size_t max_payload, odd_decoder **out,
                    oddrow_error *err);
void odd_decoder_free(odd_decoder **d);

/* Decodes one more payload behind those decoded since the last clear. Spans may point into the
 * payload, which must stay until then. What the payload does wrong is in *out and no error: 0, or
 * ODDROW_ENOMEM with *out empty and what was decoded before untouched. A JSON array with broken
 * syntax is rejected as a whole; an element or a line that is bad by itself is one bad row. */
int odd_decode(odd_decoder *d, odd_span payload, odd_decoded *out, oddrow_error *err);

/* Rows since the last clear; the cells of the good ones, (good, K) in schema order, contiguous;
 * both move with the next odd_decode. */
const odd_row *odd_decoder_rows(const odd_decoder *d, size_t *count);
const odd_span *odd_decoder_cells(const odd_decoder *d, size_t *good);

/* Forgets all rows; keeps at most 4 MiB of the memory. */
void odd_decoder_clear(odd_decoder *d);

/* ---- the other direction, for clients ---- */

/* Appends `rows` rows of `columns` cells (row-major) as one payload. CSV: lines; JSON: an object
 * when rows is 1, else an array; MessagePack likewise. JSON cells that are JSON numbers literally
 * are written as numbers, empty ones as null, all else as strings (bytes that are not UTF-8
 * replaced by U+FFFD). MessagePack: strings, empty ones nil. `names` (columns) is not looked at for
 * CSV. 0, or ODDROW_ENOMEM with *out as it was. */
int odd_payload_write(odd_encoding encoding, const char *const *names, size_t columns,
                      const odd_span *cells, size_t rows, odd_bytes *out);

#endif
