#include "cli/watch.h"

#include "cli/log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Of the hosts in flight when the first signal comes: who has time for more
 * asks with SIGUSR1. */
#define REPORT_AT_END 10

static bool is_ignored(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 &&
	       action.sa_handler == SIG_IGN;
}

static void take(struct watch *watch, int number)
{
	const struct watch_settings *settings = &watch->settings;

	if (number == SIGUSR1) {
		settings->report(settings->arg, SIZE_MAX);
		return;
	}
	if (atomic_load(&watch->first) != 0)
		_exit(128 + number);
	atomic_store(&watch->first, number);
	log_try(LOG_NOTICE,
	        "ending the hosts in flight; once more quits at once");
	settings->report(settings->arg, REPORT_AT_END);
	cancel_fire(settings->cancel);
}

/* The times of the run's end, as far as it has come. */
struct end {
	bool begun, hurried;
	nanoseconds hurry_at;
};

static void go_on_ending(const struct watch *watch, struct end *end)
{
	const struct watch_settings *settings = &watch->settings;

	if (!end->begun && cancel_fired(settings->cancel)) {
		end->begun = true;
		end->hurry_at = monotonic_ns() + WATCH_PATIENCE;
	}
	if (!end->begun || end->hurried || monotonic_ns() < end->hurry_at)
		return;
	end->hurried = true;
	cancel_fire(settings->hurry);
	settings->hurry_up(settings->arg);
}

static void *run(void *arg)
{
	struct watch *watch = arg;
	struct end end = { .begun = false };

	for (;;) {
		struct signalfd_siginfo info;
		struct pollfd fds[3] = {
			{ .fd = watch->fd, .events = POLLIN },
			{ .fd = watch->closing.fd, .events = POLLIN },
			{ .fd = end.begun ? -1 : watch->settings.cancel->fd,
			  .events = POLLIN },
		};
		int limit = end.begun && !end.hurried
		                ? deadline_poll_ms(end.hurry_at)
		                : -1;

		if (poll(fds, 3, limit) < 0 && errno != EINTR)
			return NULL;
		if (fds[0].revents != 0 &&
		    read(watch->fd, &info, sizeof(info)) ==
		        (ssize_t)sizeof(info))
			take(watch, (int)info.ssi_signo);
		else if (fds[1].revents != 0)
			return NULL;
		go_on_ending(watch, &end);
	}
}

void watch_prepare(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

bool watch_open(struct watch *watch, const struct watch_settings *settings,
                struct err *err)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGTERM, SIGUSR1 };
	sigset_t set, before;
	int failed;

	watch->settings = *settings;
	atomic_init(&watch->first, 0);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (!is_ignored(numbers[i]))
			sigaddset(&set, numbers[i]);
	}
	pthread_sigmask(SIG_BLOCK, &set, &before);
	signal(SIGPIPE, SIG_IGN);
	failed = cancel_open(&watch->closing);
	if (failed != 0)
		return err_errno(err, ERR_SYSTEM, failed, "eventfd");
	watch->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (watch->fd < 0) {
		err_errno(err, ERR_SYSTEM, errno, "signalfd");
		cancel_close(&watch->closing);
		return false;
	}
	failed = pthread_create(&watch->thread, NULL, run, watch);
	if (failed == 0)
		return true;
	close(watch->fd);
	watch->fd = -1;
	cancel_close(&watch->closing);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	log_say(LOG_NOTICE,
	        "warning: no thread could be started to watch for signals: "
	        "they end the process at once");
	return true;
}

int watch_signal(const struct watch *watch)
{
	return atomic_load(&watch->first);
}

void watch_close(struct watch *watch)
{
	if (watch->fd < 0)
		return;
	cancel_fire(&watch->closing);
	pthread_join(watch->thread, NULL);
	close(watch->fd);
	watch->fd = -1;
	cancel_close(&watch->closing);
}
