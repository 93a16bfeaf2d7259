#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;

/*
 * Hosts that get as far as a session, with libssh. What a session does is in
 * its row of behaviour.c: how it lets users in, what it offers, and what it
 * answers to a command.
 */

/* Makes the host keys, see offer_init(). In main, before any thread.
 * any_password: the user of the well hosts gets in whatever the password is, so
 * that a test can give each host its own. */
bool server_init(bool any_password, bool host_keys, uint64_t seed);
void server_release(void);

/* The handler of all such hosts. */
void serve_session(struct conn *conn);

/*
 * One exec request, while an answer function has it. What was asked stays
 * valid until the function returns.
 */
struct call {
	struct conn *conn;
	const char *command;
	/* What the client sent on standard input up to its end: only with
	 * the command SHELL_COMMAND, else empty. Not terminated. */
	const char *input;
	size_t input_length;
	struct channel *channel; /* server.c's */
};

#define SHELL_COMMAND "exec /bin/sh"

/* Sends, waiting for room in the client's window; false when the client or
 * its channel is gone, and then nothing else can be sent. */
bool call_out(struct call *call, const void *data, size_t length);
bool call_err(struct call *call, const void *data, size_t length);
bool call_out_text(struct call *call, const char *text);
bool call_err_text(struct call *call, const char *text);

/* Sends a text for the user, which belongs before the login. */
bool call_banner(struct call *call, const char *text);

/* Tells the exit status, without an end. */
void call_status(struct call *call, int status);

/* Exit status, end of file, close. */
void call_end(struct call *call, int status);

/* The command was ended by a signal ("KILL"), end of file, close. */
void call_end_signal(struct call *call, const char *signal);

/* Ends the whole connection when the function returns. */
void call_drop(struct call *call);
