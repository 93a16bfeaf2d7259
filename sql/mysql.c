#include "sql/backend.h"

#include "sql/mysql_codes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errmsg.h>
#include <mysql.h>

/*
 * One source for two libraries: MariaDB's Connector/C and Oracle's
 * libmysqlclient. Their version numbers say nothing about each other, so that
 * what differs is asked for by the library's own macro or by a check of
 * CMake's (SQL_HAVE_NAMED_PARAM).
 */
#if defined(MARIADB_PACKAGE_VERSION) || defined(MARIADB_BASE_VERSION)
#define IS_CONNECTOR_C 1
typedef my_bool mysql_flag;
#else
#define IS_CONNECTOR_C 0
typedef bool mysql_flag;
#endif

/* A statement that waits for a lock is quiet for 50 s by default. */
#define IO_TIMEOUT_S 60

#define ROWS_MAX 128
#define SIZES 8 /* statements of 1, 2, 4 … 128 rows */

struct mysql_db {
	struct db db;
	const struct server *server;
	MYSQL *mysql;
	enum upsert upsert;
	MYSQL_STMT *upserts[TABLE_COUNT][SIZES];
	/* For the parameters of one write; grow to the largest one. */
	MYSQL_BIND *binds;
	MYSQL_TIME *times;
	size_t parameters;
};

static struct mysql_db *mysql_of(struct db *db)
{
	return (struct mysql_db *)(void *)db;
}

static enum db_result failure(unsigned number, const char *text,
                              struct err *err)
{
	enum db_result result = mysql_meaning(number);

	err_set(err, result == DB_DATA ? ERR_STORE_DATA : ERR_STORE, "%s (%u)",
	        text, number);
	return result;
}

static enum db_result mysql_failure(const struct mysql_db *db, struct err *err)
{
	return failure(mysql_errno(db->mysql), mysql_error(db->mysql), err);
}

static enum db_result stmt_failure(MYSQL_STMT *stmt, struct err *err)
{
	return failure(mysql_stmt_errno(stmt), mysql_stmt_error(stmt), err);
}

static enum db_result no_memory(struct err *err)
{
	err_set(err, ERR_STORE, "out of memory");
	return DB_FAILED;
}

static bool set_text(MYSQL *mysql, enum mysql_option option, const char *text)
{
	return text[0] == '\0' || mysql_options(mysql, option, text) == 0;
}

#if IS_CONNECTOR_C

/* Ways to log in that do not hand the password to whoever answers. */
static const char safe_plugins[] =
    "mysql_native_password,caching_sha2_password,sha256_password,"
    "client_ed25519,parsec,auth_gssapi_client";

/*
 * Connector/C knows two switches. ENFORCE means "where the server can", in
 * spite of its name: without TLS on the other side the connection is plain, and
 * open_checked() finds out. Only VERIFY_SERVER_CERT refuses to go on without.
 * It also compares the host's name, and there is no mode between the two: so
 * VERIFY_CA is VERIFY_IDENTITY here, stricter than asked for rather than open
 * to someone who takes TLS off the server's greeting.
 */
static bool set_tls(MYSQL *mysql, const struct server *server)
{
	/* As Oracle's library: a Unix socket needs no encryption. */
	bool wants = server->tls > TLS_PREFERRED ||
	             (server->tls == TLS_PREFERRED && !server_is_local(server));
	mysql_flag enforce = wants ? 1 : 0;
	mysql_flag verify = server->tls >= TLS_VERIFY_CA ? 1 : 0;

	return mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &enforce) == 0 &&
	       mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT,
	                     &verify) == 0 &&
	       (verify || mysql_options(mysql, MARIADB_OPT_RESTRICTED_AUTH,
	                                safe_plugins) == 0);
}

#else

static bool set_tls(MYSQL *mysql, const struct server *server)
{
	static const unsigned modes[] = {
		[TLS_DISABLED] = SSL_MODE_DISABLED,
		[TLS_PREFERRED] = SSL_MODE_PREFERRED,
		[TLS_REQUIRED] = SSL_MODE_REQUIRED,
		[TLS_VERIFY_CA] = SSL_MODE_VERIFY_CA,
		[TLS_VERIFY_IDENTITY] = SSL_MODE_VERIFY_IDENTITY,
	};
	/* What caching_sha2_password needs where TLS does not hide the
	 * password. Connector/C asks for it unbidden. */
	bool key = server->tls <= TLS_PREFERRED;

	return mysql_options(mysql, MYSQL_OPT_SSL_MODE, &modes[server->tls]) ==
	           0 &&
	       mysql_options(mysql, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &key) == 0;
}

#endif

static bool set_certificates(MYSQL *mysql, const struct server *server)
{
	if (server->tls == TLS_DISABLED)
		return true;
	if (!set_text(mysql, MYSQL_OPT_SSL_CERT, server->ssl_cert) ||
	    !set_text(mysql, MYSQL_OPT_SSL_KEY, server->ssl_key))
		return false;
	/* A library that is given an authority asks it, whatever the mode. */
	return server->tls < TLS_VERIFY_CA ||
	       (set_text(mysql, MYSQL_OPT_SSL_CA, server->ssl_ca) &&
	        set_text(mysql, MYSQL_OPT_SSL_CAPATH, server->ssl_capath));
}

