#include "tests/proxy/mangle.h"

#include <string.h>

void mangle_init(struct mangle *mangle, const struct plan *plan,
                 enum direction direction)
{
	memset(mangle, 0, sizeof(*mangle));
	mangle->plan = plan;
	mangle->direction = direction;
	mangle->dice = plan->dice + direction;
}

static void put(struct mangle *mangle, struct mangled *out, unsigned char c)
{
	out->bytes[out->length++] = c;
	mangle->last[mangle->last_length++ % sizeof(mangle->last)] = c;
}

static void put_held(struct mangle *mangle, struct mangled *out)
{
	for (unsigned i = 0; i < mangle->held_length; i++)
		put(mangle, out, mangle->held[i]);
	mangle->hold = 0;
	mangle->held_length = 0;
	mangle->before_held = 0;
}

static void repeat(struct mangle *mangle, struct mangled *out, unsigned amount)
{
	size_t from = mangle->last_length;

	if (amount > from)
		amount = (unsigned)from;
	from -= amount;
	for (unsigned i = 0; i < amount; i++)
		put(mangle, out,
		    mangle->last[(from + i) % sizeof(mangle->last)]);
}

static enum mangle_state begin(struct mangle *mangle, const struct fault *fault,
                               struct mangled *out)
{
	mangle->applied[fault->kind]++;
	switch (fault->kind) {
	case FAULT_FLIP:
		mangle->flip ^= (uint8_t)fault->amount;
		break;
	case FAULT_DROP:
		mangle->drop += fault->amount;
		break;
	case FAULT_INSERT:
		for (unsigned i = 0; i < fault->amount; i++)
			put(mangle, out,
			    (unsigned char)dice_roll(&mangle->dice));
		break;
	case FAULT_REPEAT:
		repeat(mangle, out, fault->amount);
		break;
	case FAULT_SWAP:
		put_held(mangle, out);
		mangle->hold = fault->amount;
		mangle->before_held = fault->amount;
		break;
	case FAULT_STALL:
		mangle->stall_ms = fault->amount;
		return MANGLE_STALLS;
	case FAULT_SILENCE:
		mangle->is_silent = true;
		break;
	case FAULT_END:
		return MANGLE_ENDS;
	case FAULT_RESET:
		return MANGLE_RESETS;
	case FAULT_KINDS:
		break;
	}
	return MANGLE_GOES_ON;
}

static enum mangle_state begin_due(struct mangle *mangle, struct mangled *out)
{
	enum mangle_state state = MANGLE_GOES_ON;

	while (state == MANGLE_GOES_ON && !mangle->is_silent &&
	       mangle->next < mangle->plan->count) {
		const struct fault *fault = &mangle->plan->faults[mangle->next];

		if (fault->direction == mangle->direction) {
			if (fault->at > mangle->at)
				break;
			state = begin(mangle, fault, out);
		}
		mangle->next++;
	}
	return state;
}

static void take_byte(struct mangle *mangle, struct mangled *out,
                      unsigned char c)
{
	mangle->at++;
	c ^= mangle->flip;
	mangle->flip = 0;
	if (mangle->is_silent)
		return;
	if (mangle->drop > 0) {
		mangle->drop--;
	} else if (mangle->held_length < mangle->hold) {
		mangle->held[mangle->held_length++] = c;
	} else {
		put(mangle, out, c);
		if (mangle->before_held > 0 && --mangle->before_held == 0)
			put_held(mangle, out);
	}
}

size_t mangle_take(struct mangle *mangle, const unsigned char *bytes,
                   size_t length, struct mangled *out, enum mangle_state *state)
{
	size_t taken = 0;

	out->length = 0;
	*state = MANGLE_GOES_ON;
	while (taken < length) {
		*state = begin_due(mangle, out);
		if (*state != MANGLE_GOES_ON)
			break;
		take_byte(mangle, out, bytes[taken++]);
	}
	return taken;
}

void mangle_flush(struct mangle *mangle, struct mangled *out)
{
	out->length = 0;
	put_held(mangle, out);
}
