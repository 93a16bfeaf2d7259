#include "inventory/ssh_forward.h"

#include "inventory/ssh_session.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* What a server may send on a channel before we have taken it. */
#define WINDOW_SIZE 65536
#define PACKET_SIZE 32768

/* Received in a round, so that nobody is kept from his turn for long. */
#define ROUND_MAX ((size_t)256 * 1024)

/* The queue: no channel writes into it beyond the first; beyond the second
 * nothing is received, for that may ask for answers. */
#define QUEUE_FULL ((size_t)64 * 1024)
#define QUEUE_MAX ((size_t)256 * 1024)

/* Of the library's memory: the session; and for each channel its window in
 * small packets. What nobody ever takes (an answer that came too late, a
 * message that is unknown) stays until the session's end. */
#define HELD_MAX ((size_t)4 * 1024 * 1024)
#define HELD_PER_CHANNEL ((size_t)512 * 1024)

#define HOST_MAX 255

struct ssh_forward {
	char *queue; /* from begin to end: not sent yet */
	size_t begin, end, size;
	size_t allowance; /* left of ROUND_MAX */
	bool readable, writable;
	bool refuses; /* see without_waiting() */
	ptrdiff_t held;
	struct ssh_channel *first;
	size_t channels;
	/* Of the opening under way; length 0: none. */
	unsigned char message[HOST_MAX + 64];
	size_t message_length;
};

struct ssh_channel {
	struct ssh *ssh;
	LIBSSH2_CHANNEL *channel;
	bool close_sent;
	struct ssh_channel *next, *previous;
};

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
	bool exhausted = ssh->forward->allowance == 0;

	ssh->forward->allowance = ROUND_MAX;
	return exhausted;
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
	if (!forward->readable || forward->allowance == 0 ||
	    forward->end - forward->begin > QUEUE_MAX)
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

static bool is_lost(const struct ssh *ssh)
{
	return ssh->peer_closed || ssh->os_error != 0 || ssh->no_memory;
}

static bool holds_too_much(const struct ssh_forward *forward)
{
	return forward->held >
	       (ptrdiff_t)(HELD_MAX + forward->channels * HELD_PER_CHANNEL);
}

bool ssh_forward_pump(struct ssh *ssh, struct err *err)
{
	struct ssh_forward *forward = ssh->forward;
	char none;
	ssize_t rc = 0;

	/* Without a channel there is nothing that could be received; an opening
	 * receives by itself. */
	if (forward->first != NULL)
		rc = libssh2_channel_read_ex(forward->first->channel, 0, &none,
		                             0);
	if (rc < 0 && rc != LIBSSH2_ERROR_EAGAIN)
		return ssh_failed(ssh, ERR_DROPPED, "session", err);
	if (holds_too_much(forward))
		return err_set(err, ERR_PROTOCOL,
		               "session: a flood of messages from the server");
	return !is_lost(ssh) || ssh_failed(ssh, ERR_DROPPED, "session", err);
}

bool ssh_forward_ask(struct ssh *ssh)
{
	size_t queued = ssh->forward->end;
	int next;

	(void)libssh2_keepalive_send(ssh->session, &next);
	return ssh->forward->end > queued;
}

/*
 * A receive that fails makes the library return from whatever it waits for in a
 * call, and forget that; what it had received stays where it was (transport.c
 * of 1.10 and 1.11: "error receiving" changes nothing). With no byte to come it
 * is the only way out of an opening, or of waiting for a CLOSE.
 */
static void refuse(struct ssh *ssh, bool yes)
{
	ssh->forward->refuses = yes;
}

/* --- opening -------------------------------------------------------------- */

static unsigned char *put_number(unsigned char *at, size_t number)
{
	at[0] = (unsigned char)(number >> 24);
	at[1] = (unsigned char)(number >> 16);
	at[2] = (unsigned char)(number >> 8);
	at[3] = (unsigned char)number;
	return at + 4;
}

static unsigned char *put_text(unsigned char *at, const char *text)
{
	size_t length = strlen(text);

	at = put_number(at, length);
	memcpy(at, text, length);
	return at + length;
}

/* libssh2_channel_direct_tcpip() has a window of 2 MiB. */
static void make_message(struct ssh_forward *forward, const char *host,
                         uint16_t port)
{
	unsigned char *at = forward->message;

	assert(strlen(host) <= HOST_MAX);
	at = put_text(at, host);
	at = put_number(at, port);
	at = put_text(at, "127.0.0.1"); /* who asks: nobody's business */
	at = put_number(at, 0);
	forward->message_length = (size_t)(at - forward->message);
}

static bool contains(const char *text, const char *part)
{
	return text != NULL && strstr(text, part) != NULL;
}

/* The library keeps the reason's code to itself, but for these words. */
static enum ssh_opening why_not(struct ssh *ssh, struct err *err)
{
	char *words = NULL;
	int code = libssh2_session_last_error(ssh->session, &words, NULL, 0);

	if (code == LIBSSH2_ERROR_TIMEOUT)
		return SSH_OPEN_TIMEOUT;
	if (code != LIBSSH2_ERROR_CHANNEL_FAILURE) {
		ssh_failed(ssh, ERR_DROPPED, "opening of a channel", err);
		return SSH_OPEN_LOST;
	}
	if (contains(words, "prohibited") || contains(words, "channel type"))
		return SSH_OPEN_PROHIBITED;
	if (contains(words, "shortage"))
		return SSH_OPEN_SHORTAGE;
	return SSH_OPEN_FAILED;
}

