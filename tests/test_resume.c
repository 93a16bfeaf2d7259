#include "sql/store.h"

#include "inventory/hostset.h"
#include "sql/spool.h"
#include "tests/spool_fixture.h"
#include "tests/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

static struct store_unfinished unfinished;

static int64_t our_clock(void)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	return now.tv_sec * SECOND + now.tv_usec;
}

/* By another connection than the store's. */
static int64_t their_clock(void)
{
	return on_mysql ? strtoll(db_rows("SELECT CAST(1000000 * "
	                                  "UNIX_TIMESTAMP(NOW(6)) AS SIGNED)"),
	                          NULL, 10)
	                : our_clock();
}

static void the_clock_is_the_databases(void **state)
{
	struct store *store = open_store();
	int64_t now, before = their_clock();

	(void)state;
	assert_true(store_clock(store, &now, &err));
	assert_true(before <= now);
	assert_true(now <= their_clock());
	store_close(store);
}

/* A row of runs; end 0 is none. */
static void put_run(struct store *store, const char *id, const char *file,
                    int64_t begin, int64_t end)
{
	const struct store_run run = { .id = id,
		                       .file = file,
		                       .version = "1",
		                       .begin = TIME + begin,
		                       .end = end != 0 ? TIME + end : 0 };

	if (!store_run_end(store, &run, &err))
		fail_msg("%s", err.text);
}

static void assert_resumes(struct store *store, const char *file,
                           const char *id)
{
	if (!store_resume(store, file, &unfinished, &err))
		fail_msg("%s", err.text);
	assert_string_equal(unfinished.id, id);
}

static void without_an_unfinished_run_there_is_none(void **state)
{
	struct store *store = open_store();

	(void)state;
	assert_resumes(store, "/x", "");
	put_run(store, "run-1", "/x", 1, 2);
	put_run(store, "run-2", "/other", 1, 0);
	put_run(store, "run-3", "/x/x", 1, 0);
	put_run(store, "run-4", "/", 1, 0);
	assert_resumes(store, "/x", "");
	store_close(store);
}

static void the_last_unfinished_run_of_the_file_is_found(void **state)
{
	struct store *store = open_store();

	(void)state;
	put_run(store, "run-9", "/x", 1, 0);
	put_run(store, "run-8", "/x", 2 * SECOND + 345, 0);
	put_run(store, "run-7", "/x", 3 * SECOND, 4 * SECOND);
	put_run(store, "run-6", "/y", 4 * SECOND, 0);
	assert_resumes(store, "/x", "run-8");
	assert_true(unfinished.begin == TIME + 2 * SECOND + 345);
	for (size_t i = 0; i < STATUS_COUNT; i++)
		assert_int_equal(unfinished.counts[i], 0);
	store_close(store);
}

static void a_path_is_found_as_it_was_stored(void **state)
{
	struct store *store = open_store();
	char path[6000] = "/";

	(void)state;
	memset(path + 1, 'p', sizeof(path) - 2);
	put_run(store, "run-1", path, 1, 0);
	put_run(store, "run-2", "/b\xE4r\xC3\xA4/'\\", 2, 0);
	assert_resumes(store, path, "run-1");
	assert_resumes(store, "/b\xE4r\xC3\xA4/'\\", "run-2");
	store_close(store);
}

/* Someone may have written it. */
static void an_id_that_is_none_is_passed_over(void **state)
{
	struct store *store = open_store();

	(void)state;
	put_run(store, "run-1", "/x", 1, 0);
	put_run(store, "' OR 1=1 -- ", "/x", 2, 0);
	put_run(store, "../../etc/passwd", "/x", 3, 0);
	put_run(store, "", "/x", 4, 0);
	assert_resumes(store, "/x", "run-1");
	store_close(store);
}

static void put_host(struct store *store, unsigned number, const char *run_id,
                     enum status status)
{
	struct record *record = full_record('a', status, TIME);

