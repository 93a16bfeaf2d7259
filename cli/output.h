#pragma once

#include "inventory/deadline.h"
#include "inventory/err.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Where the lines go. Each is written whole, by one thread at a time. The
 * descriptor may be shared with the user's shell, so it is never made
 * non-blocking: a pipe is asked for room first and given pieces that it takes.
 * A terminal tells of any room, however little, so it is opened once more, for
 * us alone, and that is non-blocking.
 */
struct output {
	pthread_mutex_t lock; /* guards what is below */
	int fd;
	int cancel_fd;
	bool in_pieces;    /* not a regular file */
	nanoseconds grace; /* until when to wait for room after the run's end;
	                    * 0 while it goes on */
	enum output_state {
		OUTPUT_OPEN,
		OUTPUT_CLOSED, /* nobody reads any more */
		OUTPUT_FAILED
	} state;
};

/*
 * For a terminal a descriptor of our own, non-blocking and close-on-exec; for
 * all else, and where there is none to be had, fd itself. A write to a terminal
 * waits until it has taken all, which one that was stopped (^S) never does.
 */
int output_reopen_terminal(int fd);

/* path NULL is standard output; a path that cannot be written is ERR_INPUT.
 * While a full pipe blocks, cancel_fd is polled as well: from then on the
 * reader has a quarter of a second. */
bool output_open(struct output *output, const char *path, int cancel_fd,
                 struct err *err);

/*
 * Writes a line, which holds its own end. On false nothing more will be
 * written, by anybody, and *state says why. Only the call that failed sets err
 * (ERR_SYSTEM), not those after it: so it is said once.
 */
bool output_write(struct output *output, const char *line, size_t length,
                  enum output_state *state, struct err *err);

/* Closes; a failure shows here for what the system had not written yet. */
bool output_close(struct output *output, struct err *err);
