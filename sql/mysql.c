#include "sql/backend.h"

#include "sql/lock.h"
#include "sql/mysql_codes.h"
#include "sql/mysql_connect.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The libraries count in milliseconds inside. */
#define TIMEOUT_MAX_S 86400

#define ROWS_MAX 128
#define SIZES 8 /* statements of 1, 2, 4 … 128 rows */

struct mysql_db {
	struct db db;
	const struct server *server;
	unsigned timeout_s; /* of each read and write */
	bool briefly;       /* locks of others are waited for */
	MYSQL *mysql;
	bool lost; /* its server is not there to say goodbye to */
	enum upsert upsert;
	MYSQL_STMT *upserts[TABLE_COUNT][SIZES];
	/* For the parameters of one write; grow to the largest one. */
	MYSQL_BIND *binds;
	MYSQL_TIME *times;
	size_t parameters;
	pthread_mutex_t mutex;
	/* Guarded by mutex. The second descriptor of the connection's socket
	 * lives no longer than the first one, -1 where there is none. */
	int socket;
	bool interrupted; /* for ever */
};

static struct mysql_db *mysql_of(struct db *db)
{
	return (struct mysql_db *)(void *)db;
}

static enum db_result failure(struct mysql_db *db, unsigned number,
                              const char *text, struct err *err)
{
	enum db_result result = mysql_meaning(number);

	err_set(err, result == DB_DATA ? ERR_STORE_DATA : ERR_STORE, "%s (%u)",
	        text, number);
	if (result == DB_GONE)
		db->lost = true;
	return result;
}

static enum db_result mysql_failure(struct mysql_db *db, struct err *err)
{
	return failure(db, mysql_errno(db->mysql), mysql_error(db->mysql), err);
}

static enum db_result stmt_failure(struct mysql_db *db, MYSQL_STMT *stmt,
                                   struct err *err)
{
	return failure(db, mysql_stmt_errno(stmt), mysql_stmt_error(stmt), err);
}

static enum db_result no_memory(struct err *err)
{
	err_set(err, ERR_STORE, "out of memory");
	return DB_AGAIN;
}

static enum upsert upsert_of(MYSQL *mysql)
{
	const char *info = mysql_get_server_info(mysql);

	if ((info != NULL && strstr(info, "MariaDB") != NULL) ||
	    mysql_get_server_version(mysql) < 80019)
		return UPSERT_VALUES;
	return UPSERT_ALIAS;
}

static void mysql_cut(struct db *base)
{
	struct mysql_db *db = mysql_of(base);

	mutex_lock(&db->mutex);
	if (db->socket >= 0)
		shutdown(db->socket, SHUT_RDWR);
	mutex_unlock(&db->mutex);
}

static void mysql_interrupt(struct db *base)
{
	struct mysql_db *db = mysql_of(base);

	mutex_lock(&db->mutex);
	db->interrupted = true;
	if (db->socket >= 0)
		shutdown(db->socket, SHUT_RDWR);
	mutex_unlock(&db->mutex);
}

static int socket_of(MYSQL *mysql)
{
#if IS_CONNECTOR_C
	return mysql_get_socket(mysql);
#else
	return mysql->net.fd;
#endif
}

/* Takes a connection over, unless it comes too late. Without a descriptor to
 * spare only the library's timeouts end a call. */
static enum db_result adopt(struct mysql_db *db, MYSQL *mysql, struct err *err)
{
	bool late;

	/* Connector/C leaves it to our children. */
	(void)fcntl(socket_of(mysql), F_SETFD, FD_CLOEXEC);
	mutex_lock(&db->mutex);
	late = db->interrupted;
	if (!late)
		db->socket = fcntl(socket_of(mysql), F_DUPFD_CLOEXEC, 3);
	mutex_unlock(&db->mutex);
	db->mysql = mysql;
	db->lost = late;
	if (late) {
		shutdown(socket_of(mysql), SHUT_RDWR);
		err_set(err, ERR_CANCELLED, "interrupted");
		return DB_GONE;
	}
	db->upsert = upsert_of(mysql);
	return DB_OK;
}

/* A library that has TLS would wait for a lost server's goodbye. */
static void drop_socket(struct mysql_db *db)
{
	mutex_lock(&db->mutex);
	if (db->socket >= 0) {
		if (db->lost)
			shutdown(db->socket, SHUT_RDWR);
		close(db->socket);
	}
	db->socket = -1;
	mutex_unlock(&db->mutex);
}

static void disconnect(struct mysql_db *db)
{
	drop_socket(db);
	for (size_t table = 0; table < TABLE_COUNT; table++) {
		for (size_t i = 0; i < SIZES; i++) {
			if (db->upserts[table][i] != NULL)
				mysql_stmt_close(db->upserts[table][i]);
			db->upserts[table][i] = NULL;
		}
	}
	if (db->mysql != NULL)
		mysql_close(db->mysql);
	db->mysql = NULL;
}

