#include "cli/format.h"

#include "inventory/utf8.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* One object per line (JSON Lines); what is not known is null. */

/* Valid UTF-8, whatever came: U+FFFD may take three bytes for one. */
static json_t *clean_string(const char *bytes, size_t length)
{
	size_t size = 3 * length + 1;
	char *clean = malloc(size);
	json_t *string;

	if (clean == NULL)
		return NULL;
	length = utf8_clean(clean, size, bytes, length);
	string = json_stringn_nocheck(clean, length);
	free(clean);
	return string;
}

static json_t *time_string(int64_t us)
{
	struct text text = { 0 };
	json_t *string = NULL;

	format_time(&text, us);
	if (!text.out_of_memory)
		string = json_stringn_nocheck(text.data, text.length);
	text_release(&text);
	return string;
}

static json_t *to_json(const struct field_value *value, enum field_type type)
{
	if (value->is_null)
		return json_null();
	switch (type) {
	case FIELD_TEXT:
		return clean_string(value->text, value->length);
	case FIELD_NUMBER:
		return json_integer(value->number);
	case FIELD_TIME:
		return time_string(value->number);
	}
	return NULL;
}

/* Takes a piece of the dump. DEL, which can only stand in a string, is the one
 * control character that even JSON_ENSURE_ASCII lets pass. */
static int append(const char *bytes, size_t length, void *text)
{
	const char *del;

	while ((del = memchr(bytes, 0x7F, length)) != NULL) {
		size_t before = (size_t)(del - bytes);

		text_add(text, bytes, before);
		text_puts(text, "\\u007f");
		bytes = del + 1;
		length -= before + 1;
	}
	text_add(text, bytes, length);
	return 0;
}

static void row(struct text *text, const struct columns *columns,
                const struct record *record)
{
	size_t flags = JSON_COMPACT;
	json_t *object = json_object();

	for (size_t i = 0; i < columns->count; i++) {
		size_t field = columns->field[i];
		struct field_value value = field_get(record, field);

		/* JSON lets C1 and bidirectional controls pass; a terminal
		 * should not see them. */
		if (!value.is_null && fields[field].type == FIELD_TEXT &&
		    text_needs_escape(value.text, value.length))
			flags |= JSON_ENSURE_ASCII;
		/* Takes NULLs, and frees what it cannot add. */
		if (json_object_set_new_nocheck(
			object, fields[field].name,
			to_json(&value, fields[field].type)) != 0)
			text->out_of_memory = true;
	}
	if (object == NULL ||
	    json_dump_callback(object, append, text, flags) != 0)
		text->out_of_memory = true;
	json_decref(object);
}

const struct format format_json = {
	.name = "json",
	.help = "an object per host",
	.takes_columns = true,
	.row = row,
};
