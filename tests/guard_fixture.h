#pragma once

#include "inventory/guard.h"

#include "tests/net_fixture.h"

/* A guard that lets MAX refusals happen, for one user and one secret. */
#define MAX 3
#define LIMIT_MS 30000

static inline struct guard *opened(unsigned max)
{
	struct guard *guard = NULL;
	struct err err;

	assert_true(guard_open(&guard, max, &err));
	return guard;
}

/* Without waiting: there is a place, or a reason against one. */
static inline bool enter(struct guard *guard, struct guard_place *place,
                         const char *user, const char *secret, struct err *err)
{
	struct wait wait = wait_ms(PLENTY_MS, -1);

	*place = (struct guard_place){ .credential = NULL };
	return guard_enter(guard, place, user, secret, &wait, LIMIT_MS, err);
}

static inline void take(struct guard *guard, struct guard_place *places,
                        size_t count)
{
	struct err err;

	for (size_t i = 0; i < count; i++)
		assert_true(enter(guard, &places[i], "root", "secret", &err));
}
