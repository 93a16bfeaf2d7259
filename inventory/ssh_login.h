#pragma once

#include "inventory/guard.h"
#include "inventory/host.h"
#include "inventory/ssh_session.h"

/* One login, for the files ssh_login.c and ssh_prompts.c alone. */

struct ssh_attempt {
	struct ssh *ssh;
	const struct login *login;
	/* Of the guard, from right before the password is sent until there is
	 * a verdict; and what to say of it if nothing comes any more. */
	struct guard_place place;
	enum guard_outcome outcome;
	const char *password;                     /* NULL: not needed so far */
	char own_password[HOST_PASSWORD_MAX + 1]; /* that was asked for */
	/* A server that looks at it had it: it is not sent again. */
	bool password_used;
	bool password_refused;
	bool methods_known; /* see ssh_packets.h */
	unsigned steps;     /* done, where the server wants several */
	bool keys_unheard;  /* offered when the server wanted others */
	char remark[SSH_TEXT_MAX + 1]; /* of the server after it, or "" */
	bool given_up;   /* by the callback of ssh_prompts.c; err is set */
	struct err *err; /* for it */
	struct err key;  /* what was said of the last key; ERR_NONE: none */
};

enum ssh_tried {
	SSH_TRIED_IN,   /* logged in */
	SSH_TRIED_NEXT, /* refused, or passed over: another way may do */
	SSH_TRIED_OVER  /* err says why */
};

/* Whether there is a password, or somebody to ask for one. */
bool ssh_has_password(const struct ssh_attempt *attempt);

/*
 * Right before the password is sent: has it asked for and takes a place of the
 * guard. False: err says why, and nothing was sent.
 */
bool ssh_ready_password(struct ssh_attempt *attempt, struct err *err);

/* There is a verdict. */
void ssh_settle_password(struct ssh_attempt *attempt,
                         enum guard_outcome outcome);

/*
 * A refusal came: learns which methods may go on. False, err written: the
 * session is over.
 */
bool ssh_learn_methods(struct ssh_attempt *attempt, unsigned refusals_before,
                       struct err *err);

/* False: it is known that the server does not offer it (now). */
bool ssh_offers(const struct ssh_attempt *attempt, const char *method);

/* The server looked at the password and refused, or wants more: what that means
 * for what follows. */
enum ssh_tried ssh_password_refused(struct ssh_attempt *attempt);

/* keyboard-interactive. */
enum ssh_tried ssh_try_prompts(struct ssh_attempt *attempt, struct err *err);
