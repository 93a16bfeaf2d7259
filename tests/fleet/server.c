#include "tests/fleet/server.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#include "tests/fleet/behaviour.h"
#include "tests/fleet/conn.h"
#include "tests/fleet/counts.h"
#include "tests/fleet/forward.h"
#include "tests/fleet/offer.h"
#include "tests/fleet/say.h"
#include "tests/fleet/signin.h"

#define INPUT_MAX ((size_t)1024 * 1024) /* of a script on standard input */

struct channel {
	struct channel *next;
	struct session *session;
	ssh_channel channel; /* freed with the session */
	struct ssh_channel_callbacks_struct callbacks;
	char *command; /* NULL until asked */
	char *input;
	size_t input_length;
	size_t input_room;
	bool input_ended;
	bool answered;
};

struct session {
	struct conn *conn;
	ssh_session ssh;
	struct ssh_server_callbacks_struct callbacks;
	struct channel *channels;
	ssh_event event;
	struct forwards *forwards;
	struct signin signin;
};

/* What no callback took: 1 asks libssh for the answer it has for all of it. */
static int on_message(ssh_session ssh, ssh_message message, void *arg)
{
	struct session *s = arg;

	(void)ssh;
	if (ssh_message_type(message) == SSH_REQUEST_CHANNEL_OPEN &&
	    ssh_message_subtype(message) == SSH_CHANNEL_DIRECT_TCPIP &&
	    s->signin.logged_in)
		return forwards_open(s->forwards, s->event, message);
	return signin_message(&s->signin, message);
}

static int on_password(ssh_session ssh, const char *user, const char *password,
                       void *arg)
{
	struct session *s = arg;

	return signin_password(ssh, user, password, &s->signin);
}

static int on_key(ssh_session ssh, const char *user, struct ssh_key_struct *key,
                  char signature_state, void *arg)
{
	struct session *s = arg;

	return signin_key(ssh, user, key, signature_state, &s->signin);
}

static int on_exec(ssh_session ssh, ssh_channel channel, const char *command,
                   void *arg)
{
	struct channel *c = arg;
	struct conn *conn = c->session->conn;

	(void)ssh;
	(void)channel;
	counts_add(conn->counts, conn->address, COUNT_EXEC);
	if (conn->behaviour->no_exec || c->command != NULL)
		return 1;
	/* Answered by the loop, when libssh has said "success". */
	c->command = strdup(command);
	return c->command != NULL ? 0 : 1;
}

static int on_data(ssh_session ssh, ssh_channel channel, void *data,
                   uint32_t length, int is_stderr, void *arg)
{
	struct channel *c = arg;

	(void)ssh;
	(void)channel;
	if (is_stderr != 0 || c->answered)
		return (int)length;
	if (length > INPUT_MAX - c->input_length) {
		c->session->signin.drop = true;
		return (int)length;
	}
	if (c->input_length + length > c->input_room) {
		size_t room = 2 * (c->input_length + length);
		char *grown = realloc(c->input, room);

		if (grown == NULL) {
			c->session->signin.drop = true;
			return (int)length;
		}
		c->input = grown;
		c->input_room = room;
	}
	memcpy(c->input + c->input_length, data, length);
	c->input_length += length;
	return (int)length;
}

static void on_eof(ssh_session ssh, ssh_channel channel, void *arg)
{
	struct channel *c = arg;

	(void)ssh;
	(void)channel;
	c->input_ended = true;
}

static ssh_channel on_open(ssh_session ssh, void *arg)
{
	struct session *s = arg;
	struct channel *c = NULL;

	if (s->conn->behaviour->no_channel || !s->signin.logged_in)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->session = s;
	c->channel = ssh_channel_new(ssh);
	c->callbacks.userdata = c;
	c->callbacks.channel_exec_request_function = on_exec;
	c->callbacks.channel_data_function = on_data;
	c->callbacks.channel_eof_function = on_eof;
	c->callbacks.size = sizeof(c->callbacks); /* ssh_callbacks_init */
	if (c->channel == NULL ||
	    ssh_set_channel_callbacks(c->channel, &c->callbacks) != SSH_OK) {
		free(c);
		return NULL;
	}
	c->next = s->channels;
	s->channels = c;
	return c->channel;
}

static bool write_all(struct call *call, bool is_stderr, const void *data,
                      size_t length)
{
	const char *p = data;

	while (length > 0) {
		ssh_channel channel = call->channel->channel;
		uint32_t part = length < 32768 ? (uint32_t)length : 32768;
		int n = is_stderr ? ssh_channel_write_stderr(channel, p, part)
		                  : ssh_channel_write(channel, p, part);

		if (n <= 0)
			return false;
		p += n;
		length -= (size_t)n;
	}
	return true;
}

