#include "inventory/askpass.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "inventory/terminal.h"

static void say(int fd, const char *text)
{
	ssize_t written = write(fd, text, strlen(text));

	(void)written; /* a terminal that cannot be written shows nothing */
}

/* One byte, or false at the end, on an error and when cancelled. */
static bool read_byte(const struct terminal *terminal, int cancel_fd, char *c)
{
	struct pollfd pfds[] = { { .fd = terminal->fd, .events = POLLIN },
		                 { .fd = cancel_fd, .events = POLLIN },
		                 { .fd = terminal->signal_fd,
		                   .events = POLLIN } };
	int ready;

	do
		ready = poll(pfds, 3, -1);
	while (ready < 0 && errno == EINTR);
	if (ready < 0 || pfds[1].revents != 0 || pfds[2].revents != 0)
		return false;
	return read(terminal->fd, c, 1) == 1;
}

/* The length without the last character, which may be several bytes. */
static size_t erase_one(const char *answer, size_t used, bool utf8)
{
	do
		used -= used > 0;
	while (utf8 && used > 0 && ((unsigned char)answer[used] >> 6) == 2);
	return used;
}

/* The terminal hands out each byte, since a signal key must not end the process
 * while it is silent: so the few editing keys are ours. */
static bool read_answer(const struct terminal *terminal, int cancel_fd,
                        char *answer, size_t size, struct err *err)
{
	enum {
		CTRL_C = 3,
		CTRL_D = 4,
		BACKSPACE = 8,
		CTRL_U = 21,
		CTRL_Z = 26,
		CTRL_BACKSLASH = 28,
		DEL = 127
	};
	const bool utf8 = (terminal->before.c_iflag & IUTF8) != 0;
	size_t used = 0;
	char c;

	while (read_byte(terminal, cancel_fd, &c)) {
		if (c == '\n' || c == '\r' || c == CTRL_D) {
			answer[used] = '\0';
			return true;
		}
		if (c == CTRL_C || c == CTRL_BACKSLASH)
			break;
		if (c == CTRL_Z) /* no password has one */
			continue;
		if (c == CTRL_U)
			used = 0;
		else if (c == BACKSPACE || c == DEL)
			used = erase_one(answer, used, utf8);
		else if (used + 1 < size)
			answer[used++] = c;
		else
			return err_set(err, ERR_INPUT,
			               "the answer is too long");
	}
	return err_set(err, ERR_CANCELLED, "interrupted");
}

static bool ask(const struct terminal *terminal, int cancel_fd,
                const char *prompt, char *answer, size_t size, struct err *err)
{
	struct termios silent = terminal->before;
	bool ok;

	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	silent.c_cc[VMIN] = 1;
	silent.c_cc[VTIME] = 0;
	/* Silent before it asks: who answers at once is not seen, nor lost. */
	if (tcsetattr(terminal->fd, TCSAFLUSH, &silent) != 0)
		return err_errno(err, ERR_SYSTEM, errno,
		                 "the terminal cannot be made silent");
	say(terminal->fd, prompt);
	ok = read_answer(terminal, cancel_fd, answer, size, err);
	if (!ok)
		explicit_bzero(answer, size);
	tcsetattr(terminal->fd, TCSAFLUSH, &terminal->before);
	say(terminal->fd, "\n");
	return ok;
}

bool askpass(const char *prompt, char *answer, size_t size, int cancel_fd,
             struct err *err)
{
	struct terminal terminal;
	bool ok = false;

	if (!terminal_hold(&terminal))
		return err_errno(err, ERR_SYSTEM, errno, "signalfd");
	if (terminal.fd < 0)
		err_set(err, ERR_SYSTEM, "no terminal");
	else if (!terminal_take(&terminal))
		err_errno(err, ERR_SYSTEM, errno, "the terminal");
	else
		ok = ask(&terminal, cancel_fd, prompt, answer, size, err);
	terminal_release(&terminal);
	return ok;
}
