#include "tests/proxy/plan.h"

#include <stdlib.h>

#define UNTOUCHED_OF 8

const char *fault_name(enum fault_kind kind)
{
	static const char *const names[] = {
#define FAULT_NAME(fault, name) [fault] = (name),
		FAULTS(FAULT_NAME)
#undef FAULT_NAME
	};

	return names[kind];
}

/* SplitMix64. */
uint64_t dice_roll(uint64_t *dice)
{
	uint64_t z = *dice += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

/* 0 to below - 1. */
static unsigned roll(struct plan *plan, unsigned below)
{
	return (unsigned)(dice_roll(&plan->dice) % below);
}

static enum fault_kind roll_kind(struct plan *plan)
{
	static const struct {
		enum fault_kind kind;
		unsigned percent;
	} weights[] = {
		{ FAULT_FLIP, 40 },   { FAULT_DROP, 12 }, { FAULT_INSERT, 11 },
		{ FAULT_REPEAT, 8 },  { FAULT_SWAP, 8 },  { FAULT_STALL, 9 },
		{ FAULT_SILENCE, 3 }, { FAULT_END, 5 },
	};
	unsigned left = roll(plan, 100);

	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
		if (left < weights[i].percent)
			return weights[i].kind;
		left -= weights[i].percent;
	}
	return FAULT_RESET;
}

/* A key exchange and a login take 4 KiB; the names are in the first bytes. */
static uint64_t roll_place(struct plan *plan)
{
	unsigned where = roll(plan, 10);

	if (where == 0)
		return roll(plan, 64);
	return where < 8 ? roll(plan, 4096) : 4096 + roll(plan, 20480);
}

static unsigned roll_amount(struct plan *plan, enum fault_kind kind)
{
	switch (kind) {
	case FAULT_FLIP:
		/* Often one bit. */
		return roll(plan, 2) == 0 ? 1u << roll(plan, 8)
		                          : 1 + roll(plan, 255);
	case FAULT_DROP:
	case FAULT_INSERT:
	case FAULT_REPEAT:
	case FAULT_SWAP:
		return 1 +
		       roll(plan, roll(plan, 3) == 0 ? FAULT_BYTES_MAX : 32);
	case FAULT_STALL:
		return 1 + roll(plan, 300);
	case FAULT_SILENCE:
	case FAULT_END:
	case FAULT_RESET:
	case FAULT_KINDS:
		break;
	}
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct fault *x = a;
	const struct fault *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

void plan_make(struct plan *plan, uint64_t seed, uint32_t address,
               unsigned attempt)
{
	/* The address decides whether it is a control, whatever the attempt. */
	*plan = (struct plan){ .dice = seed << 32 ^ address };
	if (roll(plan, UNTOUCHED_OF) == 0)
		return;
	plan->dice ^= (uint64_t)attempt << 56;
	plan->count = 1;
	if (roll(plan, 5) < 2)
		plan->count += 1 + roll(plan, PLAN_FAULTS_MAX - 1);
	plan->pieces = roll(plan, 4) == 0;
	for (size_t i = 0; i < plan->count; i++) {
		struct fault *fault = &plan->faults[i];

		fault->kind = roll_kind(plan);
		/* What the server says is what we read. */
		fault->direction = roll(plan, 10) < 7 ? TO_CLIENT : TO_SERVER;
		fault->at = roll_place(plan);
		fault->amount = roll_amount(plan, fault->kind);
	}
	qsort(plan->faults, plan->count, sizeof(plan->faults[0]), by_place);
}

void plan_print(const struct plan *plan, FILE *out)
{
	if (plan->count == 0) {
		fputs("untouched", out);
		return;
	}
	for (size_t i = 0; i < plan->count; i++) {
		const struct fault *fault = &plan->faults[i];

		fprintf(
		    out, fault->kind == FAULT_FLIP ? "%s%s 0x%02x" : "%s%s %u",
		    i > 0 ? ", " : "", fault_name(fault->kind), fault->amount);
		fprintf(out, " at %llu to %s", (unsigned long long)fault->at,
		        fault->direction == TO_CLIENT ? "client" : "server");
	}
	if (plan->pieces)
		fputs(", in pieces", out);
}
