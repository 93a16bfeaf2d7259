#pragma once

#include "inventory/tcp.h"

/* Once in main, before the first thread, and at the very end. */
bool resolve_library_init(struct err *err);
void resolve_library_end(void);

/*
 * Looks a name up in /etc/hosts and in the DNS (c-ares, which knows no other
 * nsswitch modules), under the wait's deadline. Fills at most max addresses in
 * the order of RFC 6724, but with both families in turn, and sets *count, at
 * least 1. family: AF_UNSPEC, or which of them alone is asked for.
 *
 * servers is NULL for those of the system, or "ip:port,…" (for tests).
 * ERR_UNRESOLVED, ERR_TIMEOUT, ERR_CANCELLED, ERR_SCARCE or ERR_SYSTEM.
 */
bool resolve(const char *name, uint16_t port, int family, const char *servers,
             struct address *addresses, size_t max, size_t *count,
             const struct wait *wait, struct err *err);
