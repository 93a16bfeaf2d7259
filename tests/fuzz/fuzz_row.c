#include "sql/row.h"

#include "inventory/utf8.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/fuzz/fuzz.h"

/* What a host sent, on its way into the database. The first eight bytes are a
 * time as well. */

static void copy(char *to, size_t size, const char *from, size_t length)
{
	length = length < size - 1 ? length : size - 1;
	memcpy(to, from, length);
	to[length] = '\0';
}

/* Characters, and that each is one. */
static size_t count_characters(const struct row_value *value)
{
	size_t count = 0;

	for (size_t i = 0; i < value->length; count++) {
		uint32_t code = 0;
		size_t step =
		    utf8_decode(value->text + i, value->length - i, &code);

		PROMISE(step > 0 && code > 0);
		i += step;
	}
	return count;
}

static void check_row(const struct row *row, enum table table)
{
	size_t bytes = 0;

	for (size_t i = 0; i < table_columns(table); i++) {
		const struct row_value *value = &row->values[i];
		struct column column = table_column(table, i);

		if (value->is_null || column.type != FIELD_TEXT)
			continue;
		PROMISE(count_characters(value) <= column.max);
		bytes += value->length;
	}
	PROMISE(bytes == row->bytes);
	PROMISE(row_compare(row, row) == 0);
}

/* Clean text that fits passes as it is. */
static void check_text(const struct row *row, const char *name,
                       const char *bytes, size_t length)
{
	int index = field_find(name, strlen(name));
	const struct row_value *value = &row->values[index];
	struct row_value whole = { .text = bytes, .length = length };
	char *clean = malloc(3 * length + 1);
	size_t size;

	PROMISE(clean != NULL);
	size = utf8_clean(clean, 3 * length + 1, bytes, length);
	if (size == length && memcmp(clean, bytes, size) == 0 &&
	    length <= fields[index].max && length > 0) {
		PROMISE(value->length == length);
		PROMISE(memcmp(value->text, bytes, length) == 0);
		(void)count_characters(&whole);
	}
	free(clean);
}

static void check_record(const char *bytes, size_t length)
{
	struct record *record = record_new();
	struct row row;
	struct err err;

	PROMISE(record != NULL);
	record->status = length % 2 == 0 ? STATUS_OK : STATUS_COMMAND;
	record->host.port = 22;
	record->host.has_password = length > 0;
	copy(record->host.ip, sizeof(record->host.ip), bytes, length);
	copy(record->host.password, sizeof(record->host.password), bytes,
	     length);
	copy(record->hostname, sizeof(record->hostname), bytes, length);
	copy(record->error, sizeof(record->error), bytes, length);
	copy(record->ssh_version, sizeof(record->ssh_version), bytes, length);
	record->output = malloc(length + 1);
	PROMISE(record->output != NULL);
	memcpy(record->output, bytes, length);
	record->output_length = length;
	PROMISE(row_from_record(&row, record, true, &err));
	check_row(&row, TABLE_SERVER_STATUS);
	check_text(&row, "output", bytes, length);
	check_text(&row, "hostname", record->hostname,
	           strlen(record->hostname));
	row_release(&row);
	PROMISE(row.copies == NULL);
	record_free(record);
}

static void check_run(const char *bytes, size_t length)
{
	char *text = malloc(length + 1);
	char id[RUN_ID_MAX + 1];
	struct store_run run;
	struct row row;
	struct err err;

	PROMISE(text != NULL);
	memset(&run, 0, sizeof(run));
	copy(text, length + 1, bytes, length);
	copy(id, sizeof(id), bytes, length);
	run.id = id;
	run.file = text;
	run.version = text;
	PROMISE(row_from_run(&row, &run, &err));
	check_row(&row, TABLE_RUNS);
	row_release(&row);
	free(text);
}

/* Whatever a clock says, the database is given a time that there is. */
static void check_time(int64_t when)
{
	struct row_time time = row_time(when);
	struct tm tm = {
		.tm_year = (int)time.year - 1900,
		.tm_mon = (int)time.month - 1,
		.tm_mday = (int)time.day,
		.tm_hour = (int)time.hour,
		.tm_min = (int)time.minute,
		.tm_sec = (int)time.second,
	};
	int64_t seconds = timegm(&tm);

	PROMISE(time.year <= 9999 && time.month >= 1 && time.month <= 12);
	PROMISE(time.day >= 1 && time.day <= 31 && time.hour <= 23);
	PROMISE(time.minute <= 59 && time.second <= 59);
	PROMISE(time.microsecond <= 999999);
	if (when > INT64_C(-62167219200000000) &&
	    when < INT64_C(253402300800000000))
		PROMISE(seconds * 1000000 + time.microsecond == when);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t when = 0;

	memcpy(&when, data, size < sizeof(when) ? size : sizeof(when));
	check_time(when);
	check_record((const char *)data, size);
	check_run((const char *)data, size);
	return 0;
}
