#include "cli/format.h"

#include <string.h>

/* RFC 4180, with the line ends of the system. */

static void header(struct text *text, const struct columns *columns)
{
	format_names(text, columns, ",");
}

/* Puts quotes around what was added since begin, if it needs them. Escaping has
 * left no line end in it. */
static void quote(struct text *text, size_t begin)
{
	struct text plain = { 0 };
	const char *at;

	if (text->out_of_memory || text->length == begin)
		return;
	at = text->data + begin;
	if (memchr(at, ',', text->length - begin) == NULL &&
	    memchr(at, '"', text->length - begin) == NULL)
		return;
	text_add(&plain, at, text->length - begin);
	text->length = begin;
	text_puts(text, "\"");
	for (size_t i = 0; i < plain.length; i++)
		text_add(text, plain.data[i] == '"' ? "\"\"" : plain.data + i,
		         plain.data[i] == '"' ? 2 : 1);
	text_puts(text, "\"");
	text->out_of_memory |= plain.out_of_memory;
	text_release(&plain);
}

static void row(struct text *text, const struct columns *columns,
                const struct record *record)
{
	for (size_t i = 0; i < columns->count; i++) {
		size_t field = columns->field[i];
		struct field_value value = field_get(record, field);
		size_t begin;

		if (i > 0)
			text_puts(text, ",");
		begin = text->length;
		format_value(text, &value, fields[field].type);
		quote(text, begin);
	}
}

const struct format format_csv = {
	.name = "csv",
	.help = "fields between commas, with a header line",
	.takes_columns = true,
	.header_by_default = true,
	.header = header,
	.row = row,
};
