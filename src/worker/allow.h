/* worker/allow.h: the allow list, DIR/clients/\*.key, in memory. One thread at a time. */
#ifndef ODD_WORKER_ALLOW_H
#define ODD_WORKER_ALLOW_H

#include "base/log.h"
#include "oddrow.h"

enum { ODD_ALLOW_KEY = 32, ODD_ALLOW_USER = 9, ODD_ALLOW_MAX = 10000 };

typedef struct odd_allow odd_allow;

/* Reads DIR/clients. Logs and skips a file that is no key, and those beyond ODD_ALLOW_MAX (event
 * "key"). ODDROW_EIO: the directory cannot be read; ODDROW_ENOMEM. */
int odd_allow_open(const char *directory, odd_log *log, odd_allow **out, oddrow_error *err);

/* Reads the list again when a file was added, removed or changed. A directory that is gone is an
 * empty list; when it cannot be read for another reason, the old list stays and the log says so. */
void odd_allow_refresh(odd_allow *allow, odd_log *log);

/* The user of a key: the first 8 characters of its file's name; NULL when it is not listed.
 * Borrowed until the next refresh. */
const char *odd_allow_find(const odd_allow *allow, const unsigned char key[ODD_ALLOW_KEY]);

size_t odd_allow_count(const odd_allow *allow);
void odd_allow_free(odd_allow **allow);

#endif
