#include "sql/row.h"

#include "inventory/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A clean text, chained to its row. */
struct row_copy {
	struct row_copy *next;
	size_t size;
	char text[];
};

static bool is_plain(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\0' || (unsigned char)text[i] >= 0x80)
			return false;
	}
	return true;
}

/* At most max bytes, and not through the middle of a character. */
static size_t cut(const char *text, size_t length, size_t max)
{
	size_t end = max;

	if (length <= max)
		return length;
	while (end > 0 && max - end < 3 &&
	       ((unsigned char)text[end] & 0xC0u) == 0x80)
		end--;
	return ((unsigned char)text[end] & 0xC0u) == 0x80 ? max : end;
}

static void put_plain(struct row *row, size_t index, const char *text,
                      size_t length)
{
	row->values[index].is_null = false;
	row->values[index].text = text;
	row->values[index].length = length;
	row->bytes += length;
}

static bool put_copy(struct row *row, size_t index, const char *text,
                     size_t length)
{
	size_t size = (is_plain(text, length) ? length : 3 * length) + 1;
	struct row_copy *copy = malloc(sizeof(*copy) + size);

	if (copy == NULL)
		return false;
	copy->next = row->copies;
	copy->size = size;
	row->copies = copy;
	length = utf8_clean(copy->text, size, text, length);
	put_plain(row, index, copy->text, length);
	return true;
}

/*
 * An invalid byte grows to three, but stays one character: what was cut to max
 * bytes always fits a column of max characters.
 */
static bool put_text(struct row *row, size_t index, const char *text,
                     size_t length, size_t max)
{
	length = cut(text, length, max);
	if (!is_plain(text, length))
		return put_copy(row, index, text, length);
	put_plain(row, index, text, length);
	return true;
}

static void put_number(struct row *row, size_t index, int64_t number)
{
	row->values[index].is_null = false;
	row->values[index].number = number;
}

static void row_init(struct row *row, enum table table)
{
	size_t columns = table_columns(table);

	row->bytes = 0;
	row->copies = NULL;
	for (size_t i = 0; i < columns; i++)
		row->values[i] = (struct row_value){ .is_null = true };
}

static bool out_of_memory(struct row *row, struct err *err)
{
	row_release(row);
	return err_set(err, ERR_SYSTEM, "out of memory for a row");
}

/* What was offered and refused is no key of the host. */
static bool is_refused_key(const struct record *record, size_t index)
{
	return record->status == STATUS_HOSTKEY &&
	       (strcmp(fields[index].name, "host_key_type") == 0 ||
	        strcmp(fields[index].name, "host_key_sha256") == 0);
}

bool row_from_record(struct row *row, const struct record *record,
                     bool with_password, struct err *err)
{
	const char *password = record->host.password;

	row_init(row, TABLE_SERVER_STATUS);
	for (size_t i = 0; i < fields_count; i++) {
		struct field_value value = field_get(record, i);

		if (value.is_null || is_refused_key(record, i))
			continue;
		if (fields[i].type != FIELD_TEXT)
			put_number(row, i, value.number);
		else if (!put_text(row, i, value.text, value.length,
		                   fields[i].max))
			return out_of_memory(row, err);
	}
	if (with_password && record->host.has_password && password[0] != '\0' &&
	    !put_text(row, fields_count + EXTRA_PASSWORD, password,
	              strlen(password), HOST_PASSWORD_MAX))
		return out_of_memory(row, err);
	put_number(row, fields_count + EXTRA_KEY_PINNED, 0);
	if (record->status == STATUS_OK &&
	    record->last_attempt != RECORD_UNKNOWN) {
		put_number(row, fields_count + EXTRA_FIRST_SEEN,
		           record->last_attempt);
		put_number(row, fields_count + EXTRA_LAST_SEEN,
		           record->last_attempt);
	}
	return true;
}

void row_pin_host_key(struct row *row)
{
	put_number(row, fields_count + EXTRA_KEY_PINNED, 1);
}

bool row_from_refusal(struct row *row, const struct record *record,
                      struct err *err)
{
	const char *const texts[HISTORY_COLUMNS] = {
		[HISTORY_COLUMN_IP] = record->host.ip,
		[HISTORY_COLUMN_FIELD] = "host_key_sha256",
		[HISTORY_COLUMN_RUN_ID] = record->run_id,
		[HISTORY_COLUMN_OLD] = record->pinned_sha256,
		[HISTORY_COLUMN_NEW] = record->host_key_sha256,
	};

	row_init(row, TABLE_HISTORY);
	for (size_t i = 0; i < HISTORY_COLUMNS; i++) {
		if (texts[i] != NULL &&
		    !put_text(row, i, texts[i], strlen(texts[i]),
		              table_column(TABLE_HISTORY, i).max))
			return out_of_memory(row, err);
	}
	put_number(row, HISTORY_COLUMN_PORT, record->host.port);
	put_number(row, HISTORY_COLUMN_CHANGED, record->last_attempt);
	return true;
}

bool row_from_run(struct row *row, const struct store_run *run, struct err *err)
{
	const char *const texts[] = {
		[RUN_COLUMN_ID] = run->id,
		[RUN_COLUMN_FILE] = run->file,
		[RUN_COLUMN_VERSION] = run->version,
	};
	int64_t hosts = 0;

	row_init(row, TABLE_RUNS);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!put_text(row, i, texts[i], strlen(texts[i]),
		              table_column(TABLE_RUNS, i).max))
			return out_of_memory(row, err);
	}
	put_number(row, RUN_COLUMN_BEGIN, run->begin);
	if (run->end != 0)
		put_number(row, RUN_COLUMN_END, run->end);
	for (size_t i = 0; i < STATUS_COUNT; i++) {
		put_number(row, RUN_COLUMN_COUNTS + i, (int64_t)run->counts[i]);
		hosts += (int64_t)run->counts[i];
	}
	put_number(row, RUN_COLUMN_HOSTS, hosts);
	return true;
}

