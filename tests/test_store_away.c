#include "sql/store.h"

#include "sql/dsn.h"
#include "sql/store_private.h"
#include "tests/relay.h"
#include "tests/run_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

/*
 * A server that falls silent or whose connections are cut: through a relay, so
 * that it needs SSHINV_TEST_DB=mysql://…, and does nothing without.
 */

static struct relay *relay;
static char relay_dsn[DSN_PATH_SIZE];
static int cancel_fd = -1;

#define AN_HOUR (3600 * NS_PER_S)

/* The same account and database, with the relay in the place of the server. */
static void set_relay_dsn(const struct dsn *parsed)
{
	char account[1024];
	char *at;
	int length;

	snprintf(account, sizeof(account), "%s", dsn);
	at = strrchr(account, '@');
	assert_non_null(at);
	*at = '\0';
	length = snprintf(
	    relay_dsn, sizeof(relay_dsn), "%s@127.0.0.1:%u/%s%s", account,
	    relay_port(relay), parsed->server.database,
	    parsed->server.tls == TLS_REQUIRED ? "?ssl-mode=REQUIRED" : "");
	assert_true(length > 0 && (size_t)length < sizeof(relay_dsn));
}

static int set_up_relay(void **state)
{
	struct dsn parsed;

	if (!on_mysql)
		return 0;
	assert_true(dsn_parse(&parsed, dsn, &err));
	relay =
	    relay_open((uint16_t)(parsed.server.port != 0 ? parsed.server.port
	                                                  : SERVER_PORT));
	set_relay_dsn(&parsed);
	dsn_wipe(&parsed);
	cancel_fd = new_cancel_fd();
	return set_up_run(state);
}

static int tear_down_relay(void **state)
{
	if (!on_mysql)
		return 0;
	relay_close(relay);
	close(cancel_fd);
	return tear_down_run(state);
}

#undef TEST
#define TEST(test)                                                             \
	cmocka_unit_test_setup_teardown(test, set_up_relay, tear_down_relay)

static struct store *open_through_relay(nanoseconds db_timeout)
{
	struct store_settings with = run_settings();

	with.dsn = relay_dsn;
	with.db_timeout = db_timeout;
	with.cancel_fd = cancel_fd;
	return open_run(&with);
}

static void assert_in_spool(struct store *store, const char *rows)
{
	close_and_look_into_spool(store);
	assert_rows("SELECT hostname FROM server_status ORDER BY hostname",
	            rows);
	look_into_database();
}

static void a_silent_server_is_waited_for_as_long_as_was_said(void **state)
{
	nanoseconds begin;
	struct store *store;

	(void)state;
	if (!on_mysql)
		skip();
	store = open_through_relay(3 * NS_PER_S);
	must_put_host(store, 1);
	relay_set(relay, RELAY_SILENT);
	begin = monotonic_ns();
	must_put_host(store, 2);
	assert_true(monotonic_ns() - begin >= 3 * NS_PER_S);
	/* The library would wait for longer, and the connection besides. */
	assert_true(monotonic_ns() - begin < 40 * NS_PER_S);
	assert_non_null(strstr(heard, "no answer in "));
	must_put_host(store, 3);
	assert_in_spool(store, "host-2\nhost-3");
	assert_rows("SELECT hostname FROM server_status", "host-1");
}

static void
a_server_that_comes_back_silent_is_waited_for_no_longer(void **state)
{
	nanoseconds begin;
	struct store *store;

	(void)state;
	if (!on_mysql)
		skip();
	store = open_through_relay(3 * NS_PER_S);
	relay_set(relay, RELAY_CUT);
	relay_set(relay, RELAY_SILENT);
	begin = monotonic_ns();
	must_put_host(store, 1);
	assert_true(monotonic_ns() - begin >= 3 * NS_PER_S);
	assert_true(monotonic_ns() - begin < 40 * NS_PER_S);
	assert_int_equal(count_heard("was lost"), 1);
	assert_in_spool(store, "host-1");
}

/* As by a limit that comes when the answer is there already. */
static void a_connection_that_was_cut_is_made_again(void **state)
{
	struct store *store;
	int64_t clock;

	(void)state;
	if (!on_mysql)
		skip();
	store = open_through_relay(AN_HOUR);
	for (unsigned i = 1; i <= 3; i++) {
		must_put_host(store, i);
		store->db->ops->cut(store->db);
	}
	assert_true(store_clock(store, &clock, &err));
	assert_null(store_spool(store));
	assert_int_equal(count_heard("was lost"), 3);
	assert_int_equal(count_heard("is back after 0 s"), 3);
	assert_null(strstr(heard, "no answer"));
	store_close(store);
	assert_rows("SELECT hostname FROM server_status ORDER BY hostname",
	            "host-1\nhost-2\nhost-3");
}

static atomic_int held_up;

static void hear_and_note(void *arg, const char *text)
{
	hear(arg, text);
	if (strstr(text, "does not go on") != NULL)
		atomic_store(&held_up, 1);
}

static void *unlock_when_it_was_told(void *arg)
{
	(void)arg;
	while (atomic_load(&held_up) == 0)
		usleep(1000);
	db_exec("UNLOCK TABLES");
	return NULL;
}

