/* csv/input.h: the bytes of a file, whatever it is packed in. */
#ifndef ODD_CSV_INPUT_H
#define ODD_CSV_INPUT_H

#include "oddrow.h"

/* A path, "-" (standard input), gzip (members in a row) or zstd (frames in a row); what it is
 * packed in is told by its first bytes, not by its name. One thread at a time, but for the byte
 * counts, which any thread may ask. */
typedef struct odd_input odd_input;

/* Opens path. 0 with *out the caller's; ODDROW_EIO when it is missing, a directory or unreadable,
 * ODDROW_EFORMAT when the name ends in .gz or .zst and the bytes do not begin as such a file,
 * ODDROW_ENOMEM. Messages name the file. */
int odd_input_open(const char *path, odd_input **out, oddrow_error *err);

/* Reads from size bytes of memory, which stay the caller's and must outlive *out; never unpacked.
 * name stands in messages. 0 or ODDROW_ENOMEM. */
int odd_input_open_memory(const char *name, const void *data, size_t size, odd_input **out,
                          oddrow_error *err);

/* Fills data with up to size bytes and sets *got; less than size only at the end, 0 only at the
 * end or for size 0. ODDROW_EIO when reading fails, ODDROW_EFORMAT when packed data is truncated or
 * corrupt, ODDROW_ENOMEM. */
int odd_input_read(odd_input *in, void *data, size_t size, size_t *got, oddrow_error *err);

/* The same, but what is there is enough: waits for at least one byte, or the end. */
int odd_input_read_some(odd_input *in, void *data, size_t size, size_t *got, oddrow_error *err);

/* The descriptor that is read, for poll; -1: memory, or a packed file, whose next bytes may be here
 * already. */
int odd_input_descriptor(const odd_input *in);

/* The name for messages; lives as long as in. */
const char *odd_input_name(const odd_input *in);

/* Bytes of the file as stored (packed), 0 when unknown; and how many of them were read. */
uint64_t odd_input_total(const odd_input *in);
uint64_t odd_input_taken(const odd_input *in);

/* Closes; *in becomes NULL. NULL-safe. */
void odd_input_free(odd_input **in);

#endif
