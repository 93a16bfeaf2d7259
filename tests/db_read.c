#include "tests/db_read.h"

#include "sql/dsn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <mysql.h>
#include <sqlite3.h>

static struct {
	sqlite3 *sqlite;
	MYSQL *mysql;
	char *rows;
	size_t size;
} db;

static void open_mysql(const struct server *server)
{
	db.mysql = mysql_init(NULL);
	assert_non_null(db.mysql);
	mysql_options(db.mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	if (!mysql_real_connect(db.mysql, server->host, server->user,
	                        server->password, server->database,
	                        server->port,
	                        server->socket[0] ? server->socket : NULL,
	                        CLIENT_MULTI_STATEMENTS))
		fail_msg("%s", mysql_error(db.mysql));
	if (mysql_query(db.mysql, "SET NAMES utf8mb4") != 0)
		fail_msg("%s", mysql_error(db.mysql));
}

void db_read_open(const char *text)
{
	struct dsn dsn;
	struct err err;

	if (!dsn_parse(&dsn, text, &err))
		fail_msg("%s", err.text);
	if (dsn.kind == DSN_MYSQL) {
		open_mysql(&dsn.server);
		return;
	}
	assert_int_equal(sqlite3_open(dsn.path, &db.sqlite), SQLITE_OK);
	sqlite3_busy_timeout(db.sqlite, 10000);
}

void db_read_close(void)
{
	if (db.mysql)
		mysql_close(db.mysql);
	sqlite3_close(db.sqlite);
	free(db.rows);
	memset(&db, 0, sizeof(db));
}

static void put_value(FILE *out, bool first, const char *value, size_t length)
{
	if (!first)
		fputc('|', out);
	if (value)
		fwrite(value, 1, length, out);
	else
		fputs("NULL", out);
}

static void mysql_rows(FILE *out, MYSQL_RES *result, unsigned *count)
{
	MYSQL_ROW row;

	while ((row = mysql_fetch_row(result))) {
		unsigned long *lengths = mysql_fetch_lengths(result);

		if ((*count)++ > 0)
			fputc('\n', out);
		for (unsigned i = 0; i < mysql_num_fields(result); i++)
			put_value(out, i == 0, row[i], lengths[i]);
	}
}

static bool run_mysql(const char *sql, FILE *out)
{
	unsigned count = 0;
	int more;

	if (mysql_query(db.mysql, sql) != 0)
		return false;
	do {
		MYSQL_RES *result = mysql_store_result(db.mysql);

		if (result)
			mysql_rows(out, result, &count);
		mysql_free_result(result);
		more = mysql_next_result(db.mysql);
	} while (more == 0);
	return more < 0;
}

static void put_row(FILE *out, sqlite3_stmt *statement)
{
	for (int i = 0; i < sqlite3_column_count(statement); i++) {
		const void *value = sqlite3_column_text(statement, i);

		put_value(out, i == 0, value,
		          (size_t)sqlite3_column_bytes(statement, i));
	}
}

static bool run_sqlite(const char *sql, FILE *out)
{
	unsigned count = 0;

	while (*sql) {
		sqlite3_stmt *statement = NULL;

		if (sqlite3_prepare_v2(db.sqlite, sql, -1, &statement, &sql) !=
		    SQLITE_OK)
			return false;
		while (statement && sqlite3_step(statement) == SQLITE_ROW) {
			if (count++ > 0)
				fputc('\n', out);
			put_row(out, statement);
		}
		/* Says what the last step said. */
		if (sqlite3_finalize(statement) != SQLITE_OK)
			return false;
	}
	return true;
}

static bool run(const char *sql)
{
	FILE *out;
	bool ok;

	free(db.rows);
	out = open_memstream(&db.rows, &db.size);
	assert_non_null(out);
	ok = db.mysql ? run_mysql(sql, out) : run_sqlite(sql, out);
	fclose(out);
	return ok;
}

void db_exec(const char *sql)
{
	if (!run(sql))
		fail_msg("%s: %s", sql,
		         db.mysql ? mysql_error(db.mysql)
		                  : sqlite3_errmsg(db.sqlite));
}

void db_try(const char *sql)
{
	run(sql);
}

void db_kill_others(void)
{
	char ids[4096];
	char *end;

	snprintf(ids, sizeof(ids), "%s",
	         db_rows("SELECT id FROM information_schema.processlist "
	                 "WHERE id <> CONNECTION_ID() AND user = "
	                 "SUBSTRING_INDEX(CURRENT_USER(), '@', 1)"));
	for (char *id = ids; *id != '\0'; id = end + (*end == '\n')) {
		char sql[64];

		snprintf(sql, sizeof(sql), "KILL %lld", strtoll(id, &end, 10));
		db_try(sql);
	}
}

const char *db_rows(const char *sql)
{
	db_exec(sql);
	return db.rows;
}
