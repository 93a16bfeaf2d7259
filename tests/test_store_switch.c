#include "sql/store.h"

#include "tests/run_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

/* The way from the database to the spool: when, and with many threads. */

static struct store *open_ending_run(const struct store_settings *with, int *fd)
{
	struct store_settings ending = *with;

	*fd = new_cancel_fd();
	ending.cancel_fd = *fd;
	return open_run(&ending);
}

static void lock_the_rows(void)
{
	if (on_mysql)
		db_exec("LOCK TABLES server_status WRITE, runs WRITE");
	else
		db_exec("BEGIN IMMEDIATE");
}

static void unlock_the_rows(void)
{
	db_exec(on_mysql ? "UNLOCK TABLES" : "COMMIT");
}

static void locks_of_others_are_waited_for_as_long_as_was_said(void **state)
{
	struct store_settings with = run_settings();
	nanoseconds begin;
	struct store *store;

	(void)state;
	with.db_timeout = NS_PER_S;
	store = open_run(&with);
	lock_the_rows();
	begin = monotonic_ns();
	must_put_host(store, 1);
	assert_true(monotonic_ns() - begin >= NS_PER_S);
	assert_non_null(store_spool(store));
	unlock_the_rows();
	close_and_look_into_spool(store);
	assert_rows("SELECT hostname FROM server_status", "host-1");
	look_into_database();
}

struct interrupter {
	struct store *store;
	int fd;
};

/* As the end of a run does it. */
static void *end_the_run(void *arg)
{
	struct interrupter *i = arg;

	eventfd_write(i->fd, 1);
	store_interrupt(i->store);
	return NULL;
}

static void the_end_of_the_run_ends_every_wait(void **state)
{
	const struct store_settings with = run_settings();
	struct interrupter interrupter;
	pthread_t thread;

	(void)state;
	interrupter.store = open_ending_run(&with, &interrupter.fd);
	lock_the_rows();
	assert_int_equal(
	    pthread_create(&thread, NULL, end_the_run, &interrupter), 0);
	/* 60 s otherwise: the test's own limit is longer than that, so that is
	 * what the clock is for. */
	must_put_host(interrupter.store, 1);
	must_put_host(interrupter.store, 2);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_non_null(strstr(heard, "not confirmed when the run ended"));
	unlock_the_rows();
	close_and_look_into_spool(interrupter.store);
	assert_every_row_is_right("2");
	look_into_database();
	close(interrupter.fd);
}

/* What is in the one is not in the other. */
static void every_row_of_a_switch_is_stored_once(void **state)
{
	const struct store_settings with = run_settings();
	struct store *store = open_run(&with);
	int64_t kept, spooled;
	char count[32];

	(void)state;
	start_putters(store);
	wait_for_putters(PUTTERS_ROWS / 4);
	db_exec(LOSE_IT);
	join_putters();
	assert_int_equal(count_heard("is given up"), 1);
	kept = count_rows("server_status_old");
	close_and_look_into_spool(store);
	spooled = count_rows("server_status");
	print_message("%d in the database, %d in the spool\n", (int)kept,
	              (int)spooled);
	assert_true(kept > 0 && spooled > 0);
	/* All are there, each once: together they have all, and none is in
	 * both, since the numbers add up. */
	assert_int_equal(kept + spooled, PUTTERS_ROWS);
	snprintf(count, sizeof(count), "%lld", (long long)spooled);
	assert_every_row_is_right(count);
	look_into_database();
}

/* The end of the run is called while leaders come and go, connect and write. */
static void an_interrupt_in_the_middle_loses_nothing(void **state)
{
	const struct store_settings with = run_settings();
	struct interrupter interrupter;
	int64_t stored;

	(void)state;
	interrupter.store = open_ending_run(&with, &interrupter.fd);
	start_putters(interrupter.store);
	wait_for_putters(PUTTERS_ROWS / 4);
	end_the_run(&interrupter);
	join_putters();
	stored = count_rows("server_status");
	if (!on_mysql) {
		/* Nothing has to be waited for here. */
		assert_true(stored <= PUTTERS_ROWS);
		assert_true(stored > 0);
		store_close(interrupter.store);
	} else {
		close_and_look_into_spool(interrupter.store);
		/* One that was committed without our knowing is in both. */
		assert_true(stored + count_rows("server_status") >=
		            PUTTERS_ROWS);
		look_into_database();
	}
	close(interrupter.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(locks_of_others_are_waited_for_as_long_as_was_said),
		TEST(the_end_of_the_run_ends_every_wait),
		TEST(every_row_of_a_switch_is_stored_once),
		TEST(an_interrupt_in_the_middle_loses_nothing),
	};
	int failures;

	if (!store_fixture_begin())
		return 1;
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	return !store_fixture_end() || failures != 0;
}
