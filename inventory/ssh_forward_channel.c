#include "inventory/ssh_forward_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What a server may send on a channel before we have taken it. */
#define WINDOW_SIZE 65536
#define PACKET_SIZE 32768

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

static unsigned char *put_string(unsigned char *at, const char *bytes,
                                 size_t length)
{
	at = put_number(at, length);
	memcpy(at, bytes, length);
	return at + length;
}

/* libssh2_channel_direct_tcpip() has a window of 2 MiB. */
static void make_message(struct ssh_forward *forward, const char *host,
                         uint16_t port)
{
	static const char nobody[] = "127.0.0.1"; /* who asks there */
	unsigned char *at = forward->message;

	assert(strlen(host) <= FORWARD_HOST_MAX);
	at = put_string(at, host, strlen(host));
	at = put_number(at, port);
	at = put_string(at, nobody, sizeof(nobody) - 1);
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

	ssh->forward->message_length = 0;
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

static enum ssh_opening keep_channel(struct ssh *ssh, LIBSSH2_CHANNEL *inside,
                                     struct ssh_channel **channel,
                                     struct err *err)
{
	ssh->forward->message_length = 0;
	*channel = new_channel(ssh, inside);
	if (*channel != NULL)
		return SSH_OPENED;
	err_set(err, ERR_SCARCE, "out of memory");
	return SSH_OPEN_LOST;
}

static enum ssh_opening leave(struct ssh *ssh)
{
	ssh->forward->message_length = 0;
	ssh_forward_await(ssh);
	return SSH_OPEN_LEFT;
}

/*
 * When the library comes by the answer to an opening that was left while it
 * waits for another one's, it forgets that one, too: what packet_requirev() of
 * packet.c then returns is -1. So where the pump can receive, this does not.
 */
enum ssh_opening ssh_channel_open_more(struct ssh *ssh,
                                       struct ssh_channel **channel,
                                       struct err *err)
{
	LIBSSH2_CHANNEL *inside;
	int code;

	ssh->forward->pauses = ssh_forward_receives(ssh);
	inside = try_to_open(ssh);
	ssh->forward->pauses = false;
	if (inside != NULL)
		return keep_channel(ssh, inside, channel, err);
	code = libssh2_session_last_errno(ssh->session);
	if (!ssh_forward_lost(ssh) && code == LIBSSH2_ERROR_EAGAIN)
		return SSH_OPENING;
	if (!ssh_forward_lost(ssh) && code == LIBSSH2_ERROR_SOCKET_NONE)
		return leave(ssh);
	return why_not(ssh, err);
}

enum ssh_opening ssh_channel_open(struct ssh *ssh, const char *host,
                                  uint16_t port, struct ssh_channel **channel,
                                  struct err *err)
{
	assert(ssh->forward->message_length == 0);
	ssh->forward->numbered = false;
	make_message(ssh->forward, host, port);
	return ssh_channel_open_more(ssh, channel, err);
}

enum ssh_opening ssh_channel_open_leave(struct ssh *ssh,
                                        struct ssh_channel **channel,
                                        struct err *err)
{
	LIBSSH2_CHANNEL *inside;

	refuse(ssh, true);
	inside = try_to_open(ssh);
	refuse(ssh, false);
	if (inside != NULL)
		return keep_channel(ssh, inside, channel, err);
	if (libssh2_session_last_errno(ssh->session) ==
	    LIBSSH2_ERROR_CHANNEL_FAILURE)
		return why_not(ssh, err);
	return leave(ssh);
}

bool ssh_forward_receives(const struct ssh *ssh)
{
	return ssh_forward_pipe(ssh->forward) != NULL;
}

enum ssh_opening ssh_channel_open_idle(struct ssh *ssh, bool stop,
                                       struct err *err)
{
	LIBSSH2_CHANNEL *inside;
	int code;

	refuse(ssh, stop);
	inside =
	    libssh2_channel_open_ex(ssh->session, "session", strlen("session"),
	                            WINDOW_SIZE, PACKET_SIZE, NULL, 0);
	refuse(ssh, false);
	ssh->forward->idle = inside;
	if (inside != NULL)
		return SSH_OPENED;
	code = libssh2_session_last_errno(ssh->session);
	if (!ssh_forward_lost(ssh) && code == LIBSSH2_ERROR_EAGAIN)
		return SSH_OPENING;
	if (stop ||
	    (!ssh_forward_lost(ssh) && code == LIBSSH2_ERROR_SOCKET_NONE))
		return SSH_OPEN_LEFT;
	return why_not(ssh, err);
}

/* --- open channels -------------------------------------------------------- */

size_t ssh_channel_room(const struct ssh_channel *channel)
{
	struct ssh_forward *forward = channel->ssh->forward;

	if (forward->end - forward->begin >= FORWARD_QUEUE_FULL) {
		forward->crowded = true;
		return 0;
	}
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
	return ssh_failed(channel->ssh, ERR_DROPPED, "connection", err);
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
		return ssh_failed(channel->ssh, ERR_DROPPED, "connection", err);
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
