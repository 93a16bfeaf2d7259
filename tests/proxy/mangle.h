#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/proxy/plan.h"

/*
 * One direction of a connection: bytes go in as they were sent, and come out as
 * the plan has it. Pure; waiting, ending and resetting is the caller's.
 */

#define MANGLE_INPUT_MAX 4096

/* What came out; there is room for all that one call can make. */
struct mangled {
	size_t length;
	unsigned char
	    bytes[MANGLE_INPUT_MAX + (PLAN_FAULTS_MAX + 1) * FAULT_BYTES_MAX];
};

enum mangle_state {
	MANGLE_GOES_ON,
	MANGLE_STALLS, /* for stall_ms, then the rest is taken */
	MANGLE_ENDS,   /* the stream, not the connection */
	MANGLE_RESETS
};

struct mangle {
	const struct plan *plan;
	enum direction direction;
	uint64_t dice;
	size_t next;    /* fault */
	uint64_t at;    /* bytes taken */
	unsigned drop;  /* bytes that are still to be left out */
	uint8_t flip;   /* bits of the next byte */
	bool is_silent; /* from here on */
	unsigned stall_ms;

	unsigned char held[FAULT_BYTES_MAX]; /* of a swap */
	unsigned hold;                       /* bytes that go there */
	unsigned held_length;
	unsigned before_held; /* bytes that still come out first */

	unsigned char last[FAULT_BYTES_MAX]; /* came out; a ring */
	size_t last_length;                  /* of all that came out */

	unsigned applied[FAULT_KINDS];
};

void mangle_init(struct mangle *mangle, const struct plan *plan,
                 enum direction direction);

/*
 * Takes bytes, at most MANGLE_INPUT_MAX and up to the first that makes the
 * state another than "goes on". Out is overwritten with what comes of them.
 * Returns how many it took.
 */
size_t mangle_take(struct mangle *mangle, const unsigned char *bytes,
                   size_t length, struct mangled *out,
                   enum mangle_state *state);

/* When nothing more comes for a while, or at the end: what was held back for a
 * swap comes out after all. */
void mangle_flush(struct mangle *mangle, struct mangled *out);
