#include "inventory/hostfile.h"

#include "inventory/hostset.h"
#include "inventory/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct hostfile {
	char *name;
	int fd;
	int cancel_fd;
	uint16_t default_port;
	bool at_end;
	bool exposed;
	bool too_long; /* the line that is being read; its front was dropped */
	size_t line;   /* the last one taken */

	/* Unread bytes are buf[begin, end); the rest is wiped. */
	size_t begin, end;
	char buf[2 * HOSTFILE_LINE_MAX];

	struct hostset seen; /* with the line of each */
};

bool hostfile_open(struct hostfile **file, const char *path,
                   uint16_t default_port, int cancel_fd, struct err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	struct hostfile *f = calloc(1, sizeof(*f));
	struct stat st;

	if (f == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	f->fd = -1;
	f->cancel_fd = cancel_fd;
	f->default_port = default_port;
	f->name = strdup(is_stdin ? "standard input" : path);
	if (f->name == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto fail;
	}
	f->fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0 || fstat(f->fd, &st) != 0) {
		err_errno(err, ERR_INPUT, errno, "cannot open '%s'", f->name);
		goto fail;
	}
	if (S_ISDIR(st.st_mode)) {
		err_errno(err, ERR_INPUT, EISDIR, "cannot read '%s'", f->name);
		goto fail;
	}
	f->exposed = S_ISREG(st.st_mode) && (st.st_mode & S_IROTH) != 0;
	*file = f;
	return true;
fail:
	hostfile_close(f);
	return false;
}

bool hostfile_is_exposed(const struct hostfile *file)
{
	return file->exposed;
}

bool hostfile_is(const struct hostfile *file, const char *path)
{
	struct stat ours, other;

	return fstat(file->fd, &ours) == 0 && stat(path, &other) == 0 &&
	       S_ISREG(ours.st_mode) && ours.st_dev == other.st_dev &&
	       ours.st_ino == other.st_ino;
}

enum hostfile_hold hostfile_hold(const struct hostfile *file, bool alone)
{
	struct stat st;

