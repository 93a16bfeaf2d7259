#include "cli/log.h"

#include "cli/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static enum log_level most = LOG_NOTICE;

void log_set_level(enum log_level level)
{
	most = level;
}

void log_say(enum log_level level, const char *format, ...)
{
	struct text line = { 0 };
	char *words = NULL;
	va_list args;
	int length;

	if (level > most)
		return;
	va_start(args, format);
	length = vasprintf(&words, format, args);
	va_end(args);
	text_puts(&line, "sshinv: ");
	if (length >= 0)
		text_escape(&line, words, (size_t)length);
	else
		text_puts(&line, "out of memory for a message");
	text_puts(&line, "\n");
	/* There is nobody left to tell of a failure. */
	while (write(STDERR_FILENO, line.data, line.length) < 0 &&
	       errno == EINTR)
		;
	if (length >= 0)
		free(words);
	text_release(&line);
}
