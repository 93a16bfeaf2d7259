#include "sql/store.h"

#include "inventory/pins.h"
#include "tests/scratch.h"
#include "tests/spool_fixture.h"
#include "tests/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char folder[] = "/tmp/test_store_pins.XXXXXX";
static char spool[64];

#define KEY "SELECT host_key_type, host_key_sha256 FROM server_status"
#define HISTORY                                                                \
	"SELECT ip, port, field, changed_at, run_id, old_value, new_value "    \
	"FROM server_history ORDER BY ip, port, field, changed_at"

#define PINNED                                                                 \
	"SELECT status, host_key_type, host_key_sha256, host_key_pinned "      \
	"FROM server_status"

/* As --host-keys db has it. */
static struct store *open_pinning(void)
{
	struct store_settings with = settings();

	with.pin_host_keys = true;
	return open_with(&with);
}

/* A host that offered b's key where a's is pinned. */
static struct record *refusal(int64_t attempt)
{
	struct record *record = full_record('b', STATUS_HOSTKEY, attempt);

	snprintf(record->pinned_sha256, sizeof(record->pinned_sha256), "sha-a");
	return record;
}

#define REFUSED_ONCE                                                           \
	"127.0.0.1|22|host_key_sha256|2023-11-14 22:13:21.000000|run-b|"       \
	"sha-a|sha-b"

static void the_first_key_is_pinned_though_the_login_failed(void **state)
{
	struct store *store = open_store();
	struct record *early = new_record("127.0.0.1", STATUS_TIMEOUT, TIME);

	(void)state;
	/* A row without a key, from a host that did not get that far. */
	put_and_free(store, early);
	assert_rows(KEY, "NULL|NULL");
	put_and_free(store, full_record('a', STATUS_AUTH, TIME + 1));
	assert_rows(KEY, "type-a|sha-a");
	put_and_free(store, full_record('b', STATUS_AUTH, TIME + 2));
	assert_rows(KEY, "type-a|sha-a");
	put_and_free(store, full_record('b', STATUS_OK, TIME + 3));
	assert_rows(KEY, "type-b|sha-b");
	store_close(store);
}

static void skipped_pins_nothing_in_a_row_that_is_there(void **state)
{
	struct store *store = open_store();

	(void)state;
	put_and_free(store, new_record("127.0.0.1", STATUS_TIMEOUT, TIME));
	put_and_free(store, full_record('a', STATUS_SKIPPED, TIME + 1));
	assert_rows(KEY, "NULL|NULL");
	store_close(store);
}

static void a_refused_key_is_never_pinned(void **state)
{
	struct store *store = open_store();

	(void)state;
	put_and_free(store, full_record('b', STATUS_HOSTKEY, TIME));
	assert_rows(KEY, "NULL|NULL");
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	put_and_free(store, full_record('b', STATUS_HOSTKEY, TIME));
	assert_rows(KEY, "type-a|sha-a");
	assert_rows("SELECT COUNT(*) FROM server_history", "0");
	store_close(store);
}

static void a_refusal_stays_in_the_history(void **state)
{
	struct store *store = open_store();
	struct record *record = refusal(TIME + SECOND);

	(void)state;
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	put(store, record);
	assert_rows(KEY, "type-a|sha-a");
	assert_rows("SELECT status FROM server_status", "hostkey");
	assert_rows(HISTORY, REFUSED_ONCE);
	/* Once, however often it is written. */
	put_and_free(store, record);
	assert_rows(HISTORY, REFUSED_ONCE);
	put_and_free(store, refusal(TIME + 2 * SECOND));
	assert_rows("SELECT COUNT(*) FROM server_history", "2");
	store_close(store);
}

static void a_key_that_nobody_pins_is_the_one_seen_last(void **state)
{
	struct store *store = open_store();

	(void)state;
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	assert_rows(PINNED, "ok|type-a|sha-a|0");
	put_and_free(store, full_record('b', STATUS_OK, TIME + 1));
	assert_rows(PINNED, "ok|type-b|sha-b|0");
	store_close(store);
}

