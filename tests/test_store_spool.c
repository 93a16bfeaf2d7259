#include "sql/store.h"

#include "tests/run_fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

/* The database is lost in the middle of a run: what becomes of its rows. */

static void a_lost_database_is_followed_by_the_spool(void **state)
{
	const struct store_settings with = run_settings();
	struct store *store = open_run(&with);
	struct store_run end = run;
	char command[512];

	(void)state;
	must_put_host(store, 1);
	assert_null(store_spool(store));
	db_exec(LOSE_IT);
	must_put_host(store, 2);
	must_put_host(store, 3);
	assert_non_null(store_spool(store));
	snprintf(command, sizeof(command), "sshinv replay %s",
	         store_spool(store));
	assert_int_equal(count_heard(command), 1);
	assert_int_equal(count_heard("is given up"), 1);
	assert_non_null(strstr(heard, "server_status"));
	end.end = TIME + SECOND;
	end.counts[STATUS_OK] = 3;
	assert_true(store_run_end(store, &end, &err));
	close_and_look_into_spool(store);
	assert_rows("SELECT ip, hostname FROM server_status ORDER BY ip",
	            "127.1.0.2|host-2\n127.1.0.3|host-3");
	assert_rows("SELECT run_id, file, version, begin_time, end_time, hosts "
	            "FROM runs",
	            "run-1|/etc/hosts.txt|1.2|2023-11-14 22:13:20.000000|"
	            "2023-11-14 22:13:21.000000|3");
	look_into_database();
	assert_rows("SELECT hostname FROM server_status_old", "host-1");
	assert_rows("SELECT end_time FROM runs", "NULL");
}

static void a_run_without_an_end_has_none_in_the_spool(void **state)
{
	const struct store_settings with = run_settings();
	struct store *store = open_run(&with);
	struct store_run end = run;

	(void)state;
	db_exec(LOSE_IT);
	must_put_host(store, 1);
	end.counts[STATUS_OK] = 1;
	assert_true(store_run_end(store, &end, &err));
	close_and_look_into_spool(store);
	assert_rows("SELECT end_time, ok FROM runs", "NULL|1");
	look_into_database();
}

static void end_the_run(struct store *store, int cancel_fd)
{
	assert_int_equal(eventfd_write(cancel_fd, 1), 0);
	store_interrupt(store);
}

/* Its row in the database says so already. */
static void an_interrupted_run_makes_no_spool_for_its_own_row(void **state)
{
	struct store_settings with = run_settings();
	struct store *store;

	(void)state;
	with.cancel_fd = new_cancel_fd();
	store = open_run(&with);
	must_put_host(store, 1);
	end_the_run(store, with.cancel_fd);
	assert_true(store_run_end(store, &run, &err));
	assert_null(store_spool(store));
	assert_string_equal(heard, "");
	store_close(store);
	assert_int_not_equal(access(spool_file(), F_OK), 0);
	assert_rows("SELECT run_id, end_time FROM runs", "run-1|NULL");
	close(with.cancel_fd);
}

static void an_interrupted_runs_row_goes_to_a_spool_that_is_there(void **state)
{
	struct store_settings with = run_settings();
	struct store_run end = run;
	struct store *store;

	(void)state;
	with.cancel_fd = new_cancel_fd();
	store = open_run(&with);
	db_exec(LOSE_IT);
	must_put_host(store, 1);
	end_the_run(store, with.cancel_fd);
	end.counts[STATUS_OK] = 1;
	assert_true(store_run_end(store, &end, &err));
	close_and_look_into_spool(store);
	assert_rows("SELECT end_time, ok FROM runs", "NULL|1");
	look_into_database();
	close(with.cancel_fd);
}

/* The database is lost between two runs' rows. */
static void a_runs_own_row_goes_to_the_spool_as_well(void **state)
{
	const struct store_settings with = run_settings();
	struct store *store = open_with(&with);

	(void)state;
	heard[0] = '\0';
	db_exec("DROP TABLE runs");
	assert_true(store_run_begin(store, &run, &err));
	must_put_host(store, 1);
	assert_int_equal(count_heard("is given up"), 1);
	close_and_look_into_spool(store);
	assert_rows("SELECT run_id FROM runs", "run-1");
	assert_rows("SELECT hostname FROM server_status", "host-1");
	look_into_database();
}

static void where_it_is_not_wanted_there_is_no_spool(void **state)
{
	struct store_settings with = run_settings();
	struct store *store;

	(void)state;
	with.no_spool = true;
	store = open_run(&with);
	db_exec(LOSE_IT);
	for (unsigned i = 0; i < 2; i++) {
		assert_false(put_host(store, i));
		assert_int_equal(err.kind, ERR_STORE);
		assert_null(strstr(err.text, "spool"));
	}
	assert_null(store_spool(store));
	assert_string_equal(heard, "");
	store_close(store);
}

static void assert_both_reasons(struct store *store, const char *word)
{
	for (unsigned i = 0; i < 2; i++) {
		assert_false(put_host(store, i));
		assert_int_equal(err.kind, ERR_STORE);
		assert_non_null(strstr(err.text, store_name(store)));
		assert_non_null(strstr(err.text, "server_status"));
		if (strstr(err.text, word) == NULL)
			fail_msg("%s", err.text);
	}
	assert_null(store_spool(store));
	assert_int_equal(count_heard("sshinv replay"), 0);
}

