#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define GRACE_NS (NS_PER_S / 4)
#define PAUSE_MS 10

int output_reopen_terminal(int fd)
{
	char path[32];
	int own;

	if (!isatty(fd))
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return own >= 0 ? own : fd;
}

bool output_open(struct output *output, const char *path, int cancel_fd,
                 struct err *err)
{
	struct stat st;
	int fd;

	if (path == NULL)
		fd = output_reopen_terminal(STDOUT_FILENO);
	else
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || fstat(fd, &st) != 0)
		return err_errno(err, path != NULL ? ERR_INPUT : ERR_SYSTEM,
		                 errno, "cannot write '%s'",
		                 path != NULL ? path : "standard output");
	*output = (struct output){ .lock = PTHREAD_MUTEX_INITIALIZER,
		                   .fd = fd,
		                   .cancel_fd = cancel_fd,
		                   .in_pieces = !S_ISREG(st.st_mode) };
	return true;
}

/*
 * Waits for room. False when the run has ended and the grace is over, too. The
 * cancel descriptor stays readable for ever, so it is polled until seen once.
 */
static bool wait_for_room(struct output *output)
{
	for (;;) {
		bool ending = output->grace != 0;
		struct pollfd fds[2] = {
			{ .fd = output->fd, .events = POLLOUT },
			{ .fd = ending ? -1 : output->cancel_fd,
			  .events = POLLIN },
		};
		int ready =
		    poll(fds, 2, ending ? deadline_poll_ms(output->grace) : -1);

		if (ready < 0 && errno != EINTR)
			return false;
		if (ready > 0 && fds[0].revents != 0)
			return true;
		if (ready > 0)
			output->grace = monotonic_ns() + GRACE_NS;
		if (ready == 0 && ending)
			return false;
	}
}

/* Some terminals tell of room that is too little for the next byte. False when
 * the grace is over. */
static bool pause_briefly(struct output *output)
{
	bool ending = output->grace != 0;
	struct pollfd fd = { .fd = ending ? -1 : output->cancel_fd,
		             .events = POLLIN };

	if (poll(&fd, 1, PAUSE_MS) > 0)
		output->grace = monotonic_ns() + GRACE_NS;
	return !ending || monotonic_ns() < output->grace;
}

/* Returns 0 or an errno value; ETIMEDOUT when the reader is too slow to end. */
static int write_all(struct output *output, const char *line, size_t length)
{
	while (length > 0) {
		size_t piece = length;
		ssize_t written;

		if (output->in_pieces) {
			/* A pipe that polls writable takes this much at least
			 * without blocking, and not one byte more. */
			if (piece > PIPE_BUF)
				piece = PIPE_BUF;
			if (!wait_for_room(output))
				return ETIMEDOUT;
		}
		written = write(output->fd, line, piece);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0 && errno == EAGAIN) {
			if (!pause_briefly(output))
				return ETIMEDOUT;
			continue;
		}
		if (written < 0)
			return errno;
		line += written;
		length -= (size_t)written;
	}
	return 0;
}

bool output_write(struct output *output, const char *line, size_t length,
                  enum output_state *state, struct err *err)
{
	int failed = 0;

	pthread_mutex_lock(&output->lock);
	if (output->state == OUTPUT_OPEN) {
		failed = write_all(output, line, length);
		if (failed == EPIPE)
			output->state = OUTPUT_CLOSED;
		else if (failed != 0)
			output->state = OUTPUT_FAILED;
	}
	*state = output->state;
	pthread_mutex_unlock(&output->lock);
	if (failed == ETIMEDOUT)
		err_set(err, ERR_SYSTEM,
		        "cannot write the results: nobody reads them");
	else if (*state == OUTPUT_FAILED && failed != 0)
		err_errno(err, ERR_SYSTEM, failed, "cannot write the results");
	return *state == OUTPUT_OPEN;
}

bool output_close(struct output *output, struct err *err)
{
	bool ours = output->fd != STDOUT_FILENO;

	pthread_mutex_destroy(&output->lock);
	if (ours && close(output->fd) != 0 && errno != EINTR)
		return err_errno(err, ERR_SYSTEM, errno,
		                 "cannot write the results");
	return true;
}
