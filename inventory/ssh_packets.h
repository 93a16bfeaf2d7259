#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * What a server's packets say during a login and libssh2 keeps to itself: which
 * methods may go on after a refusal, whether the refused one was a step of
 * several (RFC 4252 section 5.1), and the text for the user (section 5.4).
 *
 * The library has no call for them. But each packet's payload is a block of our
 * allocator's, which begins with the message's number, from its arrival until
 * the library has no more use for it. So the blocks are kept in view until the
 * user is logged in: a refusal is read when it is freed, a text when somebody
 * asks for it, for these are never freed.
 *
 * And it must be kept from two of them:
 *
 * - libssh2 1.10 takes the name in a request for information (RFC 4256
 *   section 3.2) to be as long as it says, and copies what lies behind the
 *   packet (userauth_keyboard_interactive() in its userauth.c; mended in 1.11).
 * - The name of the signal that has ended a command (RFC 4254 section 6.10) has
 *   a block as long as it says, up to 4 GiB; one that is longer than its packet
 *   leaves there what the memory held before, which is then taken for the name;
 *   and the block of each name but the last is never freed
 *   (_libssh2_packet_add() in packet.c, up to 1.11.1 at least).
 *
 * Both times it first wants a block of that size, and does not get it.
 */
#define SSH_BLOCKS_MAX 64   /* it has 16 at most, without those that wait */
#define SSH_BLOCK_MAX 65536 /* no packet is longer, and nothing in one */
#define SSH_SIGNALS_MAX 2   /* one for each of a session's channels */
#define SSH_METHODS_MAX 255
#define SSH_TEXT_MAX 255

struct ssh_block {
	unsigned char *bytes;
	size_t size;
};

struct ssh_packets {
	bool watching; /* during the login */
	size_t count;
	struct ssh_block blocks[SSH_BLOCKS_MAX]; /* the latest one last */
	struct ssh_block latest; /* of all, watching or not; gone: size 0 */
	unsigned signals;        /* whose names had their blocks */
	unsigned refusals;
	bool partial; /* of the last one: a step was done */
	char methods[SSH_METHODS_MAX + 1]; /* may go on; "a,b,c" */
	char text[SSH_TEXT_MAX + 1];       /* for the user, or "" */
};

/* Whether the library may have a block of that size: before it is allocated,
 * each time, but for that of the session itself. */
bool ssh_packets_allow(struct ssh_packets *packets, size_t size);

/* A block that it was given (nothing for NULL), one that has become another,
 * and one that it frees. */
void ssh_packets_add(struct ssh_packets *packets, void *block, size_t size);
void ssh_packets_move(struct ssh_packets *packets, const void *old, void *block,
                      size_t size);
void ssh_packets_remove(struct ssh_packets *packets, void *block);

/* The first line of the last text for the user, or ""; valid until the next
 * call. */
const char *ssh_packets_text(struct ssh_packets *packets);
