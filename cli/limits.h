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
	LIMITS_PER_JUMP_SESSION = 3
};

/*
 * How many hosts can be in flight with the descriptors that there are: wanted,
 * or less, at least 1. Each takes per_host at most, and others are taken
 * whatever is in flight (sessions of jump hosts), on top of those reserved.
 */
unsigned limits_fanout(unsigned wanted, unsigned per_host, unsigned others);
