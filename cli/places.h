#pragma once

#include "inventory/err.h"
#include "inventory/wait.h"

#include <pthread.h>
#include <stdbool.h>

/*
 * At most so many at the same time, first come, first served: a waiter has a
 * descriptor of his own, so that his deadline and the run's end wake him, and
 * nobody else's turn does. For any number of threads.
 */
struct places_waiter;

struct places {
	pthread_mutex_t lock; /* guards what is below */
	unsigned free;
	struct places_waiter *first, *last;
};

void places_init(struct places *places, unsigned count);
void places_destroy(struct places *places); /* nobody is in it any more */

/* False with ERR_TIMEOUT, ERR_CANCELLED, ERR_SCARCE. */
bool places_enter(struct places *places, const struct wait *wait,
                  struct err *err);
void places_leave(struct places *places);
