#include "inventory/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static bool calloc_fails;
/* Looked at as it is freed. */
static struct record *watched;
static bool was_wiped;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);

void *__wrap_calloc(size_t count, size_t size)
{
	return calloc_fails ? NULL : __real_calloc(count, size);
}

void __wrap_free(void *memory)
{
	static const char zero[sizeof(struct host)];

	if (memory != NULL && memory == watched) {
		const char *bytes = (const char *)&watched->host;

		was_wiped = memcmp(bytes, zero, sizeof(zero)) == 0;
		watched = NULL;
	}
	__real_free(memory);
}

static void a_new_record_knows_nothing(void **state)
{
	struct record *record = record_new();

	(void)state;
	assert_non_null(record);
	assert_int_equal(record->status, STATUS_SKIPPED);
	assert_int_equal(record->phase, PHASE_NONE);
	assert_string_equal(record->error, "");
	assert_string_equal(record->hostname, "");
	assert_null(record->output);
	assert_true(record->exit_code == RECORD_UNKNOWN);
	assert_true(record->connect_ms == RECORD_UNKNOWN);
	assert_true(record->total_ms == RECORD_UNKNOWN);
	record_free(record);
	record_free(NULL);
}

static void without_memory_there_is_no_record(void **state)
{
	const struct record *record;

	(void)state;
	calloc_fails = true;
	record = record_new();
	calloc_fails = false;
	assert_null(record);
}

static void freeing_wipes_the_password(void **state)
{
	struct record *record = record_new();

	(void)state;
	assert_non_null(record);
	strcpy(record->host.password, "secret");
	record->output = strdup("output");
	watched = record;
	record_free(record);
	assert_null(watched);
	assert_true(was_wiped);
}

static void a_failure_becomes_its_status(void **state)
{
	static const struct {
		enum err_kind kind;
		const char *status;
	} cases[] = {
		{ ERR_UNRESOLVED, "unresolved" },
		{ ERR_UNREACHABLE, "unreachable" },
		{ ERR_REFUSED, "refused" },
		{ ERR_TIMEOUT, "timeout" },
		{ ERR_PROTOCOL, "protocol" },
		{ ERR_DROPPED, "protocol" },
		{ ERR_HOSTKEY, "hostkey" },
		{ ERR_AUTH, "auth" },
		{ ERR_COMMAND, "command" },
		{ ERR_CANCELLED, "skipped" },
		{ ERR_SKIPPED, "skipped" },
		{ ERR_NONE, "error" },
		{ ERR_SYSTEM, "error" },
		{ ERR_SCARCE, "error" },
		{ ERR_INPUT, "error" },
		{ ERR_STORE, "error" },
		{ ERR_STORE_DATA, "error" },
		{ ERR_STORE_FOREIGN, "error" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct record *record = record_new();
		struct err err;

		assert_non_null(record);
		record->phase = PHASE_AUTH;
		err_set(&err, cases[i].kind, "words %zu", i);
		record_fail(record, &err);
		assert_string_equal(status_name(record->status),
		                    cases[i].status);
		assert_string_equal(record->error, err.text);
		assert_int_equal(record->phase, PHASE_AUTH);
		record_free(record);
	}
}

static void the_longest_sentence_fits(void **state)
{
	struct record *record = record_new();
	struct err err = { .kind = ERR_AUTH };

	(void)state;
	assert_non_null(record);
	memset(err.text, 'x', sizeof(err.text) - 1);
	record_fail(record, &err);
	assert_string_equal(record->error, err.text);
	record_free(record);
}

static void words_are_added_and_stay_whole(void **state)
{
	struct record *record = record_new();
	struct err err = { .kind = ERR_AUTH };

	(void)state;
	assert_non_null(record);
	record_add_error(record, "alone");
	assert_string_equal(record->error, "alone");
	record_add_error(record, " (2 attempts)");
	assert_string_equal(record->error, "alone (2 attempts)");
	for (size_t free_bytes = 0; free_bytes < 8; free_bytes++) {
		const char *end;

		memset(err.text, 'x', sizeof(err.text));
		err.text[sizeof(err.text) - 1 - free_bytes] = '\0';
		record_fail(record, &err);
		record_add_error(record, "words");
		end = record->error + strlen(record->error);
		assert_string_equal(end - 6, "xwords");
	}
	record_free(record);
}

static void a_reset_leaves_the_host_and_the_run(void **state)
{
	struct record *record = record_new();
	struct record *fresh = record_new();

	(void)state;
	assert_non_null(record);
	assert_non_null(fresh);
	memset(record, 0xAA, sizeof(*record));
	record->output = strdup("output");
	record_reset(record);
	assert_null(record->output);
	assert_int_equal(record->output_length, 0);
	assert_int_equal(record->status, fresh->status);
	assert_int_equal(record->phase, fresh->phase);
	assert_string_equal(record->error, "");
	assert_string_equal(record->address, "");
	assert_string_equal(record->hostname, "");
	assert_string_equal(record->ssh_version, "");
	assert_string_equal(record->host_key_type, "");
	assert_string_equal(record->host_key_sha256, "");
	assert_true(record->exit_code == RECORD_UNKNOWN);
	assert_true(record->connect_ms == RECORD_UNKNOWN);
	assert_true(record->total_ms == RECORD_UNKNOWN);
	assert_true(record->last_attempt == RECORD_UNKNOWN);
	assert_int_equal(record->host.port, 0xAAAA);
	assert_int_equal(record->run_id[0] & 0xFF, 0xAA);
	record_free(record);
	record_free(fresh);
}

static void names_fit_their_column(void **state)
{
	(void)state;
	for (int i = 0; i < STATUS_COUNT; i++) {
		size_t length = strlen(status_name((enum status)i));

		assert_true(length > 0 && length <= STATUS_NAME_MAX);
	}
	assert_string_equal(phase_name(PHASE_NONE), "");
	for (int i = PHASE_RESOLVE; i <= PHASE_COMMAND; i++) {
		size_t length = strlen(phase_name((enum phase)i));

		assert_true(length > 0 && length <= STATUS_NAME_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_record_knows_nothing),
		cmocka_unit_test(without_memory_there_is_no_record),
		cmocka_unit_test(freeing_wipes_the_password),
		cmocka_unit_test(a_failure_becomes_its_status),
		cmocka_unit_test(the_longest_sentence_fits),
		cmocka_unit_test(words_are_added_and_stay_whole),
		cmocka_unit_test(a_reset_leaves_the_host_and_the_run),
		cmocka_unit_test(names_fit_their_column),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
