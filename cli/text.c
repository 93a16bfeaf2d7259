#include "cli/text.h"

#include "inventory/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_release(struct text *text)
{
	free(text->data);
	*text = (struct text){ 0 };
}

static bool reserve(struct text *text, size_t length)
{
	size_t need = text->length + length;
	size_t size = text->size > 0 ? text->size : 256;
	char *data;

	if (text->out_of_memory)
		return false;
	if (need <= text->size)
		return true;
	while (size < need)
		size *= 2;
	data = realloc(text->data, size);
	if (data == NULL) {
		text->out_of_memory = true;
		return false;
	}
	text->data = data;
	text->size = size;
	return true;
}

void text_add(struct text *text, const char *bytes, size_t length)
{
	if (length == 0 || !reserve(text, length))
		return;
	memcpy(text->data + text->length, bytes, length);
	text->length += length;
}

void text_puts(struct text *text, const char *string)
{
	text_add(text, string, strlen(string));
}

void text_printf(struct text *text, const char *format, ...)
{
	va_list args, again;
	int length;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	/* One more for the NUL, which is not counted in. */
	if (length > 0 && reserve(text, (size_t)length + 1)) {
		vsnprintf(text->data + text->length, (size_t)length + 1, format,
		          again);
		text->length += (size_t)length;
	}
	va_end(again);
}

/* U+061C and the explicit marks, embeddings and isolates of UAX #9. */
static bool is_bidi_control(uint32_t code)
{
	return code == 0x61C || code == 0x200E || code == 0x200F ||
	       (code >= 0x202A && code <= 0x202E) ||
	       (code >= 0x2066 && code <= 0x2069);
}

static bool is_harmless(uint32_t code)
{
	return code >= 0x20 && (code < 0x7F || code > 0x9F) &&
	       !is_bidi_control(code);
}

/* The length of the harmless run at the front. */
static size_t harmless_run(const char *bytes, size_t length)
{
	size_t i = 0;

	while (i < length) {
		uint32_t code;
		size_t step = utf8_decode(bytes + i, length - i, &code);

		if (step == 0 || !is_harmless(code))
			break;
		i += step;
	}
	return i;
}

void text_escape(struct text *text, const char *bytes, size_t length)
{
	while (length > 0) {
		size_t run = harmless_run(bytes, length);
		uint32_t code;
		size_t step;

		text_add(text, bytes, run);
		bytes += run;
		length -= run;
		if (length == 0)
			return;
		step = utf8_decode(bytes, length, &code);
		if (step == 0)
			step = 1;
		for (size_t i = 0; i < step; i++)
			text_printf(text, "\\x%02x", (unsigned char)bytes[i]);
		bytes += step;
		length -= step;
	}
}

bool text_needs_escape(const char *bytes, size_t length)
{
	return harmless_run(bytes, length) < length;
}
