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

/* As the manual has it. */
static void an_administrator_accepts_a_new_key(void **state)
{
	struct store *store = open_store();

	(void)state;
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	put_and_free(store, refusal(TIME + SECOND));
	db_exec("UPDATE server_status SET host_key_type = NULL, "
	        "host_key_sha256 = 'sha-b' "
	        "WHERE ip = '127.0.0.1' AND port = 22");
	put_and_free(store, full_record('b', STATUS_AUTH, TIME + 2 * SECOND));
	assert_rows(KEY, "NULL|sha-b");
	put_and_free(store, full_record('b', STATUS_OK, TIME + 3 * SECOND));
	assert_rows(KEY, "type-b|sha-b");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_key_is_pinned_though_the_login_failed),
		TEST(skipped_pins_nothing_in_a_row_that_is_there),
		TEST(a_refused_key_is_never_pinned),
		TEST(a_refusal_stays_in_the_history),
		TEST(an_administrator_accepts_a_new_key),
		TEST(pins_are_read_back),
		TEST(no_memory_for_pins_is_said),
		TEST(the_history_comes_in_with_a_spool),
		TEST(a_spool_of_version_1_comes_in),
		TEST(a_replay_pins_the_first_key_too),
	};
	int failures;

	if (!store_fixture_begin() || !scratch_make(folder))
		return 1;
	snprintf(spool, sizeof(spool), "%s/spool.db", folder);
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	return !scratch_remove(folder) || !store_fixture_end() || failures;
}
