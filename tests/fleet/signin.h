#pragma once

#include <stdbool.h>

#include <libssh/libssh.h>
#include <libssh/server.h>

struct conn;

/*
 * How a session lets its user in: what stands in the column `login` of
 * behaviour.c, in libssh's terms. One per session.
 */
struct signin {
	struct conn *conn;
	ssh_session ssh;
	ssh_event event; /* that serves it */
	unsigned round;  /* of prompts */
	bool user_known;
	bool answered; /* the password, in an earlier round */
	bool logged_in;
	bool drop; /* the connection ends when the callback has returned */
};

/* any_password: the user of the well hosts gets in whatever the password is.
 * In main, before any thread. */
void signin_init(bool any_password);

/* The methods that the session names. */
int signin_methods(const struct signin *signin);

/* Callbacks; arg is the struct signin. */
int signin_password(ssh_session ssh, const char *user, const char *password,
                    void *arg);
int signin_key(ssh_session ssh, const char *user, struct ssh_key_struct *key,
               char signature_state, void *arg);

/* A message that no callback takes: 1 when it is none of ours either. */
int signin_message(struct signin *signin, ssh_message message);
