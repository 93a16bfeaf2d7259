#pragma once

#include "inventory/deadline.h"
#include "inventory/ssh_forward.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * A channel and the end of a socketpair: bytes go both ways, each way ends by
 * itself, and neither holds more than it must: nothing is taken from the one
 * side that the other does not take, but for what is left of one piece.
 */
struct jump_bytes {
	char *bytes; /* NULL: none */
	size_t length, done;
};

struct jump_pipe {
	struct jump_pipe *next;
	struct ssh_channel *channel;
	int fd; /* -1: closed, and the channel is being closed */
	bool readable, writable; /* fd, as far as is known */
	bool gone;               /* whoever had the other end */
	bool end_read;           /* of fd */
	bool end_sent;           /* to the channel */
	bool end_passed;         /* to fd */
	struct jump_bytes to_channel, to_fd;
	nanoseconds closing_since;
};

/* Takes fd. The descriptor's events are to set readable, writable and gone. */
void jump_pipe_begin(struct jump_pipe *pipe, struct ssh_channel *channel,
                     int fd);

/* In a trap. A turn: a few pieces each way. *more: there are some left. False:
 * the session is lost. buffer is scratch. */
bool jump_pipe_carry(struct jump_pipe *pipe,
                     char buffer[static SSH_CHANNEL_READ_MAX], bool *more,
                     struct err *err);

/* In a trap. Whether both sides are done with, and the channel is freed. */
bool jump_pipe_closed(struct jump_pipe *pipe);

/* Closes fd, and frees what is left; the channel is the session's matter. */
void jump_pipe_end(struct jump_pipe *pipe);
