#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A set of hosts by address and port, each with a number: 16 bytes a host in a
 * table that is three eighths to three quarters full. For one thread.
 */
struct hostset_slot;

struct hostset {
	struct hostset_slot *slots; /* open addressing; a power of two */
	size_t size, used;
};

/* Empty, and without memory of its own. */
#define HOSTSET_INIT                                                           \
	{                                                                      \
		0                                                              \
	}

/* The number of a host that is there; 0: it is not. */
uint32_t hostset_find(const struct hostset *set, const char *ip, unsigned port);

/*
 * Adds a host with a number above 0, or leaves one that is there as it is.
 * *before is its number until now, 0 if it is new. False without memory; the
 * set is unchanged then.
 */
bool hostset_add(struct hostset *set, const char *ip, unsigned port,
                 uint32_t number, uint32_t *before);

/* Frees; the set is empty then, and may be used again. */
void hostset_release(struct hostset *set);
