#include "cli/log.h"

#include "cli/output.h"
#include "cli/text.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PAUSE_MS 10

static enum log_level most = LOG_NOTICE;
static int end_fd = -1;
static int out_fd = STDERR_FILENO;

/* One line at a time: what poll() says of room holds for one of us only. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void log_open(void)
{
	out_fd = output_reopen_terminal(STDERR_FILENO);
}

void log_set_level(enum log_level level)
{
	most = level;
}

void log_set_end(int fd)
{
	end_fd = fd;
}

/* A pipe that polls writable takes PIPE_BUF bytes. */
static bool wait_for_room(bool patient)
{
	struct pollfd fds[2] = {
		{ .fd = out_fd, .events = POLLOUT },
		{ .fd = end_fd, .events = POLLIN },
	};

	while (poll(fds, 2, patient ? -1 : 0) < 0) {
		if (errno != EINTR)
			return true; /* write() will say why */
	}
	return fds[0].revents != 0;
}

/* Some terminals tell of room that is too little for the next byte. False at
 * the end. */
static bool pause_briefly(void)
{
	struct pollfd end = { .fd = end_fd, .events = POLLIN };

	return poll(&end, 1, PAUSE_MS) <= 0;
}

/* True when something was written, or cannot be, for there is nobody left to
 * tell of a failure. */
static bool write_all(bool patient, const char *line, size_t length)
{
	size_t done = 0;

	while (done < length) {
		size_t piece = length - done;
		ssize_t written;

		if (!wait_for_room(patient))
			break;
		if (piece > PIPE_BUF)
			piece = PIPE_BUF;
		written = write(out_fd, line + done, piece);
		if (written > 0)
			done += (size_t)written;
		else if (errno == EAGAIN && !(patient && pause_briefly()))
			break;
		else if (errno != EINTR && errno != EAGAIN)
			return true;
	}
	return done > 0;
}

__attribute__((format(printf, 1, 0))) static struct text
make_line(const char *format, va_list args)
{
	struct text line = { 0 };
	char *words = NULL;
	int length = vasprintf(&words, format, args);

	text_puts(&line, "sshinv: ");
	if (length >= 0)
		text_escape(&line, words, (size_t)length);
	else
		text_puts(&line, "out of memory for a message");
	text_puts(&line, "\n");
	if (length >= 0)
		free(words);
	return line;
}

void log_say(enum log_level level, const char *format, ...)
{
	struct text line;
	va_list args;

	if (level > most)
		return;
	va_start(args, format);
	line = make_line(format, args);
	va_end(args);
	pthread_mutex_lock(&lock);
	write_all(true, line.data, line.length);
	pthread_mutex_unlock(&lock);
	text_release(&line);
}

bool log_try(enum log_level level, const char *format, ...)
{
	struct text line;
	va_list args;
	bool written = false;

	if (level > most)
		return true;
	va_start(args, format);
	line = make_line(format, args);
	va_end(args);
	if (pthread_mutex_trylock(&lock) == 0) {
		written = write_all(false, line.data, line.length);
		pthread_mutex_unlock(&lock);
	}
	text_release(&line);
	return written;
}