	if (fstat(file->fd, &st) != 0 || !S_ISREG(st.st_mode))
		return HOSTFILE_CANNOT_HOLD;
	if (alone && flock(file->fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? HOSTFILE_HELD
		                            : HOSTFILE_CANNOT_HOLD;
	return flock(file->fd, LOCK_SH | LOCK_NB) == 0 ? HOSTFILE_HOLDS
	                                               : HOSTFILE_HELD;
}

const char *hostfile_name(const struct hostfile *file)
{
	return file->name;
}

void hostfile_close(struct hostfile *file)
{
	if (file == NULL)
		return;
	if (file->fd > STDERR_FILENO)
		close(file->fd);
	explicit_bzero(file->buf, sizeof(file->buf));
	hostset_release(&file->seen);
	free(file->name);
	free(file);
}

/* Waits for input; HOST_END at the end of the run, HOST_NOT_YET when the caller
 * is wanted elsewhere. What can be read comes first. */
static enum host_read wait_for_input(const struct hostfile *file,
                                     const struct hostfile_wake *wake)
{
	struct pollfd fds[3] = {
		{ .fd = file->fd, .events = POLLIN },
		{ .fd = file->cancel_fd, .events = POLLIN }, /* -1: ignored */
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
static void make_room(struct hostfile *file)
{
	size_t unread = file->end - file->begin;

	memmove(file->buf, file->buf + file->begin, unread);
	explicit_bzero(file->buf + unread, sizeof(file->buf) - unread);
	file->begin = 0;
	file->end = unread;
}

/* Reads more bytes. HOST_READ: there are more, or the end was met. */
static enum host_read fill(struct hostfile *file,
                           const struct hostfile_wake *wake, struct err *err)
{
	ssize_t got;

	make_room(file);
	do {
		enum host_read waited = wait_for_input(file, wake);

		if (waited != HOST_READ)
			return waited;
		got = read(file->fd, file->buf + file->end,
		           sizeof(file->buf) - file->end);
	} while (got < 0 && (errno == EINTR || errno == EAGAIN));
	if (got < 0) {
		err_errno(err, ERR_INPUT, errno, "cannot read '%s'",
		          file->name);
		return HOST_FAILED;
	}
	if (got == 0)
		file->at_end = true;
	file->end += (size_t)got;
	return HOST_READ;
}

static void consume(struct hostfile *file, size_t length)
{
	explicit_bzero(file->buf + file->begin, length);
	file->begin += length;
}

/*
 * Finds the next line: *length bytes from buf[begin], and *taken with its end.
 * HOST_BAD: the line is too long, and was passed over.
 */
static enum host_read next_line(struct hostfile *file, size_t *length,
                                size_t *taken, const struct hostfile_wake *wake,
                                struct err *err)
{

	for (;;) {
		const char *begin = file->buf + file->begin;
		size_t unread = file->end - file->begin;
		const char *newline = memchr(begin, '\n', unread);
		enum host_read got;

		if (newline != NULL || (file->at_end && unread > 0)) {
			*length = newline != NULL ? (size_t)(newline - begin)
			                          : unread;
			*taken = newline != NULL ? *length + 1 : *length;
			if (*length > 0 && begin[*length - 1] == '\r')
				--*length;
			file->too_long |= *length > HOSTFILE_LINE_MAX;
			break;
		}
		if (file->at_end && !file->too_long)
			return HOST_END;
		if (file->at_end) {
			*taken = 0;
			break;
		}
		if (unread > HOSTFILE_LINE_MAX + 1) {
			file->too_long = true;
			consume(file, unread);
		}
		got = fill(file, wake, err);
		if (got != HOST_READ)
			return got;
	}
	file->line++;
	if (!file->too_long)
		return HOST_READ;
	file->too_long = false;
	consume(file, *taken);
	err_set(err, ERR_INPUT, "%s:%zu: line over %d bytes", file->name,
	        file->line, HOSTFILE_LINE_MAX);
	return HOST_BAD;
}

/* HOST_READ for a new host, which is remembered. */
static enum host_read check_repeat(struct hostfile *file,
                                   const struct host *host, struct err *err)
{
	uint32_t before = 0;

	if (!hostset_add(&file->seen, host->ip, host->port,
	                 (uint32_t)file->line, &before)) {
		err_set(err, ERR_SYSTEM, "%s:%zu: out of memory", file->name,
		        file->line);
		return HOST_FAILED;
	}
	if (before == 0)
		return HOST_READ;
	err_set(err, ERR_INPUT,
	        "%s:%zu: %s port %u was on line %u already; it is probed once",
	        file->name, file->line, host->ip, (unsigned)host->port,
	        (unsigned)before);
	return HOST_REPEATED;
}

static size_t byte_order_mark(const struct hostfile *file, size_t length)
{
	const char *begin = file->buf + file->begin;

	return file->line == 1 && length >= 3 &&
	               memcmp(begin, "\xEF\xBB\xBF", 3) == 0
	           ? 3
	           : 0;
}

enum host_read hostfile_next(struct hostfile *file, struct host *host,
                             const struct hostfile_wake *wake, struct err *err)
{
	for (;;) {
		size_t length = 0, taken = 0, mark;
		const char *line;
		enum host_read got;
		bool blank, parsed;

		if (wait_cancelled(file->cancel_fd))
			return HOST_END;
		got = next_line(file, &length, &taken, wake, err);
		if (got != HOST_READ)
			return got;
		mark = byte_order_mark(file, length);
		line = file->buf + file->begin + mark;
		length -= mark;
		blank = host_line_is_blank(line, length);
		parsed = !blank && host_parse(host, line, length,
		                              file->default_port, err);
		consume(file, taken);
		if (blank)
			continue;
		if (!parsed) {
			err_prefix(err, "%s:%zu", file->name, file->line);
			return HOST_BAD;
		}
		host->line = file->line;
		got = check_repeat(file, host, err);
		if (got != HOST_READ)
			host_wipe(host);
		return got;
	}
}
