#include "sql/store.h"

#include "inventory/field.h"
#include "tests/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void an_ok_stores_all_that_is_known(void **state)
{
	struct store *store = open_store();

	(void)state;
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	assert_rows(KNOWN, KNOWN_A);
	assert_rows(TRIED, TRIED_A);
	assert_rows("SELECT ip, port FROM server_status", "127.0.0.1|22");
	store_close(store);
}

static void an_ok_replaces_all_but_the_first_sight(void **state)
{
	struct store *store = open_store();

	(void)state;
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	put_and_free(store, full_record('b', STATUS_OK, TIME + SECOND));
	assert_rows(KNOWN,
	            "address-b|user-b|NULL|name-b|group-b|host-b|b|98|ssh-b|"
	            "type-b|sha-b|1098|2098|2023-11-14 22:13:20.000000|"
	            "2023-11-14 22:13:21.000000");
	assert_rows(TRIED, "ok|auth|error-b|run-b|2023-11-14 22:13:21.000000");
	/* What is not known any more is NULL. */
	put_and_free(store, new_record("127.0.0.1", STATUS_OK, TIME));
	assert_rows("SELECT hostname, output, exit_code, first_seen "
	            "FROM server_status",
	            "NULL|NULL|NULL|2023-11-14 22:13:20.000000");
	store_close(store);
}

static void a_failure_erases_nothing_that_was_known(void **state)
{
	struct store *store = open_store();

	(void)state;
	for (enum status status = 0; status < STATUS_COUNT; status++) {
		char tried[128];

		if (status == STATUS_OK || status == STATUS_SKIPPED)
			continue;
		put_and_free(store, full_record('a', STATUS_OK, TIME));
		put_and_free(store, full_record('b', status, TIME + SECOND));
		snprintf(tried, sizeof(tried),
		         "%s|auth|error-b|run-b|2023-11-14 22:13:21.000000",
		         status_name(status));
		assert_rows(TRIED, tried);
		assert_rows(KNOWN, KNOWN_A);
		db_exec("DELETE FROM server_status");
	}
	store_close(store);
}

static void skipped_changes_nothing(void **state)
{
	struct store *store = open_store();

	(void)state;
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	put_and_free(store, full_record('b', STATUS_SKIPPED, TIME + SECOND));
	assert_rows(KNOWN, KNOWN_A);
	assert_rows(TRIED, TRIED_A);
	store_close(store);
}

#define WHOLE_B(key)                                                           \
	"address-b|user-b|NULL|name-b|group-b|host-b|b|98|ssh-b|" key          \
	"|1098|2098|NULL|NULL"

static void a_new_row_gets_what_is_known_whatever_the_status(void **state)
{
	struct store *store = open_store();

	(void)state;
	for (enum status status = STATUS_OK + 1; status < STATUS_COUNT;
	     status++) {
		char tried[128];

		put_and_free(store, full_record('b', status, TIME));
		snprintf(tried, sizeof(tried),
		         "%s|auth|error-b|run-b|2023-11-14 22:13:20.000000",
		         status_name(status));
		assert_rows(TRIED, tried);
		assert_rows(KNOWN,
		            status == STATUS_HOSTKEY
		                ? WHOLE_B("NULL|NULL") /* it was refused */
		                : WHOLE_B("type-b|sha-b"));
		db_exec("DELETE FROM server_status");
	}
	store_close(store);
}

static void the_first_ok_after_failures_is_the_first_sight(void **state)
{
	struct store *store = open_store();

	(void)state;
	put_and_free(store, full_record('a', STATUS_TIMEOUT, TIME));
	put_and_free(store, full_record('b', STATUS_OK, TIME + SECOND));
	put_and_free(store, full_record('c', STATUS_OK, TIME + 2 * SECOND));
	assert_rows("SELECT first_seen, last_seen FROM server_status",
	            "2023-11-14 22:13:21.000000|2023-11-14 22:13:22.000000");
	store_close(store);
}

static void a_port_is_part_of_the_key(void **state)
{
	struct store *store = open_store();
	struct record *record = full_record('a', STATUS_OK, TIME);

	(void)state;
	put(store, record);
	record->host.port = 2222;
	put_and_free(store, record);
	assert_rows("SELECT port FROM server_status ORDER BY port", "22\n2222");
	store_close(store);
}

