#pragma once

#include "inventory/err.h"
#include "inventory/wait.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * A command of the user's that is run by /bin/sh, and whose standard output
 * comes to us. It gets no descriptor above 2, no signal blocked, and none of
 * what the environment holds of our passwords. Children may be started by any
 * thread; each belongs to one.
 */
struct child {
	pid_t pid;
	int pid_fd; /* readable when it has ended */
	int out;    /* its standard output, to be read without waiting */
	bool apart;
};

enum child_place {
	/* In our session and process group, with our standard input: it may
	 * ask on the terminal, and ^C is for both. */
	CHILD_HERE,
	/* The same, with an empty standard input: ours is somebody else's. */
	CHILD_BESIDE,
	/* In a session of its own, with an empty standard input. */
	CHILD_APART
};

/* What a child finds in its environment: ours as it is now, without those
 * variables. Strings are borrowed; free() the array. NULL: err. */
char **child_environment(struct err *err);

/* SIGCHLD must not be ignored. ERR_SCARCE, ERR_SYSTEM. */
bool child_start(struct child *child, const char *command,
                 char *const *environment, enum child_place place,
                 struct err *err);

enum child_event {
	CHILD_OUTPUT,      /* or the end of it */
	CHILD_ENDED,       /* and its output was read */
	CHILD_INTERRUPTED, /* signal_fd is readable */
	CHILD_FAILED       /* err: ERR_TIMEOUT, ERR_CANCELLED, ERR_SYSTEM */
};

/* signal_fd: -1 for none. Output that a child of its own holds open when it
 * has ended is not waited for. */
enum child_event child_wait(struct child *child, const struct wait *wait,
                            int signal_fd, struct err *err);

/* Takes up to size bytes; 0 at the end, -1 when there is nothing now. */
ssize_t child_read(struct child *child, char *bytes, size_t size);

/* Ends it, if it has not ended: at once and with its children where it is
 * apart; else it has half a second for itself, and two after SIGTERM. */
void child_stop(struct child *child);

/* Its status as waitpid() has it. The child is then gone. */
int child_finish(struct child *child);
