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
	/* Readable while a signal waits that would end the process (SIGHUP,
	 * SIGINT, SIGQUIT, SIGTERM); never read. */
	int signal_fd;
	struct termios before;
	sigset_t mask; /* as it was */
};

/*
 * Remembers the terminal, and holds those signals back until
 * terminal_release(); those that are ignored stay so. False: errno says why
 * there is no signalfd.
 */
bool terminal_hold(struct terminal *terminal);

/* Puts the terminal back, then lets the signals through: one that waits ends
 * the process here, unless it has a handler or was blocked. */
void terminal_release(struct terminal *terminal);
