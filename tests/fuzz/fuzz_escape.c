#include "cli/format.h"
#include "cli/text.h"
#include "inventory/utf8.h"

#include <string.h>

#include <jansson.h>

#include "tests/fuzz/fuzz.h"

/* Nothing that moves a cursor, ends a line or turns the direction of text. */
static void check_harmless(const struct text *text)
{
	PROMISE(!text->out_of_memory);
	for (size_t i = 0; i < text->length;) {
		uint32_t code = 0;
		size_t step =
		    utf8_decode(text->data + i, text->length - i, &code);

		PROMISE(step > 0);
		PROMISE(code >= 0x20 && (code < 0x7F || code > 0x9F));
		PROMISE(code != 0x61C && code != 0x200E && code != 0x200F);
		PROMISE(code < 0x202A || code > 0x202E);
		PROMISE(code < 0x2066 || code > 0x2069);
		i += step;
	}
	PROMISE(text->length == 0 ||
	        !text_needs_escape(text->data, text->length));
}

static void check_escape(const char *bytes, size_t length)
{
	struct text text = { 0 };

	text_escape(&text, bytes, length);
	check_harmless(&text);
	PROMISE(text_needs_escape(bytes, length) == (text.length != length));
	text_release(&text);
}

static void copy(char *to, size_t size, const char *bytes, size_t length)
{
	if (length > size - 1)
		length = size - 1;
	memcpy(to, bytes, length);
	to[length] = '\0';
}

static void check_json(const struct text *text)
{
	json_error_t error;
	json_t *object;

	PROMISE(memchr(text->data, '\n', text->length) == NULL);
	object = json_loadb(text->data, text->length, JSON_REJECT_DUPLICATES,
	                    &error);
	PROMISE(object != NULL);
	PROMISE(json_object_size(object) == fields_count);
	json_decref(object);
}

static size_t count_tabs(const struct text *text)
{
	size_t tabs = 0;

	for (size_t i = 0; i < text->length; i++)
		tabs += text->data[i] == '\t';
	return tabs;
}

/* RFC 4180, for one line; a quote stands at a field's edge or is doubled. */
static size_t count_csv(const struct text *text)
{
	size_t count = 1;
	bool quoted = false;

	for (size_t i = 0; i < text->length; i++) {
		char c = text->data[i];
		bool first = i == 0 || text->data[i - 1] == ',';

		if (c == '"' && !quoted) {
			PROMISE(first);
			quoted = true;
		} else if (c == '"') {
			bool doubled =
			    i + 1 < text->length && text->data[i + 1] == '"';

			quoted = doubled;
			i += doubled;
			PROMISE(quoted || i + 1 == text->length ||
			        text->data[i + 1] == ',');
		} else if (c == ',' && !quoted) {
			count++;
		}
	}
	PROMISE(!quoted);
	return count;
}

static void check_rows(const struct record *record)
{
	struct columns columns;
	struct text text = { 0 };

	columns_all(&columns);
	format_json.row(&text, &columns, record);
	check_json(&text);
	text_release(&text);
	format_csv.row(&text, &columns, record);
	check_harmless(&text);
	PROMISE(count_csv(&text) == fields_count);
	text_release(&text);
	format_text.row(&text, &columns, record);
	check_harmless(&text);
	text_release(&text);
	format_tsv.row(&text, &columns, record);
	PROMISE(count_tabs(&text) == fields_count - 1);
	text_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	struct record *record = record_new();

	PROMISE(record != NULL);
	check_escape(bytes, size);
	record->status = size % 2 == 0 ? STATUS_OK : STATUS_COMMAND;
	record->host.port = 22;
	copy(record->host.ip, sizeof(record->host.ip), "192.0.2.1", 9);
	copy(record->hostname, sizeof(record->hostname), bytes, size);
	copy(record->error, sizeof(record->error), bytes, size);
	record->output = malloc(size + 1);
	PROMISE(record->output != NULL);
	memcpy(record->output, bytes, size);
	record->output_length = size;
	check_rows(record);
	record_free(record);
	return 0;
}
