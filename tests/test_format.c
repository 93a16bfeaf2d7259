#include "cli/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static bool malloc_fails, realloc_fails;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
	return malloc_fails ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return realloc_fails ? NULL : __real_realloc(memory, size);
}

static struct record *ok_record(void)
{
	struct record *record = record_new();

	assert_non_null(record);
	strcpy(record->host.ip, "192.168.32.167");
	record->host.port = 22;
	strcpy(record->host.user, "root");
	strcpy(record->host.password, "S3cr3t!");
	strcpy(record->address, "192.168.32.167");
	strcpy(record->hostname, "ns.root");
	strcpy(record->ssh_version, "SSH-2.0-OpenSSH_9.2p1 Debian-2");
	strcpy(record->host_key_type, "ssh-ed25519");
	strcpy(record->host_key_sha256, "abc+/");
	strcpy(record->run_id, "20261122T051122Z-0badcafe");
	record->status = STATUS_OK;
	record->connect_ms = 1;
	record->total_ms = 31;
	record->last_attempt = 1795324282000007;
	return record;
}

static struct record *failed_record(void)
{
	struct record *record = record_new();

	assert_non_null(record);
	strcpy(record->host.ip, "192.168.32.110");
	strcpy(record->host.user, "root");
	strcpy(record->host.password, "S3cr3t!");
	strcpy(record->error, "no answer in 5 s");
	record->host.port = 2200;
	record->status = STATUS_TIMEOUT;
	record->phase = PHASE_CONNECT;
	record->total_ms = 5000;
	record->last_attempt = 999999;
	return record;
}

static void set_output(struct record *record, const char *bytes, size_t length)
{
	free(record->output);
	record->output = malloc(length + 1);
	assert_non_null(record->output);
	memcpy(record->output, bytes, length);
	record->output_length = length;
	record->exit_code = 0;
}

static struct columns columns_of(const char *list)
{
	struct columns columns;
	struct err err;

	if (list == NULL)
		columns_all(&columns);
	else if (!columns_parse(&columns, list, &err))
		fail_msg("%s", err.text);
	return columns;
}

/* Frees the record. */
static void assert_row(const struct format *format, const char *list,
                       struct record *record, const char *row)
{
	struct columns columns = columns_of(list);
	struct text text = { 0 };

	format->row(&text, &columns, record);
	record_free(record);
	text_add(&text, "", 1);
	assert_false(text.out_of_memory);
	assert_string_equal(text.data, row);
	assert_null(strstr(text.data, "S3cr3t!"));
	text_release(&text);
}

static void assert_header(const struct format *format, const char *list,
                          const char *header)
{
	struct columns columns = columns_of(list);
	struct text text = { 0 };

	format->header(&text, &columns);
	text_add(&text, "", 1);
	assert_string_equal(text.data, header);
	text_release(&text);
}

static void formats_are_found_by_name(void **state)
{
	static const char *const names[] = { "text", "tsv", "csv", "json" };

	(void)state;
	assert_int_equal(formats_count, ARRAY_LENGTH(names));
	for (size_t i = 0; i < formats_count; i++) {
		assert_string_equal(formats[i]->name, names[i]);
		assert_ptr_equal(format_find(names[i]), formats[i]);
		assert_non_null(formats[i]->help);
		assert_int_equal(formats[i]->takes_columns, i > 0);
		assert_int_equal(formats[i]->header != NULL, i == 1 || i == 2);
		assert_int_equal(formats[i]->header_by_default, i == 2);
	}
	assert_null(format_find("xml"));
	assert_null(format_find(""));
	assert_null(format_find("JSON"));
	assert_true(fields_count <= COLUMNS_MAX);
}

static void text_speaks_as_its_ancestor(void **state)
{
	struct record *with_output = ok_record();
	struct record *empty_output = ok_record();
	struct record *skipped = failed_record();

	(void)state;
	assert_row(&format_text, NULL, ok_record(),
	           "IP:192.168.32.167  hostname:ns.root");
	assert_row(&format_text, NULL, failed_record(),
	           "sorry I can't connect this server [192.168.32.110]: "
	           "timeout: no answer in 5 s (connect)");
	set_output(with_output, "up\n3 days", 9);
	assert_row(&format_text, NULL, with_output,
	           "IP:192.168.32.167  hostname:ns.root  output:up\\x0a3 days");
	set_output(empty_output, "", 0);
	assert_row(&format_text, NULL, empty_output,
	           "IP:192.168.32.167  hostname:ns.root  output:");
	skipped->status = STATUS_SKIPPED;
	skipped->phase = PHASE_NONE;
	strcpy(skipped->error, "interrupted");
	assert_row(&format_text, NULL, skipped,
	           "sorry I can't connect this server [192.168.32.110]: "
	           "skipped: interrupted");
}

