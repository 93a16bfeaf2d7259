#include "inventory/ssh_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The default window of 2 MiB lets one read queue as much. */
#define WINDOW_SIZE 65536
#define PACKET_SIZE 32768

/* At most a quarter of the window, or each read sends an adjustment; on the
 * worker's small stack. */
#define READ_SIZE 4096

static LIBSSH2_CHANNEL *open_channel(struct ssh *ssh, struct err *err)
{
	LIBSSH2_CHANNEL *channel;

	ssh->opening_channel = true;
	while ((channel = libssh2_channel_open_ex(
		    ssh->session, "session", strlen("session"), WINDOW_SIZE,
		    PACKET_SIZE, NULL, 0)) == NULL) {
		if (libssh2_session_last_errno(ssh->session) !=
		    LIBSSH2_ERROR_EAGAIN) {
			ssh_failed(ssh, ERR_COMMAND, "no session channel", err);
			break;
		}
		if (!ssh_wait(ssh, err))
			break;
	}
	ssh->opening_channel = false;
	return channel;
}

static bool start(struct ssh *ssh, LIBSSH2_CHANNEL *channel,
                  const char *command, struct err *err)
{
	int rc;

	while ((rc = libssh2_channel_process_startup(
		    channel, "exec", strlen("exec"), command,
		    (unsigned)strlen(command))) == LIBSSH2_ERROR_EAGAIN) {
		if (!ssh_wait(ssh, err))
			return false;
	}
	if (rc == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED)
		return err_set(err, ERR_COMMAND,
		               "the server refused to run a command");
	return rc == 0 || ssh_failed(ssh, ERR_COMMAND, "exec", err);
}

/*
 * Nothing is read meanwhile. The two cannot wait for each other: all that the
 * script prints before the shell has read it to its end is the hostname, and
 * that fits into the window.
 */
static bool feed(struct ssh *ssh, LIBSSH2_CHANNEL *channel, const char *input,
                 size_t length, struct err *err)
{
	while (length > 0) {
		ssize_t sent =
		    libssh2_channel_write_ex(channel, 0, input, length);

		if (sent == LIBSSH2_ERROR_EAGAIN) {
			if (!ssh_wait(ssh, err))
				return false;
			continue;
		}
		/* A command that has ended already takes no more. */
		if (sent == LIBSSH2_ERROR_CHANNEL_CLOSED)
			return true;
		if (sent < 0)
			return ssh_failed(ssh, ERR_COMMAND, "command", err);
		input += sent;
		length -= (size_t)sent;
	}
	/* Any other error: the server has closed the channel, and nothing is
	 * lost. */
	while (libssh2_channel_send_eof(channel) == LIBSSH2_ERROR_EAGAIN) {
		if (!ssh_wait(ssh, err))
			return false;
	}
	return true;
}

static bool append(struct ssh_answer *answer, const char *bytes, size_t length,
                   size_t max, struct err *err)
{
	size_t need = answer->out_length + length;

	if (length == 0)
		return true;
	if (need > max)
		return err_set(err, ERR_COMMAND, "more than %zu KiB of output",
		               max / 1024);
	if (need > answer->out_size) {
		size_t size = answer->out_size > 0 ? answer->out_size * 2 : 256;
		char *out;

		while (size < need)
			size *= 2;
		out = realloc(answer->out, size);
		if (out == NULL)
			return err_set(err, ERR_SYSTEM, "out of memory");
		answer->out = out;
		answer->out_size = size;
	}
	memcpy(answer->out + answer->out_length, bytes, length);
	answer->out_length = need;
	return true;
}

/* Keeps the front, counts the rest. */
static bool append_errors(struct ssh_answer *answer, const char *bytes,
                          size_t length, size_t max, struct err *err)
{
	size_t used = answer->errors_length;

	answer->errors_length += length;
	if (answer->errors_length > max)
		return err_set(err, ERR_COMMAND,
		               "more than %zu KiB on standard error",
		               max / 1024);
	if (used < sizeof(answer->errors) - 1) {
		size_t room = sizeof(answer->errors) - 1 - used;

		memcpy(answer->errors + used, bytes,
		       length < room ? length : room);
	}
	return true;
}

