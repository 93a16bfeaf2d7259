#pragma once

#include "inventory/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An IPv4 or IPv6 network, "10.0.0.0/24": its hosts counted out one by one, and
 * whether an address is in it. Pure.
 */
struct network {
	unsigned char address[16]; /* IPv4: the first four */
	unsigned char bits;        /* of the address: 32 or 128 */
	unsigned char prefix;
};

/* Largest ones that are counted out; to be compared with, any will do. */
#define NETWORK_COUNT_MAX ((uint64_t)1 << 24)
#define NETWORK_COUNT_MAX_IPV6 ((uint64_t)1 << 16)

/* Reads ADDRESS/LENGTH; what the address has behind the length is cleared. An
 * IPv4-mapped IPv6 network is the IPv4 one. ERR_INPUT without a quote. */
bool network_parse(struct network *network, const char *text, size_t length,
                   struct err *err);

/*
 * Number of hosts: of an IPv4 network with 30 bits and less without its first
 * and last address, which are the network's own and the broadcast's. An IPv6
 * network has all. UINT64_MAX stands for all that is larger.
 */
uint64_t network_count(const struct network *network);

/* Writes host n, from 0, canonically. */
void network_host(const struct network *network, uint64_t n, char *to,
                  size_t size);

/* A canonical address as the network of it alone, to be looked for in others;
 * its zone does not matter. False for a name, which is in none. */
bool network_of_address(struct network *network, const char *address);

/* Whether the address is in the network, as its first and last one are. */
bool network_has(const struct network *network, const struct network *address);
