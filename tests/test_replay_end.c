#include "sql/store.h"

#include "sql/writer.h"
#include "tests/scratch.h"
#include "tests/spool_fixture.h"
#include "tests/store_fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <mysql.h>
#include <sqlite3.h>

#define HOSTS 300

static char folder[] = "/tmp/test_replay.XXXXXX";
static char path[64];
static char original[64];
static struct replay_counts counts;

/* Every step of a replay is a moment; the process ends at that one. */
static unsigned moments;
static unsigned last_moment;

/* Before the batch of that number, from 1: called by the writer's thread. */
static unsigned batches;
static unsigned disturbed_batch;
static void (*disturb)(void);

/* The row of the spool at which its reading fails, from 1. */
static unsigned rows_read;
static unsigned bad_row;

static void moment(void)
{
	moments++;
	if (moments == last_moment)
		raise(SIGKILL);
}

void __real_writer_write(struct writer *writer, enum table table,
                         struct writer_item **items, size_t count);
void __wrap_writer_write(struct writer *writer, enum table table,
                         struct writer_item **items, size_t count);
int __real_unlink(const char *name);
int __wrap_unlink(const char *name);
int __real_sqlite3_step(sqlite3_stmt *statement);
int __wrap_sqlite3_step(sqlite3_stmt *statement);
int __real_mysql_stmt_execute(MYSQL_STMT *statement);
int __wrap_mysql_stmt_execute(MYSQL_STMT *statement);

void __wrap_writer_write(struct writer *writer, enum table table,
                         struct writer_item **items, size_t count)
{
	moment();
	if (++batches == disturbed_batch)
		disturb();
	__real_writer_write(writer, table, items, count);
	moment();
}

int __wrap_unlink(const char *name)
{
	int result;

	moment();
	result = __real_unlink(name);
	moment();
	return result;
}

int __wrap_sqlite3_step(sqlite3_stmt *statement)
{
	const char *sql = sqlite3_sql(statement);

	moment();
	if (bad_row != 0 && strncmp(sql, "SELECT `ip`", 11) == 0 &&
	    ++rows_read == bad_row)
		return SQLITE_IOERR;
	return __real_sqlite3_step(statement);
}

int __wrap_mysql_stmt_execute(MYSQL_STMT *statement)
{
	int result;

	moment();
	result = __real_mysql_stmt_execute(statement);
	moment();
	return result;
}

static bool is_there(void)
{
	return access(path, F_OK) == 0;
}

/* What is in the database at the end of every replay: of the first hundred
 * hosts something newer was known. */
static char *everything(void)
{
	char *status = strdup(db_rows("SELECT * FROM server_status "
	                              "ORDER BY ip, port"));
	const char *runs = db_rows("SELECT * FROM runs");
	char *all;

	assert_non_null(status);
	all = malloc(strlen(status) + strlen(runs) + 2);
	assert_non_null(all);
	sprintf(all, "%s\n%s", status, runs);
	free(status);
	return all;
}

/* One file is made, and copied for each replay. */
static void copy_spool(void)
{
	char copied[65536];
	FILE *from, *to;
	size_t length;

	if (access(original, F_OK) != 0)
		make_spool(original, HOSTS, TIME);
	from = fopen(original, "r");
	to = fopen(path, "w");
	assert_non_null(from);
	assert_non_null(to);
	while ((length = fread(copied, 1, sizeof(copied), from)) > 0)
		assert_int_equal(fwrite(copied, 1, length, to), length);
	assert_int_equal(fclose(to), 0);
	fclose(from);
}

static void begin_again(void)
{
	struct store *store;

	last_moment = 0;
	store = open_store();
	db_exec("DELETE FROM server_status");
	db_exec("DELETE FROM runs");
	copy_spool();
	for (unsigned i = 0; i < 100; i++) {
		struct record *record =
		    full_record('b', STATUS_OK, TIME + SECOND);

		name_host(record, i);
		put_and_free(store, record);
	}
	store_close(store);
}

static void replay_here(void)
{
	struct store *store = open_store();

	if (!store_replay(store, path, &counts, &err))
		fail_msg("%s", err.text);
	store_close(store);
}

/* In a process of its own that is killed at that moment; false when it got to
 * the end. */
