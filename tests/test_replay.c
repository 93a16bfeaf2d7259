#include "sql/store.h"

#include "sql/spool.h"
#include "tests/scratch.h"
#include "tests/spool_fixture.h"
#include "tests/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test_replay.XXXXXX";
static char path[64];
static char journal[80];
static struct replay_counts counts;

static bool is_there(const char *file)
{
	return access(file, F_OK) == 0;
}

static struct store *open_hearing(void)
{
	struct store_settings with = settings();
	struct store *store;

	with.warn = hear;
	store = open_with(&with);
	/* What it said about the DSN. */
	heard[0] = '\0';
	return store;
}

static void replay(struct store *store)
{
	if (!store_replay(store, path, &counts, &err))
		fail_msg("%s", err.text);
}

static void assert_counts(size_t rows, size_t stored, size_t refused)
{
	assert_int_equal(counts.rows, rows);
	assert_int_equal(counts.stored, stored);
	assert_int_equal(counts.refused, refused);
}

static void every_row_comes_in_and_the_file_goes(void **state)
{
	struct store *store;

	(void)state;
	make_spool(path, 300, TIME);
	store = open_hearing();
	replay(store);
	assert_counts(300, 300, 0);
	assert_every_row_is_right("300");
	assert_rows("SELECT run_id, file, end_time, hosts, ok FROM runs",
	            "run-a|/etc/hosts.txt|2023-11-14 22:13:21.000000|300|300");
	assert_false(is_there(path));
	assert_false(is_there(journal));
	assert_string_equal(heard, "");
	store_close(store);
}

/* Brings that one row in where a is already; it is freed. */
static void replay_over_a(struct record *record)
{
	struct store_settings with = settings();
	struct db *spool = spool_begin(path);
	struct store *store;

	spool_put_and_free(spool, record);
	spool_close(spool);
	with.store_password = true;
	store = open_with(&with);
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	replay(store);
	assert_false(is_there(path));
	store_close(store);
}

#define KNOWN_A_SECRET                                                         \
	"address-a|user-a|secret-a|name-a|group-a|host-a|a|97|ssh-a|type-a|"   \
	"sha-a|1097|2097|2023-11-14 22:13:20.000000|"                          \
	"2023-11-14 22:13:20.000000"

/* All of it: an assignment that was made too early would keep some. */
static void a_newer_row_replaces_everything(void **state)
{
	(void)state;
	replay_over_a(full_record('b', STATUS_OK, TIME + 1));
	assert_counts(1, 1, 0);
	assert_rows(KNOWN,
	            "address-b|user-b|secret-b|name-b|group-b|host-b|b|98|ssh-"
	            "b|type-b|sha-b|1098|2098|2023-11-14 22:13:20.000000|"
	            "2023-11-14 22:13:20.000001");
	assert_rows(TRIED, "ok|auth|error-b|run-b|2023-11-14 22:13:20.000001");
}

static void a_newer_failure_replaces_what_failures_replace(void **state)
{
	(void)state;
	replay_over_a(full_record('b', STATUS_AUTH, TIME + 1));
	assert_counts(1, 1, 0);
	assert_rows(KNOWN, KNOWN_A_SECRET);
	assert_rows(TRIED,
	            "auth|auth|error-b|run-b|2023-11-14 22:13:20.000001");
}

static void a_skipped_row_replaces_nothing(void **state)
{
	(void)state;
	replay_over_a(full_record('b', STATUS_SKIPPED, TIME + 1));
	assert_counts(1, 1, 0);
	assert_rows(KNOWN, KNOWN_A_SECRET);
	assert_rows(TRIED, TRIED_A);
}

static void an_older_row_replaces_the_first_sight_only(void **state)
{
	(void)state;
	replay_over_a(full_record('b', STATUS_OK, TIME - 1));
	assert_counts(1, 1, 0);
	assert_rows(KNOWN,
	            "address-a|user-a|secret-a|name-a|group-a|host-a|a|97|ssh-"
	            "a|type-a|sha-a|1097|2097|2023-11-14 22:13:19.999999|"
	            "2023-11-14 22:13:20.000000");
	assert_rows(TRIED, TRIED_A);
}

static void a_row_without_a_time_replaces_nothing(void **state)
{
	(void)state;
	replay_over_a(full_record('b', STATUS_OK, RECORD_UNKNOWN));
	assert_counts(1, 1, 0);
	assert_rows(KNOWN, KNOWN_A_SECRET);
	assert_rows(TRIED, TRIED_A);
}

static void one_without_a_time_is_replaced(void **state)
{
	struct store *store = open_store();

	(void)state;
	make_spool(path, 1, TIME);
	db_exec("INSERT INTO server_status (ip, port, status, hostname) "
	        "VALUES ('127.1.0.0', 22, 'skipped', 'adopted')");
	replay(store);
	assert_counts(1, 1, 0);
	assert_rows("SELECT hostname, status, first_seen, last_attempt "
	            "FROM server_status",
	            "host-0|ok|2023-11-14 22:13:20.000000|"
	            "2023-11-14 22:13:20.000000");
	store_close(store);
}

