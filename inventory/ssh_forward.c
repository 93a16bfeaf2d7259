#include "inventory/ssh_forward_inside.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Received in a round, so that nobody is kept from his turn for long. */
#define ROUND_MAX ((size_t)256 * 1024)

/* Of the library's memory: the session; and for each channel its window in
 * small packets. What nobody ever takes (an answer that came too late, a
 * message that is unknown) stays until the session's end. */
#define HELD_MAX ((size_t)4 * 1024 * 1024)
#define HELD_PER_CHANNEL ((size_t)512 * 1024)

/* --- the socket ----------------------------------------------------------- */

bool ssh_forward_begin(struct ssh *ssh, struct err *err)
{
	ssh->forward = calloc(1, sizeof(*ssh->forward));
	if (ssh->forward == NULL)
		return err_set(err, ERR_SCARCE, "out of memory");
	ssh->forward->readable = true;
	ssh->forward->writable = true;
	/* ssh_forward_ask(); nothing is sent by itself. */
	libssh2_keepalive_config(ssh->session, 1, 2);
	return true;
}

void ssh_forward_release(struct ssh *ssh)
{
	struct ssh_forward *forward = ssh->forward;
	struct ssh_channel *channel, *next;

	if (forward == NULL)
		return;
	/* What is left of a packet comes never: nothing may follow it. */
	if (forward->begin < forward->end && ssh->stop == SSH_GOES_ON)
		ssh->stop = SSH_TRAPPED;
	/* Their insides are the session's. */
	for (channel = forward->first; channel != NULL; channel = next) {
		next = channel->next;
		free(channel);
	}
	free(forward->queue);
	free(forward);
	ssh->forward = NULL;
}

void ssh_forward_holds(struct ssh *ssh, ptrdiff_t bytes)
{
	ssh->forward->held += bytes;
}

int ssh_forward_fd(const struct ssh *ssh)
{
	return ssh->fd;
}

void ssh_forward_ready(struct ssh *ssh, bool readable, bool writable)
{
	ssh->forward->readable |= readable;
	ssh->forward->writable |= writable;
}

bool ssh_forward_round(struct ssh *ssh)
{
	struct ssh_forward *forward = ssh->forward;
	bool again = forward->allowance == 0 ||
	             (forward->crowded &&
	              forward->end - forward->begin < FORWARD_QUEUE_FULL);

	forward->allowance = ROUND_MAX;
	forward->crowded = false;
	return again;
}

size_t ssh_forward_received(const struct ssh *ssh)
{
	return ssh->received;
}

bool ssh_forward_hears(const struct ssh *ssh, size_t received)
{
	char byte;

	return ssh->received != received ||
	       recv(ssh->fd, &byte, 1, MSG_PEEK) > 0;
}

/* The server's Nagle waits for our acknowledgements, see ssh_wait(). */
static void acknowledge(int fd)
{
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
}

/*
 * The end of the connection looks like a pause here, as it does in ssh.c: the
 * pump tells of it, when all that came before was passed on.
 */
ssize_t ssh_forward_receive(struct ssh *ssh, void *buffer, size_t length,
                            int flags)
{
	struct ssh_forward *forward = ssh->forward;
	ssize_t got;

	if (forward->refuses)
		return -ECONNABORTED;
	if (forward->end - forward->begin > FORWARD_QUEUE_MAX) {
		forward->crowded = true;
		return -EAGAIN;
	}
	if (!forward->readable || forward->allowance == 0 || forward->pauses)
		return -EAGAIN;
	do
		got = recv(ssh->fd, buffer, length, flags);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		size_t bytes = (size_t)got;

		ssh->received += bytes;
		forward->allowance -=
		    bytes < forward->allowance ? bytes : forward->allowance;
		acknowledge(ssh->fd);
		return got;
	}
	forward->readable = false;
	if (got == 0)
		ssh->peer_closed = true;
	else if (errno != EAGAIN)
		ssh->os_error = errno;
	return -EAGAIN;
}

static bool make_room(struct ssh_forward *forward, size_t length)
{
	size_t used = forward->end - forward->begin;
	size_t size = forward->size > 0 ? forward->size : 16384;
	char *queue;

	if (forward->begin > 0 && forward->end + length > forward->size) {
		memmove(forward->queue, forward->queue + forward->begin, used);
		forward->begin = 0;
		forward->end = used;
	}
	if (used + length <= forward->size)
		return true;
	while (size < used + length)
		size *= 2;
	queue = realloc(forward->queue, size);
	if (queue == NULL)
		return false;
	forward->queue = queue;
	forward->size = size;
	return true;
}

/* It is encrypted: no secret stays behind in what realloc() leaves. */
ssize_t ssh_forward_transmit(struct ssh *ssh, const void *buffer, size_t length)
{
	struct ssh_forward *forward = ssh->forward;

	if (!make_room(forward, length)) {
		ssh->no_memory = true;
		return -ENOMEM;
	}
	memcpy(forward->queue + forward->end, buffer, length);
	forward->end += length;
	return (ssize_t)length;
}

bool ssh_forward_flush(struct ssh *ssh, struct err *err)
{
	struct ssh_forward *forward = ssh->forward;

	while (forward->begin < forward->end && forward->writable) {
		ssize_t sent =
		    send(ssh->fd, forward->queue + forward->begin,
		         forward->end - forward->begin, MSG_NOSIGNAL);

		if (sent >= 0) {
			forward->begin += (size_t)sent;
		} else if (errno == EAGAIN) {
			forward->writable = false;
		} else if (errno != EINTR) {
			ssh->os_error = errno;
			return ssh_failed(ssh, ERR_DROPPED, "connection", err);
		}
	}
	if (forward->begin == forward->end)
		forward->begin = forward->end = 0;
	return true;
}

/* --- the session ---------------------------------------------------------- */

bool ssh_forward_lost(const struct ssh *ssh)
{
	return ssh->peer_closed || ssh->os_error != 0 || ssh->no_memory;
}

static bool holds_too_much(const struct ssh_forward *forward)
{
	return forward->held >
	       (ptrdiff_t)(HELD_MAX + forward->channels * HELD_PER_CHANNEL);
}

LIBSSH2_CHANNEL *ssh_forward_pipe(const struct ssh_forward *forward)
{
	return forward->first != NULL ? forward->first->channel : forward->idle;
}

bool ssh_forward_pump(struct ssh *ssh, struct err *err)
{
	struct ssh_forward *forward = ssh->forward;
	LIBSSH2_CHANNEL *pipe = ssh_forward_pipe(forward);
	char none;
	ssize_t rc = 0;

	/* Without a channel there is nothing that could be received; an opening
	 * receives by itself. */
	if (pipe != NULL)
		rc = libssh2_channel_read_ex(pipe, 0, &none, 0);
	if (rc < 0 && rc != LIBSSH2_ERROR_EAGAIN)
		return ssh_failed(ssh, ERR_DROPPED, "connection", err);
	if (holds_too_much(forward))
		return err_set(err, ERR_PROTOCOL,
		               "a flood of messages from the server");
	return !ssh_forward_lost(ssh) ||
	       ssh_failed(ssh, ERR_DROPPED, "connection", err);
}

bool ssh_forward_ask(struct ssh *ssh)
{
	const struct ssh_forward *forward = ssh->forward;
	size_t queued = forward->end - forward->begin;
	int next;

	(void)libssh2_keepalive_send(ssh->session, &next);
	return forward->end - forward->begin > queued;
}