static bool replay_killed_at(unsigned number)
{
	int status = -1;
	pid_t child;

	/* A child must not touch the connection of the test. */
	db_read_close();
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const struct store_settings plain = settings();
		struct store *store;

		if (!store_open(&store, &plain, &err))
			_exit(2);
		moments = 0;
		last_moment = number;
		_exit(!store_replay(store, path, &counts, &err));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	db_read_open(dsn);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return true;
	}
	assert_int_equal(status, 0);
	return false;
}

static void
killed_at_any_moment_the_next_one_comes_to_the_same_end(void **state)
{
	unsigned kills = 0;
	char *expected, *got;

	(void)state;
	begin_again();
	replay_here();
	assert_int_equal(counts.stored, HOSTS);
	expected = everything();
	begin_again();
	for (unsigned k = 1; replay_killed_at(k); k += 1 + k / 8) {
		if (is_there())
			replay_here();
		got = everything();
		assert_string_equal(got, expected);
		free(got);
		assert_false(is_there());
		kills++;
		begin_again();
	}
	free(expected);
	assert_true(kills > 20);
}

/* The last of them, one by one. */
static void killed_around_the_end_nothing_is_missing(void **state)
{
	unsigned all;

	(void)state;
	begin_again();
	moments = 0;
	replay_here();
	all = moments;
	for (unsigned k = all > 24 ? all - 24 : 1; k <= all; k++) {
		begin_again();
		replay_killed_at(k);
		/* A file that is gone was in the database. */
		if (is_there())
			replay_here();
		assert_every_row_is_right("300");
		assert_rows("SELECT COUNT(*) FROM runs", "1");
		assert_false(is_there());
	}
}

static void a_spool_that_comes_back_changes_nothing(void **state)
{
	char *expected, *got;

	(void)state;
	begin_again();
	replay_here();
	expected = everything();
	copy_spool();
	replay_here();
	assert_int_equal(counts.stored, HOSTS);
	got = everything();
	assert_string_equal(got, expected);
	free(got);
	free(expected);
}

static void a_lost_connection_is_made_again(void **state)
{
	(void)state;
	if (!on_mysql)
		return;
	begin_again();
	batches = 0;
	disturb = db_kill_others;
	disturbed_batch = 2;
	replay_here();
	disturbed_batch = 0;
	assert_int_equal(counts.stored, HOSTS);
	assert_every_row_is_right("300");
	assert_false(is_there());
}

static void drop_table(void)
{
	db_exec("DROP TABLE server_status");
}

static void a_database_that_fails_keeps_the_file(void **state)
{
	struct store *store;

	(void)state;
	begin_again();
	store = open_store();
	batches = 0;
	disturb = drop_table;
	disturbed_batch = 2;
	assert_false(store_replay(store, path, &counts, &err));
	disturbed_batch = 0;
	assert_int_equal(err.kind, ERR_STORE);
	assert_true(is_there());
	store_close(store);
	drop_all();
	store = open_store();
	replay_here();
	store_close(store);
	assert_every_row_is_right("300");
}

static void a_spool_that_cannot_be_read_on_writes_no_half_a_batch(void **state)
{
	struct store *store;

	(void)state;
	begin_again();
	store = open_store();
	batches = 0;
	rows_read = 0;
	bad_row = WRITER_BATCH_MAX + 20;
	assert_false(store_replay(store, path, &counts, &err));
	bad_row = 0;
	assert_int_equal(batches, 1);
	assert_int_equal(counts.stored, WRITER_BATCH_MAX);
	assert_true(is_there());
	store_close(store);
	replay_here();
	assert_every_row_is_right("300");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(killed_at_any_moment_the_next_one_comes_to_the_same_end),
		TEST(killed_around_the_end_nothing_is_missing),
		TEST(a_spool_that_comes_back_changes_nothing),
		TEST(a_lost_connection_is_made_again),
		TEST(a_spool_that_cannot_be_read_on_writes_no_half_a_batch),
		TEST(a_database_that_fails_keeps_the_file),
	};
	int failures;

	if (!scratch_make(folder) || !store_fixture_begin())
		return 1;
	snprintf(path, sizeof(path), "%s/spool-run-a.db", folder);
	snprintf(original, sizeof(original), "%s/original.db", folder);
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	return !store_fixture_end() || !scratch_remove(folder) || failures != 0;
}
