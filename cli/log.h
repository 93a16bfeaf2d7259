#pragma once

#include <stdbool.h>

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

/* At the start: a terminal gets a descriptor of our own, so that one that takes
 * no more (^S) blocks nobody for ever. Without it lines go to descriptor 2. */
void log_open(void);

/* Before the first thread. Until then LOG_NOTICE. */
void log_set_level(enum log_level level);

/* From now on nobody waits for room on standard error once fd is readable; -1
 * (as at the start) waits for ever. Before the first thread and after the last.
 */
void log_set_end(int fd);

/* Waits for room where standard error is a full pipe or a stopped terminal. */
void log_say(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Never waits: false when nothing was written for want of room, or because
 * somebody else is writing. */
bool log_try(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
