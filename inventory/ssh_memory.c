#include "inventory/ssh_session.h"

#include "inventory/memory.h"

#include <malloc.h>

/* Only a session that carries others has no other bound. */
static void note_held(struct ssh *ssh, void *block, bool taken)
{
	ptrdiff_t size;

	if (ssh == NULL || ssh->forward == NULL || block == NULL)
		return;
	size = (ptrdiff_t)malloc_usable_size(block);
	ssh_forward_holds(ssh, taken ? size : -size);
	if (!taken)
		ssh_forward_frees(ssh, block);
}

/* False: the server has made the library want it, see ssh_packets.h. The
 * session's own block comes before there is a session. */
static bool may_have(struct ssh *ssh, size_t size)
{
	if (ssh->session == NULL || ssh_packets_allow(&ssh->packets, size))
		return true;
	if (ssh->stop == SSH_GOES_ON)
		ssh->stop = SSH_BAD_PACKET;
	return false;
}

/*
 * 1.11 copies those of the server's signature algorithms that RSA keys can use
 * into a block as long as its own three names: a server that repeats names
 * would write behind it (libssh2 #1885). What a packet holds has room here.
 */
#define NAMES_BLOCK_MAX 256
#define PACKET_MAX 40000

static size_t room_for(const struct ssh *ssh, size_t size)
{
	return ssh->keys.rsa && size < NAMES_BLOCK_MAX ? size + PACKET_MAX
	                                               : size;
}

/* What the library says of an allocation that failed is something else, in many
 * places; so it is noted. */
LIBSSH2_ALLOC_FUNC(ssh_allocate)
{
	struct ssh *ssh = *abstract;
	void *block;

	if (!may_have(ssh, count))
		return NULL;
	block = memory_allocate(room_for(ssh, count));
	if (block == NULL)
		ssh->no_memory = true;
	ssh_packets_add(&ssh->packets, block, count);
	note_held(ssh, block, true);
	if (ssh->forward != NULL && block != NULL)
		ssh_forward_takes(ssh, block, count);
	return block;
}

LIBSSH2_REALLOC_FUNC(ssh_reallocate)
{
	struct ssh *ssh = *abstract;
	void *block;

	if (!may_have(ssh, count))
		return NULL;
	note_held(ssh, ptr, false);
	block = memory_reallocate(ptr, count);
	if (block == NULL)
		ssh->no_memory = true;
	else
		ssh_packets_move(&ssh->packets, ptr, block, count);
	note_held(ssh, block, true);
	return block;
}

LIBSSH2_FREE_FUNC(ssh_free)
{
	struct ssh *ssh = *abstract;

	note_held(ssh, ptr, false);
	ssh_packets_remove(&ssh->packets, ptr);
	memory_free(ptr);
}
