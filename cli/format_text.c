#include "cli/format.h"

#include <string.h>

/* For people, and for scripts that knew the program's ancestor. */

static void escape(struct text *text, const char *string)
{
	text_escape(text, string, strlen(string));
}

static void row(struct text *text, const struct columns *columns,
                const struct record *record)
{
	(void)columns;
	if (record->status == STATUS_OK) {
		text_puts(text, "IP:");
		escape(text, record->host.ip);
		text_puts(text, "  hostname:");
		escape(text, record->hostname);
		if (record->output != NULL) {
			text_puts(text, "  output:");
			text_escape(text, record->output,
			            record->output_length);
		}
		return;
	}
	text_puts(text, "sorry I can't connect this server [");
	escape(text, record->host.ip);
	text_printf(text, "]: %s: ", status_name(record->status));
	escape(text, record->error);
	if (record->phase != PHASE_NONE)
		text_printf(text, " (%s)", phase_name(record->phase));
}

const struct format format_text = {
	.name = "text",
	.help = "a sentence per host",
	.row = row,
};
