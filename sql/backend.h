#pragma once

#include "inventory/deadline.h"
#include "inventory/err.h"
#include "inventory/wait.h"
#include "sql/row.h"
#include "sql/server.h"
#include "sql/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a database has to offer. Everything above (migrations, batches, retries)
 * is the same for all; a backend says what a failure means and no more.
 *
 * A db is used by one thread at a time.
 */
enum db_result {
	DB_OK,
	DB_AGAIN,  /* lost against another writer, or no memory or room for the
	            * moment: roll back, do it again */
	DB_GONE,   /* no connection (any more): connect, do it again */
	DB_DATA,   /* a row's values were refused */
	DB_EXISTS, /* the table or column is there already */
	DB_DENIED, /* name or password were refused */
	DB_FAILED, /* all else: no use in trying again */
};

enum dialect { DIALECT_MYSQL, DIALECT_SQLITE };

struct db;

/* One row of a result: all values as text, NULL for NULL, valid for the call.
 * False ends the reading. */
typedef bool db_row_function(void *arg, const char *const *values,
                             size_t count);

struct db_ops {
	enum dialect dialect;
	const char *begin; /* the statement that starts a writing transaction */
	size_t rows_max;   /* of one write(), a power of two */

	/* Around whatever one thread does with the db, never nested. May be
	 * NULL. */
	void (*thread_begin)(void);
	void (*thread_end)(void);

	/* Drops the connection and what was prepared on it, if any, and makes a
	 * new one. DB_GONE with ERR_CANCELLED when the run ends meanwhile. */
	enum db_result (*connect)(struct db *db, const struct wait *wait,
	                          struct err *err);

	enum db_result (*exec)(struct db *db, const char *sql, struct err *err);

	/*
	 * The tables are ready: from now on a lock that others hold is DB_AGAIN
	 * after a moment, so that the writer can look whether the run ends. May
	 * be NULL.
	 */
	void (*wait_briefly)(struct db *db);

	/* First column of the first row; 0 for NULL and for no row. */
	enum db_result (*number)(struct db *db, const char *sql,
	                         int64_t *number, struct err *err);

	/* Calls row for each row of the result as they come in: it must not use
	 * the db. DB_OK as well when row ended the reading. */
	enum db_result (*select)(struct db *db, const char *sql,
	                         db_row_function *row, void *arg,
	                         struct err *err);

	/* One multi-row upsert. count is a power of two up to rows_max. */
	enum db_result (*write)(struct db *db, enum table table,
	                        const struct row *const *rows, size_t count,
	                        struct err *err);

	/* From any other thread, while a call is under way: makes it fail soon,
	 * with DB_GONE, and every later one, until connect(). NULL where no
	 * call takes long. */
	void (*cut)(struct db *db);

	/*
	 * From any other thread, at any time before close(): makes a call that
	 * is under way fail soon, with DB_GONE, and every later one, for ever.
	 * NULL where no call takes long.
	 */
	void (*interrupt)(struct db *db);

	/* Disconnects and frees; NULL is no db. Waits for no server that was
	 * lost or interrupted. */
	void (*close)(struct db *db);
};

struct db {
	const struct db_ops *ops;
};

static inline void db_thread_begin(const struct db_ops *ops)
{
	if (ops->thread_begin != NULL)
		ops->thread_begin();
}

static inline void db_thread_end(const struct db_ops *ops)
{
	if (ops->thread_end != NULL)
		ops->thread_end();
}

/*
 * Not connected yet. The settings are borrowed for the db's life; NULL without
 * memory. timeout is for each read and write. warn may be NULL and is called
 * from connect().
 */
struct db *mysql_db_new(const struct server *server, nanoseconds timeout);
struct db *sqlite_db_new(const char *path,
                         void (*warn)(void *arg, const char *text),
                         void *warn_arg);

/* A file that exists, alone in its folder, every commit on the disk: see
 * sql/spool.h, which holds it and tells what is one. */
struct db *sqlite_spool_new(const char *path);

/* SQLite's mark of a spool, in the file's header: "sshS". */
#define SPOOL_APPLICATION_ID 0x73736853

/*
 * Process-wide, see store_library_init() and store_library_end(). MySQL's is
 * started when the first server is named, before there are threads: it asks
 * /etc/services for a port, and who wants no server need not have that fail.
 */
bool mysql_db_library_init(void);
bool mysql_db_library_end(void);
bool sqlite_db_library_init(void);
void sqlite_db_library_end(void);
