#include "sql/store.h"

#include "tests/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define VERSIONS "SELECT version FROM sshinv_schema ORDER BY version"

/* What every column is, however the table was made. */
static char *description(void)
{
	return strdup(db_rows(
	    on_mysql ? "SELECT table_name, column_name, ordinal_position, "
		       "column_type, is_nullable, collation_name, "
		       "column_key FROM information_schema.columns "
		       "WHERE table_schema = DATABASE() "
		       "ORDER BY table_name, ordinal_position"
		     : "SELECT name, sql FROM sqlite_schema "
		       "WHERE sql IS NOT NULL ORDER BY name"));
}

static void the_printed_schema_is_the_one_that_is_made(void **state)
{
	struct store *store = open_store();
	char *made = description();
	char *text = NULL;
	char *printed;

	(void)state;
	store_close(store);
	drop_all();
	assert_true(store_schema(on_mysql ? "mysql" : "sqlite", &text, &err));
	db_exec(text);
	free(text);
	printed = description();
	assert_string_equal(printed, made);
	free(printed);
	free(made);
	store = open_store();
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	assert_rows(KNOWN, KNOWN_A);
	store_close(store);
}

/* An administrator may feed it where an older sshinv was: it used to say that
 * all is there, and no row could be written any more. */
static void the_printed_schema_claims_no_column_that_is_not_there(void **state)
{
	struct store *store = open_store();
	char *text = NULL;

	(void)state;
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	store_close(store);
	db_exec("DELETE FROM sshinv_schema WHERE version > 2");
	db_exec("ALTER TABLE server_status DROP COLUMN host_key_pinned");
	assert_true(store_schema(on_mysql ? "mysql" : "sqlite", &text, &err));
	assert_non_null(strstr(text, "-- ALTER TABLE server_status\n"));
	db_exec(text);
	free(text);
	assert_rows(VERSIONS, "1\n2");
	store = open_store();
	put_and_free(store, full_record('a', STATUS_OK, TIME + SECOND));
	assert_rows(VERSIONS, "1\n2\n3");
	store_close(store);
}

