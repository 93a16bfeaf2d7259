#pragma once

/* Inside of struct ssh, for the files ssh*.c alone. */

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
	SSH_BAD_PACKET, /* see greeting.h */
	SSH_BAD_KEY,    /* likewise */
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

/*
 * The guard before the library as long as the server's bytes are not encrypted:
 * how many of them may be received at once, 0 for no more; and whether those
 * that were may be handed on. Where not, ssh->stop says why, or no_memory.
 */
size_t ssh_guard_limit(struct ssh *ssh, size_t length);
bool ssh_guard_pass(struct ssh *ssh, const char *bytes, size_t length);

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
