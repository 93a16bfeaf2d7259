#pragma once

#include "inventory/tcp.h"

#include "tests/net_fixture.h"

/*
 * An eye on the calls by which a connection is made, and a hand on them; and
 * hosts to connect to. Wants the linker's WRAP poll connect socket.
 */
struct tcp_watch {
	const struct poll_trap *trap;
	int connect_fails, socket_fails; /* errno values; 0: they do not */
	bool few_sockets;                /* there are only so many: */
	unsigned sockets_left;
	bool one_later;    /* and then one more, after one was refused */
	int connecting[8]; /* descriptors, in the order of connect() */
	size_t connects;
};

extern struct tcp_watch tcp_watch;

struct address parsed(const char *text, uint16_t port);

/*
 * A listener that never accepts and whose queue is full: the kernel drops what
 * else asks for a connection, as a silent host would.
 */
struct silent {
	int server;
	int queued[8];
	struct address address;
};

void silent_open(struct silent *silent);
void silent_close(struct silent *silent);

/* The number that open() would give out: a leak is seen in it. */
int next_free_descriptor(void);
