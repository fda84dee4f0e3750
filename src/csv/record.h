/* csv/record.h: where a CSV record ends, and whether it is one: a pure scanner over bytes.
 *
 * A record ends at LF, CR or CRLF outside quotes. A quote opens a quoted field only at the start of
 * a field, blanks (space, tab, unless it is the delimiter) allowed before it; inside, "" is a
 * literal quote and line ends are text. After the closing quote only blanks may come before the
 * delimiter or the end. A quote later in an unquoted field is literal: 5" pipe. That is what
 * libcsv does in its default mode, and what Python and pandas read.
 *
 * A line of nothing but blanks is no record; in a file of one column a missing cell is written "".
 *
 * Not valid, each counted as one bad record:
 * - text between a closing quote and the delimiter: "invalid quoting". It ends at the next line
 *   end after the offending byte;
 * - a quote that is still open after max_record bytes or at the end: "unterminated quote". It is
 *   the first physical line only, and the next line starts afresh, so that one stray quote does
 *   not swallow the rest of the file;
 * - a NUL byte anywhere in it: "NUL byte";
 * - more than max_record bytes without its line end: ODD_RECORD_LONG, up to the next line end. */
#ifndef ODD_CSV_RECORD_H
#define ODD_CSV_RECORD_H

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    ODD_RECORD_MORE,  /* the record does not end in these bytes */
    ODD_RECORD_GOOD,  /* a record that libcsv splits into fields */
    ODD_RECORD_BLANK, /* an empty line */
    ODD_RECORD_BAD,   /* a record to reject, for the reason given */
    ODD_RECORD_LONG   /* too long: skip from size on to behind the next line end */
} odd_record_status;

typedef struct odd_record {
    size_t size;        /* bytes up to the next record */
    size_t text;        /* bytes without the line end */
    const char *reason; /* of a bad record, static; else NULL */
} odd_record;

/* The state within one record. Fields are private. */
typedef struct odd_record_scanner {
    unsigned char class_of[256];
    size_t max_record;
    int state;
    size_t at;         /* bytes looked at */
    size_t first_text; /* of the first physical line, once its end was passed */
    size_t first_size; /* 0 until then */
    const char *reason;
} odd_record_scanner;

/* Ready for a first record. max_record at least 1. */
void odd_record_start(odd_record_scanner *s, char delimiter, size_t max_record);

/* Looks at the size bytes from the start of the record on; end says that nothing follows them.
 * On ODD_RECORD_MORE call again with the same bytes and more behind them (they may have moved):
 * nothing is looked at twice. Any other result is about the record at data and the scanner is
 * ready for the next one, at data + out->size. Never MORE with end; size 0 with end is BLANK. */
odd_record_status odd_record_scan(odd_record_scanner *s, const char *data, size_t size, bool end,
                                  odd_record *out);

#endif
