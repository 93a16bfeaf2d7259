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

/*
 * What the library keeps to itself of openings that were left: the number of
 * the channel, by which the answer tells for which of them it is; and that
 * answer, which stays in its queue. Each is a block of our allocator's, as in
 * ssh_packets.h. The latest blocks are kept in view; one that makes room for
 * another is looked at, for by then it is filled. Should one ever be
 * overlooked, that target has not answered.
 */
#define FORWARD_BLOCKS 8

struct forward_block {
	unsigned char *bytes;
	size_t size;
};

struct ssh_forward {
	char *queue; /* from begin to end: not sent yet */
	size_t begin, end, size;
	size_t allowance; /* left of ROUND_MAX */
	bool readable, writable;
	bool crowded; /* somebody found the queue too long in this round */
	bool refuses; /* see refuse() */
	bool pauses;  /* nothing is received */
	ptrdiff_t held;
	struct ssh_channel *first;
	size_t channels;
	LIBSSH2_CHANNEL *idle; /* see ssh_channel_open_idle(); NULL: none */
	/* Of the opening under way; length 0: none. */
	unsigned char message[FORWARD_HOST_MAX + 64];
	size_t message_length;
	bool numbered;   /* number is that channel's */
	uint32_t number; /* or that of the one before */
	struct forward_block blocks[FORWARD_BLOCKS]; /* the latest one last */
	size_t block_count;
	struct {
		uint32_t number;
		enum ssh_opening answer; /* SSH_OPENING: none yet */
	} left[SSH_LEFT_MAX];
	size_t left_count, answers;
};

struct ssh_channel {
	struct ssh *ssh;
	LIBSSH2_CHANNEL *channel;
	bool close_sent;
	struct ssh_channel *next, *previous;
};

/* True when the connection has ended, or there was no memory. */
bool ssh_forward_lost(const struct ssh *ssh);

/* A channel to receive by; NULL: there is none. */
LIBSSH2_CHANNEL *ssh_forward_pipe(const struct ssh_forward *forward);

/* The opening under way was left: its answer is awaited. */
void ssh_forward_await(struct ssh *ssh);