/* A run with --host-keys accept-new that was shown another key. */
static void a_pinned_key_stays_whatever_other_runs_have_seen(void **state)
{
	struct store *pinning = open_pinning();
	struct store *store = open_store();

	(void)state;
	put_and_free(pinning, full_record('a', STATUS_OK, TIME));
	assert_rows(PINNED, "ok|type-a|sha-a|1");
	put_and_free(store, full_record('b', STATUS_AUTH, TIME + 1));
	assert_rows(PINNED, "auth|type-a|sha-a|1");
	put_and_free(store, full_record('b', STATUS_OK, TIME + 2));
	assert_rows(PINNED, "ok|type-a|sha-a|1");
	assert_rows("SELECT hostname FROM server_status", "host-b");
	store_close(store);
	store_close(pinning);
}

/* Both knew of no key when they began. */
static void of_two_runs_that_pin_at_once_the_first_does(void **state)
{
	struct store *first = open_pinning();
	struct store *second = open_pinning();

	(void)state;
	put_and_free(first, full_record('a', STATUS_OK, TIME));
	put_and_free(second, full_record('b', STATUS_OK, TIME + 1));
	assert_rows(PINNED, "ok|type-a|sha-a|1");
	store_close(second);
	store_close(first);
}

/* What another run has seen counts as the first key, once keys are pinned. */
static void a_refusal_pins_the_key_that_it_was_refused_for(void **state)
{
	struct store *pinning = open_pinning();
	struct store *store = open_store();

	(void)state;
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	put_and_free(pinning, refusal(TIME + SECOND));
	assert_rows(PINNED, "hostkey|type-a|sha-a|1");
	put_and_free(store, full_record('b', STATUS_OK, TIME + 2 * SECOND));
	assert_rows(PINNED, "ok|type-a|sha-a|1");
	store_close(store);
	store_close(pinning);
}

static void a_host_that_was_down_gets_its_first_key_pinned_later(void **state)
{
	struct store *pinning = open_pinning();
	struct store *store = open_store();

	(void)state;
	put_and_free(pinning, new_record("127.0.0.1", STATUS_TIMEOUT, TIME));
	assert_rows(PINNED, "timeout|NULL|NULL|1");
	put_and_free(store, full_record('a', STATUS_OK, TIME + 1));
	put_and_free(store, full_record('b', STATUS_OK, TIME + 2));
	assert_rows(PINNED, "ok|type-a|sha-a|1");
	store_close(store);
	store_close(pinning);
}

static void skipped_pins_no_key(void **state)
{
	struct store *pinning = open_pinning();
	struct store *store = open_store();

	(void)state;
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	put_and_free(pinning, full_record('a', STATUS_SKIPPED, TIME + 1));
	assert_rows(PINNED, "ok|type-a|sha-a|0");
	store_close(store);
	store_close(pinning);
}

/* As the manual has it. */
static void an_administrator_accepts_a_new_key(void **state)
{
	struct store *store = open_pinning();

	(void)state;
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	put_and_free(store, refusal(TIME + SECOND));
	db_exec("UPDATE server_status SET host_key_type = NULL, "
	        "host_key_sha256 = 'sha-b' "
	        "WHERE ip = '127.0.0.1' AND port = 22");
	put_and_free(store, full_record('b', STATUS_AUTH, TIME + 2 * SECOND));
	assert_rows(KEY, "NULL|sha-b");
	put_and_free(store, full_record('b', STATUS_OK, TIME + 3 * SECOND));
	assert_rows(PINNED, "ok|type-b|sha-b|1");
	put_and_free(store, full_record('a', STATUS_OK, TIME + 4 * SECOND));
	assert_rows(PINNED, "ok|type-b|sha-b|1");
	store_close(store);
}

