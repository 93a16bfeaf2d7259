#pragma once

#include "inventory/err.h"
#include "inventory/host.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Hosts that wait to be handed out in random order, packed to what they say:
 * some 40 bytes and their texts each. For one thread.
 */
struct shuffle_chunk;

struct shuffle {
	struct shuffle_chunk *chunks;
	char **hosts; /* those that wait */
	size_t count, room;
};

/* Takes a copy. False without memory (ERR_SYSTEM). */
bool shuffle_put(struct shuffle *shuffle, const struct host *host,
                 struct err *err);

/* Fills *host with one of those that wait, each as likely as the others, and
 * overwrites what was kept of it. There is one. False (ERR_SYSTEM) without
 * random bytes. */
bool shuffle_take(struct shuffle *shuffle, struct host *host, struct err *err);

/* Overwrites and frees; one of zeros is fine. */
void shuffle_release(struct shuffle *shuffle);
