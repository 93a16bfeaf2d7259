#pragma once

#include "sql/backend.h"
#include "sql/dsn.h"
#include "sql/group.h"
#include "sql/store.h"
#include "sql/writer.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The inside of a store, for the other files of sql/ that work on one. */
struct store {
	struct group group;
	struct writer writer; /* the group's leader uses it */
	struct db *db;
	struct dsn dsn; /* with the password, for reconnecting */
	bool store_password, pin_host_keys;
	char name[DSN_PATH_SIZE + 16];
	struct limit limit; /* of the calls to db */
	nanoseconds db_timeout;
	int cancel_fd;
	bool no_spool;

	/* For the spool; set by store_run_begin(). */
	struct {
		char id[RUN_ID_MAX + 1];
		char file[DSN_PATH_SIZE];
		char version[64];
		int64_t begin;
	} run;

	/* The group's leader, or who is alone with the store, writes these. */
	bool given_up; /* nobody looks at db any more */
	struct db *spool;
	struct writer spool_writer;
	char spool_path[DSN_PATH_SIZE];
	atomic_bool spooling; /* all of these are set */
};

/* Through the settings' warn. */
void store_tell(const struct store *store, const char *text);

/*
 * Calls row for each row that the database has for sql. A lost connection is
 * made again and locks are waited for as long as the writer would; the reading
 * then begins anew, so that row may see again what it has seen. Not while the
 * writer is at work. False with ERR_STORE.
 */
bool store_select(struct store *store, const char *sql, db_row_function *row,
                  void *arg, struct err *err);
