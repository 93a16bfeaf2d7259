#include "sql/backend.h"

#include "sql/dsn.h"
#include "sql/sqlite_file.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

/* How long SQLite itself waits for others' locks: for one that changes the
 * tables, then, with the writer waiting above it, for a moment. */
#define BUSY_MIGRATING_MS 10000
#define BUSY_WRITING_MS 100
/* For passwords that are replaced. FAST overwrites what costs no write. */
#define SECURE ";PRAGMA secure_delete=FAST"

struct sqlite_db {
	struct db db;
	const char *path;
	bool spool;
	void (*warn)(void *arg, const char *text);
	void *warn_arg;
	sqlite3 *handle;
	int busy_ms;
	int64_t passwords; /* there when it was opened */
	/* One row each: a longer VALUES list would not be faster here. */
	sqlite3_stmt *upserts[TABLE_COUNT];
};

static struct sqlite_db *sqlite_of(struct db *db)
{
	return (struct sqlite_db *)(void *)db;
}

static enum db_result classify(int code)
{
	if (code == SQLITE_IOERR_NOMEM)
		return DB_AGAIN;
	switch (code & 0xFF) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return DB_OK;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_NOMEM:
		return DB_AGAIN;
	case SQLITE_CONSTRAINT:
	case SQLITE_TOOBIG:
	case SQLITE_MISMATCH:
	case SQLITE_RANGE:
		return DB_DATA;
	default:
		return DB_FAILED;
	}
}

/* Says what the library says, and what it means. */
static enum db_result failure(struct sqlite_db *db, int code, struct err *err)
{
	const char *text = db->handle != NULL ? sqlite3_errmsg(db->handle)
	                                      : sqlite3_errstr(code);
	enum db_result result = classify(code);

	if (code == SQLITE_READONLY_DIRECTORY)
		text = "its folder cannot be written to, and SQLite keeps its "
		       "log there";
	err_set(err, result == DB_DATA ? ERR_STORE_DATA : ERR_STORE, "%s",
	        text);
	/* ALTER TABLE has no code of its own for this. */
	if (result == DB_FAILED &&
	    strstr(text, "duplicate column name") != NULL)
		result = DB_EXISTS;
	return result;
}

static enum db_result sqlite_exec(struct db *base, const char *sql,
                                  struct err *err)
{
	struct sqlite_db *db = sqlite_of(base);
	int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? DB_OK : failure(db, code, err);
}

static enum db_result sqlite_number(struct db *base, const char *sql,
                                    int64_t *number, struct err *err)
{
	struct sqlite_db *db = sqlite_of(base);
	sqlite3_stmt *statement = NULL;
	enum db_result result = DB_OK;
	int code = sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*number = sqlite3_column_int64(statement, 0);
	else if (code == SQLITE_DONE)
		*number = 0;
	else
		result = failure(db, code, err);
	sqlite3_finalize(statement);
	return result;
}

/* False without memory. */
static bool row_values(sqlite3_stmt *statement, const char **values,
                       size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int type = sqlite3_column_type(statement, (int)i);

		values[i] =
		    (const char *)sqlite3_column_text(statement, (int)i);
		if (values[i] == NULL && type != SQLITE_NULL)
			return false;
	}
	return true;
}

static enum db_result sqlite_select(struct db *base, const char *sql,
                                    db_row_function *row, void *arg,
                                    struct err *err)
{
	struct sqlite_db *db = sqlite_of(base);
	const char *values[TABLE_COLUMNS_MAX];
	sqlite3_stmt *statement = NULL;
	enum db_result result = DB_OK;
	size_t count;
	int code = sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL);

	if (code != SQLITE_OK)
		return failure(db, code, err);
	count = (size_t)sqlite3_column_count(statement);
	assert(count <= TABLE_COLUMNS_MAX);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		if (!row_values(statement, values, count)) {
			code = SQLITE_NOMEM;
			break;
		}
		if (!row(arg, values, count))
			break;
	}
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		result = failure(db, code, err);
	sqlite3_finalize(statement);
	return result;
}

static int bind_time(sqlite3_stmt *statement, int index, int64_t microseconds)
{
	struct row_time t = row_time(microseconds);
	char text[96];
	int length = snprintf(
	    text, sizeof(text), "%04u-%02u-%02u %02u:%02u:%02u.%06u", t.year,
	    t.month, t.day, t.hour, t.minute, t.second, t.microsecond);

	return sqlite3_bind_text(statement, index, text, length,
	                         SQLITE_TRANSIENT);
}

