#include "sql/store_private.h"

#include "inventory/askpass.h"
#include "sql/backend.h"
#include "sql/dsn.h"
#include "sql/group.h"
#include "sql/locate.h"
#include "sql/schema.h"
#include "sql/spool.h"
#include "sql/stream.h"
#include "sql/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A first connection is given that long, however short the patience with a lost
 * one is: there is no spool yet. */
#define OPEN_LEAST (SERVER_CONNECT_TIMEOUT_S * NS_PER_S)

_Static_assert(GROUP_BATCH_MAX <= WRITER_BATCH_MAX, "a group is one batch");

static bool spools(const struct store *store)
{
	return atomic_load_explicit(&store->spooling, memory_order_acquire);
}

/* write is for one row, which has its err. */
static bool write_run(const struct store_run *run,
                      void (*write)(void *arg, struct writer_item *item),
                      void *arg, struct err *err)
{
	struct row row;
	struct writer_item item = { .row = &row, .err = err };

	if (!row_from_run(&row, run, err))
		return false;
	write(arg, &item);
	row_release(&row);
	return item.stored;
}

static void run_to_writer(void *arg, struct writer_item *item)
{
	writer_write(arg, TABLE_RUNS, &item, 1);
}

static bool open_spool(struct store *store, struct err *err)
{
	struct store_run run; /* as it is known now: without its end */

	if (store->run.id[0] == '\0')
		return err_set(err, ERR_STORE, "no spool: no run has begun");
	if (!spool_path(store->run.id, store->spool_path,
	                sizeof(store->spool_path), err) ||
	    !spool_create(store->spool_path, &store->spool, err))
		return err_prefix(err, "no spool %s", store->spool_path);
	/* Nobody else has this file: there is nothing to be waited for. */
	store->spool_writer = (struct writer){
		.name = store->spool_path,
		.patience = { .db = store->spool, .cancel_fd = -1 },
	};
	run = (struct store_run){
		.id = store->run.id,
		.file = store->run.file,
		.version = store->run.version,
		.begin = store->run.begin,
	};
	return write_run(&run, run_to_writer, &store->spool_writer, err);
}

/* For the sentence of a store that is lost with its spool. */
static void both_lost(struct store *store, const struct err *spool)
{
	struct err *reason = &store->writer.reason;
	struct err database = *reason;

	err_set(reason, ERR_STORE, "%.500s; and %.450s", database.text,
	        spool->text);
}

void store_tell(const struct store *store, const char *text)
{
	const struct patience *patience = &store->writer.patience;

	if (patience->warn != NULL)
		patience->warn(patience->warn_arg, text);
}

static void announce_spool(const struct store *store)
{
	char text[ERR_TEXT_SIZE + 2 * DSN_PATH_SIZE + 256];

	snprintf(text, sizeof(text),
	         "the database is given up (%s); from here on results go to "
	         "the spool %s; bring them in with: sshinv replay %s",
	         store->writer.reason.text, store->spool_path,
	         store->spool_path);
	store_tell(store, text);
}

/*
 * Once, when the database was lost: the spool takes the rest of the run. Nobody
 * looks at the database again, nor waits for it.
 */
static void give_up(struct store *store)
{
	const struct db_ops *ops = store->db->ops;
	struct err failed;

	store->given_up = true;
	if (ops->interrupt != NULL)
		ops->interrupt(store->db);
	if (store->no_spool)
		return;
	if (!open_spool(store, &failed)) {
		both_lost(store, &failed);
		return;
	}
	announce_spool(store);
	atomic_store_explicit(&store->spooling, true, memory_order_release);
}

/* Those that are not stored, though nothing is wrong with them. */
static size_t take_lost(struct writer_item **items, size_t count)
{
	size_t lost = 0;

	for (size_t i = 0; i < count; i++) {
		if (!items[i]->stored && items[i]->err->kind == ERR_STORE)
			items[lost++] = items[i];
	}
	return lost;
}

static void spool_items(struct store *store, enum table table,
                        struct writer_item **items, size_t count)
{
	struct writer *spool = &store->spool_writer;
	bool was_lost = spool->lost;

	writer_write(spool, table, items, count);
	if (spool->lost && !was_lost)
		both_lost(store, &spool->reason);
	if (!spool->lost)
		return;
	count = take_lost(items, count);
	for (size_t i = 0; i < count; i++)
		*items[i]->err = store->writer.reason;
}

