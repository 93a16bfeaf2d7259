/*
 * A jump host that answers when it should not: for tests of what a client makes
 * of answers in another order than that of its requests. libssh's callbacks
 * have to answer at once; here a request is kept. What it does with one is said
 * by the target's port (late_host.h). Nobody is connected with anybody.
 *
 * A process for each connection. Says on its standard output "ready PORT", and
 * before it answers "login 0" or "port N", the target's. Ends with its parent.
 */
#include "tests/late_host.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <libssh/libssh.h>
#include <libssh/server.h>

#define KEPT_MAX 16
#define CHANNELS_MAX 64

/* Of one connection. */
struct visit {
	bool known[LATE_PORTS]; /* was asked for before */
	bool alone;
	ssh_message kept[KEPT_MAX];
	size_t count;
	ssh_channel channels[CHANNELS_MAX];
	size_t channel_count;
};

static int port_of(ssh_message message)
{
	return ssh_message_channel_request_open_destination_port(message);
}

static void say(const char *what, int number)
{
	printf("%s %d\n", what, number);
	fflush(stdout);
}

static void answer(struct visit *visit, ssh_message message, bool well)
{
	ssh_channel channel = NULL;

	if (well && visit->channel_count < CHANNELS_MAX)
		channel =
		    ssh_message_channel_request_open_reply_accept(message);
	else
		(void)ssh_message_reply_default(message);
	if (channel != NULL)
		visit->channels[visit->channel_count++] = channel;
	ssh_message_free(message);
}

/* Those that the client has closed. */
static void close_channels(struct visit *visit)
{
	size_t left = 0;

	for (size_t i = 0; i < visit->channel_count; i++) {
		if (ssh_channel_is_closed(visit->channels[i]) != 0 ||
		    ssh_channel_is_eof(visit->channels[i]) != 0)
			ssh_channel_free(visit->channels[i]);
		else
			visit->channels[left++] = visit->channels[i];
	}
	visit->channel_count = left;
}

static bool is_late_refusal(int port)
{
	return port >= LATE_NOT && port < LATE_NOT + LATE_NOT_COUNT;
}

static void answer_kept(struct visit *visit)
{
	for (size_t i = 0; i < visit->count; i++)
		answer(visit, visit->kept[i],
		       port_of(visit->kept[i]) == LATE_WELL);
	visit->count = 0;
}

static void answer_opening(struct visit *visit, ssh_message message)
{
	int port = port_of(message);
	bool first;

	if (ssh_message_subtype(message) != SSH_CHANNEL_DIRECT_TCPIP) {
		answer(visit, message, !visit->alone);
		return;
	}
	say("port", port);
	if (port <= 0 || port >= LATE_PORTS) {
		answer(visit, message, false);
		return;
	}
	first = !visit->known[port];
	visit->known[port] = true;
	visit->alone |= port == LATE_ALONE;
	answer_kept(visit);
	if (first && (port == LATE_WELL || is_late_refusal(port)))
		visit->kept[visit->count++] = message;
	else if (port == LATE_NEVER)
		ssh_message_free(message);
	else
		answer(visit, message,
		       !is_late_refusal(port) && port != LATE_ALONE);
}

static void answer_session(ssh_session session)
{
	struct visit visit = { .count = 0 };
	long patience_us = 20000; /* with which it waits for a message */
	ssh_message message;

	ssh_options_set(session, SSH_OPTIONS_TIMEOUT_USEC, &patience_us);
	while (ssh_is_connected(session) == 1) {
		close_channels(&visit);
		message = ssh_message_get(session);
		if (message == NULL)
			continue; /* nothing for a while, or the end */
		if (ssh_message_type(message) == SSH_REQUEST_CHANNEL_OPEN) {
			answer_opening(&visit, message);
			continue;
		}
		if (ssh_message_type(message) == SSH_REQUEST_AUTH) {
			say("login", 0);
			(void)ssh_message_auth_reply_success(message, 0);
		} else {
			(void)ssh_message_reply_default(message);
		}
		ssh_message_free(message);
	}
	while (visit.count > 0)
		ssh_message_free(visit.kept[--visit.count]);
}

static int make_key(ssh_key *key)
{
#if LIBSSH_VERSION_INT >= SSH_VERSION_INT(0, 12, 0)
	return ssh_pki_generate_key(SSH_KEYTYPE_ED25519, NULL, key);
#else
	return ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, key);
#endif
}

static ssh_bind make_bind(void)
{
	ssh_bind made = ssh_bind_new();
	bool config = false;
	ssh_key key = NULL;

	if (made != NULL && make_key(&key) == SSH_OK &&
	    ssh_bind_options_set(made, SSH_BIND_OPTIONS_PROCESS_CONFIG,
	                         &config) == 0 &&
	    ssh_bind_options_set(made, SSH_BIND_OPTIONS_IMPORT_KEY, key) == 0)
		return made;
	ssh_bind_free(made);
	return NULL;
}

static int listen_somewhere(void)
{
	struct sockaddr_in name = { .sin_family = AF_INET };
	socklen_t length = sizeof(name);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 ||
	    bind(fd, (const struct sockaddr *)&name, sizeof(name)) != 0 ||
	    listen(fd, 16) != 0 ||
	    getsockname(fd, (struct sockaddr *)&name, &length) != 0)
		return -1;
	say("ready", ntohs(name.sin_port));
	return fd;
}

static int serve(ssh_bind bind, int fd)
{
	ssh_session session = ssh_new();

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (session != NULL &&
	    ssh_bind_accept_fd(bind, session, fd) == SSH_OK &&
	    ssh_handle_key_exchange(session) == SSH_OK)
		answer_session(session);
	ssh_free(session);
	return EXIT_SUCCESS;
}

int main(void)
{
	ssh_bind bind = make_bind();
	int listener, fd;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	listener = bind != NULL ? listen_somewhere() : -1;
	if (listener < 0) {
		fputs("late_host: could not begin\n", stderr);
		return EXIT_FAILURE;
	}
	signal(SIGCHLD, SIG_IGN);
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		if (fork() == 0)
			return serve(bind, fd);
		close(fd);
	}
	return EXIT_FAILURE;
}