/* A server's own lock timeout may be a day. */
static void a_table_that_others_hold_is_told_and_waited_for(void **state)
{
	struct store_settings with = run_settings();
	struct store *store;
	pthread_t thread;

	(void)state;
	if (!on_mysql)
		skip();
	with.db_timeout = AN_HOUR;
	with.warn = hear_and_note;
	store = open_run(&with);
	atomic_store(&held_up, 0);
	db_exec("LOCK TABLES server_status WRITE");
	assert_int_equal(
	    pthread_create(&thread, NULL, unlock_when_it_was_told, NULL), 0);
	must_put_host(store, 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(count_heard("does not go on"), 1);
	assert_int_equal(count_heard("goes on after"), 1);
	store_close(store);
	assert_rows("SELECT hostname FROM server_status", "host-1");
}

static void *end_the_run(void *arg)
{
	struct store *store = arg;

	relay_wait_for_silence(relay);
	eventfd_write(cancel_fd, 1);
	store_interrupt(store);
	return NULL;
}

/* Also holds that closing the store waits for nobody: each would take an hour.
 */
static void the_end_of_the_run_ends_a_call_that_hangs(void **state)
{
	struct store *store;
	pthread_t thread;

	(void)state;
	if (!on_mysql)
		skip();
	store = open_through_relay(AN_HOUR);
	must_put_host(store, 1);
	relay_set(relay, RELAY_SILENT);
	assert_int_equal(pthread_create(&thread, NULL, end_the_run, store), 0);
	must_put_host(store, 2);
	assert_int_equal(pthread_join(thread, NULL), 0);
	must_put_host(store, 3);
	assert_in_spool(store, "host-2\nhost-3");
}

static void *end_the_run_while_connecting(void *arg)
{
	unsigned before = relay_accepted(relay);
	struct store *store = arg;

	/* It was cut, and now it is silent. */
	while (relay_accepted(relay) == before)
		usleep(1000);
	eventfd_write(cancel_fd, 1);
	store_interrupt(store);
	return NULL;
}

static void the_end_of_the_run_ends_a_connecting_that_hangs(void **state)
{
	struct store *store;
	pthread_t thread;

	(void)state;
	if (!on_mysql)
		skip();
	store = open_through_relay(AN_HOUR);
	relay_set(relay, RELAY_CUT);
	relay_set(relay, RELAY_SILENT);
	assert_int_equal(
	    pthread_create(&thread, NULL, end_the_run_while_connecting, store),
	    0);
	must_put_host(store, 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_in_spool(store, "host-1");
}

static void a_healthy_store_is_closed_after_an_interrupt(void **state)
{
	struct store *store;

	(void)state;
	if (!on_mysql)
		skip();
	store = open_through_relay(AN_HOUR);
	must_put_host(store, 1);
	relay_set(relay, RELAY_SILENT);
	eventfd_write(cancel_fd, 1);
	store_interrupt(store);
	store_close(store);
	assert_rows("SELECT hostname FROM server_status", "host-1");
}

static void connections_that_are_cut_lose_nothing(void **state)
{
	enum { CUTS = 10 };
	struct store *store;

	(void)state;
	if (!on_mysql)
		skip();
	store = open_through_relay(60 * NS_PER_S);
	start_putters(store);
	for (unsigned i = 1; i <= CUTS; i++) {
		wait_for_putters(i * PUTTERS_ROWS / (CUTS + 2));
		relay_set(relay, RELAY_CUT);
		relay_set(relay, RELAY_PASS);
	}
	join_putters();
	assert_null(store_spool(store));
	assert_every_row_is_right("1920");
	assert_true(count_heard("was lost") > 0);
	assert_int_equal(count_heard("was lost"), count_heard("is back"));
	store_close(store);
}

static void a_silence_that_ends_in_time_loses_nothing(void **state)
{
	struct store *store;

	(void)state;
	if (!on_mysql)
		skip();
	store = open_through_relay(60 * NS_PER_S);
	start_putters(store);
	wait_for_putters(PUTTERS_ROWS / 3);
	relay_set(relay, RELAY_SILENT);
	relay_wait_for_silence(relay);
	relay_set(relay, RELAY_PASS);
	join_putters();
	assert_string_equal(heard, "");
	assert_every_row_is_right("1920");
	store_close(store);
}

static void a_silence_amid_many_rows_stores_each_of_them(void **state)
{
	struct store *store;
	int64_t kept, spooled;

	(void)state;
	if (!on_mysql)
		skip();
	store = open_through_relay(3 * NS_PER_S);
	start_putters(store);
	wait_for_putters(PUTTERS_ROWS / 16);
	relay_set(relay, RELAY_SILENT);
	join_putters();
	assert_int_equal(count_heard("is given up"), 1);
	kept = count_rows("server_status");
	close_and_look_into_spool(store);
	spooled = count_rows("server_status");
	look_into_database();
	print_message("%d in the database, %d in the spool\n", (int)kept,
	              (int)spooled);
	/* A batch whose answer was lost may be in both. */
	assert_true(kept >= PUTTERS_ROWS / 16 - PUTTERS);
	assert_true(kept + spooled >= PUTTERS_ROWS);
	assert_true(kept + spooled <= PUTTERS_ROWS + PUTTERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_silent_server_is_waited_for_as_long_as_was_said),
		TEST(a_server_that_comes_back_silent_is_waited_for_no_longer),
		TEST(the_end_of_the_run_ends_a_call_that_hangs),
		TEST(the_end_of_the_run_ends_a_connecting_that_hangs),
		TEST(a_connection_that_was_cut_is_made_again),
		TEST(a_table_that_others_hold_is_told_and_waited_for),
		TEST(a_healthy_store_is_closed_after_an_interrupt),
		TEST(connections_that_are_cut_lose_nothing),
		TEST(a_silence_that_ends_in_time_loses_nothing),
		TEST(a_silence_amid_many_rows_stores_each_of_them),
	};
	int failures;

	if (!store_fixture_begin())
		return 1;
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	return !store_fixture_end() || failures != 0;
}
