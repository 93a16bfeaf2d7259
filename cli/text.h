#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * A growing string. Without memory it remembers that, and further calls do
 * nothing: whoever uses the text asks once, at the end.
 */
struct text {
	char *data; /* NULL while empty; not terminated */
	size_t length, size;
	bool out_of_memory;
};

/* Starts empty: = { 0 }. text_release() makes it so again. */
void text_release(struct text *text);

void text_add(struct text *text, const char *bytes, size_t length);
void text_puts(struct text *text, const char *string);
void text_printf(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Adds bytes from elsewhere so that a terminal, a line and a column survive
 * them: C0, DEL, C1, bidirectional controls and what is not UTF-8 become \xNN,
 * byte by byte. A backslash stays as it is; who needs the exact bytes takes
 * JSON.
 */
void text_escape(struct text *text, const char *bytes, size_t length);

/* True when text_escape() would change something. */
bool text_needs_escape(const char *bytes, size_t length);