bool row_parse_number(const char *text, int64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == '\0';
}

/* A text may be three times as long as its column has characters, see
 * put_text(); one that is longer still does not get by with less. */
static bool put_value(struct row *row, size_t index,
                      const struct column *column, const char *value,
                      struct err *err)
{
	int64_t number = 0;

	if (column->type == FIELD_TEXT)
		return put_copy(row, index, value,
		                cut(value, strlen(value), 3 * column->max)) ||
		       err_set(err, ERR_SYSTEM, "out of memory for a row");
	if (column->type == FIELD_NUMBER ? !row_parse_number(value, &number)
	                                 : !row_parse_time(value, &number))
		return err_set(err, ERR_STORE_DATA, "%s is no %s", column->name,
		               column->type == FIELD_NUMBER ? "number"
		                                            : "time");
	put_number(row, index, number);
	return true;
}

bool row_from_values(struct row *row, enum table table,
                     const char *const *values, struct err *err)
{
	row_init(row, table);
	for (size_t i = 0; i < table_columns(table); i++) {
		struct column column = table_column(table, i);

		if (values[i] == NULL ||
		    put_value(row, i, &column, values[i], err))
			continue;
		row_release(row);
		return false;
	}
	return true;
}

void row_release(struct row *row)
{
	while (row->copies != NULL) {
		struct row_copy *next = row->copies->next;

		/* It may be the password. */
		explicit_bzero(row->copies->text, row->copies->size);
		free(row->copies);
		row->copies = next;
	}
}

int row_compare(const struct row *a, const struct row *b)
{
	const struct row_value *x = &a->values[0];
	const struct row_value *y = &b->values[0];
	size_t least = x->length < y->length ? x->length : y->length;
	int order = least > 0 ? memcmp(x->text, y->text, least) : 0;

	if (order == 0)
		order = (x->length > y->length) - (x->length < y->length);
	if (order == 0)
		order = (a->values[1].number > b->values[1].number) -
		        (a->values[1].number < b->values[1].number);
	return order;
}

struct row_time row_time(int64_t microseconds)
{
	static const int64_t first = INT64_C(-62167219200); /* year 0 */
	static const int64_t last = INT64_C(253402300799);  /* end of 9999 */
	int64_t seconds = microseconds / 1000000;
	int64_t rest = microseconds % 1000000;
	struct tm tm;
	time_t when;

	if (rest < 0) {
		rest += 1000000;
		seconds--;
	}
	if (seconds < first)
		seconds = first;
	if (seconds > last)
		seconds = last;
	when = (time_t)seconds;
	gmtime_r(&when, &tm);
	return (struct row_time){
		.year = (unsigned)(tm.tm_year + 1900),
		.month = (unsigned)(tm.tm_mon + 1),
		.day = (unsigned)tm.tm_mday,
		.hour = (unsigned)tm.tm_hour,
		.minute = (unsigned)tm.tm_min,
		.second = (unsigned)tm.tm_sec,
		.microsecond = (unsigned)rest,
	};
}

/* Exactly count digits. */
static bool parse_digits(const char **text, unsigned count, unsigned *number)
{
	*number = 0;
	for (; count > 0; count--, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		*number = *number * 10 + (unsigned)(**text - '0');
	}
	return true;
}

static bool parse_mark(const char **text, char mark)
{
	if (**text != mark)
		return false;
	(*text)++;
	return true;
}

/* A point and up to six digits, or nothing. */
static bool parse_fraction(const char *text, unsigned *microsecond)
{
	unsigned digits = 0;

	*microsecond = 0;
	if (*text == '\0')
		return true;
	if (!parse_mark(&text, '.') || *text == '\0')
		return false;
	for (; digits < 6 && *text != '\0'; digits++) {
		unsigned digit;

		if (!parse_digits(&text, 1, &digit))
			return false;
		*microsecond = *microsecond * 10 + digit;
	}
	for (; digits < 6; digits++)
		*microsecond *= 10;
	return *text == '\0';
}

bool row_parse_time(const char *text, int64_t *microseconds)
{
	struct row_time t;
	struct tm tm = { .tm_isdst = 0 };
	int64_t when;

	if (!parse_digits(&text, 4, &t.year) || !parse_mark(&text, '-') ||
	    !parse_digits(&text, 2, &t.month) || !parse_mark(&text, '-') ||
	    !parse_digits(&text, 2, &t.day) || !parse_mark(&text, ' ') ||
	    !parse_digits(&text, 2, &t.hour) || !parse_mark(&text, ':') ||
	    !parse_digits(&text, 2, &t.minute) || !parse_mark(&text, ':') ||
	    !parse_digits(&text, 2, &t.second) ||
	    !parse_fraction(text, &t.microsecond))
		return false;
	if (t.month < 1 || t.month > 12 || t.hour > 23 || t.minute > 59 ||
	    t.second > 59)
		return false;
	tm.tm_year = (int)t.year - 1900;
	tm.tm_mon = (int)t.month - 1;
	tm.tm_mday = (int)t.day;
	tm.tm_hour = (int)t.hour;
	tm.tm_min = (int)t.minute;
	tm.tm_sec = (int)t.second;
	when = (int64_t)timegm(&tm) * 1000000 + t.microsecond;
	/* It makes a first of March of a thirtieth of February. */
	if (row_time(when).day != t.day)
		return false;
	*microseconds = when;
	return true;
}
