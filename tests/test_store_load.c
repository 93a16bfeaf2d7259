#include "sql/store.h"

#include "tests/store_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* Many threads and several stores at once. */
struct writers {
	struct store *store;
	unsigned first; /* number of the first host */
	unsigned count;
	size_t output;   /* bytes of output for each */
	unsigned failed; /* in all but ERR_STORE_DATA */
	unsigned lost;   /* those of them that are ERR_STORE */
	unsigned refused;
	bool backwards;
	pthread_t thread;
};

static void *write_hosts(void *arg)
{
	struct writers *w = arg;
	struct record *record = record_new();
	struct err failure;

	if (!record) {
		w->failed = w->count;
		return NULL;
	}
	record->host.port = 22;
	record->status = STATUS_OK;
	record->last_attempt = TIME;
	record->output_length = w->output;
	record->output = w->output > 0 ? calloc(1, w->output) : NULL;
	for (unsigned i = 0; i < w->count; i++) {
		unsigned at = w->backwards ? w->count - 1 - i : i;

		name_host(record, w->first + at);
		if (store_put(w->store, record, &failure))
			continue;
		if (failure.kind == ERR_STORE_DATA)
			w->refused++;
		else
			w->failed++;
		w->lost += failure.kind == ERR_STORE;
	}
	record_free(record);
	return NULL;
}

static void start(struct writers *w)
{
	pthread_attr_t attr;

	assert_int_equal(pthread_attr_init(&attr), 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	/* As small as a worker's: the client libraries must do with it. */
	assert_int_equal(pthread_attr_setstacksize(&attr, (size_t)64 * 1024),
	                 0);
#endif
	assert_int_equal(pthread_create(&w->thread, &attr, write_hosts, w), 0);
	pthread_attr_destroy(&attr);
}

/* Each with rows of its own. */
static void start_all(struct writers *writers, unsigned count,
                      struct store *store, unsigned rows, size_t output)
{
	memset(writers, 0, count * sizeof(*writers));
	for (unsigned i = 0; i < count; i++) {
		writers[i].store = store;
		writers[i].first = i * rows;
		writers[i].count = rows;
		writers[i].output = output;
		start(&writers[i]);
	}
}

static void join_all(struct writers *writers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		pthread_join(writers[i].thread, NULL);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(writers[i].failed, 0);
}

static void rows_of_many_threads_are_all_stored(void **state)
{
	enum { THREADS = 64, ROWS = 100 };
	static struct writers writers[THREADS];
	struct store *store = open_store();
	struct timespec begin, end;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	start_all(writers, THREADS, store, ROWS, 0);
	join_all(writers, THREADS);
	clock_gettime(CLOCK_MONOTONIC, &end);
	print_message("%.0f rows/s\n",
	              THREADS * ROWS /
	                  ((double)(end.tv_sec - begin.tv_sec) +
	                   (double)(end.tv_nsec - begin.tv_nsec) / 1e9));
	assert_every_row_is_right("6400");
	store_close(store);
}

static void many_long_outputs_fit_a_batch(void **state)
{
	enum { THREADS = 64, ROWS = 2 };
	static struct writers writers[THREADS];
	struct store *store = open_store();

	(void)state;
	start_all(writers, THREADS, store, ROWS, RECORD_OUTPUT_MAX);
	join_all(writers, THREADS);
	assert_every_row_is_right("128");
	store_close(store);
}

static void stores_that_write_the_same_rows_do_not_fail(void **state)
{
	enum { THREADS = 32, ROWS = 200 };
	static struct writers writers[THREADS];
	struct store *stores[2];

	(void)state;
	memset(writers, 0, sizeof(writers));
	stores[0] = open_store();
	stores[1] = open_store();
	for (unsigned i = 0; i < THREADS; i++) {
		writers[i].store = stores[i % 2];
		writers[i].count = ROWS;
		writers[i].backwards = i % 4 < 2;
		start(&writers[i]);
	}
	join_all(writers, THREADS);
	assert_every_row_is_right("200");
	store_close(stores[0]);
	store_close(stores[1]);
}

static void a_refused_row_takes_no_other_along(void **state)
{
	enum { THREADS = 16, ROWS = 20 };
	static struct writers writers[THREADS];
	struct store *store = open_store();

	(void)state;
	if (on_mysql)
		db_exec("ALTER TABLE server_status ADD CONSTRAINT no_host_5 "
		        "CHECK (hostname <> 'host-5')");
	else
		db_exec("CREATE TRIGGER no_host_5 BEFORE INSERT ON "
		        "server_status WHEN NEW.hostname = 'host-5' "
		        "BEGIN SELECT RAISE(ABORT, 'not that one'); END");
	start_all(writers, THREADS, store, ROWS, 0);
	join_all(writers, THREADS);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(writers[i].refused, i == 0 ? 1 : 0);
	assert_every_row_is_right("319");
	store_close(store);
}

static void a_lost_store_ends_every_waiter(void **state)
{
	enum { THREADS = 64, ROWS = 3 };
	static struct writers writers[THREADS];
	struct store_settings with = settings();
	struct store *store;

	(void)state;
	with.no_spool = true;
	store = open_with(&with);
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	db_exec("DROP TABLE server_status");
	start_all(writers, THREADS, store, ROWS, 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(writers[i].thread, NULL);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(writers[i].lost, ROWS);
	store_close(store);
}

static void a_killed_connection_is_made_again(void **state)
{
	struct store *store;
	char ids[256];
	char *rest = NULL;

	(void)state;
	if (!on_mysql)
		skip();
	store = open_store();
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	snprintf(ids, sizeof(ids), "%s",
	         db_rows("SELECT CONCAT('KILL ', id) "
	                 "FROM information_schema.processlist "
	                 "WHERE db = DATABASE() AND id <> CONNECTION_ID()"));
	for (char *kill = strtok_r(ids, "\n", &rest); kill;
	     kill = strtok_r(NULL, "\n", &rest))
		db_exec(kill);
	put_and_free(store, full_record('b', STATUS_OK, TIME));
	assert_rows("SELECT hostname FROM server_status", "host-b");
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rows_of_many_threads_are_all_stored),
		TEST(many_long_outputs_fit_a_batch),
		TEST(stores_that_write_the_same_rows_do_not_fail),
		TEST(a_refused_row_takes_no_other_along),
		TEST(a_lost_store_ends_every_waiter),
		TEST(a_killed_connection_is_made_again),
	};
	int failures;

	if (!store_fixture_begin())
		return 1;
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	return !store_fixture_end() || failures != 0;
}
