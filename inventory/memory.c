#include "inventory/memory.h"

#include <malloc.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/crypto.h>

/* --- libssh2 -------------------------------------------------------------- */

/*
 * The library also frees blocks through us that OpenSSL allocated, so nothing
 * may be added in front of a block; malloc_usable_size() tells its size. Behind
 * it there is room for what 1.10 reads too much of a malformed ed25519 key, see
 * keyblob.h.
 */
#define BEHIND 64

void *memory_allocate(size_t size)
{
	return size <= SIZE_MAX - BEHIND ? calloc(1, size + BEHIND) : NULL;
}

void memory_free(void *block)
{
	if (block == NULL)
		return;
	explicit_bzero(block, malloc_usable_size(block));
	free(block);
}

void *memory_reallocate(void *block, size_t size)
{
	size_t old = block != NULL ? malloc_usable_size(block) : 0;
	void *fresh = memory_allocate(size);

	if (fresh == NULL)
		return NULL;
	if (block != NULL)
		memcpy(fresh, block, old < size ? old : size);
	memory_free(block);
	return fresh;
}

/* --- OpenSSL -------------------------------------------------------------- */

/* How often, and for how long, a refusal is asked again. */
#define PATIENCE_POLLS 250
#define PATIENCE_POLL_MS 20

static int end_fd = -1;

void memory_set_end(int fd)
{
	end_fd = fd;
}

static void end_without_memory(void)
{
	static const char words[] = "sshinv: out of memory\n";

	struct pollfd room = { .fd = STDERR_FILENO, .events = POLLOUT };

	/* Said where it can be: nothing else is left to do. */
	if (poll(&room, 1, 0) == 1)
		(void)!write(STDERR_FILENO, words, sizeof(words) - 1);
	_exit(1);
}

/* Was refused once; does not come back without a block. */
static void *insist(void *block, size_t size)
{
	struct pollfd end = { .fd = end_fd, .events = POLLIN };

	for (int i = 0; i < PATIENCE_POLLS && end.revents == 0; i++) {
		void *fresh;

		(void)poll(&end, 1, PATIENCE_POLL_MS);
		fresh = realloc(block, size);
		if (fresh != NULL)
			return fresh;
	}
	end_without_memory();
	return NULL;
}

static void *crypto_malloc(size_t size, const char *file, int line)
{
	void *block;

	(void)file;
	(void)line;
	if (size == 0)
		return NULL;
	block = malloc(size);
	if (block == NULL)
		block = insist(NULL, size);
	return block;
}

static void crypto_free(void *block, const char *file, int line)
{
	(void)file;
	(void)line;
	free(block);
}

static void *crypto_realloc(void *block, size_t size, const char *file,
                            int line)
{
	void *fresh;

	if (size == 0) {
		crypto_free(block, file, line);
		return NULL;
	}
	fresh = realloc(block, size);
	if (fresh == NULL)
		fresh = insist(block, size);
	return fresh;
}

/*
 * glibc reserves 64 MiB of addresses for each arena; where there are no more, a
 * thread that wants a new one is refused memory although others have some left.
 */
static void share_scarce_addresses(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_AS, &limit) == 0 &&
	    limit.rlim_cur != RLIM_INFINITY)
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): no threads yet */
		(void)mallopt(M_ARENA_MAX, 1);
}

void memory_library_init(void)
{
	share_scarce_addresses();
	(void)CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc,
	                               crypto_free);
}