static int bind(sqlite3_stmt *statement, int index, enum field_type type,
                const struct row_value *value)
{
	if (value->is_null)
		return sqlite3_bind_null(statement, index);
	switch (type) {
	case FIELD_TEXT:
		return sqlite3_bind_text(statement, index, value->text,
		                         (int)value->length, SQLITE_STATIC);
	case FIELD_TIME:
		return bind_time(statement, index, value->number);
	case FIELD_NUMBER:
		break;
	}
	return sqlite3_bind_int64(statement, index, value->number);
}

static enum db_result prepare(struct sqlite_db *db, enum table table,
                              struct err *err)
{
	char *sql;
	int code;

	if (db->upserts[table] != NULL)
		return DB_OK;
	sql = table_upsert(table, UPSERT_EXCLUDED, 1);
	if (sql == NULL) {
		err_set(err, ERR_STORE, "out of memory");
		return DB_AGAIN;
	}
	code =
	    sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
	                       &db->upserts[table], NULL);
	free(sql);
	return code == SQLITE_OK ? DB_OK : failure(db, code, err);
}

/* With a write-ahead log SQLite writes on into a file that has no name any
 * more, and says nothing. */
static enum db_result check_place(struct sqlite_db *db, struct err *err)
{
	int moved = 0;

	if (sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED,
	                         &moved) != SQLITE_OK ||
	    moved == 0)
		return DB_OK;
	err_set(err, ERR_STORE, "the file was moved or deleted");
	return DB_FAILED;
}

static enum db_result sqlite_write(struct db *base, enum table table,
                                   const struct row *const *rows, size_t count,
                                   struct err *err)
{
	struct sqlite_db *db = sqlite_of(base);
	size_t columns = table_columns(table);
	enum db_result result = check_place(db, err);
	int code = SQLITE_OK;

	(void)count; /* rows_max is 1 */
	if (result == DB_OK)
		result = prepare(db, table, err);
	if (result != DB_OK)
		return result;
	for (size_t i = 0; i < columns && code == SQLITE_OK; i++)
		code = bind(db->upserts[table], (int)i + 1,
		            table_column(table, i).type, &rows[0]->values[i]);
	if (code == SQLITE_OK)
		code = sqlite3_step(db->upserts[table]);
	if (code != SQLITE_DONE)
		result = failure(db, code, err);
	sqlite3_reset(db->upserts[table]);
	return result;
}

/*
 * Two processes that open a new file at once can both find it busy here, and
 * SQLite does not wait in this one case: so we do.
 */
static enum db_result set_journal(struct sqlite_db *db, const char *mode,
                                  struct err *err)
{
	char sql[64];
	enum db_result result = DB_OK;
	struct err failed = { .kind = ERR_NONE };

	snprintf(sql, sizeof(sql), "PRAGMA journal_mode=%s", mode);
	for (int waited = 0; waited < BUSY_MIGRATING_MS; waited += 20) {
		result = sqlite_exec(&db->db, sql, &failed);
		if (result != DB_AGAIN)
			break;
		poll(NULL, 0, 20);
	}
	if (result != DB_OK)
		*err = failed;
	return result;
}

/* Held by this connection from its first lock on. The kind of journal is a
 * part of the file: it is set when the file is known to be a spool. */
static enum db_result configure_spool(struct sqlite_db *db, struct err *err)
{
	return sqlite_exec(&db->db,
	                   "PRAGMA locking_mode=EXCLUSIVE;"
	                   "PRAGMA synchronous=FULL" SECURE,
	                   err);
}

/* A spool is what a replay reads: as a store it would never get there. */
static enum db_result refuse_spool(struct sqlite_db *db, struct err *err)
{
	int64_t id = 0;
	enum db_result result =
	    sqlite_number(&db->db, "PRAGMA application_id", &id, err);

	if (result != DB_OK || id != SPOOL_APPLICATION_ID)
		return result;
	err_set(err, ERR_STORE,
	        "the file is a spool, not an inventory: sshinv replay brings "
	        "it in");
	return DB_FAILED;
}

static enum db_result configure(struct sqlite_db *db, struct err *err)
{
	bool network = !db->spool && sqlite_file_is_remote(db->path);
	enum db_result result;
	char text[DSN_PATH_SIZE + 128];

	sqlite3_busy_timeout(db->handle, db->busy_ms);
	sqlite3_extended_result_codes(db->handle, 1);
	if (db->spool)
		return configure_spool(db, err);
	result = refuse_spool(db, err);
	if (result != DB_OK)
		return result;
	if (network && db->warn != NULL) {
		snprintf(text, sizeof(text),
		         "%s is on a network file system: without a write-"
		         "ahead log, slower, and for one machine at a time",
		         db->path);
		db->warn(db->warn_arg, text);
	}
	result = set_journal(db, network ? "DELETE" : "WAL", err);
	/* NORMAL is safe with a log only: at worst a power cut takes the last
	 * commits. */
	if (result == DB_OK)
		result =
		    sqlite_exec(&db->db,
		                network ? "PRAGMA synchronous=FULL" SECURE
		                        : "PRAGMA synchronous=NORMAL" SECURE,
		                err);
	return result;
}

