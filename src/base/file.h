/* base/file.h: output files that appear whole or not at all; files read; paths. */
#ifndef ODD_BASE_FILE_H
#define ODD_BASE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

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

/* Flushes, fsyncs, renames into place, fsyncs the directory. Frees and nulls *o whether it works or
 * not; on ODDROW_EIO the temporary file is gone and an older file of that name is still there. */
int odd_output_commit(odd_output **o, oddrow_error *err);

/* Gives up: removes the temporary file; frees and nulls *o. NULL-safe. */
void odd_output_discard(odd_output **o);

/* Ends a writer that may have failed: commits when rc is 0, otherwise discards. Returns rc, or what
 * committing returned. *o may be NULL. */
int odd_output_finish(odd_output **o, int rc, oddrow_error *err);

/* A whole file of size bytes, opened, written and committed. */
int odd_output_whole(const char *path, const void *data, size_t size, oddrow_error *err);

/* Reads from a descriptor until data is full or the file ends, and through interruptions. The
 * number of bytes, or -1 with errno. */
ssize_t odd_read(int file, void *data, size_t size);

/* Whether a path ends so (".gz"), and what stands behind its last slash. */
bool odd_path_ends(const char *path, const char *ending);
const char *odd_path_name(const char *path);

#endif
