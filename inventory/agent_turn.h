#pragma once

#include "inventory/err.h"
#include "inventory/wait.h"

#include <pthread.h>
#include <stdbool.h>

/*
 * A place for one thread at a time, in the order in which they came; unlike a
 * mutex, whoever waits can give up. He who has to wait does so in poll(), on a
 * descriptor of his own.
 */
struct agent_waiter;

struct agent_turn {
	pthread_mutex_t lock; /* guards all below */
	bool taken;
	struct agent_waiter *first, *last;
};

void agent_turn_init(struct agent_turn *turn);
void agent_turn_release(struct agent_turn *turn); /* nobody is inside */

/* ERR_TIMEOUT, ERR_CANCELLED, ERR_SCARCE (descriptors). */
bool agent_turn_take(struct agent_turn *turn, const struct wait *wait,
                     struct err *err);
void agent_turn_give(struct agent_turn *turn);
