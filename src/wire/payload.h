/* wire/payload.h: the payload of one message to rows of cells in schema order, and back. No
 * sockets.
 *
 * A payload is a JSON object by column name, a JSON array of objects, MessagePack of the two, or
 * CSV lines in schema order (comma, no header). Its first byte tells which: '{' or '[' (behind
 * blanks and line ends) JSON; 0x80-0x9f, 0xdc-0xdf MessagePack; anything else CSV, so a first cell
 * that begins like one of the others must stand in quotes. Blank lines are no rows.
 *
 * A cell is the text that would stand in a CSV file. A JSON string loses the blanks at its ends,
 * unless the column's vocabulary has the text with them. A JSON number stays as it is written, true
 * and false become those words, null an empty cell. MessagePack integers become decimal, floats the
 * shortest decimal that reads back the same. Names that the schema does not know are ignored. Id,
 * label and ignored columns may be absent; any other absent column rejects the row and is named.
 * _id is a text of at most 256 bytes (in JSON as written) or an integer of at most 64 characters. A
 * payload with more than 8 levels of objects and arrays is rejected. */
#ifndef ODD_WIRE_PAYLOAD_H
#define ODD_WIRE_PAYLOAD_H

#include "base/bytes.h"
#include "column/schema.h"
#include "oddrow.h"

/* Each has a file, and a row in the table of payload.c. */
typedef enum {
    ODD_ENCODING_CSV, /* of all payloads that are of no other encoding */
    ODD_ENCODING_JSON,
    ODD_ENCODING_MSGPACK,
    ODD_ENCODINGS
} odd_encoding;

/* "csv", "json", "msgpack"; "?" otherwise. */
const char *odd_encoding_name(odd_encoding encoding);

/* Whether odd_row.text is JSON; otherwise it is plain text. */
bool odd_encoding_is_json(odd_encoding encoding);

/* The encoding of a payload, by its first bytes. */
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

/* Most rows of one payload: a byte or two make a bad row, and each bad row gets a reject entry. */
enum { ODD_ROWS_MAX = 65536 };

const char *odd_reject_name(odd_reject reject);

/* One row of a payload, good or not. Spans live until odd_decoder_clear, and no longer than the
 * payload they came from. */
typedef struct odd_row {
    odd_reject reject;
    const char *reason; /* for people, when rejected; otherwise NULL */
    odd_span text;      /* the row as received: a CSV line without its end, the text of a JSON
                           object; MessagePack as JSON text */
    odd_span id;        /* _id as JSON text; size 0: none, as always in CSV */
    size_t good;        /* when not rejected: index among the good rows */
} odd_row;

/* What became of one payload. */
typedef struct odd_decoded {
    odd_encoding encoding;
    odd_reject reject;  /* not NONE: the whole message is rejected, and rows is 0 */
    const char *reason; /* for people; otherwise NULL */
    size_t first, rows; /* its rows in odd_decoder_rows, including rejected ones */
} odd_decoded;

typedef struct odd_decoder odd_decoder;

/* Scratch of one thread. max_payload: longest payload in bytes. The schema is borrowed. */
int odd_decoder_new(const odd_schema *schema, size_t max_payload, odd_decoder **out,
                    oddrow_error *err);
void odd_decoder_free(odd_decoder **d);

/* Decodes a payload; its rows follow those decoded since odd_decoder_clear. Spans may point into
 * the payload, which must stay until that is called. What is wrong with the payload is no error,
 * but stands in *out. A JSON array with broken syntax is rejected as a whole; an element or a line
 * that is bad by itself is one bad row. 0, or ODDROW_ENOMEM with *out empty and earlier rows
 * intact. */
int odd_decode(odd_decoder *d, odd_span payload, odd_decoded *out, oddrow_error *err);

/* The rows since odd_decoder_clear, and the cells of the good ones, (good, K) in schema order. The
 * next odd_decode moves both. */
const odd_row *odd_decoder_rows(const odd_decoder *d, size_t *count);
const odd_span *odd_decoder_cells(const odd_decoder *d, size_t *good);

/* Forgets all rows; keeps at most 4 MiB of the memory. */
void odd_decoder_clear(odd_decoder *d);

/* ---- the other direction, for clients ---- */

/* Appends `rows` rows of `columns` cells (row-major) as one payload: CSV lines, or an object when
 * rows is 1 and otherwise an array. JSON: a cell that is a JSON number is written as a number, an
 * empty one as null, any other as a string, with U+FFFD for bytes that are not UTF-8. MessagePack:
 * strings, empty ones nil. `names` (columns) is not used for CSV. 0, or ODDROW_ENOMEM with *out as
 * it was. */
int odd_payload_write(odd_encoding encoding, const char *const *names, size_t columns,
                      const odd_span *cells, size_t rows, odd_bytes *out);

#endif
