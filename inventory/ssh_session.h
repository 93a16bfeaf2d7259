#pragma once

/* Inside of struct ssh, for the files ssh*.c alone. */

#include "inventory/greeting.h"
#include "inventory/ssh.h"
#include "inventory/ssh_key.h"
#include "inventory/ssh_packets.h"
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
	SSH_TOO_OLD,    /* the server's version of the protocol */
	SSH_TRAPPED,    /* the library gave up, see ssh_trap.h */
	SSH_GIVEN_UP,   /* by us, amid the login: its err says why */
	SSH_DEAD        /* being closed */
};

/* Public keys that were offered to the server, see ssh_key.h; borrowed. */
struct ssh_offered {
	const unsigned char *blob;
	size_t length;
};

struct ssh_keys {
	struct ssh_offered offered[SSH_KEYS_MAX];
	size_t count;
	bool stuck; /* on an RSA key, see ssh_key.c */
	bool rsa;   /* one is being offered, see ssh_memory.c */
};

/* SSH_MSG_DISCONNECT (RFC 4253 section 11.1). */
#define SSH_GOODBYE_MAX 159

struct ssh_goodbye {
	bool said;
	int reason;
	char words[SSH_GOODBYE_MAX + 1]; /* what it says, or "" */
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
	size_t sent;          /* bytes, up to the login */
	nanoseconds cancel_checked;
	struct greeting greeting;
	size_t version_given; /* of greeting.line and its end, to the library */
	size_t last_given;    /* see receive_last() */
	struct ssh_packets packets;
	struct ssh_goodbye goodbye;
	struct ssh_attempt *attempt; /* a login is under way, see ssh_login.h */
	struct ssh_keys keys;
	struct ssh_forward *forward; /* of a session that carries others */
};

/*
 * The guard before the library as long as the server's bytes are not encrypted:
 * how many of them may be received at once, 0 for no more; and whether those
 * that were may be handed on. Where not, ssh->stop says why, or no_memory.
 */
size_t ssh_guard_limit(struct ssh *ssh, size_t length);
bool ssh_guard_pass(struct ssh *ssh, const char *bytes, size_t length);

/* The callbacks of a session that carries others, see ssh_forward.h; the memory
 * that the library takes (or gives back: negative), and the blocks of it; and
 * its end. */
ssize_t ssh_forward_receive(struct ssh *ssh, void *buffer, size_t length,
                            int flags);
ssize_t ssh_forward_transmit(struct ssh *ssh, const void *buffer,
                             size_t length);
void ssh_forward_holds(struct ssh *ssh, ptrdiff_t bytes);
void ssh_forward_takes(struct ssh *ssh, unsigned char *block, size_t size);
void ssh_forward_frees(struct ssh *ssh, const void *block);
void ssh_forward_release(struct ssh *ssh);

/* Callbacks: the library's memory, see ssh_packets.h, and the server's last
 * words. */
LIBSSH2_ALLOC_FUNC(ssh_allocate);
LIBSSH2_REALLOC_FUNC(ssh_reallocate);
LIBSSH2_FREE_FUNC(ssh_free);
LIBSSH2_DISCONNECT_FUNC(ssh_take_goodbye);

/* How much the server may send. */
size_t ssh_bytes_max(const struct ssh *ssh);

/* After EAGAIN: waits for what the library waits for. */
bool ssh_wait(struct ssh *ssh, struct err *err);

/*
 * After any other failure: says why, whatever the library made of it. kind and
 * what serve where the cause is not one of ours: "what: <words of libssh2>".
 */
bool ssh_failed(struct ssh *ssh, enum err_kind kind, const char *what,
                struct err *err);

/* The server has ended the session since it wants no more logins: "Too many
 * authentication failures". */
bool ssh_was_turned_away(const struct ssh *ssh);

/* After a login that failed: if the server has ended the session, says what it
 * said of it; where that is about the account, it is ERR_AUTH. */
void ssh_explain_end(struct ssh *ssh, struct err *err);

/* After setjmp() has returned for the trap; returns false. */
bool ssh_trapped(struct ssh *ssh, enum err_kind kind, const char *what,
                 struct err *err);
