/* The pool as its own tasks and callbacks see it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>

#include <cmocka.h>

#include "pool/pool.h"
#include "tests/pool_fixture.h"
#include "tests/pool_gate.h"

struct nested {
	struct pool *pool;
	struct job job;
	int errors[6];
};

static void submit_three_ways(struct nested *nested, int errors[static 3])
{
	const struct timespec past = from_now_ms(0);
	const struct pool_task task = job_task(&nested->job);

	errors[0] = pool_submit(nested->pool, &task, NULL);
	errors[1] = pool_submit_until(nested->pool, &task, &past, NULL);
	errors[2] = pool_try_submit(nested->pool, &task, NULL);
}

static int nested_run(void *arg, int cancel_fd)
{
	struct nested *nested = arg;

	(void)cancel_fd;
	submit_three_ways(nested, nested->errors);
	return 0;
}

static void nested_done(void *arg, enum pool_outcome outcome, int result)
{
	struct nested *nested = arg;

	(void)outcome;
	(void)result;
	submit_three_ways(nested, nested->errors + 3);
}

static void a_worker_cannot_submit_to_its_own_pool(void **state)
{
	struct pool *pool = open_pool(2, 2);
	struct nested nested = { .pool = pool };
	const struct pool_task task = { .run = nested_run,
		                        .done = nested_done,
		                        .arg = &nested };

	(void)state;
	assert_int_equal(pool_submit(pool, &task, NULL), 0);
	pool_free(pool);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(nested.errors[i], EDEADLK);
	assert_untouched(&nested.job);
}

static void a_worker_can_submit_to_another_pool(void **state)
{
	struct pool *pool = open_pool(1, 1);
	struct nested nested = { .pool = open_pool(1, 6) };
	const struct pool_task task = { .run = nested_run,
		                        .done = nested_done,
		                        .arg = &nested };

	(void)state;
	assert_int_equal(pool_submit(pool, &task, NULL), 0);
	pool_free(pool);
	pool_free(nested.pool);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(nested.errors[i], 0);
	assert_int_equal(nested.job.done, 6);
}

struct ender {
	struct pool *pool;
	void (*end)(struct pool *pool);
	struct pool_counts counts;
};

static int end_own_pool(void *arg, int cancel_fd)
{
	struct ender *ender = arg;

	(void)cancel_fd;
	ender->end(ender->pool);
	return 0;
}

static void look_at_own_pool(void *arg, enum pool_outcome outcome, int result)
{
	struct ender *ender = arg;

	(void)outcome;
	(void)result;
	pool_counts(ender->pool, &ender->counts);
}

/* Would hang if a lock were held. */
static void a_task_may_end_its_own_pool_and_a_callback_look_at_it(void **state)
{
	void (*const ends[])(struct pool *) = { pool_close, pool_terminate };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct ender ender = { .pool = open_pool(1, 2),
			               .end = ends[i] };
		const struct pool_task task = { .run = end_own_pool,
			                        .done = look_at_own_pool,
			                        .arg = &ender };

		assert_int_equal(pool_submit(ender.pool, &task, NULL), 0);
		pool_drain(ender.pool);
		assert_int_equal(ender.counts.threads, 1);
		assert_int_equal(ender.counts.idle, 0);
		assert_int_equal(ender.counts.done, 0);
		assert_takes_no_more(ender.pool);
		pool_free(ender.pool);
	}
}

/* Looks at a future from inside: from run(), from done(). */
struct insider {
	struct pool_future *own;
	struct pool_future *other; /* may be NULL */
	int in_run, in_done, other_in_run, other_in_done;
	int cancel_in_done, result_in_done;
};

static int insider_run(void *arg, int cancel_fd)
{
	struct insider *insider = arg;

	(void)cancel_fd;
	insider->in_run = pool_future_wait(insider->own, NULL);
	if (insider->other != NULL)
		insider->other_in_run = pool_future_wait(insider->other, NULL);
	return 0;
}