static enum db_result mysql_connect_db(struct db *base, const struct wait *wait,
                                       struct err *err)
{
	struct mysql_db *db = mysql_of(base);
	MYSQL *mysql = NULL;
	enum db_result result;

	disconnect(db);
	result = mysql_log_in(&mysql, db->server, db->timeout_s, db->briefly,
	                      wait, err);
	return result == DB_OK ? adopt(db, mysql, err) : result;
}

/* False between a connection that was lost and the next one. */
static bool is_connected(const struct mysql_db *db, struct err *err)
{
	return db->mysql != NULL ||
	       err_set(err, ERR_STORE, "there is no connection");
}

static enum db_result mysql_exec(struct db *base, const char *sql,
                                 struct err *err)
{
	struct mysql_db *db = mysql_of(base);
	MYSQL_RES *rows;

	if (!is_connected(db, err))
		return DB_GONE;
	if (mysql_real_query(db->mysql, sql, strlen(sql)) != 0)
		return mysql_failure(db, err);
	rows = mysql_store_result(db->mysql);
	if (rows != NULL)
		mysql_free_result(rows);
	else if (mysql_errno(db->mysql) != 0)
		return mysql_failure(db, err);
	return DB_OK;
}

/* Where the server does not take it, its own times are waited. */
static void mysql_wait_briefly(struct db *base)
{
	struct err ignored;

	mysql_of(base)->briefly = true;
	mysql_exec(base, mysql_waits_briefly, &ignored);
}

static enum db_result mysql_number(struct db *base, const char *sql,
                                   int64_t *number, struct err *err)
{
	struct mysql_db *db = mysql_of(base);
	MYSQL_RES *rows;
	MYSQL_ROW row;

	if (!is_connected(db, err))
		return DB_GONE;
	if (mysql_real_query(db->mysql, sql, strlen(sql)) != 0)
		return mysql_failure(db, err);
	rows = mysql_store_result(db->mysql);
	if (rows == NULL)
		return mysql_failure(db, err);
	row = mysql_fetch_row(rows);
	*number = row != NULL && row[0] != NULL ? strtoll(row[0], NULL, 10) : 0;
	mysql_free_result(rows);
	return DB_OK;
}

static enum db_result mysql_select(struct db *base, const char *sql,
                                   db_row_function *row, void *arg,
                                   struct err *err)
{
	struct mysql_db *db = mysql_of(base);
	enum db_result result = DB_OK;
	MYSQL_RES *rows;
	MYSQL_ROW values;
	bool more = true;

	if (!is_connected(db, err))
		return DB_GONE;
	if (mysql_real_query(db->mysql, sql, strlen(sql)) != 0)
		return mysql_failure(db, err);
	/* Row by row: there may be a hundred thousand. */
	rows = mysql_use_result(db->mysql);
	if (rows == NULL)
		return mysql_failure(db, err);
	while (more && (values = mysql_fetch_row(rows)) != NULL)
		more = row(arg, (const char *const *)values,
		           mysql_num_fields(rows));
	if (more && mysql_errno(db->mysql) != 0)
		result = mysql_failure(db, err);
	/* Reads what is left, so that the connection can be used again. */
	mysql_free_result(rows);
	return result;
}

static enum db_result prepare(struct mysql_db *db, enum table table,
                              size_t count, MYSQL_STMT **out, struct err *err)
{
	enum db_result result;
	MYSQL_STMT *stmt;
	size_t slot = 0;
	char *sql;

	while ((size_t)1 << slot < count)
		slot++;
	*out = db->upserts[table][slot];
	if (*out != NULL)
		return DB_OK;
	sql = table_upsert(table, db->upsert, count);
	stmt = mysql_stmt_init(db->mysql);
	if (sql == NULL || stmt == NULL) {
		result = no_memory(err);
		goto out;
	}
	if (mysql_stmt_prepare(stmt, sql, strlen(sql)) != 0) {
		result = stmt_failure(db, stmt, err);
		goto out;
	}
	result = DB_OK;
	*out = stmt;
	db->upserts[table][slot] = stmt;
	stmt = NULL;
out:
	if (stmt != NULL)
		mysql_stmt_close(stmt);
	free(sql);
	return result;
}

static bool grow(struct mysql_db *db, size_t parameters)
{
	MYSQL_BIND *binds;
	MYSQL_TIME *times;

	if (parameters <= db->parameters)
		return true;
	binds = realloc(db->binds, parameters * sizeof(*binds));
	if (binds == NULL)
		return false;
	db->binds = binds;
	times = realloc(db->times, parameters * sizeof(*times));
	if (times == NULL)
		return false;
	db->times = times;
	db->parameters = parameters;
	return true;
}

static void bind_time(MYSQL_TIME *time, int64_t microseconds)
{
	struct row_time t = row_time(microseconds);

	*time = (MYSQL_TIME){ .year = t.year,
		              .month = t.month,
		              .day = t.day,
		              .hour = t.hour,
		              .minute = t.minute,
		              .second = t.second,
		              .second_part = t.microsecond,
		              .time_type = MYSQL_TIMESTAMP_DATETIME };
}

