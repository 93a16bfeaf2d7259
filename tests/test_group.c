#include "sql/group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/*
 * A commit that can be held, and remembers who did what. Threads only record;
 * the test looks at it when they have ended.
 */
struct item {
	unsigned batch;    /* from 1 */
	unsigned position; /* in its batch */
	unsigned times;
	unsigned batch_size;
	struct item *led_by; /* the item whose thread committed it */
	pthread_t thread;
};

static struct {
	struct group group;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned waiting; /* threads that went to sleep in the queue, in all */
	unsigned batches;
	unsigned largest;
	bool held; /* commits wait */
	bool in_commit;
	bool overlapped;
} world;

static _Thread_local struct item *mine;
static _Thread_local bool seen_waiting; /* it may wake for no reason */

int __real_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);

/* Sees who waits in the queue: it holds the group's lock, so that nobody can
 * take the batch before it sleeps. */
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	if (mutex == &world.group.mutex && !seen_waiting) {
		seen_waiting = true;
		pthread_mutex_lock(&world.lock);
		world.waiting++;
		pthread_cond_broadcast(&world.changed);
		pthread_mutex_unlock(&world.lock);
	}
	return __real_pthread_cond_wait(cond, mutex);
}

static void commit(void *arg, void *const *items, size_t count)
{
	unsigned batch;

	(void)arg;
	pthread_mutex_lock(&world.lock);
	world.overlapped = world.overlapped || world.in_commit;
	world.in_commit = true;
	batch = ++world.batches;
	if (count > world.largest)
		world.largest = (unsigned)count;
	pthread_cond_broadcast(&world.changed);
	while (world.held)
		pthread_cond_wait(&world.changed, &world.lock);
	pthread_mutex_unlock(&world.lock);
	for (size_t i = 0; i < count; i++) {
		struct item *item = items[i];

		item->times++;
		item->batch = batch;
		item->position = (unsigned)i;
		item->batch_size = (unsigned)count;
		item->led_by = mine;
	}
	pthread_mutex_lock(&world.lock);
	world.in_commit = false;
	pthread_mutex_unlock(&world.lock);
}

static int set_up(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	pthread_mutex_init(&world.lock, NULL);
	pthread_cond_init(&world.changed, NULL);
	return group_init(&world.group, commit, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	group_release(&world.group);
	pthread_cond_destroy(&world.changed);
	pthread_mutex_destroy(&world.lock);
	return 0;
}

static void hold(bool held)
{
	pthread_mutex_lock(&world.lock);
	world.held = held;
	pthread_cond_broadcast(&world.changed);
	pthread_mutex_unlock(&world.lock);
}

static void await(const unsigned *counter, unsigned value)
{
	pthread_mutex_lock(&world.lock);
	while (*counter < value)
		pthread_cond_wait(&world.changed, &world.lock);
	pthread_mutex_unlock(&world.lock);
}

static void *put(void *arg)
{
	mine = arg;
	group_put(&world.group, arg);
	return NULL;
}

static void start(struct item *item)
{
	assert_int_equal(pthread_create(&item->thread, NULL, put, item), 0);
}

/* The first is in its commit, the others wait in the order of their index. */
static void start_behind_the_first(struct item *items, unsigned count)
{
	hold(true);
	start(&items[0]);
	await(&world.batches, 1);
	for (unsigned i = 1; i < count; i++) {
		start(&items[i]);
		await(&world.waiting, i);
	}
}

static void let_all_end(struct item *items, unsigned count)
{
	hold(false);
	for (unsigned i = 0; i < count; i++)
		pthread_join(items[i].thread, NULL);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(items[i].times, 1);
	assert_false(world.overlapped);
}

static void who_comes_alone_commits_alone(void **state)
{
	struct item items[3] = { { .times = 0 } };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		put(&items[i]);
		assert_int_equal(items[i].batch, i + 1);
		assert_int_equal(items[i].batch_size, 1);
		assert_ptr_equal(items[i].led_by, &items[i]);
	}
	assert_int_equal(world.waiting, 0);
}

static void those_that_wait_are_the_next_batch(void **state)
{
	struct item items[11] = { { .times = 0 } };

	(void)state;
	start_behind_the_first(items, 11);
	let_all_end(items, 11);
	assert_int_equal(items[0].batch_size, 1);
	for (unsigned i = 1; i < 11; i++) {
		assert_int_equal(items[i].batch, 2);
		assert_int_equal(items[i].batch_size, 10);
		assert_int_equal(items[i].position, i - 1);
	}
	assert_int_equal(world.batches, 2);
}

static void the_oldest_that_waits_leads_next(void **state)
{
	struct item items[5] = { { .times = 0 } };

	(void)state;
	start_behind_the_first(items, 5);
	let_all_end(items, 5);
	assert_ptr_equal(items[0].led_by, &items[0]);
	for (unsigned i = 1; i < 5; i++)
		assert_ptr_equal(items[i].led_by, &items[1]);
}

static void a_batch_has_a_largest_size_and_no_one_is_left(void **state)
{
	enum { COUNT = 1 + GROUP_BATCH_MAX + 72 };
	static struct item items[COUNT];

	(void)state;
	memset(items, 0, sizeof(items));
	start_behind_the_first(items, COUNT);
	let_all_end(items, COUNT);
	assert_int_equal(world.batches, 3);
	assert_int_equal(items[GROUP_BATCH_MAX].batch, 2);
	assert_int_equal(items[GROUP_BATCH_MAX].batch_size, GROUP_BATCH_MAX);
	assert_int_equal(items[GROUP_BATCH_MAX + 1].batch, 3);
	assert_int_equal(items[COUNT - 1].batch, 3);
	assert_int_equal(items[COUNT - 1].batch_size, 72);
	assert_ptr_equal(items[COUNT - 1].led_by, &items[GROUP_BATCH_MAX + 1]);
}

static void a_leader_goes_home_after_its_own_batch(void **state)
{
	struct item items[3] = { { .times = 0 } };

	(void)state;
	start_behind_the_first(items, 3);
	/* The second leads for the third; the first does not come back. */
	let_all_end(items, 3);
	assert_ptr_not_equal(items[2].led_by, &items[0]);
	/* And with nobody waiting, nobody leads: a later one is not stuck. */
	put(&items[0]);
	assert_int_equal(items[0].times, 2);
}

enum { THREADS = 64, ROUNDS = 300 };

static struct item many[THREADS][ROUNDS];

static void *put_many(void *arg)
{
	struct item *items = arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		mine = &items[i];
		group_put(&world.group, &items[i]);
	}
	return NULL;
}

static void every_item_of_many_threads_is_committed_once(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	memset(many, 0, sizeof(many));
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, put_many, many[i]), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < THREADS; i++) {
		for (unsigned k = 0; k < ROUNDS; k++) {
			struct item *item = &many[i][k];

			assert_int_equal(item->times, 1);
			/* The leader's own was in the batch, and oldest. */
			assert_int_equal(item->led_by->batch, item->batch);
			assert_int_equal(item->led_by->position, 0);
		}
	}
	assert_false(world.overlapped);
	assert_true(world.largest <= GROUP_BATCH_MAX);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_comes_alone_commits_alone),
		TEST(those_that_wait_are_the_next_batch),
		TEST(the_oldest_that_waits_leads_next),
		TEST(a_batch_has_a_largest_size_and_no_one_is_left),
		TEST(a_leader_goes_home_after_its_own_batch),
		TEST(every_item_of_many_threads_is_committed_once),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
