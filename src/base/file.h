/* base/file.h: an output file that appears whole or not at all. */
#ifndef ODD_BASE_FILE_H
#define ODD_BASE_FILE_H

#include "oddrow.h"

/* One writer. Regular files are written as .NAME.tmp-PID-RANDOM in the directory of NAME and
 * renamed on commit, so that nobody sees half a file and a failed run leaves the old one. What
 * exists and is no regular file (/dev/null, a FIFO, a terminal) is written straight, and so is "-",
 * standard output. Names ending in .gz or .zst are compressed. A write into a closed pipe is an
 * error only where the program ignores SIGPIPE, which is the program's to do, not the library's. */
typedef struct odd_output odd_output;

/* Opens path for writing. 0 with *out the caller's until commit or discard; ODDROW_EIO with the
 * file and the system's reason, ODDROW_ENOMEM. */
int odd_output_open(const char *path, odd_output **out, oddrow_error *err);

/* Appends size bytes (buffered). 0, ODDROW_EIO (disk full, closed pipe) or ODDROW_ENOMEM. After an
 * error only discard makes sense. */
int odd_output_write(odd_output *o, const void *data, size_t size, oddrow_error *err);

/* Writes size bytes over those at offset, all of which were written before: a header that counts
 * what came behind it. EINVAL where that cannot be: standard output, pipes, compressed files. */
int odd_output_patch(odd_output *o, size_t offset, const void *data, size_t size,
                     oddrow_error *err);

/* Hands what was written so far to the system: for standard output and pipes. Compressed files are
 * flushed to a decodable point. */
int odd_output_flush(odd_output *o, oddrow_error *err);

/* Flushes, fsyncs, renames into place, fsyncs the directory. Frees and nulls *o whether it works or
 * not; on ODDROW_EIO the temporary file is gone and an older file of that name is still there. */
int odd_output_commit(odd_output **o, oddrow_error *err);

/* Gives up: removes the temporary file; frees and nulls *o. NULL-safe. */
void odd_output_discard(odd_output **o);

#endif
