#include "inventory/terminal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

bool terminal_hold(struct terminal *terminal)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGTERM, SIGQUIT };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct sigaction action;

		if (sigaction(numbers[i], NULL, &action) == 0 &&
		    action.sa_handler != SIG_IGN)
			sigaddset(&set, numbers[i]);
	}
	memset(terminal, 0, sizeof(*terminal));
	terminal->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (terminal->signal_fd < 0)
		return false;
	pthread_sigmask(SIG_BLOCK, &set, &terminal->mask);
	terminal->fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (terminal->fd >= 0 &&
	    tcgetattr(terminal->fd, &terminal->before) != 0) {
		close(terminal->fd);
		terminal->fd = -1;
	}
	return true;
}

static bool differ(const struct termios *a, const struct termios *b)
{
	return a->c_iflag != b->c_iflag || a->c_oflag != b->c_oflag ||
	       a->c_cflag != b->c_cflag || a->c_lflag != b->c_lflag ||
	       memcmp(a->c_cc, b->c_cc, sizeof(a->c_cc)) != 0;
}

void terminal_release(struct terminal *terminal)
{
	struct termios now;

	/* In the background it would stop us, and is somebody else's. */
	if (terminal->fd >= 0 && tcgetpgrp(terminal->fd) == getpgrp() &&
	    tcgetattr(terminal->fd, &now) == 0 &&
	    differ(&now, &terminal->before))
		tcsetattr(terminal->fd, TCSAFLUSH, &terminal->before);
	if (terminal->fd >= 0)
		close(terminal->fd);
	close(terminal->signal_fd);
	pthread_sigmask(SIG_SETMASK, &terminal->mask, NULL);
}