static void insider_done(void *arg, enum pool_outcome outcome, int result)
{
	struct insider *insider = arg;

	(void)outcome;
	(void)result;
	insider->in_done = pool_future_wait(insider->own, NULL);
	insider->cancel_in_done = pool_future_cancel(insider->own);
	insider->result_in_done = pool_future_result(insider->own, NULL, NULL);
	if (insider->other != NULL)
		insider->other_in_done = pool_future_wait(insider->other, NULL);
}

static void a_worker_that_waits_for_its_own_pool_is_told(void **state)
{
	struct busy_pool busy;
	struct job job = { 0 };
	struct insider insider = { 0 };
	const struct pool_task task = { .run = insider_run,
		                        .done = insider_done,
		                        .arg = &insider };

	(void)state;
	busy_pool_open(&busy, 2);
	assert_int_equal(pool_submit(busy.pool, &task, &insider.own), 0);
	insider.other = submit_held(busy.pool, &job);
	busy_pool_free(&busy);
	assert_int_equal(insider.in_run, EDEADLK);
	assert_int_equal(insider.other_in_run, EDEADLK);
	assert_int_equal(insider.in_done, EDEADLK);
	assert_int_equal(insider.other_in_done, EDEADLK);
	assert_int_equal(insider.cancel_in_done, EBUSY);
	assert_int_equal(insider.result_in_done, EBUSY);
	assert_ran_once(&job);
	pool_future_free(insider.own);
	pool_future_free(insider.other);
}

static void a_worker_may_ask_for_what_is_done_already(void **state)
{
	struct pool *pool = open_pool(1, 1);
	struct job job = { 0 };
	struct insider insider = { .other = submit_held(pool, &job) };
	const struct pool_task task = { .run = insider_run,
		                        .done = NULL,
		                        .arg = &insider };

	(void)state;
	insider.other_in_run = -1;
	assert_int_equal(pool_future_wait(insider.other, NULL), 0);
	assert_int_equal(pool_submit(pool, &task, &insider.own), 0);
	pool_free(pool);
	assert_int_equal(insider.other_in_run, 0);
	pool_future_free(insider.own);
	pool_future_free(insider.other);
}

static void a_callback_of_a_cancel_cannot_wait_for_its_own_task(void **state)
{
	struct busy_pool busy;
	struct insider insider = { 0 };
	const struct pool_task task = { .run = insider_run,
		                        .done = insider_done,
		                        .arg = &insider };

	(void)state;
	busy_pool_open(&busy, 1);
	assert_int_equal(pool_submit(busy.pool, &task, &insider.own), 0);
	assert_int_equal(pool_future_cancel(insider.own), 0);
	busy_pool_free(&busy);
	assert_int_equal(insider.in_done, EDEADLK);
	assert_int_equal(insider.cancel_in_done, EBUSY);
	assert_int_equal(insider.result_in_done, EBUSY);
	pool_future_free(insider.own);
}

static void a_callback_of_terminate_cannot_wait_for_the_next_one(void **state)
{
	struct busy_pool busy;
	struct job job = { 0 };
	struct insider insider = { 0 };
	const struct pool_task task = { .run = insider_run,
		                        .done = insider_done,
		                        .arg = &insider };

	(void)state;
	busy_pool_open(&busy, 2);
	assert_int_equal(pool_submit(busy.pool, &task, &insider.own), 0);
	insider.other = submit_held(busy.pool, &job);
	pool_terminate(busy.pool);
	busy_pool_free(&busy);
	assert_int_equal(insider.in_done, EDEADLK);
	assert_int_equal(insider.other_in_done, EDEADLK);
	assert_cancelled_once(&job);
	pool_future_free(insider.own);
	pool_future_free(insider.other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_cannot_submit_to_its_own_pool),
		cmocka_unit_test(a_worker_can_submit_to_another_pool),
		cmocka_unit_test(
		    a_task_may_end_its_own_pool_and_a_callback_look_at_it),
		cmocka_unit_test(a_worker_that_waits_for_its_own_pool_is_told),
		cmocka_unit_test(a_worker_may_ask_for_what_is_done_already),
		cmocka_unit_test(
		    a_callback_of_a_cancel_cannot_wait_for_its_own_task),
		cmocka_unit_test(
		    a_callback_of_terminate_cannot_wait_for_the_next_one),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