	name_host(record, number);
	snprintf(record->run_id, sizeof(record->run_id), "%s", run_id);
	put_and_free(store, record);
}

static void what_a_run_has_done_is_counted_by_status(void **state)
{
	struct store *store = open_store();

	(void)state;
	put_run(store, "run-1", "/x", 1, 0);
	for (unsigned i = 0; i < STATUS_COUNT; i++) {
		for (unsigned k = 0; k <= i; k++)
			put_host(store, 100 * i + k, "run-1", (enum status)i);
	}
	put_host(store, 5000, "run-2", STATUS_OK);
	assert_resumes(store, "/x", "run-1");
	for (size_t i = 0; i < STATUS_COUNT; i++)
		assert_int_equal(unfinished.counts[i],
		                 i == STATUS_SKIPPED ? 0 : i + 1);
	store_close(store);
}

static void make_spool_of(const char *run_id, unsigned hosts, int64_t end)
{
	const struct store_run run = { .id = run_id,
		                       .file = "/x",
		                       .version = "1",
		                       .begin = TIME + 1,
		                       .end = end != 0 ? TIME + end : 0 };
	char path[512];
	struct db *spool;

	assert_true(spool_path(run_id, path, sizeof(path), &err));
	spool = spool_begin(path);
	for (unsigned i = 0; i < hosts; i++) {
		struct record *record = full_record('a', STATUS_OK, TIME);

		name_host(record, i);
		snprintf(record->run_id, sizeof(record->run_id), "%s", run_id);
		spool_put_and_free(spool, record);
	}
	spool_put_run(spool, &run);
	spool_close(spool);
}

static bool has_spool(const char *run_id)
{
	char path[512];

	assert_true(spool_path(run_id, path, sizeof(path), &err));
	return access(path, F_OK) == 0;
}

static struct store *open_hearing(void)
{
	struct store_settings with = settings();

	heard[0] = '\0';
	with.warn = hear;
	return open_with(&with);
}

static void the_spool_of_the_run_is_brought_in_first(void **state)
{
	struct store *store = open_hearing();

	(void)state;
	put_run(store, "run-1", "/x", 1, 0);
	put_host(store, 500, "run-1", STATUS_TIMEOUT);
	make_spool_of("run-1", 7, 0);
	make_spool_of("run-0", 1, 0);
	assert_resumes(store, "/x", "run-1");
	assert_int_equal(unfinished.counts[STATUS_OK], 7);
	assert_int_equal(unfinished.counts[STATUS_TIMEOUT], 1);
	assert_non_null(strstr(heard, "spool-run-1.db"));
	assert_false(has_spool("run-1"));
	/* Another one's is left where it is. */
	assert_true(has_spool("run-0"));
	store_close(store);
}

static void a_run_that_ended_in_its_spool_is_not_taken_up(void **state)
{
	struct store *store = open_store();

	(void)state;
	put_run(store, "run-1", "/x", 0, 0);
	put_run(store, "run-2", "/x", 1, 0);
	make_spool_of("run-2", 3, 9);
	assert_resumes(store, "/x", "run-1");
	assert_false(has_spool("run-2"));
	assert_rows("SELECT run_id FROM runs WHERE end_time IS NOT NULL",
	            "run-2");
	store_close(store);
}

static void a_spool_with_refused_rows_is_brought_in_once(void **state)
{
	struct store *store = open_hearing();
	char path[512];
	struct db *spool;

	(void)state;
	put_run(store, "run-1", "/x", 1, 0);
	make_spool_of("run-1", 3, 0);
	assert_true(spool_path("run-1", path, sizeof(path), &err));
	spool = spool_begin(path);
	spool_exec(spool, "UPDATE server_status SET last_attempt = 'noon' "
	                  "WHERE ip = '127.1.0.1'");
	spool_close(spool);
	assert_resumes(store, "/x", "run-1");
	assert_int_equal(unfinished.counts[STATUS_OK], 2);
	assert_non_null(strstr(heard, "1 refused; the file stays"));
	assert_true(has_spool("run-1"));
	store_close(store);
}

