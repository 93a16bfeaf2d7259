#include "sql/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct record *record;
static struct row row;

static int set_up(void **state)
{
	(void)state;
	record = record_new();
	if (!record)
		return -1;
	strcpy(record->host.ip, "127.0.0.1");
	record->host.port = 22;
	record->status = STATUS_OK;
	record->last_attempt = 1700000000123456;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	row_release(&row);
	record_free(record);
	return 0;
}

static void make_row(bool with_password)
{
	struct err err;

	assert_true(row_from_record(&row, record, with_password, &err));
}

static const struct row_value *value_of(const char *name)
{
	for (size_t i = 0; i < table_columns(TABLE_SERVER_STATUS); i++) {
		if (strcmp(table_column(TABLE_SERVER_STATUS, i).name, name) ==
		    0)
			return &row.values[i];
	}
	fail_msg("no column %s", name);
	return NULL;
}

static void assert_text(const char *name, const char *text)
{
	const struct row_value *value = value_of(name);

	assert_false(value->is_null);
	assert_int_equal(value->length, strlen(text));
	assert_memory_equal(value->text, text, strlen(text));
}

static void plain_texts_are_not_copied(void **state)
{
	(void)state;
	strcpy(record->hostname, "web1");
	make_row(false);
	assert_text("hostname", "web1");
	assert_ptr_equal(value_of("hostname")->text, record->hostname);
	assert_null(row.copies);
}

static void bytes_that_are_no_utf8_are_replaced(void **state)
{
	(void)state;
	strcpy(record->hostname, "w\xE4"
	                         "b\xC3\xA4");
	record->output = malloc(3);
	assert_non_null(record->output);
	memcpy(record->output, "a\0b", 3);
	record->output_length = 3;
	make_row(false);
	assert_text("hostname", "w\xEF\xBF\xBD"
	                        "b\xC3\xA4");
	assert_text("output", "a\xEF\xBF\xBD"
	                      "b");
}

static void a_long_text_is_cut_at_a_character(void **state)
{
	char text[RECORD_OUTPUT_MAX + 3];

	(void)state;
	/* The last character would end one byte beyond the column. */
	memset(text, 'x', sizeof(text));
	text[RECORD_OUTPUT_MAX - 1] = '\xC3';
	text[RECORD_OUTPUT_MAX] = '\xA4';
	record->output = malloc(sizeof(text));
	assert_non_null(record->output);
	memcpy(record->output, text, sizeof(text));
	record->output_length = sizeof(text);
	make_row(false);
	assert_int_equal(value_of("output")->length, RECORD_OUTPUT_MAX - 1);
}

static void a_long_text_of_rubbish_fits_its_column_too(void **state)
{
	(void)state;
	record->output_length = RECORD_OUTPUT_MAX + 10;
	record->output = malloc(record->output_length);
	assert_non_null(record->output);
	memset(record->output, 0xBF, record->output_length);
	make_row(false);
	/* One character for each byte that there was room for. */
	assert_int_equal(value_of("output")->length,
	                 (size_t)RECORD_OUTPUT_MAX * 3);
}

static void the_password_is_there_when_asked_for(void **state)
{
	(void)state;
	strcpy(record->host.password, "secret");
	record->host.has_password = true;
	make_row(false);
	assert_true(value_of("password")->is_null);
	make_row(true);
	assert_text("password", "secret");
	record->host.has_password = false;
	make_row(true);
	assert_true(value_of("password")->is_null);
}

static void only_an_ok_is_a_sight(void **state)
{
	(void)state;
	make_row(false);
	assert_int_equal(value_of("first_seen")->number, record->last_attempt);
	assert_int_equal(value_of("last_seen")->number, record->last_attempt);
	record->status = STATUS_TIMEOUT;
	make_row(false);
	assert_true(value_of("first_seen")->is_null);
	assert_true(value_of("last_seen")->is_null);
	assert_int_equal(value_of("last_attempt")->number,
	                 record->last_attempt);
}

static void a_host_never_tried_has_no_time_of_it(void **state)
{
	(void)state;
	record->status = STATUS_SKIPPED;
	record->last_attempt = RECORD_UNKNOWN;
	make_row(false);
	assert_true(value_of("last_attempt")->is_null);
}

static void rows_are_ordered_by_address_and_port(void **state)
{
	static const char *const ips[] = { "127.0.0.1", "127.0.0.10",
		                           "127.0.0.2" };
	struct row rows[4];
	struct err err;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct record *other = record_new();

		assert_non_null(other);
		snprintf(other->host.ip, sizeof(other->host.ip), "%s", ips[i]);
		other->host.port = 22;
		assert_true(row_from_record(&rows[i], other, false, &err));
		if (i > 0)
			assert_true(row_compare(&rows[i - 1], &rows[i]) < 0);
		assert_int_equal(row_compare(&rows[i], &rows[i]), 0);
		rows[3] = rows[i];
		rows[3].values[1].number = 23;
		assert_true(row_compare(&rows[i], &rows[3]) < 0);
		assert_true(row_compare(&rows[3], &rows[i]) > 0);
		/* Its text is needed by the next one's comparison. */
		rows[i].values[0].text = ips[i];
		record_free(other);
	}
}

