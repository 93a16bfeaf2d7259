#pragma once

/* Inside of struct ssh, for ssh.c, ssh_login.c and ssh_channel.c alone. */

#include "inventory/greeting.h"
#include "inventory/ssh.h"
#include "inventory/ssh_trap.h"

#include <libssh2.h>

/* Why the receive callback lets no more bytes in. */
enum ssh_stop {
	SSH_GOES_ON,
	SSH_DEADLINE,
	SSH_CANCELLED,
	SSH_TEXT_FLOOD, /* see greeting.h */
	SSH_BYTE_FLOOD, /* more than any answer takes */
	SSH_TRAPPED,    /* the library gave up, see ssh_trap.h */
	SSH_DEAD        /* being closed */
};

struct ssh {
	LIBSSH2_SESSION *session;
	int fd;
	struct wait wait;
	enum ssh_stop stop;
	bool peer_closed;
	bool shaking_hands; /* begun, and not ended by the library */
	bool logged_in;
	bool opening_channel; /* see ssh_wait() */
	bool no_memory;       /* the library was refused some */
	int os_error;         /* of a receive or send that failed */
	size_t received;      /* bytes */
	nanoseconds cancel_checked;
	struct greeting greeting;
	size_t version_given; /* of greeting.line and its end, to the library */
	size_t last_given;    /* see receive_last() */
};

/* After EAGAIN: waits for what the library waits for. */
bool ssh_wait(struct ssh *ssh, struct err *err);

/*
 * After any other failure: says why, whatever the library made of it. kind and
 * what serve where the cause is not one of ours: "what: <words of libssh2>".
 */
bool ssh_failed(struct ssh *ssh, enum err_kind kind, const char *what,
                struct err *err);

/* After setjmp() has returned for the trap; returns false. */
bool ssh_trapped(struct ssh *ssh, enum err_kind kind, const char *what,
                 struct err *err);