/* To the database, or, when that is lost, to the spool. */
static void write_items(struct store *store, enum table table,
                        struct writer_item **items, size_t count)
{
	struct writer *writer = &store->writer;

	if (!writer->lost) {
		writer_write(writer, table, items, count);
		if (!writer->lost)
			return;
		count = take_lost(items, count);
	}
	if (!store->given_up)
		give_up(store);
	if (count == 0)
		return;
	if (spools(store)) {
		spool_items(store, table, items, count);
		return;
	}
	for (size_t i = 0; i < count; i++)
		*items[i]->err = writer->reason;
}

/* What a thread brings to the group. */
struct brought {
	enum table table;
	struct writer_item item;
};

static void commit_table(struct store *store, enum table table,
                         struct brought *const *brought, size_t count)
{
	struct writer_item *batch[GROUP_BATCH_MAX];
	size_t some = 0;

	for (size_t i = 0; i < count; i++) {
		if (brought[i]->table == table)
			batch[some++] = &brought[i]->item;
	}
	if (some > 0)
		write_items(store, table, batch, some);
}

static void commit(void *arg, void *const *items, size_t count)
{
	struct brought *brought[GROUP_BATCH_MAX];

	for (size_t i = 0; i < count; i++)
		brought[i] = items[i];
	commit_table(arg, TABLE_HISTORY, brought, count);
	commit_table(arg, TABLE_SERVER_STATUS, brought, count);
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

static enum db_result connect_once(struct store *store, struct err *err)
{
	/* A library that keeps to its timeouts is back earlier. */
	nanoseconds longest =
	    store->db_timeout > OPEN_LEAST ? store->db_timeout : OPEN_LEAST;
	const struct wait wait = {
		.deadline = monotonic_ns() + longest,
		.limit_ms = (unsigned)(longest / NS_PER_MS),
		.cancel_fd = store->cancel_fd,
	};

	return store->db->ops->connect(store->db, &wait, err);
}

/*
 * Where no password was found and the server wants one, people are asked; where
 * nobody can be, they are told what else there is.
 */
static enum db_result ask_and_connect(struct store *store,
                                      const struct err *denied, struct err *err)
{
	struct server *server = &store->dsn.server;
	char prompt[1024];
	struct err unasked;

	snprintf(prompt, sizeof(prompt), "password for %.1000s: ", store->name);
	server->has_password =
	    askpass(prompt, server->password, sizeof(server->password),
	            store->cancel_fd, &unasked);
	if (server->has_password)
		return connect_once(store, err);
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

static enum db_result connect_asking(struct store *store, struct err *err)
{
	struct err denied;
	enum db_result result = connect_once(store, &denied);

	if (result == DB_DENIED && !store->dsn.server.has_password)
		return ask_and_connect(store, &denied, err);
	if (result != DB_OK)
		*err = denied;
	return result;
}

static bool connect_and_prepare(struct store *store,
                                const struct store_settings *settings,
                                struct err *err)
{
	if (connect_asking(store, err) != DB_OK)
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

static bool open_db(struct store *store, const struct store_settings *settings,
                    struct err *err)
{
	bool ok;

	if (store->dsn.kind == DSN_MYSQL && !mysql_db_library_init())
		return err_set(err, ERR_SYSTEM,
		               "the database's client library cannot be "
		               "initialised");
	store->db = store->dsn.kind == DSN_MYSQL
	                ? mysql_db_new(&store->dsn.server, store->db_timeout)
	                : sqlite_db_new(store->dsn.path, settings->warn,
	                                settings->warn_arg);
	if (store->db == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	db_thread_begin(store->db->ops);
	ok = connect_and_prepare(store, settings, err);
	db_thread_end(store->db->ops);
	return ok;
}

static void set_writer(struct store *store,
                       const struct store_settings *settings)
{
	limit_open(&store->limit, store->db, store->db_timeout);
	store->writer = (struct writer){
		.name = store->name,
		.patience = {
			.db = store->db,
			.limit = &store->limit,
			.cancel_fd = settings->cancel_fd,
			.warn = settings->warn,
			.warn_arg = settings->warn_arg,
			.length = store->db_timeout,
			.seed = (unsigned)getpid() ^ (unsigned)monotonic_ns(),
		},
	};
}

bool store_open(struct store **out, const struct store_settings *settings,
                struct err *err)
{
	struct store *store = calloc(1, sizeof(*store));

	if (store == NULL || group_init(&store->group, commit, store) != 0) {
		free(store);
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	store->store_password = settings->store_password;
	store->pin_host_keys = settings->pin_host_keys;
	store->db_timeout = settings->db_timeout;
	store->cancel_fd = settings->cancel_fd;
	store->no_spool = settings->no_spool;
	if (!store_locate(&store->dsn, settings, err))
		goto fail;
	set_name(store);
	if (!open_db(store, settings, err))
		goto fail;
	set_writer(store, settings);
	*out = store;
	return true;
fail:
	store_close(store);
	return false;
}

const char *store_name(const struct store *store)
{
	return store->name;
}

static void run_to_store(void *arg, struct writer_item *item)
{
	write_items(arg, TABLE_RUNS, &item, 1);
}

bool store_run_begin(struct store *store, const struct store_run *run,
                     struct err *err)
{
	struct store_run begun = *run;

	begun.end = 0;
	memset(begun.counts, 0, sizeof(begun.counts));
	snprintf(store->run.id, sizeof(store->run.id), "%s", run->id);
	snprintf(store->run.file, sizeof(store->run.file), "%s", run->file);
	snprintf(store->run.version, sizeof(store->run.version), "%s",
	         run->version);
	store->run.begin = run->begin;
	return write_run(&begun, run_to_store, store, err);
}

/* Of an unfinished run the row is there from its begin, and says so: when
 * nothing is waited for any longer, no spool is made for that alone. */
static bool write_unfinished(struct store *store, const struct store_run *run)
{
	struct err ignored;

	return wait_cancelled(store->cancel_fd) ||
	       write_run(run, run_to_writer, &store->writer, &ignored) ||
	       wait_cancelled(store->cancel_fd);
}

bool store_run_end(struct store *store, const struct store_run *run,
                   struct err *err)
{
	if (run->end == 0 && !store->writer.lost &&
	    write_unfinished(store, run))
		return true;
	return write_run(run, run_to_store, store, err);
}

static bool put_row(struct store *store, enum table table, struct row *row,
                    struct err *err)
{
	struct brought brought = {
		.table = table,
		.item = { .row = row, .err = err },
	};

	group_put(&store->group, &brought);
	row_release(row);
	return brought.item.stored;
}

/* First, so that there is no status without it. */
static bool put_history(struct store *store, const struct record *record,
                        struct err *err)
{
	struct row row;

	if (record->status != STATUS_HOSTKEY ||
	    record->pinned_sha256[0] == '\0')
		return true;
	return row_from_refusal(&row, record, err) &&
	       put_row(store, TABLE_HISTORY, &row, err);
}

bool store_put(struct store *store, const struct record *record,
               struct err *err)
{
	struct row row;

	if (!put_history(store, record, err) ||
	    !row_from_record(&row, record, store->store_password, err))
		return false;
	if (store->pin_host_keys && record->status != STATUS_SKIPPED)
		row_pin_host_key(&row);
	return put_row(store, TABLE_SERVER_STATUS, &row, err);
}

void store_interrupt(struct store *store)
{
	const struct db_ops *ops = store->db->ops;

	if (ops->interrupt != NULL)
		ops->interrupt(store->db);
}

const char *store_spool(const struct store *store)
{
	return spools(store) ? store->spool_path : NULL;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	limit_close(&store->limit);
	close_db(store->db);
	close_db(store->spool);
	group_release(&store->group);
	dsn_wipe(&store->dsn);
	free(store);
}

bool store_schema(const char *dialect, char **text, struct err *err)
{
	enum dialect which = DIALECT_MYSQL;
	struct stream stream;

	if (strcmp(dialect, "sqlite") == 0)
		which = DIALECT_SQLITE;
	else if (strcmp(dialect, "mysql") != 0)
		return err_set(err, ERR_INPUT,
		               "no schema for '%s': it is mysql or sqlite",
		               dialect);
	stream_open(&stream);
	if (stream.out != NULL)
		schema_print(which, stream.out);
	*text = stream_close(&stream);
	return *text != NULL || err_set(err, ERR_SYSTEM, "out of memory");
}

bool store_library_init(struct err *err)
{
	return sqlite_db_library_init() ||
	       err_set(err, ERR_SYSTEM, "SQLite cannot be initialised");
}

bool store_library_end(void)
{
	sqlite_db_library_end();
	return mysql_db_library_end();
}
