#pragma once

#include "inventory/deadline.h"
#include "inventory/err.h"
#include "inventory/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Where results stay: `server_status`, one row per (ip, port), `server_history`
 * and `runs`, in MySQL, MariaDB or SQLite.
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
	/* --host-keys db: the host keys of the rows that are written, in this
	 * run or before it, are pinned: no run puts another one there. */
	bool pin_host_keys;
	bool adopt_table; /* rename a foreign server_status, copy from it */
	int cancel_fd; /* readable: nothing is waited for any longer, and what
	                * is not confirmed goes to the spool; -1 none */
	/* How long a lost or silent database is waited for, counted from the
	 * begin of the call that did not succeed; then comes the spool. */
	nanoseconds db_timeout;
	bool no_spool; /* then the store is lost instead */
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
	int64_t end;         /* for store_run_end(); 0: it is unfinished */
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

/* The database's clock, now: microseconds since the epoch, UTC. For SQLite it
 * is this machine's. */
bool store_clock(struct store *store, int64_t *microseconds, struct err *err);

/* After the first one of these three the run's spool is known by its id. An
 * unfinished run keeps its end_time NULL and can be taken up again; its counts
 * are left out where cancel_fd is readable and there is no spool. */
bool store_run_begin(struct store *store, const struct store_run *run,
                     struct err *err);
bool store_run_end(struct store *store, const struct store_run *run,
                   struct err *err);

/*
 * Writes the record's row and returns when it is committed, or, once the
 * database was given up, when it is in the spool: a file that takes the rest of
 * the run, announced once through warn. The record is borrowed and not changed.
 * What a status may change in a row that exists:
 *
 *   ok         everything; first_seen stays, and so does a host key that is
 *              pinned, whatever the host has shown
 *   skipped    nothing
 *   others     status, phase, error, last_attempt, run_id; and the host key
 *              where none is known yet, so that the first one seen is pinned
 *              though the login failed
 *
 * A host key that was refused (status hostkey) is never written there. With the
 * record's pinned_sha256 it becomes a row of server_history, whose field is
 * host_key_sha256.
 *
 * A row that did not exist is inserted with all that is known; first_seen is
 * the last_attempt of its first ok, last_seen that of its last. Texts are made
 * valid UTF-8 (U+FFFD, for NUL bytes too) and cut to their column at a
 * character.
 *
 * ERR_STORE_DATA: the database refused this row for its data; the others of its
 * batch are stored. ERR_SYSTEM: no memory for this row; the store goes on.
 * ERR_STORE: the store is lost, and the spool with it (or it was not
 * wanted); every later call fails likewise.
 */
bool store_put(struct store *store, const struct record *record,
               struct err *err);

/* From any other thread, once cancel_fd is readable: makes a call into a client
 * library that is under way fail soon. */
void store_interrupt(struct store *store);

/* Path of the spool that took this run's rows since the database was given up,
 * or NULL. From any thread; lives as long as the store. */
const char *store_spool(const struct store *store);

/* A run that can be taken up again. */
struct store_unfinished {
	char id[RUN_ID_MAX + 1];     /* "": there is none */
	int64_t begin;               /* as in struct store_run */
	size_t counts[STATUS_COUNT]; /* of the hosts it has done */
};

/*
 * The last run of this host file (as in struct store_run) whose end is not
 * known. If that run has a spool on this machine, it is brought in first.
 * Before store_run_begin(), which then takes the run up under its id.
 */
bool store_resume(struct store *store, const char *file,
                  struct store_unfinished *unfinished, struct err *err);

enum store_keys {
	STORE_KEYS_OF_RUN, /* hosts that run_id has done: not skipped */
	STORE_KEYS_OK,     /* hosts whose row is ok */
};

/*
 * Calls each for every such host; false from it (no memory) ends that with
 * ERR_SYSTEM. When the connection is lost the reading begins anew, so that each
 * has to bear a host again. run_id goes with STORE_KEYS_OF_RUN.
 */
bool store_each_key(struct store *store, enum store_keys which,
                    const char *run_id,
                    bool (*each)(void *arg, const char *ip, unsigned port),
                    void *arg, struct err *err);

/*
 * Calls each for every row whose host key is known; with the type, which may be
 * "", and the fingerprint. Otherwise like store_each_key().
 */
bool store_each_pin(struct store *store,
                    bool (*each)(void *arg, const char *ip, unsigned port,
                                 const char *type, const char *sha256),
                    void *arg, struct err *err);

/* The same for keys of the history that were refused, the latest of a host
 * last; the type is "". */
bool store_each_refused_pin(struct store *store,
                            bool (*each)(void *arg, const char *ip,
                                         unsigned port, const char *type,
                                         const char *sha256),
                            void *arg, struct err *err);

struct replay_counts {
	size_t rows;   /* in the spool */
	size_t stored; /* of them: the row is in the database, or a newer one */
	size_t refused; /* of them, and a run's row; told through warn */
};

/*
 * Brings a spool into the database. May be done again after any end; the file
 * is removed only when all its rows were committed. ERR_INPUT: no such file, no
 * spool, or one that its run or another replay holds. ERR_CANCELLED: the run
 * ended; what was committed stays.
 */
bool store_replay(struct store *store, const char *path,
                  struct replay_counts *counts, struct err *err);

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

/* Once in main, before the first thread, and at the very end. False from the
 * end: a call into a client library never came back, on a thread that was left
 * behind; leave the process by _exit(). */
bool store_library_init(struct err *err);
bool store_library_end(void);
