#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * What each address has seen. Every function may be called from any thread;
 * addresses are IPv4 in host byte order. A count is raised before the peer is
 * answered, so a client that has its answer finds itself counted.
 */
struct counts;

enum count {
	COUNT_PASSWORD, /* method "password" was tried */
	COUNT_PROMPT,   /* a keyboard-interactive answer came */
	COUNT_KEY,      /* method "publickey" was tried */
	COUNT_EXEC,     /* an exec request came */
	COUNT_KINDS
};

/* NULL without memory. */
struct counts *counts_new(void);

/* NULL is fine. */
void counts_free(struct counts *counts);

/* A connection begins: which one of this address it is, from 1 (counting
 * starts again with counts_reset()); 0 without memory, and then nothing was
 * counted and counts_closed() must not be called. */
uint64_t counts_opened(struct counts *counts, uint32_t address);

/* The end of what counts_opened() began. */
void counts_closed(struct counts *counts, uint32_t address);

/* Adds one; the address has been opened. */
void counts_add(struct counts *counts, uint32_t address, enum count count);

/* Everything back to 0, but connections that are held stay held. */
void counts_reset(struct counts *counts);

/*
 * Writes one line per address seen, in the order of addresses, one per /24 (as
 * its first address, 127.1.2.0), one line for `address` (zeros if it was never
 * seen), or one line for all. Fields, parted
 * by tabs: address (or "all"), connections, passwords, prompts, keys,
 * execs, held, most held at once.
 */
bool counts_print_all(struct counts *counts, FILE *out);
bool counts_print_networks(struct counts *counts, FILE *out);
void counts_print(struct counts *counts, uint32_t address, FILE *out);
void counts_print_totals(struct counts *counts, FILE *out);
