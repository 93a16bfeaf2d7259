#pragma once

#include "inventory/err.h"
#include "inventory/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Where results stay: `server_status`, one row per (ip, port), and `runs`, in
 * MySQL, MariaDB or SQLite.
 *
 * store_put() may be called by any number of threads at once; they share one
 * connection and, by group commit, one transaction: the first to come leads and
 * writes the rows of those that wait, sorted by key, as multi-row prepared
 * upserts; then it hands leadership to the oldest waiter. There is no timer and
 * no writer thread. Everything else is for one thread at a time.
 */
struct store;

struct store_settings {
	/*
	 * NULL finds the store as the manual says: SSHINV_DB, then a [sshinv]
	 * group in the MySQL option files that names a host or a database, then
	 * $XDG_DATA_HOME/sshinv/inventory.db. A server that was named and fails
	 * is an error, never a reason to fall back.
	 *
	 *   mysql://user@host:port/database?ssl-mode=…
	 *   mariadb://…    the same
	 *   sqlite:PATH, sqlite:///abs/path
	 *
	 * The password comes from the DSN, else from SSHINV_DB_PASSWORD, else
	 * from the option files; if there is none and the server wants one, the
	 * terminal is asked. SSHINV_DB_PASSWORD is taken out of the environment
	 * whatever the store is; empty, it is as if unset.
	 */
	const char *dsn;
	/* Else the column is NULL. The password has to be in the record still
	 * when it comes to store_put(). */
	bool store_password;
	bool adopt_table; /* rename a foreign server_status, copy from it */
	int cancel_fd;    /* readable ends waiting for a lost server; -1 none */
	/* Told in words what the user ought to know (a password in the DSN, a
	 * network file system without WAL, a lost server that is waited for).
	 * May be NULL; called by whichever thread is in the store, one at a
	 * time, and holds everybody's rows up until it returns. */
	void (*warn)(void *arg, const char *text);
	void *warn_arg;
};

/* One run, for `runs`. Texts are borrowed for the call. */
struct store_run {
	const char *id;      /* at most RUN_ID_MAX bytes of ASCII */
	const char *file;    /* absolute path of the host file, or "-" */
	const char *version; /* of sshinv */
	int64_t begin;       /* microseconds since the epoch, UTC */
	int64_t end;         /* for store_run_end() */
	size_t counts[STATUS_COUNT]; /* for store_run_end() */
};

/*
 * Called before there are other threads, since it reads the environment.
 * Connects and brings the tables up to this version's schema: creates them on
 * first use, migrates older ones, waits for another process that is doing so.
 * A table called server_status that is not ours is never altered:
 * ERR_STORE_FOREIGN, whose text names --adopt-table. ERR_INPUT for a DSN that
 * cannot be read and a password that is too long, ERR_STORE for a database that
 * cannot be used; the text never holds the password. ERR_CANCELLED for a ^C at
 * the prompt for one. The caller ends *store with store_close().
 */
bool store_open(struct store **store, const struct store_settings *settings,
                struct err *err);

/* Where it is, for people, without the password: "mysql://inv@db1:3306/fleet"
 * or "sqlite:/var/lib/x.db". Lives as long as the store. */
const char *store_name(const struct store *store);

bool store_run_begin(struct store *store, const struct store_run *run,
                     struct err *err);
bool store_run_end(struct store *store, const struct store_run *run,
                   struct err *err);

/*
 * Writes the record's row and returns when it is committed. The record is
 * borrowed and not changed. What a status may change in a row that exists:
 *
 *   ok         everything; first_seen stays
 *   skipped    nothing
 *   others     status, phase, error, last_attempt, run_id
 *
 * A row that did not exist is inserted with all that is known; first_seen is
 * the last_attempt of its first ok, last_seen that of its last. Texts are made
 * valid UTF-8 (U+FFFD, for NUL bytes too) and cut to their column at a
 * character.
 *
 * ERR_STORE_DATA: the database refused this row for its data; the others of its
 * batch are stored. ERR_SYSTEM: no memory for this row; the store goes on.
 * ERR_STORE: the store is lost, and every later call fails likewise.
 */
bool store_put(struct store *store, const struct record *record,
               struct err *err);

/* NULL is fine. No store_put() may be under way. */
void store_close(struct store *store);

/* Writes the statements that make the tables, for an administrator who keeps
 * the right to create them: dialect "mysql" or "sqlite" (ERR_INPUT for others).
 * The text is allocated; the caller frees it. */
bool store_schema(const char *dialect, char **text, struct err *err);

/* Overwrites SSHINV_DB_PASSWORD and takes it out of the environment, where
 * others of this user and our own children could read it: for a run without a
 * store. store_open() does so as well. Before the first thread. */
void store_forget_password(void);

/* Once in main, before the first thread, and at the very end. */
bool store_library_init(struct err *err);
void store_library_end(void);