/* Takes what is there of one stream. *any tells whether there was something. */
static bool take(struct ssh *ssh, LIBSSH2_CHANNEL *channel, int stream,
                 size_t max, struct ssh_answer *answer, bool *any,
                 struct err *err)
{
	char buf[READ_SIZE];
	ssize_t got =
	    libssh2_channel_read_ex(channel, stream, buf, sizeof(buf));

	if (got == LIBSSH2_ERROR_EAGAIN)
		return true;
	if (got < 0)
		return ssh_failed(ssh, ERR_COMMAND, "command", err);
	/* 0 is no end: the other stream may have more. */
	*any |= got > 0;
	if (stream == 0)
		return append(answer, buf, (size_t)got, max, err);
	return append_errors(answer, buf, (size_t)got, max, err);
}

/*
 * Reading one stream may bring in the other's bytes, the end of both included,
 * and leave them queued: then poll() would wait for what is there already. So
 * it is called only after a round in which nothing arrived.
 */
static bool drain(struct ssh *ssh, LIBSSH2_CHANNEL *channel, size_t max,
                  struct ssh_answer *answer, struct err *err)
{
	for (;;) {
		size_t received = ssh->received;
		bool any = false;

		if (!take(ssh, channel, 0, max, answer, &any, err) ||
		    !take(ssh, channel, SSH_EXTENDED_DATA_STDERR, max, answer,
		          &any, err))
			return false;
		if (any || ssh->received != received)
			continue;
		if (libssh2_channel_eof(channel))
			return true;
		if (!ssh_wait(ssh, err))
			return false;
	}
}

/* An exit status of 0 is only true once the server closed the channel: before,
 * it may not have come yet. */
static bool finish(struct ssh *ssh, LIBSSH2_CHANNEL *channel,
                   struct ssh_answer *answer, struct err *err)
{
	char *name = NULL;
	int rc;

	while ((rc = libssh2_channel_wait_closed(channel)) ==
	       LIBSSH2_ERROR_EAGAIN) {
		if (!ssh_wait(ssh, err))
			return false;
	}
	if (rc != 0)
		return ssh_failed(ssh, ERR_COMMAND, "command", err);
	answer->exit_status =
	    (uint32_t)libssh2_channel_get_exit_status(channel);
	libssh2_channel_get_exit_signal(channel, &name, NULL, NULL, NULL, NULL,
	                                NULL);
	if (name != NULL) {
		snprintf(answer->signal, sizeof(answer->signal), "%s", name);
		libssh2_free(ssh->session, name);
	}
	return true;
}

static bool run_command(struct ssh *ssh, const char *command, const char *input,
                        size_t input_length, size_t out_max,
                        struct ssh_answer *answer, struct err *err)
{
	LIBSSH2_CHANNEL *channel;
	bool ok = false;

	channel = open_channel(ssh, err);
	if (channel == NULL)
		return false;
	if (!start(ssh, channel, command, err))
		goto out;
	if (!feed(ssh, channel, input, input_length, err))
		goto out;
	if (!drain(ssh, channel, out_max, answer, err))
		goto out;
	ok = finish(ssh, channel, answer, err);
out:
	/* After a failure the session is closed next, and takes the channel
	 * along without waiting; freeing it here would wait. */
	if (ok)
		libssh2_channel_free(channel);
	return ok;
}

bool ssh_exec(struct ssh *ssh, const char *command, const char *input,
              size_t input_length, size_t out_max, struct ssh_answer *answer,
              struct err *err)
{
	jmp_buf back;
	bool ok;

	memset(answer, 0, sizeof(*answer));
	if (setjmp(back) != 0)
		return ssh_trapped(ssh, ERR_COMMAND, "command", err);
	ssh_trap(&back);
	ok = run_command(ssh, command, input, input_length, out_max, answer,
	                 err);
	ssh_trap(NULL);
	return ok;
}

void ssh_answer_release(struct ssh_answer *answer)
{
	free(answer->out);
	answer->out = NULL;
}
