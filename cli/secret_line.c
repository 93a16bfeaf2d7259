#include "cli/secret_line.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

void secret_line_begin(struct secret_line *line, char *bytes, size_t size)
{
	*line = (struct secret_line){ .bytes = bytes, .size = size };
	bytes[0] = '\0';
}

void secret_line_feed(struct secret_line *line, const char *piece,
                      size_t length)
{
	for (size_t i = 0; i < length && !line->ended; i++) {
		if (piece[i] == '\n')
			line->ended = true;
		else if (piece[i] == '\0')
			line->has_nul = true;
		else if (line->length + 1 == line->size)
			line->too_long = true;
		else
			line->bytes[line->length++] = piece[i];
	}
	line->bytes[line->length] = '\0';
}

bool secret_line_finish(struct secret_line *line, const char *what,
                        struct err *err)
{
	if (line->too_long)
		return err_set(err, ERR_INPUT,
		               "%s: the line is longer than %zu bytes", what,
		               line->size - 1);
	if (line->has_nul)
		return err_set(err, ERR_INPUT, "%s: a NUL in the password",
		               what);
	if (line->ended && line->length > 0 &&
	    line->bytes[line->length - 1] == '\r')
		line->bytes[--line->length] = '\0';
	if (line->length == 0)
		return err_set(err, ERR_INPUT, "%s: no password, an empty line",
		               what);
	return true;
}

/* 1: a byte; 0: the end; -1: err. */
static int read_byte(int fd, int cancel_fd, const char *what, char *byte,
                     struct err *err)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN },
		                { .fd = cancel_fd, .events = POLLIN } };

	for (;;) {
		ssize_t got;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents != 0) {
			err_set(err, ERR_CANCELLED, "interrupted");
			return -1;
		}
		if (fds[0].revents == 0)
			continue;
		got = read(fd, byte, 1);
		if (got >= 0)
			return (int)got;
		if (errno != EINTR && errno != EAGAIN)
			break;
	}
	err_errno(err, ERR_INPUT, errno, "cannot read %s", what);
	return -1;
}

bool secret_line_read(int fd, int cancel_fd, const char *what, char *bytes,
                      size_t size, struct err *err)
{
	struct secret_line line;
	char byte;
	int got;

	secret_line_begin(&line, bytes, size);
	/* The end of a line that will not do is not waited for. */
	do {
		got = read_byte(fd, cancel_fd, what, &byte, err);
		if (got > 0)
			secret_line_feed(&line, &byte, 1);
	} while (got > 0 && !line.ended && !line.too_long && !line.has_nul);
	explicit_bzero(&byte, 1);
	return got >= 0 && secret_line_finish(&line, what, err);
}
