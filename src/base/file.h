/* base/file.h: output files that appear whole or not at all, reading, and paths. */
#ifndef ODD_BASE_FILE_H
#define ODD_BASE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "oddrow.h"

/* One writer. A regular file is written as .NAME.tmp-PID-RANDOM beside NAME and renamed on commit,
 * so nobody sees half a file, and a failed run leaves the old one. Standard output ("-") and what
 * exists but is no regular file (/dev/null, a FIFO, a terminal) are written directly. A name that
 * ends in .gz or .zst is compressed. A write into a closed pipe fails only in a program that
 * ignores SIGPIPE; the library leaves that to the program. */
typedef struct odd_output odd_output;

/* Opens path for writing. *out is the caller's until it is committed, discarded or finished.
 * ODDROW_EIO, with the file and the system's reason; ODDROW_ENOMEM. */
int odd_output_open(const char *path, odd_output **out, oddrow_error *err);

/* Appends size bytes (buffered). ODDROW_EIO (disk full, closed pipe), ODDROW_ENOMEM; after an error
 * the output can only be discarded. */
int odd_output_write(odd_output *o, const void *data, size_t size, oddrow_error *err);

/* Overwrites size bytes at offset, all of them written before: for a header that counts what
 * follows it. ODDROW_EINVAL for standard output, pipes and compressed files. */
int odd_output_patch(odd_output *o, size_t offset, const void *data, size_t size,
                     oddrow_error *err);

/* Writes everything out, syncs it to disk, renames it into place and syncs the directory. Frees and
 * nulls *o in any case. After ODDROW_EIO the temporary file is gone, and an older file of that name
 * is still there. */
int odd_output_commit(odd_output **o, oddrow_error *err);

/* Gives up: removes the temporary file; frees and nulls *o. NULL-safe. */
void odd_output_discard(odd_output **o);

/* Ends a writer that may have failed: commits when rc is 0, otherwise discards. Returns rc, or what
 * committing returned. *o may be NULL. */
int odd_output_finish(odd_output **o, int rc, oddrow_error *err);

/* A whole file of size bytes, opened, written and committed. */
int odd_output_whole(const char *path, const void *data, size_t size, oddrow_error *err);

/* Reads from a descriptor until data is full or the file ends; signals do not cut it short. Returns
 * the number of bytes, or -1 with errno. */
ssize_t odd_read(int file, void *data, size_t size);

/* Whether a path has this ending (".gz"); what follows its last slash. */
bool odd_path_ends(const char *path, const char *ending);
const char *odd_path_name(const char *path);

#endif
