#include "cli/format.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

/* ADD A FORMAT HERE; --help and the manual list them in this order. */
const struct format *const formats[] = {
	&format_text,
	&format_tsv,
	&format_csv,
	&format_json,
};

const size_t formats_count = sizeof(formats) / sizeof(formats[0]);

const struct format *format_find(const char *name)
{
	for (size_t i = 0; i < formats_count; i++) {
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	}
	return NULL;
}

void columns_all(struct columns *columns)
{
	columns->count = fields_count;
	for (size_t i = 0; i < fields_count; i++)
		columns->field[i] = i;
}

static bool has_column(const struct columns *columns, size_t field)
{
	for (size_t i = 0; i < columns->count; i++) {
		if (columns->field[i] == field)
			return true;
	}
	return false;
}

bool columns_parse(struct columns *columns, const char *list, struct err *err)
{
	struct columns c = { .count = 0 };

	for (;;) {
		size_t length = strcspn(list, ",");
		int field = field_find(list, length);

		if (field < 0)
			return err_set(err, ERR_INPUT,
			               "there is no field '%.*s'", (int)length,
			               list);
		/* Each at most once, so that they fit. */
		if (has_column(&c, (size_t)field))
			return err_set(err, ERR_INPUT,
			               "field '%.*s' is there twice",
			               (int)length, list);
		c.field[c.count++] = (size_t)field;
		if (list[length] == '\0')
			break;
		list += length + 1;
	}
	*columns = c;
	return true;
}

void format_names(struct text *text, const struct columns *columns,
                  const char *between)
{
	for (size_t i = 0; i < columns->count; i++)
		text_printf(text, "%s%s", i > 0 ? between : "",
		            fields[columns->field[i]].name);
}

void format_time(struct text *text, int64_t us)
{
	time_t seconds = (time_t)(us / 1000000);
	struct tm tm;
	char whole[32];

	gmtime_r(&seconds, &tm);
	strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &tm);
	text_printf(text, "%s.%06dZ", whole, (int)(us % 1000000));
}

void format_value(struct text *text, const struct field_value *value,
                  enum field_type type)
{
	if (value->is_null)
		return;
	switch (type) {
	case FIELD_TEXT:
		text_escape(text, value->text, value->length);
		break;
	case FIELD_NUMBER:
		text_printf(text, "%" PRId64, value->number);
		break;
	case FIELD_TIME:
		format_time(text, value->number);
		break;
	}
}