static void a_schema_is_printed_for_known_dialects_only(void **state)
{
	char *text = NULL;

	(void)state;
	assert_false(store_schema("oracle", &text, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_null(text);
}

static void tables_that_are_there_are_kept(void **state)
{
	struct store *store = open_store();

	(void)state;
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	store_close(store);
	store = open_store();
	assert_rows(KNOWN, KNOWN_A);
	assert_rows(VERSIONS, "1\n2\n3");
	store_close(store);
}

static void a_migration_that_stopped_half_way_is_ended(void **state)
{
	struct store *store = open_store();

	(void)state;
	store_close(store);
	db_exec("DELETE FROM sshinv_schema");
	db_exec("DROP TABLE runs");
	db_exec("DROP TABLE server_history");
	store = open_store();
	assert_rows(VERSIONS, "1\n2\n3");
	assert_rows("SELECT COUNT(*) FROM runs", "0");
	assert_rows("SELECT COUNT(*) FROM server_history", "0");
	store_close(store);
}

static void tables_of_version_1_get_the_history(void **state)
{
	struct store *store = open_store();

	(void)state;
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	store_close(store);
	db_exec("DELETE FROM sshinv_schema WHERE version > 1");
	db_exec("DROP TABLE server_history");
	store = open_store();
	assert_rows(VERSIONS, "1\n2\n3");
	assert_rows("SELECT COUNT(*) FROM server_history", "0");
	assert_rows(KNOWN, KNOWN_A);
	store_close(store);
}

/* As an object mapper wants its tables: every upsert would be an insert. */
static void a_table_that_lost_its_key_is_refused(void **state)
{
	struct store_settings with = settings();
	struct store *store = open_store();

	(void)state;
	store_close(store);
	if (!on_mysql) /* the key is the table there */
		return;
	db_exec("ALTER TABLE server_status DROP PRIMARY KEY, "
	        "ADD id INT AUTO_INCREMENT PRIMARY KEY FIRST");
	assert_false(store_open(&store, &with, &err));
	assert_int_equal(err.kind, ERR_STORE);
	assert_non_null(strstr(err.text, "ADD UNIQUE (ip, port)"));
	db_exec("ALTER TABLE server_status ADD UNIQUE (ip, port)");
	store = open_store();
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	put_and_free(store, full_record('b', STATUS_OK, TIME + SECOND));
	assert_rows("SELECT hostname FROM server_status", "host-b");
	store_close(store);
}

static void tables_of_version_2_have_no_key_pinned(void **state)
{
	struct store *store = open_store();

	(void)state;
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	store_close(store);
	db_exec("DELETE FROM sshinv_schema WHERE version > 2");
	db_exec("ALTER TABLE server_status DROP COLUMN host_key_pinned");
	store = open_store();
	assert_rows(VERSIONS, "1\n2\n3");
	assert_rows("SELECT host_key_pinned FROM server_status", "0");
	assert_rows(KNOWN, KNOWN_A);
	store_close(store);
}

static void a_newer_schema_is_refused(void **state)
{
	const struct store_settings plain = settings();
	struct store *store = open_store();

	(void)state;
	store_close(store);
	db_exec("INSERT INTO sshinv_schema (version) VALUES (99)");
	assert_false(store_open(&store, &plain, &err));
	assert_int_equal(err.kind, ERR_STORE);
	assert_non_null(strstr(err.text, "99"));
	assert_null(strstr(err.text, "secret"));
}

/* Opens an empty database at the same time as others do. */
static int child(int gate, unsigned number)
{
	const struct store_settings plain = settings();
	struct record *record = record_new();
	struct store *store = NULL;
	char c;

	if (!record || read(gate, &c, 1) != 0)
		return 2;
	record->host.port = 22;
	record->status = STATUS_OK;
	name_host(record, number);
	if (!store_open(&store, &plain, &err) ||
	    !store_put(store, record, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	store_close(store);
	record_free(record);
	return 0;
}

static void processes_that_come_at_once_find_the_tables(void **state)
{
	enum { CHILDREN = 8 };
	pid_t children[CHILDREN];
	int gate[2];

	(void)state;
	assert_int_equal(pipe(gate), 0);
	/* A child must not touch the connection of the test. */
	db_read_close();
	for (unsigned i = 0; i < CHILDREN; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0) {
			close(gate[1]);
			_exit(child(gate[0], i));
		}
	}
	close(gate[0]);
	close(gate[1]);
	for (unsigned i = 0; i < CHILDREN; i++) {
		int status = -1;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	db_read_open(dsn);
	assert_every_row_is_right("8");
}

static void make_original_table(void)
{
	db_exec("CREATE TABLE server_status (ip varchar(40), "
	        "password varchar(40), hostname varchar(40))");
	db_exec("INSERT INTO server_status VALUES "
	        "('192.0.2.1', 'secret-1', 'ns.root'), "
	        "('192.0.2.2', 'secret-2', NULL), "
	        "('192.0.2.2', 'secret-2', 'twice'), "
	        "(' DB1.example ', 'secret-3', ''), "
	        "(NULL, 'secret-4', 'nobody'), "
	        "('', 'secret-5', 'nobody'), "
	        "('not an address', 'secret-6', 'nobody')");
}

static void assert_foreign(bool adopt, const char *word)
{
	struct store_settings with = settings();
	struct store *store = NULL;

	with.adopt_table = adopt;
	assert_false(store_open(&store, &with, &err));
	assert_int_equal(err.kind, ERR_STORE_FOREIGN);
	if (!strstr(err.text, word))
		fail_msg("%s", err.text);
}

static void a_foreign_table_is_left_alone(void **state)
{
	(void)state;
	make_original_table();
	assert_foreign(false, "--adopt-table");
	assert_rows("SELECT COUNT(*), MAX(password) FROM server_status",
	            "7|secret-6");
	/* Asking twice makes it no more ours. */
	assert_foreign(false, "--adopt-table");
}

#define ADOPTED                                                                \
	"SELECT ip, port, hostname, status, error, password, first_seen, "     \
	"last_attempt FROM server_status ORDER BY ip"

static void an_adopted_table_is_renamed_and_copied(void **state)
{
	struct store_settings with = settings();
	struct store *store;

	(void)state;
	make_original_table();
	with.adopt_table = true;
	store = open_with(&with);
	assert_rows(ADOPTED, "192.0.2.1|22|ns.root|skipped|copied from "
	                     "server_status_old|NULL|NULL|NULL\n"
	                     "192.0.2.2|22|twice|skipped|copied from "
	                     "server_status_old|NULL|NULL|NULL\n"
	                     "db1.example|22|NULL|skipped|copied from "
	                     "server_status_old|NULL|NULL|NULL");
	assert_rows("SELECT COUNT(*), MAX(password) FROM server_status_old",
	            "7|secret-6");
	store_close(store);
}

static void to_adopt_twice_changes_nothing(void **state)
{
	struct store_settings with = settings();
	struct store *store;
	struct record *record = full_record('a', STATUS_OK, TIME);

	(void)state;
	make_original_table();
	with.adopt_table = true;
	store = open_with(&with);
	strcpy(record->host.ip, "192.0.2.1");
	put_and_free(store, record);
	store_close(store);
	store = open_with(&with);
	assert_rows("SELECT hostname, status FROM server_status "
	            "WHERE ip = '192.0.2.1'",
	            "host-a|ok");
	assert_rows("SELECT COUNT(*) FROM server_status", "3");
	store_close(store);
	store_close(open_store());
}

static void an_old_table_is_never_overwritten(void **state)
{
	(void)state;
	make_original_table();
	db_exec("CREATE TABLE server_status_old (x int)");
	assert_foreign(true, "server_status_old already");
	assert_rows("SELECT COUNT(*) FROM server_status", "7");
}

static void a_table_of_something_else_cannot_be_adopted(void **state)
{
	(void)state;
	db_exec("CREATE TABLE server_status (host int)");
	assert_foreign(true, "cannot be adopted");
	assert_rows("SELECT COUNT(*) FROM server_status", "0");
}

static void foreign_runs_are_left_alone(void **state)
{
	(void)state;
	db_exec("CREATE TABLE runs (x int)");
	assert_foreign(true, "runs");
	assert_rows("SELECT COUNT(*) FROM runs", "0");
}

static void adopting_nothing_is_no_error(void **state)
{
	struct store_settings with = settings();

	(void)state;
	with.adopt_table = true;
	store_close(open_with(&with));
	assert_rows("SELECT COUNT(*) FROM server_status", "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_printed_schema_is_the_one_that_is_made),
		TEST(the_printed_schema_claims_no_column_that_is_not_there),
		TEST(a_schema_is_printed_for_known_dialects_only),
		TEST(tables_that_are_there_are_kept),
		TEST(a_migration_that_stopped_half_way_is_ended),
		TEST(tables_of_version_1_get_the_history),
		TEST(a_table_that_lost_its_key_is_refused),
		TEST(tables_of_version_2_have_no_key_pinned),
		TEST(a_newer_schema_is_refused),
		TEST(processes_that_come_at_once_find_the_tables),
		TEST(a_foreign_table_is_left_alone),
		TEST(an_adopted_table_is_renamed_and_copied),
		TEST(to_adopt_twice_changes_nothing),
		TEST(an_old_table_is_never_overwritten),
		TEST(a_table_of_something_else_cannot_be_adopted),
		TEST(foreign_runs_are_left_alone),
		TEST(adopting_nothing_is_no_error),
	};
	int failures;

	if (!store_fixture_begin())
		return 1;
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	return !store_fixture_end() || failures != 0;
}
