#pragma once

#include "inventory/tcp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How connections are made: by the probes, and to the first jump host. */
struct dial {
	unsigned connect_timeout_ms; /* one TCP connection */
	const char *name_servers;    /* NULL: the system's; see resolve.h */
	int family; /* AF_UNSPEC, AF_INET (-4), AF_INET6 (-6) */
	struct address bind_v4, bind_v6; /* --bind; length 0: none */
};

#define DIAL_ADDRESSES_MAX 8

/* The addresses of a literal or a name that the family allows, at least one.
 * ERR_UNRESOLVED where it has none; else as resolve(). */
bool dial_find(const struct dial *dial, const char *host, uint16_t port,
               struct address addresses[static DIAL_ADDRESSES_MAX],
               size_t *count, const struct wait *wait, struct err *err);

/* tcp_connect() with what dial says. */
bool dial_connect(const struct dial *dial, const struct address *addresses,
                  size_t count, int *fd, size_t *which, const struct wait *wait,
                  struct err *err);