static void a_spool_that_is_held_stops_a_resume(void **state)
{
	struct store *store = open_store();
	char path[512];
	struct db *spool;

	(void)state;
	put_run(store, "run-1", "/x", 1, 0);
	make_spool_of("run-1", 3, 0);
	assert_true(spool_path("run-1", path, sizeof(path), &err));
	spool = spool_begin(path);
	assert_false(store_resume(store, "/x", &unfinished, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	spool_close(spool);
	store_close(store);
}

/* What a kill in the moment of its making leaves. */
static void an_empty_file_is_no_spool_of_the_run(void **state)
{
	struct store *store = open_store();
	char path[512];

	(void)state;
	put_run(store, "run-1", "/x", 1, 0);
	make_spool_of("run-1", 3, 0);
	assert_true(spool_path("run-1", path, sizeof(path), &err));
	assert_int_equal(truncate(path, 0), 0);
	assert_resumes(store, "/x", "run-1");
	store_close(store);
}

struct keys {
	struct hostset set;
	size_t count;  /* different ones */
	size_t most;   /* then false */
	size_t killed; /* at this one, the store's connection; 0: never */
};

static bool take_key(void *arg, const char *ip, unsigned port)
{
	struct keys *keys = arg;
	uint32_t before;

	assert_true(hostset_add(&keys->set, ip, port, 1, &before));
	if (before != 0)
		return true;
	if (++keys->count == keys->killed)
		db_kill_others();
	return keys->count != keys->most;
}

static void forget(struct keys *keys)
{
	hostset_release(&keys->set);
	keys->count = 0;
}

static void keys_of_hosts_that_are_done_are_told(void **state)
{
	struct store *store = open_store();
	struct keys keys = { .count = 0 };

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		put_host(store, i, "run-1",
		         i < 20 ? STATUS_OK : STATUS_REFUSED);
	put_host(store, 40, "run-2", STATUS_OK);
	put_host(store, 41, "run-1", STATUS_SKIPPED);
	put_host(store, 42, "run-10", STATUS_AUTH);
	assert_true(store_each_key(store, STORE_KEYS_OF_RUN, "run-1", take_key,
	                           &keys, &err));
	assert_int_equal(keys.count, 40);
	forget(&keys);
	assert_true(
	    store_each_key(store, STORE_KEYS_OK, NULL, take_key, &keys, &err));
	assert_int_equal(keys.count, 21);
	forget(&keys);
	store_close(store);
}

static void keys_of_what_is_no_run_are_not_asked_for(void **state)
{
	struct store *store = open_store();
	struct keys keys = { .count = 0 };

	(void)state;
	assert_false(store_each_key(store, STORE_KEYS_OF_RUN, "' OR '1'='1",
	                            take_key, &keys, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_int_equal(keys.count, 0);
	store_close(store);
}

/* 100,000 hosts by 50,000 names, ports 22 and 2222. */
static void put_many(void)
{
#define DIGITS                                                                 \
	"(SELECT 0 AS n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION "   \
	"SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION "         \
	"SELECT 8 UNION SELECT 9)"
	db_exec("INSERT INTO server_status (ip, port, status, run_id) "
	        "SELECT CAST(a.n + 10 * b.n + 100 * c.n + 1000 * d.n + "
	        "10000 * (e.n % 5) AS CHAR), 22 + 2200 * (e.n >= 5), 'ok', "
	        "'run-1' FROM " DIGITS " a, " DIGITS " b, " DIGITS " c, " DIGITS
	        " d, " DIGITS " e");
}

static void many_keys_come(void **state)
{
	struct store *store = open_store();
	struct keys keys = { .count = 0 };

	(void)state;
	put_many();
	assert_true(store_each_key(store, STORE_KEYS_OF_RUN, "run-1", take_key,
	                           &keys, &err));
	assert_int_equal(keys.count, 100000);
	forget(&keys);
	store_close(store);
}

/* As ALTER TABLE … CONVERT TO CHARACTER SET leaves it: its order is not that of
 * the bytes. */
static void keys_come_in_whatever_order_their_column_has(void **state)
{
	static const char *const names[] = { "2001:db8::1", "2001.x", "a-b",
		                             "a.b",         "a_b",    "a1" };
	static const size_t count = sizeof(names) / sizeof(names[0]);
	struct store *store = open_store();
	struct keys keys = { .count = 0 };

	(void)state;
	for (size_t i = 0; i < count; i++)
		put_and_free(store, new_record(names[i], STATUS_OK, TIME));
	if (on_mysql)
		db_exec("ALTER TABLE server_status CONVERT TO CHARACTER SET "
		        "utf8mb4 COLLATE utf8mb4_unicode_ci");
	assert_true(
	    store_each_key(store, STORE_KEYS_OK, NULL, take_key, &keys, &err));
	assert_int_equal(keys.count, count);
	forget(&keys);
	store_close(store);
}

static void whoever_stops_can_still_use_the_store(void **state)
{
	struct store *store = open_store();
	struct keys keys = { .most = 10 };

	(void)state;
	put_many();
	assert_false(
	    store_each_key(store, STORE_KEYS_OK, NULL, take_key, &keys, &err));
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_int_equal(keys.count, 10);
	forget(&keys);
	put_host(store, 1, "run-1", STATUS_OK);
	store_close(store);
}

static void a_lost_connection_costs_no_key(void **state)
{
	struct store *store = open_hearing();
	struct keys keys = { .killed = 10 };

	(void)state;
	if (!on_mysql) { /* no connection, no loss */
		store_close(store);
		return;
	}
	put_many();
	assert_true(store_each_key(store, STORE_KEYS_OF_RUN, "run-1", take_key,
	                           &keys, &err));
	assert_int_equal(keys.count, 100000);
	forget(&keys);
	/* Whether the loss was noticed: a server that is quick has sent all
	 * keys before it is killed off. */
	db_kill_others();
	put_run(store, "run-1", "/x", 1, 0);
	db_kill_others();
	assert_resumes(store, "/x", "run-1");
	store_close(store);
}

static int set_up_no_spool(void **state)
{
	static const char *const ids[] = { "run-0", "run-1", "run-2" };
	char path[512];

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		assert_true(spool_path(ids[i], path, sizeof(path), &err));
		unlink(path);
	}
	return set_up(state);
}

#define SPOOL_TEST(test)                                                       \
	cmocka_unit_test_setup_teardown(test, set_up_no_spool, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(the_clock_is_the_databases),
		SPOOL_TEST(without_an_unfinished_run_there_is_none),
		SPOOL_TEST(the_last_unfinished_run_of_the_file_is_found),
		SPOOL_TEST(a_path_is_found_as_it_was_stored),
		SPOOL_TEST(an_id_that_is_none_is_passed_over),
		SPOOL_TEST(what_a_run_has_done_is_counted_by_status),
		SPOOL_TEST(the_spool_of_the_run_is_brought_in_first),
		SPOOL_TEST(a_run_that_ended_in_its_spool_is_not_taken_up),
		SPOOL_TEST(a_spool_with_refused_rows_is_brought_in_once),
		SPOOL_TEST(a_spool_that_is_held_stops_a_resume),
		SPOOL_TEST(an_empty_file_is_no_spool_of_the_run),
		SPOOL_TEST(keys_of_hosts_that_are_done_are_told),
		SPOOL_TEST(keys_of_what_is_no_run_are_not_asked_for),
		SPOOL_TEST(many_keys_come),
		SPOOL_TEST(keys_come_in_whatever_order_their_column_has),
		SPOOL_TEST(whoever_stops_can_still_use_the_store),
		SPOOL_TEST(a_lost_connection_costs_no_key),
	};
	int failures;

	if (!store_fixture_begin())
		return 1;
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	return !store_fixture_end() || failures != 0;
}
