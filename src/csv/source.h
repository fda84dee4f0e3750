/* csv/source.h: CSV files cut into chunks of whole records, and chunks split into cells.
 *
 * One thread at a time calls odd_csv_next, which only finds where records end; any number of
 * threads split the chunks, each its own, in parallel. Results do not depend on the chunk size. */
#ifndef ODD_CSV_SOURCE_H
#define ODD_CSV_SOURCE_H

#include "base/options.h"
#include "csv/chunk.h"
#include "oddrow.h"

typedef struct odd_csv_source odd_csv_source;

/* files: what a pipeline file names, for the commands. delimiter 0: found among , ; tab | in the
 * first lines of the first file. */
#define ODD_CSV_OPTIONS(X)                                                                         \
    X(odd_names, files, {0}, NAMES, "files", TRAIN | SCORE | EVAL | COLUMNS | ENCODE | PREDICT,    \
      .value = "FILES", .help = "CSV files to read if the command line names none")                \
    X(char, delimiter, 0, CHARACTER, "delimiter",                                                  \
      TRAIN | SCORE | EVAL | COLUMNS | ENCODE | SIMILAR | SEND | ASK | PREDICT, .value = "C",      \
      .help = "field delimiter: a character, tab, or auto (one of , ; tab |)")

typedef struct odd_csv_options {
    ODD_CSV_OPTIONS(ODD_OPTION_FIELD)
    size_t chunk_size; /* bytes of a usual chunk; 0: 256 KiB */
    size_t max_record; /* longest record, in bytes; 0: 16 MiB */
    bool live;         /* a pipe that is written now and then: records are handed out as they come,
                          in chunks of what one read brings */
} odd_csv_options;

/* Opens the first of n >= 1 files ("-" is standard input), skips a byte order mark, finds the
 * delimiter and reads the header. An empty name becomes column_N (N from 1). 0 with *out the
 * caller's. ODDROW_EFORMAT: an empty file, an invalid header, a name that comes twice (file, line,
 * column); ODDROW_EIO, ODDROW_EINVAL, ODDROW_ENOMEM. options may be NULL; paths are copied. */
int odd_csv_open(const char *const *paths, size_t n, const odd_csv_options *options,
                 odd_csv_source **out, oddrow_error *err);

/* The same over size bytes of memory, which must outlive *out. */
int odd_csv_open_memory(const char *name, const void *data, size_t size,
                        const odd_csv_options *options, odd_csv_source **out, oddrow_error *err);

/* The header. Names live as long as the source. Any thread. */
size_t odd_csv_columns(const odd_csv_source *s);
const char *const *odd_csv_names(const odd_csv_source *s);
char odd_csv_delimiter(const odd_csv_source *s);

/* For progress: bytes of all files as stored, 0 when one of them is a pipe; and those read so far.
 * Any thread. */
uint64_t odd_csv_bytes_total(const odd_csv_source *s);
uint64_t odd_csv_bytes_read(const odd_csv_source *s);

/* The next chunk: 1 with whole records of one file in chunk->raw (blank lines and none at all are
 * possible), 0 at the end of the last file, or ODDROW_EIO, ODDROW_EFORMAT, ODDROW_ENOMEM, and
 * ODDROW_ESCHEMA when a later file's header differs from the first. Waits until a chunk is full or
 * the file ends. After an error only odd_csv_close makes sense. One caller at a time. */
int odd_csv_next(odd_csv_source *s, odd_csv_chunk *chunk, oddrow_error *err);

/* For a live source: a descriptor to poll before odd_csv_next, which might wait; -1: it would not,
 * or not for long (the rest of a record that has begun). */
int odd_csv_descriptor(const odd_csv_source *s);

/* Splits chunk->raw into cells and rejects, which stay valid until the chunk's next use. 0 or
 * ODDROW_ENOMEM. Reads only s: any thread, one chunk a thread. */
int odd_csv_split(const odd_csv_source *s, odd_csv_chunk *chunk, oddrow_error *err);

/* Closes; *s becomes NULL. NULL-safe. Chunks keep their contents, but for path. */
void odd_csv_close(odd_csv_source **s);

#endif