static void only_the_older_ones_of_a_batch_stay_out(void **state)
{
	struct store *store = open_store();

	(void)state;
	make_spool(path, 200, TIME);
	for (unsigned i = 0; i < 200; i += 2) {
		struct record *record =
		    full_record('b', STATUS_OK, TIME + SECOND);

		name_host(record, i);
		put_and_free(store, record);
	}
	replay(store);
	assert_counts(200, 200, 0);
	assert_every_row_is_right("200");
	assert_rows("SELECT run_id, COUNT(*) FROM server_status "
	            "GROUP BY run_id ORDER BY run_id",
	            "run-a|100\nrun-b|100");
	store_close(store);
}

/* As someone may have written it. */
static void an_address_is_never_read_as_sql(void **state)
{
	static const char *const ips[] = { "it's", "back\\slash", "end\\",
		                           "') OR ('1'='1", "\"x\"" };
	struct store *store = open_store();
	struct db *spool = spool_begin(path);

	(void)state;
	for (size_t i = 0; i < sizeof(ips) / sizeof(ips[0]); i++) {
		spool_put_and_free(spool, new_record(ips[i], STATUS_OK, TIME));
		put_and_free(store, new_record(ips[i], STATUS_OK, TIME + 1));
	}
	spool_close(spool);
	replay(store);
	assert_counts(5, 5, 0);
	store_close(store);
}

/* The database's own refusal of the row of host-7. */
static void refuse_host_7(void)
{
	if (on_mysql)
		db_exec("ALTER TABLE server_status ADD CONSTRAINT no_host_7 "
		        "CHECK (hostname <> 'host-7')");
	else
		db_exec("CREATE TRIGGER no_host_7 BEFORE INSERT ON "
		        "server_status WHEN NEW.hostname = 'host-7' "
		        "BEGIN SELECT RAISE(ABORT, 'not this one'); END");
}

static void allow_host_7(void)
{
	db_exec(on_mysql ? "ALTER TABLE server_status DROP CONSTRAINT no_host_7"
	                 : "DROP TRIGGER no_host_7");
}

static void a_refused_row_costs_itself_and_keeps_the_file(void **state)
{
	struct store *store = open_hearing();

	(void)state;
	make_spool(path, 150, TIME);
	refuse_host_7();
	replay(store);
	assert_counts(150, 149, 1);
	assert_non_null(strstr(heard, "host 127.1.0.7 port 22 was refused"));
	assert_true(is_there(path));
	assert_rows("SELECT COUNT(*) FROM server_status", "149");
	assert_rows("SELECT COUNT(*) FROM runs", "1");
	allow_host_7();
	replay(store);
	assert_counts(150, 150, 0);
	assert_every_row_is_right("150");
	assert_false(is_there(path));
	store_close(store);
}

static void a_column_made_short_refuses_what_does_not_fit(void **state)
{
	struct store *store = open_hearing();

	(void)state;
	if (!on_mysql) { /* SQLite's texts have no length */
		store_close(store);
		return;
	}
	make_spool(path, 150, TIME);
	db_exec("ALTER TABLE server_status MODIFY hostname VARCHAR(7)");
	replay(store);
	/* host-0 to host-99 fit */
	assert_counts(150, 100, 50);
	assert_non_null(strstr(heard, "127.1.0.100 port 22 was refused"));
	assert_non_null(strstr(heard, "40 more rows were refused"));
	assert_true(is_there(path));
	assert_every_row_is_right("100");
	store_close(store);
	unlink(path);
}

static void a_row_that_cannot_be_read_is_told(void **state)
{
	struct store *store = open_hearing();
	struct db *spool;

	(void)state;
	make_spool(path, 3, TIME);
	spool = spool_begin(path);
	spool_exec(spool, "UPDATE server_status SET last_attempt = 'noon' "
	                  "WHERE ip = '127.1.0.1'");
	spool_close(spool);
	replay(store);
	assert_counts(3, 2, 1);
	assert_non_null(strstr(heard, "127.1.0.1 port 22"));
	assert_non_null(strstr(heard, "last_attempt is no time"));
	assert_true(is_there(path));
	store_close(store);
	unlink(path);
}

static void assert_refused(struct store *store, const char *file,
                           const char *word)
{
	assert_false(store_replay(store, file, &counts, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, file));
	if (strstr(err.text, word) == NULL)
		fail_msg("%s", err.text);
	assert_counts(0, 0, 0);
}

static void what_is_no_spool_is_left_alone(void **state)
{
	struct store *store = open_store();
	FILE *file;

	(void)state;
	assert_refused(store, path, "No such file");
	assert_false(is_there(path));
	assert_refused(store, folder, "not a spool");
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("127.0.0.1 root secret\n", file);
	assert_int_equal(fclose(file), 0);
	assert_refused(store, path, "spool");
	assert_true(is_there(path));
	store_close(store);
	unlink(path);
}