static void text_escapes_what_is_remote(void **state)
{
	struct record *record = ok_record();
	struct record *failed = failed_record();

	(void)state;
	strcpy(record->hostname, "a\tb\x1b[2J\xFF");
	assert_row(&format_text, NULL, record,
	           "IP:192.168.32.167  hostname:a\\x09b\\x1b[2J\\xff");
	strcpy(failed->host.ip, "fe80::1%a\x1b");
	strcpy(failed->error, "bad\nwords");
	assert_row(&format_text, NULL, failed,
	           "sorry I can't connect this server [fe80::1%a\\x1b]: "
	           "timeout: bad\\x0awords (connect)");
}

static void tsv_has_every_field_between_tabs(void **state)
{
	struct record *record = ok_record();

	(void)state;
	assert_header(&format_tsv, NULL,
	              "ip\tport\taddress\tuser\tname\thost_group\thostname\t"
	              "status\tphase\terror\toutput\texit_code\tssh_version\t"
	              "host_key_type\thost_key_sha256\tconnect_ms\ttotal_ms\t"
	              "run_id\tlast_attempt");
	assert_row(&format_tsv, NULL, ok_record(),
	           "192.168.32.167\t22\t192.168.32.167\troot\t\t\tns.root\tok"
	           "\t\t\t\t\tSSH-2.0-OpenSSH_9.2p1 Debian-2\tssh-ed25519\t"
	           "abc+/\t1\t31\t20261122T051122Z-0badcafe\t"
	           "2026-11-22T05:11:22.000007Z");
	assert_row(&format_tsv, NULL, failed_record(),
	           "192.168.32.110\t2200\t\troot\t\t\t\ttimeout\tconnect\t"
	           "no answer in 5 s\t\t\t\t\t\t\t5000\t\t"
	           "1970-01-01T00:00:00.999999Z");
	strcpy(record->hostname, "a\tb");
	set_output(record, "x\ny\0z", 5);
	assert_row(&format_tsv, "exit_code,output,hostname", record,
	           "0\tx\\x0ay\\x00z\ta\\x09b");
}

static void csv_quotes_where_it_must(void **state)
{
	static const struct {
		const char *hostname, *row;
	} cases[] = {
		{ "plain", "22,plain,ok" },
		{ "a,b", "22,\"a,b\",ok" },
		{ "say \"x\"", "22,\"say \"\"x\"\"\",ok" },
		{ "\"", "22,\"\"\"\",ok" },
		{ ",", "22,\",\",ok" },
		{ "a\nb,\"", "22,\"a\\x0ab,\"\"\",ok" },
		{ "", "22,,ok" },
		{ " x ", "22, x ,ok" },
	};

	(void)state;
	assert_header(&format_csv, "port,hostname,status",
	              "port,hostname,status");
	assert_header(&format_csv, "ip", "ip");
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct record *record = ok_record();

		snprintf(record->hostname, sizeof(record->hostname), "%s",
		         cases[i].hostname);
		assert_row(&format_csv, "port,hostname,status", record,
		           cases[i].row);
	}
}

static void json_has_every_field_in_order(void **state)
{
	(void)state;
	assert_row(&format_json, NULL, failed_record(),
	           "{\"ip\":\"192.168.32.110\",\"port\":2200,\"address\":null,"
	           "\"user\":\"root\",\"name\":null,\"host_group\":null,"
	           "\"hostname\":null,\"status\":\"timeout\",\"phase\":"
	           "\"connect\",\"error\":\"no answer in 5 s\",\"output\":null,"
	           "\"exit_code\":null,\"ssh_version\":null,"
	           "\"host_key_type\":null,\"host_key_sha256\":null,"
	           "\"connect_ms\":null,\"total_ms\":5000,\"run_id\":null,"
	           "\"last_attempt\":\"1970-01-01T00:00:00.999999Z\"}");
	assert_row(&format_json, "status,ip,exit_code", ok_record(),
	           "{\"status\":\"ok\",\"ip\":\"192.168.32.167\","
	           "\"exit_code\":null}");
}

