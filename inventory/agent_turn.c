#include "inventory/agent_turn.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct agent_waiter {
	int fd;
	bool called; /* the turn is his */
	struct agent_waiter *next;
};

static void must(int error)
{
	assert(error == 0);
	(void)error;
}

void agent_turn_init(struct agent_turn *turn)
{
	*turn = (struct agent_turn){ 0 };
	must(pthread_mutex_init(&turn->lock, NULL));
}

void agent_turn_release(struct agent_turn *turn)
{
	assert(turn->first == NULL && !turn->taken);
	must(pthread_mutex_destroy(&turn->lock));
}

/* --- With the lock -------------------------------------------------------- */

static void join(struct agent_turn *turn, struct agent_waiter *waiter)
{
	if (turn->last != NULL)
		turn->last->next = waiter;
	else
		turn->first = waiter;
	turn->last = waiter;
}

static void leave(struct agent_turn *turn, const struct agent_waiter *waiter)
{
	struct agent_waiter *before = NULL, *at = turn->first;

	while (at != waiter) {
		before = at;
		at = at->next;
	}
	if (before != NULL)
		before->next = waiter->next;
	else
		turn->first = waiter->next;
	if (turn->last == waiter)
		turn->last = before;
}

static void call_next(struct agent_turn *turn)
{
	struct agent_waiter *next = turn->first;

	turn->taken = next != NULL;
	if (next == NULL)
		return;
	leave(turn, next);
	next->called = true;
	must(eventfd_write(next->fd, 1));
}

/* -------------------------------------------------------------------------- */

/* With the lock, which it lets go of meanwhile. */
static bool wait_for_turn(struct agent_turn *turn, const struct wait *wait,
                          struct err *err)
{
	struct agent_waiter self = {
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	bool ok;

	if (self.fd < 0)
		return err_errno(err, ERR_SCARCE, errno, "eventfd");
	join(turn, &self);
	must(pthread_mutex_unlock(&turn->lock));
	ok = wait_ready(wait, self.fd, POLLIN, err);
	must(pthread_mutex_lock(&turn->lock));
	/* Called too late: he has no time left to use it. */
	if (!ok && self.called)
		call_next(turn);
	else if (!ok)
		leave(turn, &self);
	close(self.fd);
	return ok;
}

bool agent_turn_take(struct agent_turn *turn, const struct wait *wait,
                     struct err *err)
{
	bool ok = true;

	if (!wait_check(wait, err))
		return false;
	must(pthread_mutex_lock(&turn->lock));
	if (turn->taken)
		ok = wait_for_turn(turn, wait, err);
	else
		turn->taken = true;
	must(pthread_mutex_unlock(&turn->lock));
	return ok;
}

void agent_turn_give(struct agent_turn *turn)
{
	must(pthread_mutex_lock(&turn->lock));
	call_next(turn);
	must(pthread_mutex_unlock(&turn->lock));
}