static void or_whatever_key_the_host_shows_next(void **state)
{
	struct store *store = open_pinning();

	(void)state;
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	db_exec("UPDATE server_status SET host_key_type = NULL, "
	        "host_key_sha256 = NULL "
	        "WHERE ip = '127.0.0.1' AND port = 22");
	put_and_free(store, full_record('b', STATUS_AUTH, TIME + SECOND));
	assert_rows(PINNED, "auth|type-b|sha-b|1");
	store_close(store);
}

static void pins_are_read_back(void **state)
{
	struct store *store = open_store();
	struct record *record = full_record('c', STATUS_AUTH, TIME);
	struct pins *pins = NULL;
	struct pin pinned = { .type = "" };
	bool in_history = false;

	(void)state;
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	put_and_free(store, refusal(TIME + SECOND));
	snprintf(record->host.ip, sizeof(record->host.ip), "::1");
	record->host.port = 2200;
	put_and_free(store, record);
	put_and_free(store, new_record("127.0.0.9", STATUS_TIMEOUT, TIME));
	assert_true(pins_open(&pins, &err));
	assert_true(store_each_pin(store, pins_add, pins, &err));
	assert_true(
	    store_each_refused_pin(store, pins_add_refused, pins, &err));
	assert_int_equal(pins_look(pins, "127.0.0.1", 22, "type-a", "sha-a",
	                           &pinned, &in_history),
	                 PINS_KNOWN);
	assert_int_equal(pins_look(pins, "127.0.0.1", 22, "type-b", "sha-b",
	                           &pinned, &in_history),
	                 PINS_CHANGED);
	assert_string_equal(pinned.type, "type-a");
	assert_true(in_history);
	assert_int_equal(pins_look(pins, "::1", 2200, "type-c", "sha-c",
	                           &pinned, &in_history),
	                 PINS_KNOWN);
	assert_int_equal(pins_look(pins, "127.0.0.9", 22, "type-c", "sha-c",
	                           &pinned, &in_history),
	                 PINS_NEW);
	pins_close(pins);
	store_close(store);
}

static bool refuses(void *arg, const char *ip, unsigned port, const char *type,
                    const char *sha256)
{
	(void)arg;
	(void)ip;
	(void)port;
	(void)type;
	(void)sha256;
	return false;
}

static void no_memory_for_pins_is_said(void **state)
{
	struct store *store = open_store();

	(void)state;
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	assert_false(store_each_pin(store, refuses, NULL, &err));
	assert_int_equal(err.kind, ERR_SYSTEM);
	store_close(store);
}

static void the_history_comes_in_with_a_spool(void **state)
{
	struct replay_counts counts;
	struct store *store = open_store();
	struct db *db = spool_begin(spool);

	(void)state;
	spool_put_and_free(db, refusal(TIME + SECOND));
	spool_exec(db,
	           "INSERT INTO server_history VALUES ('127.0.0.1', 22, "
	           "'host_key_sha256', '2023-11-14 22:13:21.000000', 'run-b', "
	           "'sha-a', 'sha-b')");
	spool_close(db);
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	assert_true(store_replay(store, spool, &counts, &err));
	assert_int_equal(counts.rows, 1);
	assert_int_equal(counts.stored, 1);
	assert_int_equal(counts.refused, 0);
	assert_rows(HISTORY, REFUSED_ONCE);
	assert_rows(KEY, "type-a|sha-a");
	assert_rows("SELECT status FROM server_status", "hostkey");
	store_close(store);
}

/* One that an earlier version has left has no history. */
static void a_spool_of_version_1_comes_in(void **state)
{
	struct replay_counts counts;
	struct store *store = open_store();
	struct db *db = spool_begin(spool);

	(void)state;
	spool_put_and_free(db, full_record('a', STATUS_OK, TIME));
	spool_exec(db, "DROP TABLE server_history");
	spool_exec(db, "DELETE FROM sshinv_schema WHERE version > 1");
	spool_close(db);
	assert_true(store_replay(store, spool, &counts, &err));
	assert_int_equal(counts.stored, 1);
	assert_rows(KEY, "type-a|sha-a");
	store_close(store);
}

