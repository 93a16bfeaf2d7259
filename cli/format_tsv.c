#include "cli/format.h"

static void header(struct text *text, const struct columns *columns)
{
	format_names(text, columns, "\t");
}

static void row(struct text *text, const struct columns *columns,
                const struct record *record)
{
	for (size_t i = 0; i < columns->count; i++) {
		size_t field = columns->field[i];
		struct field_value value = field_get(record, field);

		if (i > 0)
			text_puts(text, "\t");
		format_value(text, &value, fields[field].type);
	}
}

const struct format format_tsv = {
	.name = "tsv",
	.help = "fields between tabs",
	.takes_columns = true,
	.header = header,
	.row = row,
};
