#include "inventory/jump_pipe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Pieces each way in a turn. */
#define TURN 2

/* For the server to close the channel too: no more of them may be open at once,
 * so it is counted as long. */
#define CLOSE_NS (10 * NS_PER_S)

void jump_pipe_begin(struct jump_pipe *pipe, struct ssh_channel *channel,
                     int fd)
{
	*pipe = (struct jump_pipe){
		.channel = channel, .fd = fd, .readable = true, .writable = true
	};
}

/* --- a piece that was not taken whole ------------------------------------- */

static bool keep(struct jump_bytes *left, const char *bytes, size_t length,
                 struct err *err)
{
	left->bytes = malloc(length);
	if (left->bytes == NULL)
		return err_set(err, ERR_SCARCE, "out of memory");
	memcpy(left->bytes, bytes, length);
	left->length = length;
	left->done = 0;
	return true;
}

static void drop(struct jump_bytes *left)
{
	free(left->bytes);
	left->bytes = NULL;
	left->length = left->done = 0;
}

/* --- from the descriptor to the channel ----------------------------------- */

static bool send_left(struct jump_pipe *pipe, struct err *err)
{
	struct jump_bytes *left = &pipe->to_channel;
	size_t taken = 0;

	if (left->bytes == NULL || ssh_channel_room(pipe->channel) == 0)
		return true;
	if (!ssh_channel_write(pipe->channel, left->bytes + left->done,
	                       left->length - left->done, &taken, err))
		return false;
	left->done += taken;
	if (left->done == left->length)
		drop(left);
	return true;
}

/* One piece; *length is 0 when there is none. */
static void take_piece(struct jump_pipe *pipe, char *buffer, size_t size,
                       size_t *length)
{
	ssize_t got = recv(pipe->fd, buffer, size, 0);

	*length = got > 0 ? (size_t)got : 0;
	if (got > 0 || (got < 0 && errno == EINTR))
		return;
	pipe->readable = false;
	if (got == 0)
		pipe->end_read = true;
	else if (errno != EAGAIN)
		pipe->gone = true;
}

static bool carry_out(struct jump_pipe *pipe, char *buffer, bool *more,
                      struct err *err)
{
	if (!send_left(pipe, err))
		return false;
	for (int turn = 0; pipe->readable && pipe->to_channel.bytes == NULL;
	     turn++) {
		size_t room = ssh_channel_room(pipe->channel);
		size_t length = 0, taken = 0;

		if (room == 0)
			break;
		if (turn == TURN) {
			*more = true;
			break;
		}
		take_piece(pipe, buffer,
		           room < SSH_CHANNEL_READ_MAX ? room
		                                       : SSH_CHANNEL_READ_MAX,
		           &length);
		if (length == 0)
			continue;
		if (!ssh_channel_write(pipe->channel, buffer, length, &taken,
		                       err))
			return false;
		if (taken < length && !keep(&pipe->to_channel, buffer + taken,
		                            length - taken, err))
			return false;
	}
	if (pipe->end_read && pipe->to_channel.bytes == NULL && !pipe->end_sent)
		pipe->end_sent = ssh_channel_end(pipe->channel);
	return true;
}

/* --- from the channel to the descriptor ----------------------------------- */

/* How many bytes were taken. */
static size_t give(struct jump_pipe *pipe, const char *bytes, size_t length)
{
	ssize_t sent;

	do
		sent = send(pipe->fd, bytes, length, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0 && (size_t)sent == length)
		return length;
	if (sent < 0 && errno != EAGAIN)
		pipe->gone = true;
	pipe->writable = false;
	return sent > 0 ? (size_t)sent : 0;
}

static void give_left(struct jump_pipe *pipe)
{
	struct jump_bytes *left = &pipe->to_fd;

	if (left->bytes == NULL || !pipe->writable)
		return;
	left->done +=
	    give(pipe, left->bytes + left->done, left->length - left->done);
	if (left->done == left->length)
		drop(left);
}

static bool carry_in(struct jump_pipe *pipe, char *buffer, bool *more,
                     struct err *err)
{
	give_left(pipe);
	for (int turn = 0;
	     pipe->writable && !pipe->gone && pipe->to_fd.bytes == NULL;
	     turn++) {
		size_t got = 0, given;

		if (turn == TURN) {
			*more = true;
			return true;
		}
		if (!ssh_channel_read(pipe->channel, buffer,
		                      SSH_CHANNEL_READ_MAX, &got, err))
			return false;
		if (got == 0)
			break;
		given = give(pipe, buffer, got);
		if (given < got &&
		    !keep(&pipe->to_fd, buffer + given, got - given, err))
			return false;
	}
	if (!pipe->end_passed && pipe->to_fd.bytes == NULL &&
	    ssh_channel_ended(pipe->channel)) {
		shutdown(pipe->fd, SHUT_WR);
		pipe->end_passed = true;
	}
	return true;
}

/* --- both ----------------------------------------------------------------- */

/* Nobody is there any more, on this side or on that. */
static bool is_over(struct jump_pipe *pipe)
{
	if (pipe->gone && (pipe->end_sent || !pipe->readable ||
	                   ssh_channel_room(pipe->channel) == 0))
		return true;
	return pipe->end_passed && ssh_channel_closed(pipe->channel);
}

bool jump_pipe_carry(struct jump_pipe *pipe,
                     char buffer[static SSH_CHANNEL_READ_MAX], bool *more,
                     struct err *err)
{
	if (pipe->fd < 0)
		return true;
	if (!carry_in(pipe, buffer, more, err) ||
	    !carry_out(pipe, buffer, more, err))
		return false;
	if (!is_over(pipe))
		return true;
	jump_pipe_end(pipe);
	pipe->closing_since = monotonic_ns();
	return true;
}

bool jump_pipe_closed(struct jump_pipe *pipe)
{
	if (pipe->fd >= 0)
		return false;
	return ssh_channel_close(
	    pipe->channel, monotonic_ns() - pipe->closing_since >= CLOSE_NS);
}

void jump_pipe_end(struct jump_pipe *pipe)
{
	if (pipe->fd >= 0)
		close(pipe->fd);
	pipe->fd = -1;
	drop(&pipe->to_channel);
	drop(&pipe->to_fd);
}
