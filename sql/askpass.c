#include "sql/askpass.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

static void say(int fd, const char *text)
{
	ssize_t written = write(fd, text, strlen(text));

	(void)written; /* a terminal that cannot be written shows nothing */
}

/* What it watches while the terminal is silent. */
struct watch {
	int fd;        /* the terminal */
	int cancel_fd; /* or -1 */
	int signal_fd; /* readable while a signal waits; never read */
};

/*
 * Holds back the signals that would end the process, so that the terminal is as
 * it was when they do: they come when old is the mask again. Those that are
 * ignored stay so.
 */
static int hold_signals(sigset_t *old)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGTERM, SIGQUIT };
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct sigaction action;

		if (sigaction(numbers[i], NULL, &action) == 0 &&
		    action.sa_handler != SIG_IGN)
			sigaddset(&set, numbers[i]);
	}
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fd >= 0)
		pthread_sigmask(SIG_BLOCK, &set, old);
	return fd;
}

/* One byte, or false at the end, on an error and when cancelled. */
static bool read_byte(const struct watch *watch, char *c)
{
	struct pollfd pfds[] = { { .fd = watch->fd, .events = POLLIN },
		                 { .fd = watch->cancel_fd, .events = POLLIN },
		                 { .fd = watch->signal_fd, .events = POLLIN } };
	int ready;

	do
		ready = poll(pfds, 3, -1);
	while (ready < 0 && errno == EINTR);
	if (ready < 0 || pfds[1].revents != 0 || pfds[2].revents != 0)
		return false;
	return read(watch->fd, c, 1) == 1;
}

/* The terminal hands out each byte, since a signal key must not end the process
 * while it is silent: so the few editing keys are ours. */
static bool read_answer(const struct watch *watch, char *answer, size_t size,
                        struct err *err)
{
	enum { CTRL_C = 3, CTRL_D = 4, CTRL_U = 21, BACKSPACE = 8, DEL = 127 };
	size_t used = 0;
	char c;

	while (read_byte(watch, &c)) {
		if (c == '\n' || c == '\r' || c == CTRL_D) {
			answer[used] = '\0';
			return true;
		}
		if (c == CTRL_C)
			break;
		if (c == CTRL_U)
			used = 0;
		else if (c == BACKSPACE || c == DEL)
			used -= used > 0;
		else if (used + 1 < size)
			answer[used++] = c;
		else
			return err_set(err, ERR_INPUT,
			               "the password is too long");
	}
	return err_set(err, ERR_CANCELLED, "interrupted");
}

static bool ask(const struct watch *watch, const char *what, char *answer,
                size_t size, struct err *err)
{
	struct termios old, silent;
	bool ok;

	if (tcgetattr(watch->fd, &old) != 0)
		return err_errno(err, ERR_SYSTEM, errno, "no terminal");
	silent = old;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	silent.c_cc[VMIN] = 1;
	silent.c_cc[VTIME] = 0;
	/* Silent before it asks: who answers at once is not seen, nor lost. */
	tcsetattr(watch->fd, TCSAFLUSH, &silent);
	say(watch->fd, "password for ");
	say(watch->fd, what);
	say(watch->fd, ": ");
	ok = read_answer(watch, answer, size, err);
	if (!ok)
		explicit_bzero(answer, size);
	tcsetattr(watch->fd, TCSAFLUSH, &old);
	say(watch->fd, "\n");
	return ok;
}

bool askpass(const char *what, char *answer, size_t size, int cancel_fd,
             struct err *err)
{
	struct watch watch = { .cancel_fd = cancel_fd };
	sigset_t old;
	bool ok = false;

	watch.fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (watch.fd < 0)
		return err_errno(err, ERR_SYSTEM, errno, "no terminal");
	watch.signal_fd = hold_signals(&old);
	if (watch.signal_fd < 0) {
		err_errno(err, ERR_SYSTEM, errno, "signalfd");
	} else {
		ok = ask(&watch, what, answer, size, err);
		close(watch.signal_fd);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
	close(watch.fd);
	return ok;
}
