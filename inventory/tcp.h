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
 * Connects. *fd is non-blocking, close-on-exec, without Nagle's delay, and the
 * caller's. ERR_REFUSED, ERR_UNREACHABLE, ERR_TIMEOUT, ERR_CANCELLED,
 * ERR_PROTOCOL (reset at once) or ERR_SYSTEM (out of descriptors or memory).
 */
bool tcp_connect(int *fd, const struct address *address,
                 const struct wait *wait, struct err *err);
