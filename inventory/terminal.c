#include "inventory/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static bool is_one_of(int number, const int *numbers)
{
	while (*numbers != 0 && *numbers != number)
		numbers++;
	return *numbers != 0;
}

/* Whether it would end the process, and the terminal stay as it is (signal(7)).
 * The first four are our own end even where they are blocked; others may be
 * somebody's who blocks or handles them. */
static bool ends_us(int number, const sigset_t *mask)
{
	static const int ends[] = { SIGHUP, SIGINT, SIGTERM, SIGQUIT, 0 };
	static const int others[] = { SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN,
		                      SIGTTOU, SIGCONT, SIGCHLD, SIGURG,
		                      SIGWINCH,
		                      /* Faults, which do not wait. */
		                      SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP,
		                      SIGSYS, SIGABRT, 0 };
	struct sigaction action;

	if (is_one_of(number, others) || sigaction(number, NULL, &action) != 0)
		return false;
	if (is_one_of(number, ends))
		return action.sa_handler != SIG_IGN;
	return action.sa_handler == SIG_DFL && sigismember(mask, number) == 0;
}

static void remember(struct terminal *terminal)
{
	terminal->remembered = tcgetattr(terminal->fd, &terminal->before) == 0;
}

static bool is_in_background(const struct terminal *terminal)
{
	return tcgetpgrp(terminal->fd) != getpgrp();
}

bool terminal_hold(struct terminal *terminal)
{
	sigset_t set;

	memset(terminal, 0, sizeof(*terminal));
	if (pthread_sigmask(SIG_SETMASK, NULL, &terminal->mask) != 0)
		return false;
	sigemptyset(&set);
	for (int number = 1; number <= SIGRTMAX; number++) {
		if (ends_us(number, &terminal->mask))
			sigaddset(&set, number);
	}
	terminal->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (terminal->signal_fd < 0)
		return false;
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	terminal->fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (terminal->fd >= 0 && !is_in_background(terminal))
		remember(terminal);
	return true;
}

bool terminal_take(struct terminal *terminal)
{
	int failed = 0;

	if (terminal->remembered)
		return true;
	/* It changes nothing, and stops us like what does. */
	do
		failed = tcdrain(terminal->fd);
	while (failed != 0 && errno == EINTR);
	if (failed == 0)
		remember(terminal);
	return terminal->remembered;
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
	if (terminal->remembered && !is_in_background(terminal) &&
	    tcgetattr(terminal->fd, &now) == 0 &&
	    differ(&now, &terminal->before))
		tcsetattr(terminal->fd, TCSAFLUSH, &terminal->before);
	if (terminal->fd >= 0)
		close(terminal->fd);
	close(terminal->signal_fd);
	pthread_sigmask(SIG_SETMASK, &terminal->mask, NULL);
}