static void without_a_place_for_it_both_reasons_are_told(void **state)
{
	const struct store_settings with = run_settings();
	struct store *store;

	(void)state;
	set_variable("XDG_STATE_HOME", "/dev/null");
	store = open_run(&with);
	db_exec(LOSE_IT);
	assert_both_reasons(store, "cannot create the folder");
	store_close(store);
}

static void without_a_home_both_reasons_are_told(void **state)
{
	const struct store_settings with = run_settings();
	char home[512];
	struct store *store;

	(void)state;
	snprintf(home, sizeof(home), "%s", secure_getenv("HOME"));
	set_variable("XDG_STATE_HOME", NULL);
	set_variable("HOME", NULL);
	store = open_run(&with);
	db_exec(LOSE_IT);
	assert_both_reasons(store, "HOME is not set");
	store_close(store);
	set_variable("HOME", home);
}

static void without_a_run_there_is_no_spool(void **state)
{
	const struct store_settings with = run_settings();
	struct store *store = open_with(&with);

	(void)state;
	db_exec(LOSE_IT);
	assert_both_reasons(store, "no run has begun");
	store_close(store);
}

static void a_spool_that_a_replay_holds_is_not_written_to(void **state)
{
	const struct store_settings with = run_settings();
	struct store *store = open_run(&with);
	struct db *held;

	(void)state;
	held = spool_begin(spool_file());
	db_exec(LOSE_IT);
	assert_both_reasons(store, "locked");
	spool_close(held);
	store_close(store);
}

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_under_the_spool_keeps_what_is_in_it(void **state)
{
	const struct store_settings with = run_settings();
	struct store *store = open_run(&with);
	struct record *record = new_record("", STATUS_OK, TIME);
	unsigned stored = 0;
	char count[16];

	(void)state;
	record->output = malloc(RECORD_OUTPUT_MAX);
	assert_non_null(record->output);
	memset(record->output, 'x', RECORD_OUTPUT_MAX);
	record->output_length = RECORD_OUTPUT_MAX;
	db_exec(LOSE_IT);
	limit_files((rlim_t)512 * 1024);
	for (name_host(record, 0); store_put(store, record, &err);
	     name_host(record, stored)) {
		stored++;
		assert_true(stored < 100);
	}
	limit_files(RLIM_INFINITY);
	assert_true(stored > 0);
	assert_int_equal(err.kind, ERR_STORE);
	assert_non_null(strstr(err.text, store_name(store)));
	assert_non_null(strstr(err.text, store_spool(store)));
	/* For ever, though there is room again. */
	record->output_length = 0;
	assert_false(store_put(store, record, &err));
	assert_int_equal(err.kind, ERR_STORE);
	record_free(record);
	close_and_look_into_spool(store);
	snprintf(count, sizeof(count), "%u", stored);
	assert_every_row_is_right(count);
	look_into_database();
}

static void a_refused_row_is_not_spooled(void **state)
{
	const struct store_settings with = run_settings();
	struct store *store = open_run(&with);

	(void)state;
	if (on_mysql)
		db_exec("ALTER TABLE server_status ADD CONSTRAINT no_host_5 "
		        "CHECK (hostname <> 'host-5')");
	else
		db_exec("CREATE TRIGGER no_host_5 BEFORE INSERT ON "
		        "server_status WHEN NEW.hostname = 'host-5' "
		        "BEGIN SELECT RAISE(ABORT, 'not that one'); END");
	assert_false(put_host(store, 5));
	assert_int_equal(err.kind, ERR_STORE_DATA);
	assert_null(store_spool(store));
	store_close(store);
}

static bool spool_holds(const char *text)
{
	static char content[1024 * 1024];
	FILE *file = fopen(spool_file(), "r");
	size_t size;

	assert_non_null(file);
	size = fread(content, 1, sizeof(content), file);
	assert_int_equal(fclose(file), 0);
	return memmem(content, size, text, strlen(text)) != NULL;
}

static void a_password_gets_into_the_spool_only_when_it_is_stored(void **state)
{
	(void)state;
	for (int kept = 0; kept < 2; kept++) {
		struct store_settings with = run_settings();
		struct store *store;

		drop_all();
		with.store_password = kept;
		store = open_run(&with);
		db_exec(LOSE_IT);
		put_and_free(store, full_record('a', STATUS_OK, TIME));
		close_and_look_into_spool(store);
		assert_rows("SELECT password FROM server_status",
		            kept ? "secret-a" : "NULL");
		look_into_database();
		assert_true(spool_holds("secret-a") == kept);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_lost_database_is_followed_by_the_spool),
		TEST(a_run_without_an_end_has_none_in_the_spool),
		TEST(an_interrupted_run_makes_no_spool_for_its_own_row),
		TEST(an_interrupted_runs_row_goes_to_a_spool_that_is_there),
		TEST(a_runs_own_row_goes_to_the_spool_as_well),
		TEST(where_it_is_not_wanted_there_is_no_spool),
		TEST(without_a_place_for_it_both_reasons_are_told),
		TEST(without_a_home_both_reasons_are_told),
		TEST(without_a_run_there_is_no_spool),
		TEST(a_spool_that_a_replay_holds_is_not_written_to),
		TEST(a_full_disk_under_the_spool_keeps_what_is_in_it),
		TEST(a_refused_row_is_not_spooled),
		TEST(a_password_gets_into_the_spool_only_when_it_is_stored),
	};
	int failures;

	if (!store_fixture_begin())
		return 1;
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	return !store_fixture_end() || failures != 0;
}
