#include "inventory/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool lines_open(struct lines *lines, const char *path, int cancel_fd,
                struct err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	struct stat st;

	memset(lines, 0, sizeof(*lines));
	lines->fd = -1;
	lines->cancel_fd = cancel_fd;
	lines->name = strdup(is_stdin ? "standard input" : path);
	if (lines->name == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	lines->fd = is_stdin ? STDIN_FILENO
	                     : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (lines->fd < 0 || fstat(lines->fd, &st) != 0)
		return err_errno(err, ERR_INPUT, errno, "cannot open '%s'",
		                 lines->name);
	if (S_ISDIR(st.st_mode))
		return err_errno(err, ERR_INPUT, EISDIR, "cannot read '%s'",
		                 lines->name);
	return true;
}

void lines_release(struct lines *lines)
{
	if (lines->fd > STDERR_FILENO)
		close(lines->fd);
	explicit_bzero(lines->buf, sizeof(lines->buf));
	free(lines->name);
	lines->name = NULL;
	lines->fd = -1;
}

/* Waits for input; HOST_END at the end of the run, HOST_NOT_YET when the caller
 * is wanted elsewhere. What can be read comes first. */
static enum host_read wait_for_input(const struct lines *lines,
                                     const struct hostfile_wake *wake)
{
	struct pollfd fds[3] = {
		{ .fd = lines->fd, .events = POLLIN },
		{ .fd = lines->cancel_fd, .events = POLLIN }, /* -1: ignored */
		{ .fd = wake != NULL ? wake->fd : -1, .events = POLLIN },
	};
	int limit = wake != NULL && wake->until != 0
	                ? deadline_poll_ms(wake->until)
	                : -1;
	int ready;

	while ((ready = poll(fds, 3, limit)) < 0 && errno == EINTR)
		;
	if (fds[1].revents != 0)
		return HOST_END;
	if (ready < 0 || fds[0].revents != 0) /* read() says why, or reads */
		return HOST_READ;
	return HOST_NOT_YET;
}

/* Puts the unread bytes to the front, so that the rest of a line fits. */
static void make_room(struct lines *lines)
{
	size_t unread = lines->end - lines->begin;

	memmove(lines->buf, lines->buf + lines->begin, unread);
	explicit_bzero(lines->buf + unread, sizeof(lines->buf) - unread);
	lines->begin = 0;
	lines->end = unread;
}

/* Reads more bytes. HOST_READ: there are more, or the end was met. */
static enum host_read fill(struct lines *lines,
                           const struct hostfile_wake *wake, struct err *err)
{
	ssize_t got;

	make_room(lines);
	do {
		enum host_read waited = wait_for_input(lines, wake);

		if (waited != HOST_READ)
			return waited;
		got = read(lines->fd, lines->buf + lines->end,
		           sizeof(lines->buf) - lines->end);
	} while (got < 0 && (errno == EINTR || errno == EAGAIN));
	if (got < 0) {
		err_errno(err, ERR_INPUT, errno, "cannot read '%s'",
		          lines->name);
		return HOST_FAILED;
	}
	if (got == 0)
		lines->at_end = true;
	lines->end += (size_t)got;
	return HOST_READ;
}

static void consume(struct lines *lines, size_t length)
{
	explicit_bzero(lines->buf + lines->begin, length);
	lines->begin += length;
}

void lines_forget(struct lines *lines)
{
	consume(lines, lines->taken);
	lines->taken = 0;
}

/* Finds the next line: *length bytes from buf[begin], and lines->taken with its
 * end. */
static enum host_read find_line(struct lines *lines, size_t *length,
                                const struct hostfile_wake *wake,
                                struct err *err)
{
	for (;;) {
		const char *begin = lines->buf + lines->begin;
		size_t unread = lines->end - lines->begin;
		const char *newline = memchr(begin, '\n', unread);
		enum host_read got;

		if (newline != NULL || (lines->at_end && unread > 0)) {
			*length = newline != NULL ? (size_t)(newline - begin)
			                          : unread;
			lines->taken = newline != NULL ? *length + 1 : *length;
			if (*length > 0 && begin[*length - 1] == '\r')
				--*length;
			lines->too_long |= *length > LINES_LINE_MAX;
			return HOST_READ;
		}
		if (lines->at_end)
			return lines->too_long ? HOST_READ : HOST_END;
		if (unread > LINES_LINE_MAX + 1) {
			lines->too_long = true;
			consume(lines, unread);
		}
		got = fill(lines, wake, err);
		if (got != HOST_READ)
			return got;
	}
}

static size_t byte_order_mark(const struct lines *lines, size_t length)
{
	const char *begin = lines->buf + lines->begin;

	return lines->line == 1 && length >= 3 &&
	               memcmp(begin, "\xEF\xBB\xBF", 3) == 0
	           ? 3
	           : 0;
}

enum host_read lines_next(struct lines *lines, const struct hostfile_wake *wake,
                          const char **line, size_t *length, struct err *err)
{
	size_t found = 0, mark;
	enum host_read got;

	lines_forget(lines);
	got = find_line(lines, &found, wake, err);
	if (got != HOST_READ)
		return got;
	lines->line++;
	if (lines->too_long) {
		lines->too_long = false;
		lines_forget(lines);
		err_set(err, ERR_INPUT, "%s:%zu: line over %d bytes",
		        lines->name, lines->line, LINES_LINE_MAX);
		return HOST_BAD;
	}
	mark = byte_order_mark(lines, found);
	*line = lines->buf + lines->begin + mark;
	*length = found - mark;
	return HOST_READ;
}
