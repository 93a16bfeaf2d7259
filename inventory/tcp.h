#pragma once

#include "inventory/err.h"
#include "inventory/wait.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where to connect to. */
struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t length;
};

/* Reads an IPv4 or IPv6 literal (with a zone: "fe80::1%eth0"). False for
 * anything else; a zone that this machine has not is ERR_UNREACHABLE. */
bool address_parse(struct address *address, const char *text, uint16_t port,
                   struct err *err);

/* In inet_ntop() form, with the zone if there is one, without the port. */
void address_format(const struct address *address, char *text, size_t size);

/*
 * Connects to the first of the addresses that answers (RFC 8305): the next one
 * is tried a quarter of a second after the one before, or at once when that one
 * failed; each for limit_ms at most, no more than two at a time. The second
 * descriptor is a luxury: where there is none, the addresses take turns.
 *
 * Connects from the address source, whose port is 0, and which is of the
 * family of them all; NULL for the system's choice.
 *
 * *fd is non-blocking, close-on-exec, without Nagle's delay, and the caller's.
 * *which is the address that answered; on false, the one that the error is
 * about, which is the most telling of all.
 *
 * ERR_REFUSED, ERR_UNREACHABLE, ERR_TIMEOUT, ERR_CANCELLED, ERR_DROPPED (reset
 * at once), ERR_SCARCE (no descriptor, port or memory for a socket) or
 * ERR_SYSTEM.
 */
bool tcp_connect(int *fd, size_t *which, const struct address *source,
                 const struct address *addresses, size_t count,
                 unsigned limit_ms, const struct wait *wait, struct err *err);
