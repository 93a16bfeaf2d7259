#include "cli/places.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* In the stack of who waits. */
struct places_waiter {
	struct places_waiter *next;
	int fd;       /* readable when it is his turn */
	bool granted; /* he is in no list any more, and has a place */
};

void places_init(struct places *places, unsigned count)
{
	pthread_mutex_init(&places->lock, NULL);
	places->free = count;
	places->first = places->last = NULL;
}

void places_destroy(struct places *places)
{
	pthread_mutex_destroy(&places->lock);
}

/* True: a place was free. False: waiter stands in the list. */
static bool enter_or_queue(struct places *places, struct places_waiter *waiter)
{
	bool entered;

	pthread_mutex_lock(&places->lock);
	entered = places->free > 0;
	if (entered) {
		places->free--;
	} else {
		if (places->last != NULL)
			places->last->next = waiter;
		else
			places->first = waiter;
		places->last = waiter;
	}
	pthread_mutex_unlock(&places->lock);
	return entered;
}

/* For one who waits no longer; true when his turn had come meanwhile. */
static bool leave_queue(struct places *places,
                        const struct places_waiter *waiter)
{
	struct places_waiter *before = NULL, *at;
	bool granted;

	pthread_mutex_lock(&places->lock);
	granted = waiter->granted;
	for (at = places->first; at != NULL && at != waiter; at = at->next)
		before = at;
	if (at != NULL) {
		if (before != NULL)
			before->next = at->next;
		else
			places->first = at->next;
		if (places->last == at)
			places->last = before;
	}
	pthread_mutex_unlock(&places->lock);
	return granted;
}

static bool wait_for_turn(struct places *places, const struct wait *wait,
                          struct err *err)
{
	struct places_waiter waiter = { .fd = eventfd(0, EFD_CLOEXEC) };
	bool entered;

	if (waiter.fd < 0)
		return err_errno(err, ERR_SCARCE, errno, "eventfd");
	entered = enter_or_queue(places, &waiter);
	if (!entered) {
		entered = wait_ready(wait, waiter.fd, POLLIN, err);
		/* Takes the lock: who wrote to the descriptor is done with it.
		 */
		if (leave_queue(places, &waiter) && !entered)
			places_leave(places);
	}
	close(waiter.fd);
	return entered;
}

bool places_enter(struct places *places, const struct wait *wait,
                  struct err *err)
{
	bool entered;

	pthread_mutex_lock(&places->lock);
	entered = places->free > 0;
	if (entered)
		places->free--;
	pthread_mutex_unlock(&places->lock);
	return entered || wait_for_turn(places, wait, err);
}

void places_leave(struct places *places)
{
	struct places_waiter *waiter;

	pthread_mutex_lock(&places->lock);
	waiter = places->first;
	if (waiter == NULL) {
		places->free++;
	} else {
		places->first = waiter->next;
		if (places->first == NULL)
			places->last = NULL;
		waiter->granted = true;
		/* Under the lock: he may be gone right after it. */
		(void)eventfd_write(waiter->fd, 1);
	}
	pthread_mutex_unlock(&places->lock);
}
