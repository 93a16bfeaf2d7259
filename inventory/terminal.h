#pragma once

#include <signal.h>
#include <stdbool.h>
#include <termios.h>

/*
 * The terminal while something asks on it that must not be seen: us, or a
 * command that we run. However that ends, the terminal is as it was. For a
 * process that has one thread yet.
 */
struct terminal {
	int fd; /* -1: there is none */
	/* Readable while a signal waits that would end the process; never read.
	 * Those of its own faults are not among them. */
	int signal_fd;
	bool remembered;
	struct termios before;
	sigset_t mask; /* as it was */
};

/*
 * Remembers the terminal, and holds those signals back until
 * terminal_release(); those that are ignored stay so. In the background there
 * is nothing to remember: how the terminal is then, the shell's line editor has
 * made it. False: errno says why there is no signalfd.
 */
bool terminal_hold(struct terminal *terminal);

/* Before something is changed there. In the background it stops the process, as
 * any change would, until the shell puts it into the foreground. False: errno
 * says why it cannot be changed. */
bool terminal_take(struct terminal *terminal);

/* Puts the terminal back, then lets the signals through: one that waits ends
 * the process here, unless it has a handler or was blocked. */
void terminal_release(struct terminal *terminal);