static LIBSSH2_CHANNEL *try_to_open(struct ssh *ssh)
{
	struct ssh_forward *forward = ssh->forward;

	return libssh2_channel_open_ex(ssh->session, "direct-tcpip",
	                               strlen("direct-tcpip"), WINDOW_SIZE,
	                               PACKET_SIZE, (char *)forward->message,
	                               (unsigned)forward->message_length);
}

static struct ssh_channel *new_channel(struct ssh *ssh, LIBSSH2_CHANNEL *inside)
{
	struct ssh_forward *forward = ssh->forward;
	struct ssh_channel *channel = calloc(1, sizeof(*channel));

	if (channel == NULL)
		return NULL;
	channel->ssh = ssh;
	channel->channel = inside;
	channel->next = forward->first;
	if (forward->first != NULL)
		forward->first->previous = channel;
	forward->first = channel;
	forward->channels++;
	return channel;
}

enum ssh_opening ssh_channel_open_more(struct ssh *ssh,
                                       struct ssh_channel **channel,
                                       struct err *err)
{
	LIBSSH2_CHANNEL *inside = try_to_open(ssh);

	if (inside == NULL && !is_lost(ssh) &&
	    libssh2_session_last_errno(ssh->session) == LIBSSH2_ERROR_EAGAIN)
		return SSH_OPENING;
	ssh->forward->message_length = 0;
	if (inside == NULL)
		return why_not(ssh, err);
	*channel = new_channel(ssh, inside);
	if (*channel != NULL)
		return SSH_OPENED;
	err_set(err, ERR_SCARCE, "out of memory");
	return SSH_OPEN_LOST;
}

enum ssh_opening ssh_channel_open(struct ssh *ssh, const char *host,
                                  uint16_t port, struct ssh_channel **channel,
                                  struct err *err)
{
	assert(ssh->forward->message_length == 0);
	make_message(ssh->forward, host, port);
	return ssh_channel_open_more(ssh, channel, err);
}

void ssh_channel_open_stop(struct ssh *ssh)
{
	LIBSSH2_CHANNEL *inside;

	refuse(ssh, true);
	inside = try_to_open(ssh);
	ssh->forward->message_length = 0;
	/* It had come, of all moments. */
	if (inside != NULL)
		(void)libssh2_channel_free(inside);
	refuse(ssh, false);
}

/* --- open channels -------------------------------------------------------- */

size_t ssh_channel_room(const struct ssh_channel *channel)
{
	const struct ssh_forward *forward = channel->ssh->forward;

	if (forward->end - forward->begin >= QUEUE_FULL)
		return 0;
	return libssh2_channel_window_write_ex(channel->channel, NULL);
}

bool ssh_channel_write(struct ssh_channel *channel, const char *bytes,
                       size_t length, size_t *taken, struct err *err)
{
	ssize_t rc =
	    libssh2_channel_write_ex(channel->channel, 0, bytes, length);

	*taken = rc > 0 ? (size_t)rc : 0;
	/* Amid new keys it has to wait. */
	if (rc >= 0 || rc == LIBSSH2_ERROR_EAGAIN)
		return true;
	return ssh_failed(channel->ssh, ERR_DROPPED, "session", err);
}

bool ssh_channel_read(struct ssh_channel *channel, char *buffer, size_t size,
                      size_t *got, struct err *err)
{
	ssize_t rc;

	*got = 0;
	if (libssh2_poll_channel_read(channel->channel, 0) == 0)
		return true;
	rc = libssh2_channel_read_ex(channel->channel, 0, buffer, size);
	if (rc >= 0)
		*got = (size_t)rc;
	else if (rc != LIBSSH2_ERROR_EAGAIN)
		return ssh_failed(channel->ssh, ERR_DROPPED, "session", err);
	return true;
}

bool ssh_channel_ended(struct ssh_channel *channel)
{
	return libssh2_channel_eof(channel->channel) == 1;
}

bool ssh_channel_closed(struct ssh_channel *channel)
{
	return ssh_channel_ended(channel) &&
	       libssh2_channel_wait_closed(channel->channel) == 0;
}

bool ssh_channel_end(struct ssh_channel *channel)
{
	return libssh2_channel_send_eof(channel->channel) !=
	       LIBSSH2_ERROR_EAGAIN;
}

static void forget(struct ssh_channel *channel)
{
	struct ssh_forward *forward = channel->ssh->forward;

	if (channel->previous != NULL)
		channel->previous->next = channel->next;
	else
		forward->first = channel->next;
	if (channel->next != NULL)
		channel->next->previous = channel->previous;
	forward->channels--;
	free(channel);
}

/*
 * libssh2_channel_free() takes any packet for the server's CLOSE. Who counts
 * channels must not begin another one before that has come.
 */
static bool is_closed_by_both(struct ssh_channel *channel)
{
	if (!channel->close_sent)
		channel->close_sent = libssh2_channel_close(channel->channel) !=
		                      LIBSSH2_ERROR_EAGAIN;
	return channel->close_sent &&
	       libssh2_channel_wait_closed(channel->channel) == 0;
}

bool ssh_channel_close(struct ssh_channel *channel, bool at_once)
{
	struct ssh *ssh = channel->ssh;
	int rc;

	if (!at_once && !is_closed_by_both(channel))
		return false;
	refuse(ssh, at_once);
	rc = libssh2_channel_free(channel->channel);
	refuse(ssh, false);
	if (rc == LIBSSH2_ERROR_EAGAIN)
		return false;
	forget(channel);
	return true;
}
