#include "cli/log.h"

#include "cli/text.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static enum log_level most = LOG_NOTICE;
static int end_fd = -1;

void log_set_level(enum log_level level)
{
	most = level;
}

void log_set_end(int fd)
{
	end_fd = fd;
}

/* Whether a line may be written: a pipe that polls writable takes PIPE_BUF
 * bytes, which is more than most of ours. */
static bool wait_for_room(bool patient)
{
	struct pollfd fds[2] = {
		{ .fd = STDERR_FILENO, .events = POLLOUT },
		{ .fd = end_fd, .events = POLLIN },
	};

	while (poll(fds, 2, patient ? -1 : 0) < 0) {
		if (errno != EINTR)
			return true; /* write() will say why */
	}
	return fds[0].revents != 0;
}

__attribute__((format(printf, 2, 0))) static bool
write_line(bool patient, const char *format, va_list args)
{
	struct text line = { 0 };
	char *words = NULL;
	int length;
	bool room = wait_for_room(patient);

	if (!room)
		return false;
	length = vasprintf(&words, format, args);
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
	return true;
}

void log_say(enum log_level level, const char *format, ...)
{
	va_list args;

	if (level > most)
		return;
	va_start(args, format);
	write_line(true, format, args);
	va_end(args);
}

bool log_try(enum log_level level, const char *format, ...)
{
	va_list args;
	bool written;

	if (level > most)
		return true;
	va_start(args, format);
	written = write_line(false, format, args);
	va_end(args);
	return written;
}
