#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Group commit: threads that bring something at the same time have one of them
 * do the work for all. Without a timer and without a thread of its own.
 *
 * Who finds nobody leading leads; the others wait in a queue. The leader takes
 * the oldest of the queue, at most GROUP_BATCH_MAX and itself among them, works
 * on them without the lock, wakes them, and hands leadership to the oldest that
 * waits. So an item waits for at most the batch under way and those before it,
 * nobody leads twice for one item, and the busier the commit the larger the
 * batches.
 *
 * Whoever waits here is woken by its leader alone: what makes the commit end,
 * ends this wait.
 */
#define GROUP_BATCH_MAX 128

struct group_waiter;

struct group {
	pthread_mutex_t mutex;
	/* Guarded by mutex. If nobody leads, the queue is empty. */
	struct group_waiter *first;
	struct group_waiter *last;
	bool led;

	/* Works on a batch, oldest first; called by one thread at a time. What
	 * became of each it says in the item. */
	void (*commit)(void *arg, void *const *items, size_t count);
	void *arg;
};

/* Returns 0 or an errno value. */
int group_init(struct group *group,
               void (*commit)(void *arg, void *const *items, size_t count),
               void *arg);

/* Nobody may be in group_put(). */
void group_release(struct group *group);

/* Returns when commit() was called with the item, by this thread or another. */
void group_put(struct group *group, void *item);