static bool set_options(MYSQL *mysql, const struct server *server)
{
	/* The option alone is not enough: Oracle's library asks for a collation
	 * of MySQL 8, and MariaDB then goes on in latin1. */
	static const char names[] = "SET NAMES utf8mb4";
	/* Strict, so that a value is refused and never bent. */
	static const char session[] =
	    "SET SESSION time_zone = '+00:00', autocommit = 1, sql_mode = "
	    "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'";
	unsigned connect_timeout = server->connect_timeout_s;
	unsigned io_timeout = IO_TIMEOUT_S;
	unsigned tcp = MYSQL_PROTOCOL_TCP;
	unsigned no_files = 0;

	return mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT,
	                     &connect_timeout) == 0 &&
	       mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &io_timeout) == 0 &&
	       mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &io_timeout) ==
	           0 &&
	       mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4") == 0 &&
	       mysql_options(mysql, MYSQL_INIT_COMMAND, names) == 0 &&
	       mysql_options(mysql, MYSQL_INIT_COMMAND, session) == 0 &&
	       /* A server must not be able to ask for files of ours. */
	       mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &no_files) == 0 &&
	       mysql_options4(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name",
	                      "sshinv") == 0 &&
	       (server_is_local(server) ||
	        mysql_options(mysql, MYSQL_OPT_PROTOCOL, &tcp) == 0) &&
	       set_tls(mysql, server) && set_certificates(mysql, server);
}

static enum db_result connect_failure(const struct mysql_db *db,
                                      struct err *err)
{
	enum db_result result = mysql_failure(db, err);

	if (IS_CONNECTOR_C && db->server->tls == TLS_VERIFY_CA &&
	    mysql_errno(db->mysql) == CR_SSL_CONNECTION_ERROR)
		err_set(err, ERR_STORE,
		        "%s (%u; with this client library VERIFY_CA compares "
		        "the host's name too)",
		        mysql_error(db->mysql), mysql_errno(db->mysql));
	return result;
}

static enum db_result open_checked(struct mysql_db *db, struct err *err)
{
	const struct server *server = db->server;
	bool local = server_is_local(server);
	const char *user = server->user[0] != '\0' ? server->user : NULL;
	const char *socket =
	    local && server->socket[0] != '\0' ? server->socket : NULL;

	if (mysql_real_connect(db->mysql, server->host, user, server->password,
	                       server->database,
	                       server->port != 0 ? server->port : SERVER_PORT,
	                       socket, 0) == NULL)
		return connect_failure(db, err);
	if (server->tls >= TLS_REQUIRED &&
	    mysql_get_ssl_cipher(db->mysql) == NULL) {
		err_set(err, ERR_STORE,
		        "the connection is not encrypted, and ssl-mode asks "
		        "for it");
		return DB_FAILED;
	}
	return DB_OK;
}

static enum upsert upsert_of(MYSQL *mysql)
{
	const char *info = mysql_get_server_info(mysql);

	if ((info != NULL && strstr(info, "MariaDB") != NULL) ||
	    mysql_get_server_version(mysql) < 80019)
		return UPSERT_VALUES;
	return UPSERT_ALIAS;
}

static void disconnect(struct mysql_db *db)
{
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

static enum db_result mysql_connect_db(struct db *base, struct err *err)
{
	struct mysql_db *db = mysql_of(base);
	enum db_result result;

	disconnect(db);
	db->mysql = mysql_init(NULL);
	if (db->mysql == NULL)
		return no_memory(err);
	if (!set_options(db->mysql, db->server))
		return mysql_failure(db, err);
	result = open_checked(db, err);
	if (result == DB_OK)
		db->upsert = upsert_of(db->mysql);
	return result;
}

static enum db_result mysql_exec(struct db *base, const char *sql,
                                 struct err *err)
{
	struct mysql_db *db = mysql_of(base);
	MYSQL_RES *rows;

	if (mysql_real_query(db->mysql, sql, strlen(sql)) != 0)
		return mysql_failure(db, err);
	rows = mysql_store_result(db->mysql);
	if (rows != NULL)
		mysql_free_result(rows);
	else if (mysql_errno(db->mysql) != 0)
		return mysql_failure(db, err);
	return DB_OK;
}

static enum db_result mysql_number(struct db *base, const char *sql,
                                   int64_t *number, struct err *err)
{
	struct mysql_db *db = mysql_of(base);
	MYSQL_RES *rows;
	MYSQL_ROW row;

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
		result = stmt_failure(stmt, err);
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
static void bind(MYSQL_BIND *bind, MYSQL_TIME *time, enum field_type type,
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
	enum db_result result = prepare(db, table, count, &stmt, err);

	if (result != DB_OK)
		return result;
	if (!grow(db, count * columns))
		return no_memory(err);
	for (size_t column = 0; column < columns; column++) {
		enum field_type type = table_column(table, column).type;

		for (size_t i = 0; i < count; i++) {
			size_t at = i * columns + column;

			bind(&db->binds[at], &db->times[at], type,
			     &rows[i]->values[column]);
		}
	}
	if (bind_all(stmt, db->binds, count * columns) != 0 ||
	    mysql_stmt_execute(stmt) != 0)
		return stmt_failure(stmt, err);
	return DB_OK;
}

static void mysql_close_db(struct db *base)
{
	struct mysql_db *db = mysql_of(base);

	if (db == NULL)
		return;
	disconnect(db);
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
	.number = mysql_number,
	.write = mysql_write,
	.close = mysql_close_db,
};

struct db *mysql_db_new(const struct server *server)
{
	struct mysql_db *db = calloc(1, sizeof(*db));

	if (db == NULL)
		return NULL;
	db->db.ops = &mysql_ops;
	db->server = server;
	return &db->db;
}

bool mysql_db_library_init(void)
{
	return mysql_library_init(0, NULL, NULL) == 0;
}

void mysql_db_library_end(void)
{
	mysql_library_end();
}
