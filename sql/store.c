#include "sql/store.h"

#include "sql/askpass.h"
#include "sql/backend.h"
#include "sql/dsn.h"
#include "sql/group.h"
#include "sql/locate.h"
#include "sql/schema.h"
#include "sql/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

_Static_assert(GROUP_BATCH_MAX <= WRITER_BATCH_MAX, "a group is one batch");

struct store {
	struct group group;
	struct writer writer; /* the group's leader uses it */
	struct db *db;
	struct dsn dsn; /* with the password, for reconnecting */
	bool store_password;
	char name[DSN_PATH_SIZE + 16];
};

static void commit(void *arg, void *const *items, size_t count)
{
	struct store *store = arg;
	struct writer_item *batch[GROUP_BATCH_MAX];

	for (size_t i = 0; i < count; i++)
		batch[i] = items[i];
	writer_write(&store->writer, TABLE_SERVER_STATUS, batch, count);
}

static void set_name(struct store *store)
{
	if (store->dsn.kind == DSN_MYSQL)
		server_name(&store->dsn.server, store->name,
		            sizeof(store->name));
	else
		snprintf(store->name, sizeof(store->name), "sqlite:%s",
		         store->dsn.path);
}

/*
 * Where no password was found and the server wants one, people are asked; where
 * nobody can be, they are told what else there is.
 */
static enum db_result ask_and_connect(struct store *store, int cancel_fd,
                                      const struct err *denied, struct err *err)
{
	struct server *server = &store->dsn.server;
	struct err unasked;

	server->has_password =
	    askpass(store->name, server->password, sizeof(server->password),
	            cancel_fd, &unasked);
	if (server->has_password)
		return store->db->ops->connect(store->db, err);
	if (unasked.kind == ERR_SYSTEM)
		err_set(err, denied->kind,
		        "%s; no password was found, and none can be asked for "
		        "(%s): set SSHINV_DB_PASSWORD, or password in the "
		        "option file ~/.my.cnf",
		        denied->text, unasked.text);
	else
		*err = unasked;
	return DB_DENIED;
}

static enum db_result connect_asking(struct store *store, int cancel_fd,
                                     struct err *err)
{
	struct err denied;
	enum db_result result = store->db->ops->connect(store->db, &denied);

	if (result == DB_DENIED && !store->dsn.server.has_password)
		return ask_and_connect(store, cancel_fd, &denied, err);
	if (result != DB_OK)
		*err = denied;
	return result;
}

static bool connect_and_prepare(struct store *store,
                                const struct store_settings *settings,
                                struct err *err)
{
	if (connect_asking(store, settings->cancel_fd, err) != DB_OK)
		return err_prefix(err, "cannot use %s", store->name);
	if (!schema_prepare(store->db, settings->adopt_table, err))
		return err_prefix(err, "%s", store->name);
	if (store->db->ops->wait_briefly != NULL)
		store->db->ops->wait_briefly(store->db);
	return true;
}

static void close_db(struct db *db)
{
	const struct db_ops *ops;

	if (db == NULL)
		return;
	ops = db->ops;
	db_thread_begin(ops);
	ops->close(db);
	db_thread_end(ops);
}

bool store_open(struct store **out, const struct store_settings *settings,
                struct err *err)
{
	struct store *store = calloc(1, sizeof(*store));
	bool ok;

	if (store == NULL || group_init(&store->group, commit, store) != 0) {
		free(store);
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	if (!store_locate(&store->dsn, settings, err))
		goto fail;
	set_name(store);
	store->db = store->dsn.kind == DSN_MYSQL
	                ? mysql_db_new(&store->dsn.server)
	                : sqlite_db_new(store->dsn.path, settings->warn,
	                                settings->warn_arg);
	if (store->db == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto fail;
	}
	db_thread_begin(store->db->ops);
	ok = connect_and_prepare(store, settings, err);
	db_thread_end(store->db->ops);
	if (!ok)
		goto fail;
	store->store_password = settings->store_password;
	store->writer = (struct writer){
		.db = store->db,
		.name = store->name,
		.cancel_fd = settings->cancel_fd,
		.warn = settings->warn,
		.warn_arg = settings->warn_arg,
		.patience = WRITER_PATIENCE,
		.seed = (unsigned)getpid() ^ (unsigned)monotonic_ns(),
	};
	*out = store;
	return true;
fail:
	close_db(store->db);
	group_release(&store->group);
	dsn_wipe(&store->dsn);
	free(store);
	return false;
}

const char *store_name(const struct store *store)
{
	return store->name;
}

static bool write_run(struct store *store, const struct store_run *run,
                      struct err *err)
{
	struct row row;
	struct writer_item item = { .row = &row, .err = err };
	struct writer_item *items[] = { &item };

	if (!row_from_run(&row, run, err))
		return false;
	writer_write(&store->writer, TABLE_RUNS, items, 1);
	row_release(&row);
	return item.stored;
}

bool store_run_begin(struct store *store, const struct store_run *run,
                     struct err *err)
{
	struct store_run begun = *run;

	begun.end = 0;
	memset(begun.counts, 0, sizeof(begun.counts));
	return write_run(store, &begun, err);
}

bool store_run_end(struct store *store, const struct store_run *run,
                   struct err *err)
{
	return write_run(store, run, err);
}

bool store_put(struct store *store, const struct record *record,
               struct err *err)
{
	struct row row;
	struct writer_item item = { .row = &row, .err = err };

	if (!row_from_record(&row, record, store->store_password, err))
		return false;
	group_put(&store->group, &item);
	row_release(&row);
	return item.stored;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	close_db(store->db);
	group_release(&store->group);
	dsn_wipe(&store->dsn);
	free(store);
}

bool store_schema(const char *dialect, char **text, struct err *err)
{
	enum dialect which = DIALECT_MYSQL;
	size_t size = 0;
	FILE *out;
	bool ok;

	if (strcmp(dialect, "sqlite") == 0)
		which = DIALECT_SQLITE;
	else if (strcmp(dialect, "mysql") != 0)
		return err_set(err, ERR_INPUT,
		               "no schema for '%s': it is mysql or sqlite",
		               dialect);
	*text = NULL;
	out = open_memstream(text, &size);
	if (out == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	schema_print(which, out);
	ok = !ferror(out);
	if (fclose(out) != 0 || !ok) {
		free(*text);
		*text = NULL;
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	return true;
}

bool store_library_init(struct err *err)
{
	if (!mysql_db_library_init() || !sqlite_db_library_init())
		return err_set(err, ERR_SYSTEM,
		               "a database library cannot be initialised");
	return true;
}

void store_library_end(void)
{
	sqlite_db_library_end();
	mysql_db_library_end();
}
