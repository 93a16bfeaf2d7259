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
#include "tests/fleet/offer.h"
#include "tests/fleet/say.h"

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
	bool prompted; /* the right user was asked for a password */
	bool logged_in;
	bool drop; /* ends when the callback has returned */
};

static bool any_password; /* set before there are threads */

static bool known(const char *user, const char *password)
{
	return strcmp(user, FLEET_USER) == 0 &&
	       (any_password || strcmp(password, FLEET_PASSWORD) == 0);
}

/* The end of every login that succeeds. */
static int let_in(struct session *s)
{
	s->logged_in = true;
	if (s->conn->behaviour->login == LOGIN_DROP)
		s->drop = true;
	return SSH_AUTH_SUCCESS;
}

/* Where OpenSSH sends it: when a login is asked for, before the reply. */
static void send_login_banner(ssh_session ssh)
{
	ssh_string text =
	    ssh_string_from_char("Authorized use only.\n"
	                         "IP:127.1.1.1  hostname:forged\n");

	if (text != NULL)
		ssh_send_issue_banner(ssh, text);
	ssh_string_free(text);
}

static int on_password(ssh_session ssh, const char *user, const char *password,
                       void *arg)
{
	struct session *s = arg;
	enum login login = s->conn->behaviour->login;

	counts_add(s->conn->counts, s->conn->address, COUNT_PASSWORD);
	if (login == LOGIN_PROMPT || login == LOGIN_KEY)
		return SSH_AUTH_DENIED;
	if (login == LOGIN_BANNER)
		send_login_banner(ssh);
	if (login == LOGIN_SILENT) {
		/* Its packets stay unread, which nobody can tell. */
		while (conn_sleep(s->conn, 60 * 1000))
			;
		s->drop = true;
		return SSH_AUTH_DENIED;
	}
	if (login == LOGIN_SLOW && !conn_sleep(s->conn, 1000))
		return SSH_AUTH_DENIED;
	return known(user, password) ? let_in(s) : SSH_AUTH_DENIED;
}

static int on_key(ssh_session ssh, const char *user, struct ssh_key_struct *key,
                  char signature_state, void *arg)
{
	const struct session *s = arg;

	(void)ssh;
	(void)user;
	(void)key;
	(void)signature_state;
	counts_add(s->conn->counts, s->conn->address, COUNT_KEY);
	return SSH_AUTH_DENIED;
}

/* A keyboard-interactive answer; 0.10 has no callback for it. */
static bool prompt_answered(struct session *s)
{
	const char *answer = NULL;

	counts_add(s->conn->counts, s->conn->address, COUNT_PROMPT);
	if (ssh_userauth_kbdint_getnanswers(s->ssh) == 1)
		answer = ssh_userauth_kbdint_getanswer(s->ssh, 0);
	return answer != NULL && s->prompted && known(FLEET_USER, answer);
}

/* What no callback took: 1 asks libssh for the answer it has for all of it. */
static int on_message(ssh_session ssh, ssh_message message, void *arg)
{
	struct session *s = arg;
	const char *user = NULL;
	const char *prompts[] = { "Password: " };
	char echo[] = { 0 };

	(void)ssh;
	if (ssh_message_type(message) != SSH_REQUEST_AUTH ||
	    ssh_message_subtype(message) != SSH_AUTH_METHOD_INTERACTIVE ||
	    s->conn->behaviour->login != LOGIN_PROMPT)
		return 1;
	if (!ssh_message_auth_kbdint_is_response(message)) {
		/* The answer comes without the user's name. */
		user = ssh_message_auth_user(message);
		s->prompted = user != NULL && strcmp(user, FLEET_USER) == 0;
		ssh_message_auth_interactive_request(message, "", "", 1,
		                                     prompts, echo);
		return 0;
	}
	if (!prompt_answered(s))
		return 1;
	ssh_message_auth_reply_success(message, 0);
	let_in(s);
	return 0;
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
		c->session->drop = true;
		return (int)length;
	}
	if (c->input_length + length > c->input_room) {
		size_t room = 2 * (c->input_length + length);
		char *grown = realloc(c->input, room);

		if (grown == NULL) {
			c->session->drop = true;
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

	if (s->conn->behaviour->no_channel || !s->logged_in)
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
	call->channel->session->drop = true;
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

static int methods(enum login login)
{
	if (login == LOGIN_PROMPT)
		return SSH_AUTH_METHOD_INTERACTIVE;
	if (login == LOGIN_KEY)
		return SSH_AUTH_METHOD_PUBLICKEY;
	return SSH_AUTH_METHOD_PASSWORD;
}

/* Key exchange and whatever follows, until the client is gone. */
static void talk(struct session *s)
{
	const struct behaviour *b = s->conn->behaviour;
	ssh_event event = NULL;

	s->callbacks.userdata = s;
	s->callbacks.auth_password_function = on_password;
	s->callbacks.auth_pubkey_function = on_key;
	s->callbacks.channel_open_request_session_function = on_open;
	s->callbacks.size = sizeof(s->callbacks); /* ssh_callbacks_init */
	if (ssh_set_server_callbacks(s->ssh, &s->callbacks) != SSH_OK)
		return;
	ssh_set_message_callback(s->ssh, on_message, s);
	ssh_set_auth_methods(s->ssh, methods(b->login));
	if (ssh_handle_key_exchange(s->ssh) != SSH_OK)
		return;
	event = ssh_event_new();
	if (event == NULL)
		return;
	if (ssh_event_add_session(event, s->ssh) == SSH_OK) {
		while (!s->drop && ssh_is_connected(s->ssh) == 1 &&
		       ssh_event_dopoll(event, -1) != SSH_ERROR)
			answer_calls(s);
		ssh_event_remove_session(event, s->ssh);
	}
	ssh_event_free(event);
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
	s.ssh = offer_accept(conn->behaviour->offer, fd);
	if (s.ssh == NULL)
		return;
	talk(&s);
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

bool server_init(bool any)
{
	any_password = any;
	if (ssh_init() != SSH_OK) {
		say(0, "libssh could not be initialised");
		return false;
	}
	return offer_init();
}

void server_release(void)
{
	offer_release();
	ssh_finalize();
}