static void a_spool_that_is_held_is_left_alone(void **state)
{
	struct store *store = open_store();
	struct db *spool;

	(void)state;
	make_spool(path, 1, TIME);
	spool = spool_begin(path);
	assert_refused(store, path, "held");
	spool_close(spool);
	replay(store);
	assert_counts(1, 1, 0);
	store_close(store);
}

static void the_end_of_the_run_ends_a_replay(void **state)
{
	struct store_settings with = settings();
	struct store *store;

	(void)state;
	make_spool(path, 3, TIME);
	with.cancel_fd = eventfd(0, EFD_CLOEXEC);
	assert_true(with.cancel_fd >= 0);
	store = open_with(&with);
	assert_int_equal(eventfd_write(with.cancel_fd, 1), 0);
	assert_false(store_replay(store, path, &counts, &err));
	assert_int_equal(err.kind, ERR_CANCELLED);
	assert_true(is_there(path));
	store_close(store);
	close(with.cancel_fd);
	unlink(path);
}

/* A run's row: tenths of a second after TIME, 0 for no end. */
struct run_state {
	int64_t begin, end;
	size_t ok;
};

static struct store_run run_of(const struct run_state *run)
{
	return (struct store_run){ .id = "run-a",
		                   .file = "/x",
		                   .version = "1",
		                   .begin = TIME + run->begin * SECOND / 10,
		                   .end = run->end != 0
		                              ? TIME + run->end * SECOND / 10
		                              : 0,
		                   .counts = { [STATUS_OK] = run->ok } };
}

static void a_run_keeps_what_is_later(void **state)
{
	static const struct {
		struct run_state there, comes;
		const char *then; /* end, hosts, ok */
	} cases[] = {
		{ { 1, 0, 0 }, { 1, 9, 5 }, "9|5|5" },
		{ { 1, 9, 5 }, { 1, 0, 7 }, "9|5|5" },
		{ { 1, 9, 5 }, { 1, 9, 7 }, "9|7|7" },
		{ { 1, 9, 5 }, { 1, 8, 7 }, "9|5|5" },
		{ { 1, 8, 5 }, { 1, 9, 4 }, "9|4|4" },
		{ { 1, 0, 5 }, { 1, 9, 3 }, "9|3|3" },
		{ { 1, 0, 0 }, { 1, 0, 5 }, "NULL|5|5" },
		{ { 1, 0, 5 }, { 1, 0, 4 }, "NULL|5|5" },
		{ { 2, 0, 3 }, { 1, 9, 5 }, "NULL|3|3" },
		{ { 2, 0, 3 }, { 1, 0, 5 }, "NULL|3|3" },
		{ { 1, 0, 5 }, { 2, 9, 3 }, "9|3|3" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct store_run there = run_of(&cases[i].there);
		const struct store_run comes = run_of(&cases[i].comes);
		struct db *spool = spool_begin(path);
		struct store *store;

		spool_put_run(spool, &comes);
		spool_close(spool);
		drop_all();
		store = open_store();
		assert_true(store_run_end(store, &there, &err));
		replay(store);
		assert_counts(0, 0, 0);
		assert_false(is_there(path));
		assert_rows("SELECT SUBSTR(end_time, 21, 1), hosts, ok "
		            "FROM runs",
		            cases[i].then);
		store_close(store);
	}
}

static int set_up_spool(void **state)
{
	unlink(path);
	return set_up(state);
}

#define SPOOL_TEST(test)                                                       \
	cmocka_unit_test_setup_teardown(test, set_up_spool, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(every_row_comes_in_and_the_file_goes),
		SPOOL_TEST(a_newer_row_replaces_everything),
		SPOOL_TEST(a_newer_failure_replaces_what_failures_replace),
		SPOOL_TEST(a_skipped_row_replaces_nothing),
		SPOOL_TEST(an_older_row_replaces_the_first_sight_only),
		SPOOL_TEST(a_row_without_a_time_replaces_nothing),
		SPOOL_TEST(one_without_a_time_is_replaced),
		SPOOL_TEST(only_the_older_ones_of_a_batch_stay_out),
		SPOOL_TEST(an_address_is_never_read_as_sql),
		SPOOL_TEST(a_refused_row_costs_itself_and_keeps_the_file),
		SPOOL_TEST(a_column_made_short_refuses_what_does_not_fit),
		SPOOL_TEST(a_row_that_cannot_be_read_is_told),
		SPOOL_TEST(what_is_no_spool_is_left_alone),
		SPOOL_TEST(a_spool_that_is_held_is_left_alone),
		SPOOL_TEST(the_end_of_the_run_ends_a_replay),
		SPOOL_TEST(a_run_keeps_what_is_later),
	};
	int failures;

	if (!scratch_make(folder) || !store_fixture_begin())
		return 1;
	snprintf(path, sizeof(path), "%s/spool-run-a.db", folder);
	snprintf(journal, sizeof(journal), "%s-journal", path);
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	return !store_fixture_end() || !scratch_remove(folder) || failures != 0;
}
