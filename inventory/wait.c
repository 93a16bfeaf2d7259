#include "inventory/wait.h"

#include <errno.h>
#include <poll.h>

struct wait wait_at_most(const struct wait *wait, unsigned limit_ms)
{
	struct wait shorter = *wait;
	nanoseconds deadline = monotonic_ns() + limit_ms * NS_PER_MS;

	if (deadline < wait->deadline) {
		shorter.deadline = deadline;
		shorter.limit_ms = limit_ms;
	}
	return shorter;
}

static bool timed_out(const struct wait *wait, struct err *err)
{
	return err_set(err, ERR_TIMEOUT, "no answer in %g s",
	               wait->limit_ms / 1000.0);
}

static bool interrupted(struct err *err)
{
	return err_set(err, ERR_CANCELLED, "interrupted");
}

bool wait_ready(const struct wait *wait, int fd, short events, struct err *err)
{
	struct pollfd fds[2] = {
		{ .fd = fd, .events = events },
		{ .fd = wait->cancel_fd, .events = POLLIN }, /* -1: ignored */
	};

	for (;;) {
		int left_ms = deadline_poll_ms(wait->deadline);
		int ready = poll(fds, 2, left_ms);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready < 0)
			return err_errno(err, ERR_SYSTEM, errno, "poll");
		if (fds[1].revents != 0)
			return interrupted(err);
		/* A peer that always has something to say must not win over
		 * the deadline. */
		if (left_ms == 0)
			return timed_out(wait, err);
		if (ready > 0)
			return true;
	}
}

bool wait_cancelled(int cancel_fd)
{
	struct pollfd fd = { .fd = cancel_fd, .events = POLLIN };

	return cancel_fd >= 0 && poll(&fd, 1, 0) > 0;
}

bool wait_check(const struct wait *wait, struct err *err)
{
	if (wait_cancelled(wait->cancel_fd))
		return interrupted(err);
	if (monotonic_ns() >= wait->deadline)
		return timed_out(wait, err);
	return true;
}
