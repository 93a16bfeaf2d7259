#include "sql/store.h"

#include "tests/scratch.h"
#include "tests/spool_fixture.h"
#include "tests/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/*
 * A spool that is brought in late, when later runs have probed its hosts again:
 * the table has to be as if each row had come at its time.
 */

static char folder[] = "/tmp/test_replay_order.XXXXXX";
static char path[64];

static const enum status kinds[] = { STATUS_OK, STATUS_TIMEOUT,
	                             STATUS_SKIPPED };
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Passwords too: they are in the spool. */
static struct store *open_keeping(void)
{
	struct store_settings with = settings();

	with.store_password = true;
	return open_with(&with);
}

static void probe(struct store *store, char letter, enum status status)
{
	put_and_free(
	    store, full_record(letter, status, TIME + (letter - 'a') * SECOND));
}

static void probe_into_spool(char letter, enum status status)
{
	struct db *spool = spool_begin(path);

	spool_put_and_free(
	    spool, full_record(letter, status, TIME + (letter - 'a') * SECOND));
	spool_close(spool);
}

static void replay(struct store *store)
{
	struct replay_counts counts;

	if (!store_replay(store, path, &counts, &err))
		fail_msg("%s", err.text);
	assert_int_equal(counts.stored, 1);
}

static void remember(const char *sql, char text[4096])
{
	snprintf(text, 4096, "%s", db_rows(sql));
}

/* first is -1 for a host that the table does not know. */
static void assert_as_in_order(int first, enum status older, enum status newer)
{
	struct store *store = open_keeping();
	char known[4096], tried[4096];

	db_exec("DELETE FROM server_status");
	if (first >= 0)
		probe(store, 'a', (enum status)first);
	probe(store, 'b', older);
	probe(store, 'c', newer);
	remember(KNOWN, known);
	remember(TRIED, tried);

	db_exec("DELETE FROM server_status");
	if (first >= 0)
		probe(store, 'a', (enum status)first);
	probe(store, 'c', newer);
	probe_into_spool('b', older);
	replay(store);
	assert_rows(TRIED, tried);
	/* A host that nobody knew gets what its first row has, whatever became
	 * of it: not known, but better than nothing. */
	if (first >= 0 || older == STATUS_OK)
		assert_rows(KNOWN, known);
	store_close(store);
}

static void a_late_replay_is_as_one_in_time(void **state)
{
	(void)state;
	for (size_t older = 0; older < KINDS; older++) {
		for (size_t newer = 0; newer < KINDS; newer++) {
			for (size_t first = 0; first < KINDS; first++)
				assert_as_in_order((int)kinds[first],
				                   kinds[older], kinds[newer]);
			/* Of two that know nothing either may stay. */
			if (kinds[older] != STATUS_SKIPPED ||
			    kinds[newer] != STATUS_SKIPPED)
				assert_as_in_order(-1, kinds[older],
				                   kinds[newer]);
		}
	}
}

static void what_an_old_ok_knew_survives_a_newer_failure(void **state)
{
	struct store *store = open_keeping();

	(void)state;
	probe(store, 'c', STATUS_TIMEOUT);
	probe_into_spool('b', STATUS_OK);
	replay(store);
	assert_rows("SELECT hostname, last_seen FROM server_status",
	            "host-b|2023-11-14 22:13:21.000000");
	assert_rows("SELECT status, run_id, last_attempt FROM server_status",
	            "timeout|run-c|2023-11-14 22:13:22.000000");
	store_close(store);
}

static void a_skipped_row_hides_no_older_result(void **state)
{
	struct store *store = open_keeping();

	(void)state;
	probe(store, 'c', STATUS_SKIPPED);
	probe_into_spool('b', STATUS_OK);
	replay(store);
	assert_rows("SELECT hostname, status, run_id, last_attempt "
	            "FROM server_status",
	            "host-b|ok|run-b|2023-11-14 22:13:21.000000");
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_late_replay_is_as_one_in_time),
		TEST(what_an_old_ok_knew_survives_a_newer_failure),
		TEST(a_skipped_row_hides_no_older_result),
	};
	int failures;

	if (!scratch_make(folder) || !store_fixture_begin())
		return 1;
	snprintf(path, sizeof(path), "%s/spool-run-b.db", folder);
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	return !store_fixture_end() || !scratch_remove(folder) || failures != 0;
}
