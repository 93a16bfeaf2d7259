#include "inventory/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void append_errno(char *text, size_t size, int errnum)
{
	char buf[128];
	size_t used = strlen(text);

	/* The GNU version: the result may or may not be in buf. */
	snprintf(text + used, size - used, ": %s",
	         strerror_r(errnum, buf, sizeof(buf)));
}

bool err_set(struct err *err, enum err_kind kind, const char *format, ...)
{
	va_list args;

	err->kind = kind;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return false;
}

bool err_errno(struct err *err, enum err_kind kind, int errnum,
               const char *format, ...)
{
	va_list args;

	err->kind = kind;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	append_errno(err->text, sizeof(err->text), errnum);
	return false;
}

bool err_prefix(struct err *err, const char *format, ...)
{
	char words[ERR_TEXT_SIZE];
	va_list args;
	int written;
	size_t used;

	va_start(args, format);
	written = vsnprintf(words, sizeof(words) - 2, format, args);
	va_end(args);
	if (written < 0)
		return false;
	used = strlen(words);
	memcpy(words + used, ": ", 3);
	used += 2;
	/* Both are of one size: what does not fit is the old text's tail. */
	snprintf(words + used, sizeof(words) - used, "%.*s",
	         (int)(sizeof(words) - used - 1), err->text);
	memcpy(err->text, words, sizeof(words));
	return false;
}
