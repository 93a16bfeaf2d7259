#pragma once

#include "inventory/tcp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How connections are made: by the probes, and to the first jump host. */
struct dial {
	unsigned connect_timeout_ms; /* one TCP connection */
	const char *name_servers;    /* NULL: the system's; see resolve.h */
	int family;            /* AF_UNSPEC, AF_INET (-4), AF_INET6 (-6) */
	struct address source; /* set by dial_from(); length 0: any */
};

/*
 * --bind: connects from an address of this machine, and so, as `ssh -b` does,
 * to addresses of its family alone. ERR_INPUT where it is none, has not the
 * family that dial->family names, or lacks its zone.
 */
bool dial_from(struct dial *dial, const char *address, struct err *err);

#define DIAL_ADDRESSES_MAX 8

/* The addresses of a literal or a name that the family allows, at least one.
 * ERR_UNRESOLVED where it has none; else as resolve(). ERR_UNREACHABLE for a
 * link-local address whose link nobody names. */
bool dial_find(const struct dial *dial, const char *host, uint16_t port,
               struct address addresses[static DIAL_ADDRESSES_MAX],
               size_t *count, const struct wait *wait, struct err *err);

/* tcp_connect() with what dial says. */
bool dial_connect(const struct dial *dial, const struct address *addresses,
                  size_t count, int *fd, size_t *which, const struct wait *wait,
                  struct err *err);