static void json_shows_a_terminal_nothing_that_moves_it(void **state)
{
	static const struct {
		const char *hostname, *row;
	} cases[] = {
		{ "gr\xC3\xBCn \xF0\x9F\x90\xA7",
		  "{\"hostname\":\"gr\xC3\xBCn \xF0\x9F\x90\xA7\"}" },
		{ "q\"b\\s/", "{\"hostname\":\"q\\\"b\\\\s/\"}" },
		{ "a\n\x1b[0m", "{\"hostname\":\"a\\n\\u001B[0m\"}" },
		{ "\xC2\x9B", "{\"hostname\":\"\\u009B\"}" },
		{ "\xE2\x80\xAE\xE2\x80\xAC",
		  "{\"hostname\":\"\\u202E\\u202C\"}" },
		{ "\xF0\x9F\x90\xA7\x01",
		  "{\"hostname\":\"\\uD83D\\uDC27\\u0001\"}" },
		{ "a\x7F"
		  "b\x7F",
		  "{\"hostname\":\"a\\u007fb\\u007f\"}" },
		{ "caf\xE9", "{\"hostname\":\"caf\\uFFFD\"}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct record *record = ok_record();

		snprintf(record->hostname, sizeof(record->hostname), "%s",
		         cases[i].hostname);
		assert_row(&format_json, "hostname", record, cases[i].row);
	}
}

static void json_is_valid_whatever_a_host_sends(void **state)
{
	struct columns columns = columns_of(NULL);

	(void)state;
	for (unsigned first = 0; first < 256; first++) {
		struct record *record = ok_record();
		char bytes[258];
		struct text text = { 0 };
		json_error_t error;
		json_t *object;

		bytes[0] = (char)first;
		for (unsigned i = 0; i < 257; i++)
			bytes[i + 1] = (char)i;
		set_output(record, bytes, sizeof(bytes));
		memcpy(record->hostname, bytes + 2, 255);
		record->hostname[255] = '\0';
		format_json.row(&text, &columns, record);
		assert_false(text.out_of_memory);
		assert_null(memchr(text.data, '\n', text.length));
		object =
		    json_loadb(text.data, text.length,
		               JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
		if (object == NULL)
			fail_msg("byte %u: %s", first, error.text);
		assert_int_equal(json_object_size(object), fields_count);
		json_decref(object);
		text_release(&text);
		record_free(record);
	}
}

static void without_memory_a_row_says_so(void **state)
{
	struct columns columns = columns_of(NULL);

	(void)state;
	for (size_t i = 0; i < formats_count; i++) {
		struct record *record = ok_record();
		struct text text = { 0 };

		malloc_fails = realloc_fails = true;
		formats[i]->row(&text, &columns, record);
		malloc_fails = realloc_fails = false;
		assert_true(text.out_of_memory);
		text_release(&text);
		record_free(record);
	}
}

static void lists_of_columns_are_checked(void **state)
{
	static const struct {
		const char *list, *text;
	} cases[] = {
		{ "", "there is no field ''" },
		{ "ip,", "there is no field ''" },
		{ ",ip", "there is no field ''" },
		{ "ip, port", "there is no field ' port'" },
		{ "IP", "there is no field 'IP'" },
		{ "password", "there is no field 'password'" },
		{ "ip,port,ip", "field 'ip' is there twice" },
	};
	struct columns columns = columns_of("last_attempt,ip");

	(void)state;
	assert_int_equal(columns.count, 2);
	assert_string_equal(fields[columns.field[0]].name, "last_attempt");
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct err err;

		assert_false(columns_parse(&columns, cases[i].list, &err));
		assert_int_equal(err.kind, ERR_INPUT);
		assert_string_equal(err.text, cases[i].text);
		/* Untouched on failure. */
		assert_int_equal(columns.count, 2);
	}
}

static void times_are_utc_with_microseconds(void **state)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000000Z" },
		{ 1795324282123456, "2026-11-22T05:11:22.123456Z" },
		{ 1709164800000001, "2024-02-29T00:00:00.000001Z" },
		{ 253402300799999999, "9999-12-31T23:59:59.999999Z" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct text text = { 0 };

		format_time(&text, cases[i].us);
		text_add(&text, "", 1);
		assert_string_equal(text.data, cases[i].text);
		text_release(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_are_found_by_name),
		cmocka_unit_test(text_speaks_as_its_ancestor),
		cmocka_unit_test(text_escapes_what_is_remote),
		cmocka_unit_test(tsv_has_every_field_between_tabs),
		cmocka_unit_test(csv_quotes_where_it_must),
		cmocka_unit_test(json_has_every_field_in_order),
		cmocka_unit_test(json_shows_a_terminal_nothing_that_moves_it),
		cmocka_unit_test(json_is_valid_whatever_a_host_sends),
		cmocka_unit_test(without_memory_a_row_says_so),
		cmocka_unit_test(lists_of_columns_are_checked),
		cmocka_unit_test(times_are_utc_with_microseconds),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
