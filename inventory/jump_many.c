#include "inventory/jump_inside.h"

#include <assert.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * What jump hosts have in common: where there are thousands of them, what each
 * one leaves behind piles up.
 */
static struct {
	pthread_mutex_t lock;
	/* Threads that have nothing left to do. One that nobody joins keeps its
	 * stack, and the next session of its own jump host may never come. */
	struct jump_session *done;
	/* Sessions that carry nobody, those that do for longest first. */
	struct jump_session *oldest, *newest;
	unsigned idle;
} many = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void lock(void)
{
	int failed = pthread_mutex_lock(&many.lock);

	assert(failed == 0);
}

static void unlock(void)
{
	int failed = pthread_mutex_unlock(&many.lock);

	assert(failed == 0);
}

/* --- threads that are done ------------------------------------------------ */

void jump_many_done(struct jump_session *session)
{
	lock();
	if (!session->claimed) {
		session->next_done = many.done;
		many.done = session;
	}
	unlock();
}

void jump_many_reap(void)
{
	lock();
	while (many.done != NULL) {
		struct jump_session *session = many.done;

		many.done = session->next_done;
		/* It has but to return. */
		pthread_join(session->thread, NULL);
		session->joined = true;
	}
	unlock();
}

bool jump_many_is_joined(const struct jump_session *session)
{
	bool joined;

	lock();
	joined = session->joined;
	unlock();
	return joined;
}

void jump_many_join(struct jump_session *session)
{
	struct jump_session **at = &many.done;
	bool joined;

	lock();
	joined = session->joined;
	session->claimed = true;
	while (*at != NULL && *at != session)
		at = &(*at)->next_done;
	if (*at != NULL)
		*at = session->next_done;
	unlock();
	if (!joined)
		pthread_join(session->thread, NULL);
}

/* --- idle sessions -------------------------------------------------------- */

unsigned jump_idle_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    limit.rlim_cur / JUMP_IDLE_PART >= JUMP_IDLE_MAX)
		return JUMP_IDLE_MAX;
	return (unsigned)limit.rlim_cur / JUMP_IDLE_PART;
}

static void forget(struct jump_session *session)
{
	if (session->idle_before != NULL)
		session->idle_before->idle_after = session->idle_after;
	else
		many.oldest = session->idle_after;
	if (session->idle_after != NULL)
		session->idle_after->idle_before = session->idle_before;
	else
		many.newest = session->idle_before;
	session->is_idle = false;
	many.idle--;
}

void jump_idle_begin(struct jump_session *session)
{
	lock();
	assert(!session->is_idle);
	session->is_idle = true;
	session->is_surplus = false;
	session->idle_before = many.newest;
	session->idle_after = NULL;
	if (many.newest != NULL)
		many.newest->idle_after = session;
	else
		many.oldest = session;
	many.newest = session;
	many.idle++;
	if (many.idle > jump_idle_max()) {
		struct jump_session *first = many.oldest;

		/* Its thread is still there: it would have to end being idle
		 * here. */
		first->is_surplus = true;
		forget(first);
		(void)eventfd_write(first->wake, 1);
	}
	unlock();
}

void jump_idle_end(struct jump_session *session)
{
	lock();
	if (session->is_idle)
		forget(session);
	session->is_surplus = false;
	unlock();
}

bool jump_idle_is_surplus(const struct jump_session *session)
{
	bool surplus;

	lock();
	surplus = session->is_surplus;
	unlock();
	return surplus;
}