bool call_out(struct call *call, const void *data, size_t length)
{
	return write_all(call, false, data, length);
}

bool call_err(struct call *call, const void *data, size_t length)
{
	return write_all(call, true, data, length);
}

bool call_out_text(struct call *call, const char *text)
{
	return call_out(call, text, strlen(text));
}

bool call_err_text(struct call *call, const char *text)
{
	return call_err(call, text, strlen(text));
}

void call_status(struct call *call, int status)
{
	ssh_channel_request_send_exit_status(call->channel->channel, status);
}

static void end(struct call *call)
{
	ssh_channel_send_eof(call->channel->channel);
	ssh_channel_close(call->channel->channel);
}

void call_end(struct call *call, int status)
{
	call_status(call, status);
	end(call);
}

void call_end_signal(struct call *call, const char *signal)
{
	ssh_channel_request_send_exit_signal(call->channel->channel, signal, 0,
	                                     "", "");
	end(call);
}

bool call_banner(struct call *call, const char *text)
{
	ssh_session ssh = call->channel->session->ssh;
	ssh_string string = ssh_string_from_char(text);
	bool sent = string != NULL &&
	            ssh_send_issue_banner(ssh, string) == SSH_OK &&
	            ssh_blocking_flush(ssh, -1) == SSH_OK;

	ssh_string_free(string);
	return sent;
}

void call_drop(struct call *call)
{
	call->channel->session->signin.drop = true;
}

/* Answers what has been asked and is complete. */
static void answer_calls(struct session *s)
{
	for (struct channel *c = s->channels; c != NULL; c = c->next) {
		struct call call = {
			.conn = s->conn,
			.command = c->command,
			.input = c->input != NULL ? c->input : "",
			.input_length = c->input_length,
			.channel = c,
		};

		if (c->command == NULL || c->answered)
			continue;
		if (strcmp(c->command, SHELL_COMMAND) == 0 && !c->input_ended)
			continue;
		c->answered = true;
		s->conn->behaviour->answer(&call);
	}
}

/* Key exchange and whatever follows, until the client is gone. */
static void talk(struct session *s)
{
	s->callbacks.userdata = s;
	s->callbacks.auth_password_function = on_password;
	s->callbacks.auth_pubkey_function = on_key;
	s->callbacks.channel_open_request_session_function = on_open;
	s->callbacks.size = sizeof(s->callbacks); /* ssh_callbacks_init */
	if (ssh_set_server_callbacks(s->ssh, &s->callbacks) != SSH_OK)
		return;
	ssh_set_message_callback(s->ssh, on_message, s);
	ssh_set_auth_methods(s->ssh, signin_methods(&s->signin));
	if (ssh_handle_key_exchange(s->ssh) != SSH_OK)
		return;
	s->event = ssh_event_new();
	s->forwards = forwards_new(s->conn);
	if (s->event == NULL || s->forwards == NULL)
		return;
	s->signin.event = s->event;
	if (ssh_event_add_session(s->event, s->ssh) == SSH_OK) {
		while (!s->signin.drop && ssh_is_connected(s->ssh) == 1 &&
		       ssh_event_dopoll(s->event, -1) != SSH_ERROR) {
			answer_calls(s);
			s->signin.drop |= !forwards_look(s->forwards, s->event);
		}
		ssh_event_remove_session(s->event, s->ssh);
	}
}

void serve_session(struct conn *conn)
{
	struct session s = { .conn = conn };
	/* libssh closes its descriptor whenever it sees an error; ours stays,
	 * so that its number cannot become another connection's meanwhile. */
	int fd = fcntl(conn->fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0) {
		say(errno, "could not take a connection");
		return;
	}
	s.ssh = offer_accept(conn->behaviour->offer, conn->address, fd);
	if (s.ssh == NULL)
		return;
	s.signin = (struct signin){ .conn = conn, .ssh = s.ssh };
	talk(&s);
	forwards_free(s.forwards, s.event);
	if (s.event != NULL)
		ssh_event_free(s.event);
	/* No SSH_MSG_DISCONNECT: a host that drops does not say so. */
	ssh_free(s.ssh);
	while (s.channels != NULL) {
		struct channel *next = s.channels->next;

		free(s.channels->command);
		free(s.channels->input);
		free(s.channels);
		s.channels = next;
	}
}

bool server_init(bool any, bool host_keys, uint64_t seed)
{
	signin_init(any);
	if (ssh_init() != SSH_OK) {
		say(0, "libssh could not be initialised");
		return false;
	}
	return offer_init(host_keys, seed);
}

void server_release(void)
{
	offer_release();
	ssh_finalize();
}
