#pragma once

/* Raises the number of descriptors to what the administrator allows. */
void limits_raise(void);

/* What the program has open besides its hosts: the database, the host file,
 * the output, its own eventfds. */
#define LIMITS_RESERVED 32

/* What a host in flight has open at most. */
enum {
	/* Connecting to a second address of a name while the first is silent;
	 * with a connection that is made, an eventfd to wait for others by
	 * (guard.h, agent.h). */
	LIMITS_PER_HOST = 2,
	/* Both ends of a socketpair, and that eventfd. */
	LIMITS_PER_JUMPED_HOST = 3,
	/* Of a jump host: its connection, what its thread is woken by, and what
	 * it waits by; while it connects, and does not wait there yet, a second
	 * connection. */
	LIMITS_PER_JUMP_SESSION = 3,
	/* Of a command for a host's password (child.h): both ends of its pipe
	 * while it is started, then one of them and a pidfd. */
	LIMITS_PER_COMMAND = 2
};

/* On top of those reserved. */
struct limits_need {
	unsigned per_host; /* in flight, at most; not 0 */
	unsigned others;   /* whatever is in flight (sessions of jump hosts) */
	unsigned commands; /* at once, at most: one for a host in flight */
};

/* How many hosts can be in flight with the descriptors that there are: wanted,
 * or less, at least 1. */
unsigned limits_fanout(unsigned wanted, const struct limits_need *need);
