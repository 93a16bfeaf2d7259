#include "sql/mysql_connect.h"

#include "tests/relay.h"

#include <errno.h>
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

/*
 * A server that accepts and says nothing: the libraries would wait for their
 * connect timeout, an hour here.
 */
static struct relay *server;
static struct server settings;
static struct err err;
static bool refuse_threads, refuse_descriptors;
static unsigned threads;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*run)(void *arg), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*run)(void *arg), void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*run)(void *arg), void *arg)
{
	if (refuse_threads)
		return EAGAIN;
	threads++;
	return __real_pthread_create(thread, attr, run, arg);
}

int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags);

int __wrap_eventfd(unsigned count, int flags)
{
	if (!refuse_descriptors)
		return __real_eventfd(count, flags);
	errno = EMFILE;
	return -1;
}

static int set_up(void **state)
{
	(void)state;
	refuse_threads = false;
	refuse_descriptors = false;
	server = relay_open(0);
	relay_set(server, RELAY_SILENT);
	memset(&settings, 0, sizeof(settings));
	snprintf(settings.host, sizeof(settings.host), "127.0.0.1");
	snprintf(settings.user, sizeof(settings.user), "inv");
	snprintf(settings.password, sizeof(settings.password), "secret");
	snprintf(settings.database, sizeof(settings.database), "fleet");
	settings.port = relay_port(server);
	settings.connect_timeout_s = 3600;
	assert_true(server_finish(&settings, &err));
	err = (struct err){ .kind = ERR_NONE };
	threads = 0;
	return 0;
}

/* The threads that were left to themselves come to their end when the silent
 * server does. */
static int tear_down(void **state)
{
	(void)state;
	relay_close(server);
	while (!mysql_log_in_end())
		usleep(1000);
	return 0;
}

static enum db_result log_in(nanoseconds timeout, int cancel_fd)
{
	const struct wait wait = {
		.deadline = monotonic_ns() + timeout,
		.limit_ms = (unsigned)(timeout / NS_PER_MS),
		.cancel_fd = cancel_fd,
	};
	MYSQL *mysql = NULL;

	return mysql_log_in(&mysql, &settings, 3600, false, &wait, &err);
}

static void a_silent_server_is_left_at_the_deadline(void **state)
{
	(void)state;
	assert_int_equal(log_in(300 * NS_PER_MS, -1), DB_GONE);
	assert_int_equal(err.kind, ERR_STORE);
	assert_string_equal(err.text, "no answer in 0.3 s");
	/* Its thread is in the library still. */
	assert_false(mysql_log_in_end());
}

static void a_silent_server_is_left_when_the_run_ends(void **state)
{
	int fd = eventfd(1, EFD_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(log_in(3600 * NS_PER_S, fd), DB_GONE);
	assert_int_equal(err.kind, ERR_CANCELLED);
	close(fd);
	/* Its thread may only now come to the port, which must not be
	 * another's by then. */
	while (relay_accepted(server) == 0)
		usleep(1000);
}

static void one_that_is_left_does_not_keep_others_from_trying(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(log_in(50 * NS_PER_MS, -1), DB_GONE);
	assert_false(mysql_log_in_end());
	/* The server ends its silence, and the threads their waiting. */
	relay_set(server, RELAY_CUT);
	while (!mysql_log_in_end())
		usleep(1000);
	assert_int_equal(log_in(3600 * NS_PER_S, -1), DB_GONE);
	assert_int_equal(err.kind, ERR_STORE);
	assert_true(mysql_log_in_end());
}

static void assert_plain_failure(void)
{
	relay_set(server, RELAY_CUT);
	assert_int_equal(log_in(3600 * NS_PER_S, -1), DB_GONE);
	assert_int_equal(err.kind, ERR_STORE);
	assert_true(strlen(err.text) > 0);
	assert_true(mysql_log_in_end());
}

static void a_failure_is_told_by_the_thread(void **state)
{
	(void)state;
	assert_plain_failure();
	assert_true(threads > 0);
}

static void without_a_thread_the_caller_connects(void **state)
{
	(void)state;
	refuse_threads = true;
	assert_plain_failure();
	assert_int_equal(threads, 0);
	assert_true(relay_accepted(server) > 0);
}

static void without_a_descriptor_the_caller_connects(void **state)
{
	(void)state;
	relay_set(server, RELAY_CUT);
	refuse_descriptors = true;
	assert_int_equal(log_in(3600 * NS_PER_S, -1), DB_GONE);
	assert_int_equal(threads, 0);
	assert_true(relay_accepted(server) > 0);
}

/* The library's own timeout is no longer than that for reading. */
static void without_a_thread_the_librarys_timeout_ends_the_silence(void **state)
{
	const struct wait wait = { .deadline = monotonic_ns() + NS_PER_S,
		                   .cancel_fd = -1 };
	MYSQL *mysql = NULL;

	(void)state;
	refuse_threads = true;
	assert_int_equal(mysql_log_in(&mysql, &settings, 1, false, &wait, &err),
	                 DB_GONE);
	assert_int_equal(err.kind, ERR_STORE);
}

static void the_settings_stay_as_they_were(void **state)
{
	(void)state;
	assert_int_equal(log_in(50 * NS_PER_MS, -1), DB_GONE);
	assert_string_equal(settings.password, "secret");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_silent_server_is_left_at_the_deadline),
		TEST(a_silent_server_is_left_when_the_run_ends),
		TEST(one_that_is_left_does_not_keep_others_from_trying),
		TEST(a_failure_is_told_by_the_thread),
		TEST(without_a_thread_the_caller_connects),
		TEST(without_a_descriptor_the_caller_connects),
		TEST(without_a_thread_the_librarys_timeout_ends_the_silence),
		TEST(the_settings_stay_as_they_were),
	};
	int failures;

	if (!mysql_db_library_init())
		return 1;
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	return !mysql_db_library_end() || failures != 0;
}