/* NULL keeps its column's type: a type that changes from one execution to the
 * next would make the server prepare anew. */
static void bind_value(MYSQL_BIND *bind, MYSQL_TIME *time, enum field_type type,
                       const struct row_value *value)
{
	static mysql_flag is_null = 1;

	*bind = (MYSQL_BIND){ .is_null = value->is_null ? &is_null : NULL };
	switch (type) {
	case FIELD_TEXT:
		bind->buffer_type = MYSQL_TYPE_STRING;
		/* Read only, though its type does not say so. */
		bind->buffer = (void *)(uintptr_t)value->text;
		bind->buffer_length = value->length;
		break;
	case FIELD_NUMBER:
		bind->buffer_type = MYSQL_TYPE_LONGLONG;
		bind->buffer = (void *)(uintptr_t)&value->number;
		break;
	case FIELD_TIME:
		bind->buffer_type = MYSQL_TYPE_DATETIME;
		bind->buffer = time;
		bind_time(time, value->is_null ? 0 : value->number);
		break;
	}
}

static int bind_all(MYSQL_STMT *stmt, MYSQL_BIND *binds, size_t count)
{
#ifdef SQL_HAVE_NAMED_PARAM
	return mysql_stmt_bind_named_param(stmt, binds, (unsigned)count, NULL);
#else
	(void)count;
	return mysql_stmt_bind_param(stmt, binds);
#endif
}

static enum db_result mysql_write(struct db *base, enum table table,
                                  const struct row *const *rows, size_t count,
                                  struct err *err)
{
	struct mysql_db *db = mysql_of(base);
	size_t columns = table_columns(table);
	MYSQL_STMT *stmt = NULL;
	enum db_result result;

	if (!is_connected(db, err))
		return DB_GONE;
	result = prepare(db, table, count, &stmt, err);
	if (result != DB_OK)
		return result;
	if (!grow(db, count * columns))
		return no_memory(err);
	for (size_t column = 0; column < columns; column++) {
		enum field_type type = table_column(table, column).type;

		for (size_t i = 0; i < count; i++) {
			size_t at = i * columns + column;

			bind_value(&db->binds[at], &db->times[at], type,
			           &rows[i]->values[column]);
		}
	}
	if (bind_all(stmt, db->binds, count * columns) != 0 ||
	    mysql_stmt_execute(stmt) != 0)
		return stmt_failure(db, stmt, err);
	return DB_OK;
}

static void mysql_close_db(struct db *base)
{
	struct mysql_db *db = mysql_of(base);

	if (db == NULL)
		return;
	disconnect(db);
	pthread_mutex_destroy(&db->mutex);
	free(db->binds);
	free(db->times);
	free(db);
}

/* Oracle's library has memory of its own for each thread that calls it, and
 * complains at the end of those that never gave it back. */
static void mysql_begin_thread(void)
{
	mysql_thread_init();
}

static void mysql_end_thread(void)
{
	mysql_thread_end();
}

static const struct db_ops mysql_ops = {
	.dialect = DIALECT_MYSQL,
	.begin = "START TRANSACTION",
	.rows_max = ROWS_MAX,
	.thread_begin = mysql_begin_thread,
	.thread_end = mysql_end_thread,
	.connect = mysql_connect_db,
	.exec = mysql_exec,
	.wait_briefly = mysql_wait_briefly,
	.number = mysql_number,
	.select = mysql_select,
	.write = mysql_write,
	.cut = mysql_cut,
	.interrupt = mysql_interrupt,
	.close = mysql_close_db,
};

/* Rounded up, and a second more: a limit of the caller's comes first. */
static unsigned timeout_of(nanoseconds timeout)
{
	nanoseconds seconds = (timeout + NS_PER_S - 1) / NS_PER_S + 1;

	if (seconds < 1)
		return 1;
	return seconds < TIMEOUT_MAX_S ? (unsigned)seconds : TIMEOUT_MAX_S;
}

struct db *mysql_db_new(const struct server *server, nanoseconds timeout)
{
	struct mysql_db *db = calloc(1, sizeof(*db));

	if (db == NULL || pthread_mutex_init(&db->mutex, NULL) != 0) {
		free(db);
		return NULL;
	}
	db->db.ops = &mysql_ops;
	db->server = server;
	db->timeout_s = timeout_of(timeout);
	db->socket = -1;
	return &db->db;
}

static bool library_runs;

bool mysql_db_library_init(void)
{
	if (!library_runs)
		library_runs = mysql_library_init(0, NULL, NULL) == 0;
	return library_runs;
}

bool mysql_db_library_end(void)
{
	if (!library_runs)
		return true;
	if (!mysql_log_in_end())
		return false;
	mysql_library_end();
	library_runs = false;
	return true;
}