static void times_are_utc_to_the_microsecond(void **state)
{
	static const struct {
		int64_t us;
		struct row_time time;
	} cases[] = {
		{ 0, { 1970, 1, 1, 0, 0, 0, 0 } },
		{ 1700000000123456, { 2023, 11, 14, 22, 13, 20, 123456 } },
		{ -1, { 1969, 12, 31, 23, 59, 59, 999999 } },
		{ INT64_MAX, { 9999, 12, 31, 23, 59, 59, 775807 } },
		{ INT64_MIN, { 0, 1, 1, 0, 0, 0, 224192 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct row_time time = row_time(cases[i].us);

		assert_memory_equal(&time, &cases[i].time, sizeof(time));
	}
}

static void a_time_is_read_as_it_was_written(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} cases[] = {
		{ "1970-01-01 00:00:00.000000", 0 },
		{ "2023-11-14 22:13:20.123456", 1700000000123456 },
		{ "2023-11-14 22:13:20", 1700000000000000 },
		{ "2023-11-14 22:13:20.5", 1700000000500000 },
		{ "1969-12-31 23:59:59.999999", -1 },
		{ "2024-02-29 00:00:00", 1709164800000000 },
		{ "9999-12-31 23:59:59.775807", 253402300799775807 },
		{ "0000-01-01 00:00:00.224192", -62167219199775808 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t us = 1;

		assert_true(row_parse_time(cases[i].text, &us));
		assert_true(us == cases[i].us);
	}
}

static void what_is_no_time_is_not_read(void **state)
{
	static const char *const texts[] = {
		"",
		"now",
		"2023-11-14",
		"2023-11-14T22:13:20",
		"2023-11-14 22:13",
		"2023-11-14 22:13:20.",
		"2023-11-14 22:13:20.1234567",
		"2023-11-14 22:13:20Z",
		"2023-11-14 22:13:20.-1",
		"2023-13-14 22:13:20",
		"2023-00-14 22:13:20",
		"2023-11-00 22:13:20",
		"2023-02-29 22:13:20",
		"2023-11-14 24:13:20",
		"2023-11-14 22:60:20",
		"2023-11-14 22:13:60",
		"0000-00-00 00:00:00",
		"+023-11-14 22:13:20",
		" 2023-11-14 22:13:20",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int64_t us = 1;

		assert_false(row_parse_time(texts[i], &us));
		assert_int_equal(us, 1);
	}
}

static void set_value(const char **values, const char *name, const char *value)
{
	for (size_t i = 0; i < table_columns(TABLE_REPLAYED_STATUS); i++) {
		if (strcmp(table_column(TABLE_REPLAYED_STATUS, i).name, name) ==
		    0)
			values[i] = value;
	}
}

static void a_row_is_made_of_what_was_read(void **state)
{
	const char *values[TABLE_COLUMNS_MAX] = { NULL };
	char ip[] = "127.0.0.9";
	struct err err;

	(void)state;
	set_value(values, "ip", ip);
	set_value(values, "port", "2222");
	set_value(values, "password", "secret\xFF");
	set_value(values, "last_attempt", "2023-11-14 22:13:20.123456");
	assert_true(row_from_values(&row, TABLE_REPLAYED_STATUS, values, &err));
	/* The texts were borrowed for the call. */
	memset(ip, 'x', sizeof(ip) - 1);
	assert_text("ip", "127.0.0.9");
	assert_text("password", "secret\xEF\xBF\xBD");
	assert_int_equal(value_of("port")->number, 2222);
	assert_int_equal(value_of("last_attempt")->number, 1700000000123456);
	assert_true(value_of("hostname")->is_null);
	assert_true(value_of("total_ms")->is_null);
	assert_int_equal(row.bytes, strlen("127.0.0.9") + strlen("secret") + 3);
}

static void a_text_that_was_stored_is_not_cut_again(void **state)
{
	const char *values[TABLE_COLUMNS_MAX] = { NULL };
	char text[3 * RECORD_HOSTNAME_MAX + 2];
	struct err err;

	(void)state;
	for (size_t i = 0; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "\xEF\xBF\xBD", 4);
	set_value(values, "hostname", text);
	assert_true(row_from_values(&row, TABLE_REPLAYED_STATUS, values, &err));
	assert_text("hostname", text);
}

static void a_row_that_is_none_is_refused(void **state)
{
	static const struct {
		const char *name, *value;
	} cases[] = {
		{ "port", "" },
		{ "port", "22x" },
		{ "total_ms", "99999999999999999999" },
		{ "last_attempt", "yesterday" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *values[TABLE_COLUMNS_MAX] = { NULL };
		struct err err;

		set_value(values, "ip", "127.0.0.1");
		set_value(values, cases[i].name, cases[i].value);
		assert_false(
		    row_from_values(&row, TABLE_REPLAYED_STATUS, values, &err));
		assert_int_equal(err.kind, ERR_STORE_DATA);
		assert_non_null(strstr(err.text, cases[i].name));
		assert_null(row.copies);
	}
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(plain_texts_are_not_copied),
		TEST(bytes_that_are_no_utf8_are_replaced),
		TEST(a_long_text_is_cut_at_a_character),
		TEST(a_long_text_of_rubbish_fits_its_column_too),
		TEST(the_password_is_there_when_asked_for),
		TEST(only_an_ok_is_a_sight),
		TEST(a_host_never_tried_has_no_time_of_it),
		TEST(rows_are_ordered_by_address_and_port),
		cmocka_unit_test(times_are_utc_to_the_microsecond),
		cmocka_unit_test(a_time_is_read_as_it_was_written),
		cmocka_unit_test(what_is_no_time_is_not_read),
		TEST(a_row_is_made_of_what_was_read),
		TEST(a_text_that_was_stored_is_not_cut_again),
		TEST(a_row_that_is_none_is_refused),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