static void put_many(bool with_password)
{
	struct store_settings with = settings();
	struct store *store;

	with.store_password = with_password;
	store = open_with(&with);
	for (unsigned i = 0; i < 200; i++) {
		struct record *record = new_record("", STATUS_OK, TIME);
		struct host *host = &record->host;

		snprintf(host->ip, sizeof(host->ip), "127.0.0.%u",
		         i * 77 % 200);
		snprintf(host->password, sizeof(host->password), "secret-%u",
		         i);
		host->has_password = true;
		record->hostname[0] = 'h';
		put_and_free(store, record);
	}
	store_close(store);
}

/* Rows that moved when a tree was balanced leave their bytes behind: with
 * these, which come in no order, some do. */
static void of_forgotten_passwords_the_file_has_no_trace(void **state)
{
	static char bytes[1024 * 1024];
	size_t length;
	FILE *file;

	(void)state;
	if (on_mysql)
		return;
	put_many(true);
	put_many(false);
	assert_rows("SELECT COUNT(*), COUNT(password) FROM server_status",
	            "200|0");
	file = fopen(dsn + strlen("sqlite:"), "re");
	assert_non_null(file);
	length = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	assert_true(length >= 4096 && length < sizeof(bytes));
	assert_null(memmem(bytes, length, "secret-", strlen("secret-")));
}

static void note_traces(void *arg, const char *text)
{
	*(bool *)arg |= strstr(text, "traces of forgotten passwords") != NULL;
}

static void that_traces_could_not_be_taken_out_is_told(void **state)
{
	struct store_settings with = settings();
	struct store *store;
	bool told = false;

	(void)state;
	if (on_mysql)
		return;
	put_many(true);
	with.warn = note_traces;
	with.warn_arg = &told;
	store = open_with(&with);
	db_exec("UPDATE server_status SET password = NULL");
	db_exec("BEGIN IMMEDIATE");
	store_close(store);
	db_exec("ROLLBACK");
	assert_true(told);
}

static void stored_passwords_are_forgotten_when_not_asked_for(void **state)
{
	struct store_settings with = settings();
	struct store *store;

	(void)state;
	with.store_password = true;
	store = open_with(&with);
	put_and_free(store, full_record('a', STATUS_OK, TIME));
	assert_rows("SELECT password FROM server_status", "secret-a");
	put_and_free(store, full_record('b', STATUS_AUTH, TIME));
	assert_rows("SELECT password FROM server_status", "secret-a");
	store_close(store);
	store = open_store();
	put_and_free(store, full_record('c', STATUS_AUTH, TIME));
	assert_rows("SELECT password FROM server_status", "secret-a");
	put_and_free(store, full_record('c', STATUS_OK, TIME));
	assert_rows("SELECT password FROM server_status", "NULL");
	store_close(store);
}

static void hostile_texts_are_stored_as_they_are(void **state)
{
	static const char *const texts[] = {
		"'; DROP TABLE server_status; --",
		"\"a\" `b` \\ % _ ? ?1 :x @x $x",
		"\t\x1B[31mred\a\x7F",
		"\xF0\x9F\x98\x80 \xC3\xA4 \xE2\x80\xAE \xE2\x80\xAC",
		" trailing ",
		"-1e999",
	};
	struct store *store = open_store();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct record *record =
		    new_record("127.0.0.1", STATUS_OK, TIME);

		snprintf(record->hostname, sizeof(record->hostname), "%s",
		         texts[i]);
		put_and_free(store, record);
		assert_rows("SELECT hostname FROM server_status", texts[i]);
	}
	store_close(store);
}

static void bytes_that_are_no_text_are_made_one(void **state)
{
	struct store *store = open_store();
	struct record *record = new_record("127.0.0.1", STATUS_OK, TIME);

	(void)state;
	record->output = malloc(5);
	assert_non_null(record->output);
	memcpy(record->output, "a\0\xFF\xC3z", 5);
	record->output_length = 5;
	put_and_free(store, record);
	assert_rows("SELECT output FROM server_status",
	            "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz");
	store_close(store);
}