static void disconnect(struct sqlite_db *db)
{
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		sqlite3_finalize(db->upserts[i]);
		db->upserts[i] = NULL;
	}
	sqlite3_close(db->handle);
	db->handle = NULL;
}

static int64_t count_passwords(struct sqlite_db *db)
{
	int64_t count = 0; /* also where there are no tables yet */
	struct err ignored;

	sqlite_number(&db->db, "SELECT COUNT(password) FROM server_status",
	              &count, &ignored);
	return count;
}

static enum db_result sqlite_connect(struct db *base, const struct wait *wait,
                                     struct err *err)
{
	struct sqlite_db *db = sqlite_of(base);
	char name[DSN_PATH_SIZE + 2];
	enum db_result result;
	int code;

	(void)wait; /* SQLite waits by itself */
	disconnect(db);
	result =
	    db->spool || sqlite_file_make(db->path, err) ? DB_OK : DB_FAILED;
	if (result != DB_OK)
		return result;
	/* "file:x" is the name of a file like any other. */
	snprintf(name, sizeof(name), "%s%s", db->path[0] == '/' ? "" : "./",
	         db->path);
	code =
	    sqlite3_open_v2(name, &db->handle,
	                    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code != SQLITE_OK)
		return failure(db, code, err);
	if (sqlite3_db_readonly(db->handle, "main") == 1) {
		err_set(err, ERR_STORE, "the file is read-only");
		return DB_FAILED;
	}
	result = configure(db, err);
	db->passwords = count_passwords(db);
	return result;
}

static void sqlite_wait_briefly(struct db *base)
{
	struct sqlite_db *db = sqlite_of(base);

	db->busy_ms = BUSY_WRITING_MS;
	sqlite3_busy_timeout(db->handle, db->busy_ms);
}

/* Rows that moved to other pages have left their bytes on the way. */
static void remove_traces(struct sqlite_db *db)
{
	char text[DSN_PATH_SIZE + 128];
	int code = sqlite3_exec(db->handle, "VACUUM", NULL, NULL, NULL);

	if (code == SQLITE_OK || db->warn == NULL)
		return;
	snprintf(text, sizeof(text),
	         "%s may have traces of forgotten passwords, which VACUUM "
	         "takes out: %s",
	         db->path, sqlite3_errmsg(db->handle));
	db->warn(db->warn_arg, text);
}

static void sqlite_close(struct db *base)
{
	struct sqlite_db *db = sqlite_of(base);

	if (db == NULL)
		return;
	/* Leaves one file behind, where nobody else has it open. */
	if (db->handle != NULL) {
		sqlite3_busy_timeout(db->handle, 0);
		if (count_passwords(db) < db->passwords)
			remove_traces(db);
		sqlite3_wal_checkpoint_v2(
		    db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	}
	disconnect(db);
	free(db);
}

static const struct db_ops sqlite_ops = {
	.dialect = DIALECT_SQLITE,
	.begin = "BEGIN IMMEDIATE",
	.rows_max = 1,
	.connect = sqlite_connect,
	.exec = sqlite_exec,
	.wait_briefly = sqlite_wait_briefly,
	.number = sqlite_number,
	.select = sqlite_select,
	.write = sqlite_write,
	.close = sqlite_close,
};

struct db *sqlite_db_new(const char *path,
                         void (*warn)(void *arg, const char *text),
                         void *warn_arg)
{
	struct sqlite_db *db = calloc(1, sizeof(*db));

	if (db == NULL)
		return NULL;
	db->db.ops = &sqlite_ops;
	db->path = path;
	db->busy_ms = BUSY_MIGRATING_MS;
	db->warn = warn;
	db->warn_arg = warn_arg;
	return &db->db;
}

struct db *sqlite_spool_new(const char *path)
{
	struct db *base = sqlite_db_new(path, NULL, NULL);

	if (base != NULL) {
		sqlite_of(base)->spool = true;
		sqlite_of(base)->busy_ms = BUSY_WRITING_MS;
	}
	return base;
}

bool sqlite_db_library_init(void)
{
	return sqlite3_initialize() == SQLITE_OK;
}

void sqlite_db_library_end(void)
{
	sqlite3_shutdown();
}
