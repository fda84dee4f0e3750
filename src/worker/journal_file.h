/* worker/journal_file.h: what the journal's writer and its readers know of the file; private to
 * journal.c and journal_reader.c.
 *
 * An SQLite database in WAL mode, application_id ODD_JOURNAL_ID, user_version ODD_JOURNAL_FORMAT:
 *
 *   feed(first INTEGER PRIMARY KEY, count, time, topics, entries BLOB)
 *       one row a segment: the sequence of its first entry, how many follow each other from there,
 *       UTC microseconds, 1 << topic of each that occurs, and for each entry its topic (1 byte),
 *       the length of its JSON (4 bytes, big-endian) and the JSON.
 *   clients(name BLOB PRIMARY KEY, number INTEGER)
 *       a client's highest safe row number: the 64 bits of it, so from 2^63 on negative.
 *   meta(key TEXT PRIMARY KEY, value INTEGER)
 *       "next": sequence numbers below it are used up, however empty the feed is. The feed's last
 *       segment may know better.
 */
#ifndef ODD_WORKER_JOURNAL_FILE_H
#define ODD_WORKER_JOURNAL_FILE_H

#include <sqlite3.h>

#include "worker/journal.h"

/* "oddj". */
enum { ODD_JOURNAL_ID = 0x6f64646a, ODD_JOURNAL_FORMAT = 1 };

/* Bytes before an entry's JSON in a segment; the size a segment is closed at. */
enum { ODD_ENTRY_HEAD = 5, ODD_SEGMENT_BYTES = 256 * 1024 };

/* Writes "path: cannot WHAT: SQLite's reason"; the code is ODDROW_EFORMAT for a damaged file or
 * one that is no database, ODDROW_ENOMEM, else ODDROW_EIO. */
int odd_journal_fail(sqlite3 *db, const char *path, const char *what, oddrow_error *err);

/* Switches off what a database from elsewhere could do by itself: triggers, views, functions in
 * its schema. */
void odd_journal_harden(sqlite3 *db);

/* 0 when the file says that it is a journal of this format, 1 when it is an empty database, else
 * ODDROW_EFORMAT (or ODDROW_EIO). */
int odd_journal_check(sqlite3 *db, const char *path, oddrow_error *err);

/* The number that sql gives in its first row and column; *out stays without a row. 0 or a code. */
int odd_journal_ask(sqlite3 *db, const char *path, const char *sql, uint64_t *out,
                    oddrow_error *err);

#endif
