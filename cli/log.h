#pragma once

/*
 * The only way to standard error: whole lines, written at once, that begin with
 * the program's name; bytes from elsewhere are escaped. From any thread.
 */

enum log_level {
	LOG_ERROR,  /* always */
	LOG_NOTICE, /* warnings, the summary: unless --quiet */
	LOG_INFO,   /* -v */
	LOG_DEBUG   /* -vv */
};

/* Before the first thread. Until then LOG_NOTICE. */
void log_set_level(enum log_level level);

void log_say(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
