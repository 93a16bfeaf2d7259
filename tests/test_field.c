#include "inventory/field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static struct field_value value(const struct record *record, const char *name)
{
	int index = field_find(name, strlen(name));

	if (index < 0)
		fail_msg("no field '%s'", name);
	return field_get(record, (size_t)index);
}

static void assert_text(const struct record *record, const char *name,
                        const char *text)
{
	struct field_value v = value(record, name);

	if (v.is_null)
		fail_msg("%s is null", name);
	assert_int_equal(v.length, strlen(text));
	assert_memory_equal(v.text, text, v.length);
}

static void assert_number(const struct record *record, const char *name,
                          int64_t number)
{
	struct field_value v = value(record, name);

	if (v.is_null)
		fail_msg("%s is null", name);
	assert_true(v.number == number);
}

/* Scripts and databases hold on to these; a change is one for the manual. */
static void the_catalogue_has_its_columns_in_their_order(void **state)
{
	static const char *const names[] = {
		"ip",          "port",          "address",         "user",
		"name",        "host_group",    "hostname",        "status",
		"phase",       "error",         "output",          "exit_code",
		"ssh_version", "host_key_type", "host_key_sha256", "connect_ms",
		"total_ms",    "run_id",        "last_attempt",
	};

	(void)state;
	assert_int_equal(fields_count, ARRAY_LENGTH(names));
	for (size_t i = 0; i < fields_count; i++) {
		assert_string_equal(fields[i].name, names[i]);
		assert_int_equal(field_find(names[i], strlen(names[i])), i);
		assert_true(strlen(fields[i].help) > 0);
		assert_int_equal(fields[i].max > 0,
		                 fields[i].type == FIELD_TEXT);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(names[i], names[j]);
	}
}

static void the_password_is_no_field(void **state)
{
	(void)state;
	assert_int_equal(field_find("password", 8), -1);
}

static void a_name_is_found_by_its_length(void **state)
{
	(void)state;
	assert_int_equal(field_find("ip,port", 2), 0);
	assert_int_equal(field_find("ip", 1), -1);
	assert_int_equal(field_find("ip", 0), -1);
	assert_int_equal(field_find("IP", 2), -1);
	assert_int_equal(field_find("ipx", 3), -1);
}

static void what_is_not_known_is_null(void **state)
{
	static const char *const known[] = { "port", "status" };
	struct record *record = record_new();

	(void)state;
	assert_non_null(record);
	for (size_t i = 0; i < fields_count; i++) {
		bool is_known = false;

		for (size_t j = 0; j < ARRAY_LENGTH(known); j++)
			is_known |= strcmp(fields[i].name, known[j]) == 0;
		if (field_get(record, i).is_null == is_known)
			fail_msg("%s", fields[i].name);
	}
	record_free(record);
}

static void zero_and_empty_output_are_known(void **state)
{
	struct record *record = record_new();
	static char empty[1];

	(void)state;
	assert_non_null(record);
	record->exit_code = 0;
	record->connect_ms = 0;
	record->output = empty;
	assert_number(record, "exit_code", 0);
	assert_number(record, "connect_ms", 0);
	assert_text(record, "output", "");
	record->output = NULL;
	record_free(record);
}

static void every_value_comes_from_its_member(void **state)
{
	struct record *record = record_new();
	static char output[] = "o\0ut";
	struct field_value v;

	(void)state;
	assert_non_null(record);
	strcpy(record->host.ip, "web1");
	strcpy(record->host.user, "root");
	strcpy(record->host.name, "edge");
	strcpy(record->host.group, "dmz");
	record->host.port = 65535;
	strcpy(record->address, "192.0.2.1");
	strcpy(record->hostname, "ns.root");
	strcpy(record->error, "no answer");
	strcpy(record->ssh_version, "SSH-2.0-x");
	strcpy(record->host_key_type, "ssh-ed25519");
	strcpy(record->host_key_sha256, "abc");
	strcpy(record->run_id, "run-1");
	record->status = STATUS_TIMEOUT;
	record->phase = PHASE_HANDSHAKE;
	record->exit_code = 3;
	record->connect_ms = 4;
	record->total_ms = INT64_MAX;
	record->last_attempt = 6;
	record->output = output;
	record->output_length = 4;

	assert_text(record, "ip", "web1");
	assert_text(record, "user", "root");
	assert_text(record, "name", "edge");
	assert_text(record, "host_group", "dmz");
	assert_number(record, "port", 65535);
	assert_text(record, "address", "192.0.2.1");
	assert_text(record, "hostname", "ns.root");
	assert_text(record, "error", "no answer");
	assert_text(record, "ssh_version", "SSH-2.0-x");
	assert_text(record, "host_key_type", "ssh-ed25519");
	assert_text(record, "host_key_sha256", "abc");
	assert_text(record, "run_id", "run-1");
	assert_text(record, "status", "timeout");
	assert_text(record, "phase", "handshake");
	assert_number(record, "exit_code", 3);
	assert_number(record, "connect_ms", 4);
	assert_number(record, "total_ms", INT64_MAX);
	assert_number(record, "last_attempt", 6);
	v = value(record, "output");
	assert_int_equal(v.length, 4);
	assert_memory_equal(v.text, "o\0ut", 4);
	record->output = NULL;
	record_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_catalogue_has_its_columns_in_their_order),
		cmocka_unit_test(the_password_is_no_field),
		cmocka_unit_test(a_name_is_found_by_its_length),
		cmocka_unit_test(what_is_not_known_is_null),
		cmocka_unit_test(zero_and_empty_output_are_known),
		cmocka_unit_test(every_value_comes_from_its_member),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
