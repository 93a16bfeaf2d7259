#include "sql/limit.h"

#include "inventory/thread.h"
#include "sql/lock.h"

#include <assert.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STACK_SIZE ((size_t)256 * 1024)

/* So that a very short limit does not keep the thread busy. */
#define SHORTEST (100 * NS_PER_MS)

/*
 * Cuts the call whose time is up. Returns until when there is nothing to
 * do: a call that begins later has a later limit, so nobody has to wake us.
 */
static nanoseconds look(struct limit *limit)
{
	nanoseconds now = monotonic_ns();
	nanoseconds next = now + limit->longest;

	mutex_lock(&limit->mutex);
	if (limit->deadline != 0 && limit->deadline <= now) {
		limit->passed = true;
		limit->deadline = 0;
		limit->db->ops->cut(limit->db);
	}
	if (limit->deadline != 0 && limit->deadline < next)
		next = limit->deadline;
	mutex_unlock(&limit->mutex);
	return next;
}

static void *keep(void *arg)
{
	struct limit *limit = arg;
	struct pollfd end = { .fd = limit->end_fd, .events = POLLIN };

	while (poll(&end, 1, deadline_poll_ms(look(limit))) <= 0)
		;
	return NULL;
}

void limit_open(struct limit *limit, struct db *db, nanoseconds longest)
{
	*limit = (struct limit){
		.db = db,
		.longest = longest > SHORTEST ? longest : SHORTEST,
		.end_fd = -1,
	};
	if (db->ops->cut == NULL ||
	    pthread_mutex_init(&limit->mutex, NULL) != 0)
		return;
	limit->end_fd = eventfd(0, EFD_CLOEXEC);
	limit->running =
	    limit->end_fd >= 0 &&
	    thread_start(&limit->thread, STACK_SIZE, keep, limit) == 0;
	if (limit->running)
		return;
	if (limit->end_fd >= 0)
		close(limit->end_fd);
	pthread_mutex_destroy(&limit->mutex);
}

void limit_set(struct limit *limit, nanoseconds deadline)
{
	if (limit == NULL || !limit->running)
		return;
	mutex_lock(&limit->mutex);
	limit->deadline = deadline;
	mutex_unlock(&limit->mutex);
}

bool limit_lift(struct limit *limit)
{
	bool passed;

	if (limit == NULL || !limit->running)
		return false;
	mutex_lock(&limit->mutex);
	limit->deadline = 0;
	passed = limit->passed;
	limit->passed = false;
	mutex_unlock(&limit->mutex);
	return passed;
}

void limit_close(struct limit *limit)
{
	static const uint64_t one = 1;
	ssize_t written;
	int failed;

	if (!limit->running)
		return;
	written = write(limit->end_fd, &one, sizeof(one));
	assert(written == sizeof(one));
	failed = pthread_join(limit->thread, NULL);
	assert(failed == 0);
	close(limit->end_fd);
	pthread_mutex_destroy(&limit->mutex);
	limit->running = false;
}
