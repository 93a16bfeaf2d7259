#include "sql/group.h"

#include "sql/lock.h"

#include <assert.h>

/* On its thread's stack. */
struct group_waiter {
	struct group_waiter *next;
	void *item;
	pthread_cond_t wake;
	bool done;
	bool leads;
};

static void wait_for_leader(struct group *group, struct group_waiter *waiter)
{
	int failed = pthread_cond_wait(&waiter->wake, &group->mutex);

	assert(failed == 0);
}

static void wake(struct group_waiter *waiter)
{
	int failed = pthread_cond_signal(&waiter->wake);

	assert(failed == 0);
}

int group_init(struct group *group,
               void (*commit)(void *arg, void *const *items, size_t count),
               void *arg)
{
	*group = (struct group){ .commit = commit, .arg = arg };
	return pthread_mutex_init(&group->mutex, NULL);
}

void group_release(struct group *group)
{
	int failed;

	assert(!group->led && group->first == NULL);
	failed = pthread_mutex_destroy(&group->mutex);
	assert(failed == 0);
}

static void append(struct group *group, struct group_waiter *waiter)
{
	if (group->last != NULL)
		group->last->next = waiter;
	else
		group->first = waiter;
	group->last = waiter;
}

/* Takes the oldest out of the queue. They stay linked, up to NULL. */
static size_t take_batch(struct group *group, struct group_waiter **batch,
                         void **items)
{
	struct group_waiter *waiter = group->first;
	struct group_waiter *last = NULL;
	size_t count = 0;

	*batch = waiter;
	while (waiter != NULL && count < GROUP_BATCH_MAX) {
		items[count++] = waiter->item;
		last = waiter;
		waiter = waiter->next;
	}
	if (last != NULL)
		last->next = NULL;
	group->first = waiter;
	if (waiter == NULL)
		group->last = NULL;
	return count;
}

/* A waiter that is done may be gone as soon as the lock is: so it is woken with
 * the lock held, and not looked at afterwards. */
static void wake_batch(struct group_waiter *batch,
                       const struct group_waiter *leader)
{
	while (batch != NULL) {
		struct group_waiter *next = batch->next;

		batch->done = true;
		if (batch != leader)
			wake(batch);
		batch = next;
	}
}

static void hand_over(struct group *group)
{
	group->led = group->first != NULL;
	if (!group->led)
		return;
	group->first->leads = true;
	wake(group->first);
}

/* Called and left with the lock held; the leader is the oldest in the queue. */
static void lead(struct group *group, struct group_waiter *leader)
{
	struct group_waiter *batch;
	void *items[GROUP_BATCH_MAX];
	size_t count = take_batch(group, &batch, items);

	assert(batch == leader);
	mutex_unlock(&group->mutex);
	group->commit(group->arg, items, count);
	mutex_lock(&group->mutex);
	wake_batch(batch, leader);
	hand_over(group);
}

void group_put(struct group *group, void *item)
{
	struct group_waiter waiter = { .item = item };
	/* With default attributes it neither allocates nor fails. */
	int failed = pthread_cond_init(&waiter.wake, NULL);

	assert(failed == 0);
	mutex_lock(&group->mutex);
	append(group, &waiter);
	if (!group->led) {
		group->led = true;
		waiter.leads = true;
	}
	while (!waiter.done && !waiter.leads)
		wait_for_leader(group, &waiter);
	if (!waiter.done)
		lead(group, &waiter);
	mutex_unlock(&group->mutex);
	failed = pthread_cond_destroy(&waiter.wake);
	assert(failed == 0);
}
