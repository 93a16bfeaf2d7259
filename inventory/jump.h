#pragma once

#include "inventory/access.h"
#include "inventory/dial.h"
#include "inventory/err.h"
#include "inventory/host.h"
#include "inventory/wait.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * A jump host: few logins there carry many targets, each through a channel of
 * its own (direct-tcpip, RFC 4254 section 7.2). A libssh2 session belongs to
 * one thread, so each session has an I/O thread that moves bytes between its
 * channels and one end of socketpairs; the probes have the other ends, and
 * don't know the difference from a connection. For any number of threads.
 *
 * A session is made when it is needed. When a session is full (settings, or the
 * server refused one more channel while others were open: that number is
 * learnt) another one is opened; when the server refuses that, whoever comes
 * waits for a channel.
 */
struct jump;

struct jump_settings {
	const char *host; /* canonical: a literal or a name */
	uint16_t port;
	const char *user;
	const char *password;        /* NULL: none; copied, wiped at the end */
	const struct access *access; /* how the jump host itself is reached: its
	                              * .jump is the hop before */
	const struct dial *dial;
	unsigned channels_max; /* per session */
	unsigned sessions_max;
	unsigned host_timeout_ms; /* to reach and log in to the jump host; and
	                           * the longest wait for a channel */
	int cancel_fd;            /* ends everything */
	void (*note)(const char *sentence); /* what an administrator wants to
	                                     * know once: channels refused, a
	                                     * session lost */
};

/* Connects to nobody yet. Everything in settings but the password is borrowed
 * until jump_close(). */
bool jump_open(struct jump **jump, const struct jump_settings *settings,
               struct err *err);

/* Ends its sessions and joins their threads. NULL is fine. */
void jump_close(struct jump *jump);

/*
 * A connection to host:port as the jump host makes it, which resolves the name.
 * *fd is like tcp_connect()'s. While the caller waits for the jump host's login
 * or for a free channel, its deadline stands still (it is moved), for at most
 * host_timeout_ms.
 *
 * Errors of the jump host itself begin with "jump host NAME: " and have the
 * kind of what happened there (after a failed login all who come get that error
 * at once, and nobody tries again: a wrong password is sent once); those of the
 * target are ERR_UNREACHABLE ("… cannot connect: …"), ERR_TIMEOUT.
 */
bool jump_connect(struct jump *jump, const char *host, uint16_t port, int *fd,
                  struct wait *wait, struct err *err);

/* For the tests and -v. */
struct jump_counts {
	unsigned logins, sessions, channels, channels_most;
};
void jump_counts(struct jump *jump, struct jump_counts *counts);
