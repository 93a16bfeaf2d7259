#include "inventory/places.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct places_waiter {
	int fd;
	bool called; /* the place is his */
	struct places_waiter *next;
};

static void must(int error)
{
	assert(error == 0);
	(void)error;
}

void places_init(struct places *places, unsigned count)
{
	*places = (struct places){ .free = count };
	must(pthread_mutex_init(&places->lock, NULL));
}

void places_release(struct places *places)
{
	assert(places->first == NULL);
	must(pthread_mutex_destroy(&places->lock));
}

/* --- With the lock -------------------------------------------------------- */

static void join(struct places *places, struct places_waiter *waiter)
{
	if (places->last != NULL)
		places->last->next = waiter;
	else
		places->first = waiter;
	places->last = waiter;
}

static void leave(struct places *places, const struct places_waiter *waiter)
{
	struct places_waiter *before = NULL, *at = places->first;

	while (at != waiter) {
		before = at;
		at = at->next;
	}
	if (before != NULL)
		before->next = waiter->next;
	else
		places->first = waiter->next;
	if (places->last == waiter)
		places->last = before;
}

static void call_next(struct places *places)
{
	struct places_waiter *next = places->first;

	if (next == NULL) {
		places->free++;
		return;
	}
	leave(places, next);
	next->called = true;
	must(eventfd_write(next->fd, 1));
}

/* -------------------------------------------------------------------------- */

/* With the lock, which it lets go of meanwhile. */
static bool wait_for_turn(struct places *places, const struct wait *wait,
                          struct err *err)
{
	struct places_waiter self = {
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	bool ok;

	if (self.fd < 0)
		return err_errno(err, ERR_SCARCE, errno, "eventfd");
	join(places, &self);
	must(pthread_mutex_unlock(&places->lock));
	ok = wait_ready(wait, self.fd, POLLIN, err);
	must(pthread_mutex_lock(&places->lock));
	/* Called too late: he has no time left to use it. */
	if (!ok && self.called)
		call_next(places);
	else if (!ok)
		leave(places, &self);
	close(self.fd);
	return ok;
}

bool places_enter(struct places *places, const struct wait *wait,
                  struct err *err)
{
	bool ok = true;

	if (!wait_check(wait, err))
		return false;
	must(pthread_mutex_lock(&places->lock));
	if (places->free == 0)
		ok = wait_for_turn(places, wait, err);
	else
		places->free--;
	must(pthread_mutex_unlock(&places->lock));
	return ok;
}

void places_leave(struct places *places)
{
	must(pthread_mutex_lock(&places->lock));
	call_next(places);
	must(pthread_mutex_unlock(&places->lock));
}
