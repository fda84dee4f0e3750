/* worker/journal_file.h: what the journal's writer and its readers know of the file; private to
 * journal.c and journal_reader.c.
 *
 * An SQLite database in WAL mode, application_id ODD_JOURNAL_ID, user_version ODD_JOURNAL_FORMAT:
 *
 *   feed(first INTEGER PRIMARY KEY, count, time, topics, entries BLOB)
 *       one row a segment: the sequence number of its first entry, the number of its entries, the
 *       time in UTC microseconds, 1 << topic of each topic in it, and for each entry its topic (1
 *       byte), the length of its JSON (4 bytes, big-endian) and the JSON.
 *   clients(name BLOB PRIMARY KEY, number INTEGER)
 *       the number of a client's last safe row, as 64 bits: from 2^63 on it is negative.
 *   meta(key TEXT PRIMARY KEY, value INTEGER)
 *       "next": all sequence numbers below it are used up, also when the feed is empty. The end of
 *       the feed's last segment counts when it is higher.
 */
#ifndef ODD_WORKER_JOURNAL_FILE_H
#define ODD_WORKER_JOURNAL_FILE_H

#include <sqlite3.h>

#include "worker/journal.h"

/* "oddj". */
enum { ODD_JOURNAL_ID = 0x6f64646a, ODD_JOURNAL_FORMAT = 1 };

/* Bytes before the JSON of an entry in a segment; the size at which a segment ends. */
enum { ODD_ENTRY_HEAD = 5, ODD_SEGMENT_BYTES = 256 * 1024 };

/* Writes "path: cannot WHAT: SQLite's reason"; the code is ODDROW_EFORMAT for a damaged file or
 * one that is no database, ODDROW_ENOMEM, else ODDROW_EIO. */
int odd_journal_fail(sqlite3 *db, const char *path, const char *what, oddrow_error *err);

/* Switches off what a foreign database could do by itself: triggers, views, functions in its
 * schema.
 */
void odd_journal_harden(sqlite3 *db);

/* 0 when the file says that it is a journal of this format, 1 when it is an empty database, else
 * ODDROW_EFORMAT (or ODDROW_EIO). */
int odd_journal_check(sqlite3 *db, const char *path, oddrow_error *err);

/* Puts the number in the first row and column of what sql gives into *out, which stays as it is
 * when there is no row. 0 or a code. */
int odd_journal_ask(sqlite3 *db, const char *path, const char *sql, uint64_t *out,
                    oddrow_error *err);

#endif