static void every_text_fits_its_column_at_its_longest(void **state)
{
	struct store *store = open_store();
	struct record *record = new_record("127.0.0.1", STATUS_OK, TIME);
	struct {
		char *text;
		size_t size;
	} texts[] = {
		{ record->host.user, sizeof(record->host.user) },
		{ record->host.name, sizeof(record->host.name) },
		{ record->host.group, sizeof(record->host.group) },
		{ record->error, sizeof(record->error) },
		{ record->address, sizeof(record->address) },
		{ record->hostname, sizeof(record->hostname) },
		{ record->ssh_version, sizeof(record->ssh_version) },
		{ record->host_key_type, sizeof(record->host_key_type) },
		{ record->host_key_sha256, sizeof(record->host_key_sha256) },
		{ record->run_id, sizeof(record->run_id) },
		{ record->host.password, sizeof(record->host.password) },
	};
	struct store_settings with = settings();

	(void)state;
	store_close(store);
	with.store_password = true;
	store = open_with(&with);
	memset(record->host.ip, 'x', HOST_IP_MAX);
	record->host.ip[HOST_IP_MAX] = '\0';
	record->host.port = 65535;
	record->host.has_password = true;
	/* Bytes that grow when they are made valid are the worst case. */
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		memset(texts[i].text, 0xBF, texts[i].size - 1);
		texts[i].text[texts[i].size - 1] = '\0';
	}
	record->output = malloc(RECORD_OUTPUT_MAX);
	assert_non_null(record->output);
	memset(record->output, 0xBF, RECORD_OUTPUT_MAX);
	record->output_length = RECORD_OUTPUT_MAX;
	record->exit_code = INT64_MAX;
	record->connect_ms = INT64_MAX;
	record->total_ms = INT64_MIN;
	put_and_free(store, record);
	assert_rows(on_mysql ? "SELECT CHAR_LENGTH(output), "
	                       "CHAR_LENGTH(hostname), CHAR_LENGTH(error), "
	                       "CHAR_LENGTH(password) FROM server_status"
	                     : "SELECT LENGTH(output), LENGTH(hostname), "
	                       "LENGTH(error), LENGTH(password) "
	                       "FROM server_status",
	            "65536|255|1023|1023");
	store_close(store);
}

static void every_field_is_a_column(void **state)
{
	struct store *store = open_store();
	char sql[128];

	(void)state;
	for (size_t i = 0; i < fields_count; i++) {
		snprintf(sql, sizeof(sql), "SELECT %s FROM server_status",
		         fields[i].name);
		assert_rows(sql, "");
	}
	store_close(store);
}

static void a_run_is_written_at_its_begin_and_end(void **state)
{
	static const char sql[] =
	    "SELECT run_id, file, version, begin_time, end_time, hosts, "
	    "ok, timeout, error FROM runs";
	struct store *store = open_store();
	struct store_run run = { .id = "run-1",
		                 .file = "/etc/h\xFFsts",
		                 .version = "1.2",
		                 .begin = TIME };

	(void)state;
	assert_true(store_run_begin(store, &run, &err));
	assert_rows(sql, "run-1|/etc/h\xEF\xBF\xBDsts|1.2|"
	                 "2023-11-14 22:13:20.000000|NULL|0|0|0|0");
	run.end = TIME + SECOND + 5;
	run.counts[STATUS_OK] = 7;
	run.counts[STATUS_TIMEOUT] = 2;
	run.counts[STATUS_ERROR] = 1;
	assert_true(store_run_end(store, &run, &err));
	assert_rows(sql, "run-1|/etc/h\xEF\xBF\xBDsts|1.2|"
	                 "2023-11-14 22:13:20.000000|"
	                 "2023-11-14 22:13:21.000005|10|7|2|1");
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_ok_stores_all_that_is_known),
		TEST(an_ok_replaces_all_but_the_first_sight),
		TEST(a_failure_erases_nothing_that_was_known),
		TEST(skipped_changes_nothing),
		TEST(a_new_row_gets_what_is_known_whatever_the_status),
		TEST(the_first_ok_after_failures_is_the_first_sight),
		TEST(a_port_is_part_of_the_key),
		TEST(stored_passwords_are_forgotten_when_not_asked_for),
		TEST(of_forgotten_passwords_the_file_has_no_trace),
		TEST(that_traces_could_not_be_taken_out_is_told),
		TEST(hostile_texts_are_stored_as_they_are),
		TEST(bytes_that_are_no_text_are_made_one),
		TEST(every_text_fits_its_column_at_its_longest),
		TEST(every_field_is_a_column),
		TEST(a_run_is_written_at_its_begin_and_end),
	};
	int failures;

	if (!store_fixture_begin())
		return 1;
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	return !store_fixture_end() || failures != 0;
}
