#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * What happens to one connection: nothing, or a few faults at fixed places of
 * its two streams. It follows from the seed, the address that was called and
 * how many connections to it there were before, and from nothing else, so that
 * whatever a run shows can be had again.
 */

/* X(constant, name) */
#define FAULTS(X)                                                              \
	X(FAULT_FLIP, "flip")       /* some bits of one byte */                \
	X(FAULT_DROP, "drop")       /* bytes that never arrive */              \
	X(FAULT_INSERT, "insert")   /* random bytes that nobody sent */        \
	X(FAULT_REPEAT, "repeat")   /* the last bytes once more */             \
	X(FAULT_SWAP, "swap")       /* as many bytes, behind the next ones */  \
	X(FAULT_STALL, "stall")     /* milliseconds of a pause */              \
	X(FAULT_SILENCE, "silence") /* nothing more, and no end */             \
	X(FAULT_END, "end")         /* the stream ends here */                 \
	X(FAULT_RESET, "reset")     /* the connection is reset */

enum fault_kind {
#define FAULT_ENUM(fault, name) fault,
	FAULTS(FAULT_ENUM)
#undef FAULT_ENUM
	    FAULT_KINDS
};

enum direction { TO_SERVER, TO_CLIENT, DIRECTIONS };

struct fault {
	enum fault_kind kind;
	enum direction direction;
	uint64_t at;     /* bytes of the stream before it */
	unsigned amount; /* bytes, milliseconds, or the bits to flip */
};

#define PLAN_FAULTS_MAX 4
#define FAULT_BYTES_MAX 1024

struct plan {
	size_t count; /* of faults; 0: untouched, a control */
	struct fault faults[PLAN_FAULTS_MAX]; /* by their place */
	bool pieces; /* both streams arrive in small pieces */
	uint64_t dice;
};

/* One in eight addresses is untouched in all its connections. */
void plan_make(struct plan *plan, uint64_t seed, uint32_t address,
               unsigned attempt);

/* "untouched", or "flip 0x20 at 17 to client, …". */
void plan_print(const struct plan *plan, FILE *out);

const char *fault_name(enum fault_kind kind);

/* The next of a sequence of random numbers. */
uint64_t dice_roll(uint64_t *dice);
