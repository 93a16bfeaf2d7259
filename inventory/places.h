#pragma once

#include "inventory/err.h"
#include "inventory/wait.h"

#include <pthread.h>
#include <stdbool.h>

/*
 * Places for so many threads at a time, in the order in which they came; unlike
 * a mutex or a semaphore, whoever waits can give up. He who has to wait does so
 * in poll(), on a descriptor of his own.
 */
struct places_waiter;

struct places {
	pthread_mutex_t lock; /* guards all below */
	unsigned free;
	struct places_waiter *first, *last;
};

void places_init(struct places *places, unsigned count);
void places_release(struct places *places); /* nobody is inside */

/* ERR_TIMEOUT, ERR_CANCELLED, ERR_SCARCE (descriptors). */
bool places_enter(struct places *places, const struct wait *wait,
                  struct err *err);
void places_leave(struct places *places);
