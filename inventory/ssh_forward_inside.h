#pragma once

/* Inside of a session that carries others, for the files ssh_forward*.c alone.
 */

#include "inventory/ssh_forward.h"
#include "inventory/ssh_session.h"

/* The queue: no channel writes into it beyond the first; beyond the second
 * nothing is received, for that may ask for answers. */
#define FORWARD_QUEUE_FULL ((size_t)64 * 1024)
#define FORWARD_QUEUE_MAX ((size_t)256 * 1024)

#define FORWARD_HOST_MAX 255

struct ssh_forward {
	char *queue; /* from begin to end: not sent yet */
	size_t begin, end, size;
	size_t allowance; /* left of ROUND_MAX */
	bool readable, writable;
	bool crowded; /* somebody found the queue too long in this round */
	bool refuses; /* see refuse() */
	ptrdiff_t held;
	struct ssh_channel *first;
	size_t channels;
	/* Of the opening under way; length 0: none. */
	unsigned char message[FORWARD_HOST_MAX + 64];
	size_t message_length;
};

struct ssh_channel {
	struct ssh *ssh;
	LIBSSH2_CHANNEL *channel;
	bool close_sent;
	struct ssh_channel *next, *previous;
};

/* True when the connection has ended, or there was no memory. */
bool ssh_forward_lost(const struct ssh *ssh);
