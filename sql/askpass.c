#include "sql/askpass.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static void say(int fd, const char *text)
{
	ssize_t written = write(fd, text, strlen(text));

	(void)written; /* a terminal that cannot be written shows nothing */
}

/* One byte, or false at the end, on an error and when cancelled. */
static bool read_byte(int fd, int cancel_fd, char *c)
{
	struct pollfd pfds[] = { { .fd = fd, .events = POLLIN },
		                 { .fd = cancel_fd, .events = POLLIN } };
	int ready;

	do
		ready = poll(pfds, 2, -1);
	while (ready < 0 && errno == EINTR);
	if (ready < 0 || pfds[1].revents != 0)
		return false;
	return read(fd, c, 1) == 1;
}

/* The terminal hands out each byte, since a signal key must not end the process
 * while it is silent: so the few editing keys are ours. */
static bool read_answer(int fd, char *answer, size_t size, int cancel_fd,
                        struct err *err)
{
	enum { CTRL_C = 3, CTRL_D = 4, CTRL_U = 21, BACKSPACE = 8, DEL = 127 };
	size_t used = 0;
	char c;

	while (read_byte(fd, cancel_fd, &c)) {
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
			return err_set(err, ERR_SYSTEM,
			               "the password is too long");
	}
	return err_set(err, ERR_CANCELLED, "interrupted");
}

bool askpass(const char *what, char *answer, size_t size, int cancel_fd,
             struct err *err)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct termios old, silent;
	bool ok;

	if (fd < 0)
		return err_errno(err, ERR_SYSTEM, errno, "no terminal");
	if (tcgetattr(fd, &old) != 0) {
		err_errno(err, ERR_SYSTEM, errno, "no terminal");
		close(fd);
		return false;
	}
	silent = old;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	silent.c_cc[VMIN] = 1;
	silent.c_cc[VTIME] = 0;
	say(fd, "password for ");
	say(fd, what);
	say(fd, ": ");
	tcsetattr(fd, TCSAFLUSH, &silent);
	ok = read_answer(fd, answer, size, cancel_fd, err);
	if (!ok)
		explicit_bzero(answer, size);
	tcsetattr(fd, TCSAFLUSH, &old);
	say(fd, "\n");
	close(fd);
	return ok;
}