static void a_replay_pins_the_first_key_too(void **state)
{
	struct replay_counts counts;
	struct store *store = open_store();
	struct db *db = spool_begin(spool);

	(void)state;
	spool_put_and_free(db, full_record('b', STATUS_AUTH, TIME + 1));
	spool_close(db);
	put_and_free(store, new_record("127.0.0.1", STATUS_TIMEOUT, TIME));
	assert_true(store_replay(store, spool, &counts, &err));
	assert_rows(KEY, "type-b|sha-b");
	store_close(store);
}

static void a_replay_moves_no_pinned_key(void **state)
{
	struct replay_counts counts;
	struct store *store = open_pinning();
	struct db *db = spool_begin(spool);

	(void)state;
	spool_put_and_free(db, full_record('b', STATUS_OK, TIME + 1));
	spool_close(db);
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	assert_true(store_replay(store, spool, &counts, &err));
	assert_int_equal(counts.stored, 1);
	assert_rows(PINNED, "ok|type-a|sha-a|1");
	assert_rows("SELECT hostname FROM server_status", "host-b");
	store_close(store);
}

/* Not even when what is there is newer. */
static void a_replay_of_a_run_that_pinned_pins(void **state)
{
	struct replay_counts counts;
	struct store *store = open_store();
	struct db *db = spool_begin(spool);

	(void)state;
	spool_put_and_free(db, full_record('a', STATUS_OK, TIME));
	spool_exec(db, "UPDATE server_status SET host_key_pinned = 1");
	spool_close(db);
	put_and_free(store, full_record('a', STATUS_OK, TIME + 1));
	assert_true(store_replay(store, spool, &counts, &err));
	put_and_free(store, full_record('b', STATUS_OK, TIME + 2));
	assert_rows(PINNED, "ok|type-a|sha-a|1");
	store_close(store);
}

/* A run without --host-keys db came meanwhile, and would not have been let. */
static void what_a_replayed_run_has_pinned_is_no_newer_key(void **state)
{
	struct replay_counts counts;
	struct store *store = open_store();
	struct db *db = spool_begin(spool);

	(void)state;
	spool_put_and_free(db, full_record('a', STATUS_OK, TIME));
	spool_exec(db, "UPDATE server_status SET host_key_pinned = 1");
	spool_close(db);
	put_and_free(store, full_record('b', STATUS_OK, TIME + 1));
	assert_true(store_replay(store, spool, &counts, &err));
	assert_rows(PINNED, "ok|type-a|sha-a|1");
	assert_rows("SELECT hostname FROM server_status", "host-b");
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_key_is_pinned_though_the_login_failed),
		TEST(skipped_pins_nothing_in_a_row_that_is_there),
		TEST(a_refused_key_is_never_pinned),
		TEST(a_refusal_stays_in_the_history),
		TEST(a_key_that_nobody_pins_is_the_one_seen_last),
		TEST(a_pinned_key_stays_whatever_other_runs_have_seen),
		TEST(of_two_runs_that_pin_at_once_the_first_does),
		TEST(a_refusal_pins_the_key_that_it_was_refused_for),
		TEST(a_host_that_was_down_gets_its_first_key_pinned_later),
		TEST(skipped_pins_no_key),
		TEST(an_administrator_accepts_a_new_key),
		TEST(or_whatever_key_the_host_shows_next),
		TEST(pins_are_read_back),
		TEST(no_memory_for_pins_is_said),
		TEST(the_history_comes_in_with_a_spool),
		TEST(a_spool_of_version_1_comes_in),
		TEST(a_replay_pins_the_first_key_too),
		TEST(a_replay_moves_no_pinned_key),
		TEST(a_replay_of_a_run_that_pinned_pins),
		TEST(what_a_replayed_run_has_pinned_is_no_newer_key),
	};
	int failures;

	if (!store_fixture_begin() || !scratch_make(folder))
		return 1;
	snprintf(spool, sizeof(spool), "%s/spool.db", folder);
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	return !scratch_remove(folder) || !store_fixture_end() || failures;
}
