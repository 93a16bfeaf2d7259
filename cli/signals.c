#include "cli/signals.h"

#include "cli/log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <unistd.h>

static bool is_ignored(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 &&
	       action.sa_handler == SIG_IGN;
}

/* Nobody reads it: this thread must not be the next to wait there, for the
 * second signal has to end the process whoever else is stuck. */
static bool stderr_is_full(void)
{
	struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&fd, 1, 0) != 1;
}

static void take(struct signals *signals, int number)
{
	if (atomic_load(&signals->first) != 0)
		_exit(128 + number);
	atomic_store(&signals->first, number);
	cancel_fire(signals->cancel);
	if (!stderr_is_full())
		log_say(LOG_NOTICE,
		        "ending the hosts in flight; once more quits at once");
}

static void *watch(void *arg)
{
	struct signals *signals = arg;
	struct pollfd fds[2] = {
		{ .fd = signals->fd, .events = POLLIN },
		{ .fd = signals->closing.fd, .events = POLLIN },
	};

	for (;;) {
		struct signalfd_siginfo info;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return NULL;
		if (fds[0].revents != 0 &&
		    read(signals->fd, &info, sizeof(info)) ==
		        (ssize_t)sizeof(info))
			take(signals, (int)info.ssi_signo);
		else if (fds[1].revents != 0)
			return NULL;
	}
}

bool signals_open(struct signals *signals, const struct cancel *cancel,
                  struct err *err)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGTERM };
	sigset_t set;
	int failed;

	signals->cancel = cancel;
	atomic_init(&signals->first, 0);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (!is_ignored(numbers[i]))
			sigaddset(&set, numbers[i]);
	}
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	failed = cancel_open(&signals->closing);
	if (failed != 0)
		return err_errno(err, ERR_SYSTEM, failed, "eventfd");
	signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals->fd < 0) {
		err_errno(err, ERR_SYSTEM, errno, "signalfd");
		goto fail_closing;
	}
	failed = pthread_create(&signals->thread, NULL, watch, signals);
	if (failed != 0) {
		err_errno(err, ERR_SYSTEM, failed, "cannot start a thread");
		goto fail_fd;
	}
	return true;
fail_fd:
	close(signals->fd);
	signals->fd = -1;
fail_closing:
	cancel_close(&signals->closing);
	return false;
}

int signals_seen(const struct signals *signals)
{
	return atomic_load(&signals->first);
}

void signals_close(struct signals *signals)
{
	if (signals->fd < 0)
		return;
	cancel_fire(&signals->closing);
	pthread_join(signals->thread, NULL);
	close(signals->fd);
	signals->fd = -1;
	cancel_close(&signals->closing);
}
