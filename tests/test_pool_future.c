/* Futures: wait, result, cancel, free, and how long they live. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>

#include <cmocka.h>

#include "pool/pool.h"
#include "tests/pool_fixture.h"
#include "tests/pool_gate.h"
#include "tests/pool_watch.h"

static void assert_pending(struct pool_future *future)
{
	const struct timespec past = from_now_ms(0);
	enum pool_outcome outcome = POOL_CANCELLED;
	int result = -77;

	assert_int_equal(pool_future_result(future, &outcome, &result), EBUSY);
	assert_int_equal(outcome, POOL_CANCELLED);
	assert_int_equal(result, -77);
	assert_int_equal(pool_future_wait(future, &past), ETIMEDOUT);
}

static void a_future_tells_what_the_task_returned(void **state)
{
	struct pool *pool = open_pool(1, 1);
	struct job job = { .give = 7 };
	struct pool_future *future = submit_held(pool, &job);

	(void)state;
	assert_int_equal(pool_future_wait(future, NULL), 0);
	assert_result(future, POOL_RAN, 7);
	assert_int_equal(pool_future_result(future, NULL, NULL), 0);
	assert_int_equal(pool_future_wait(future, NULL), 0);
	pool_future_free(future);
	pool_future_free(NULL);
	pool_free(pool);
}

static void a_result_is_busy_while_queued_and_while_running(void **state)
{
	struct busy_pool busy;
	struct job job = { 0 };
	struct pool_future *queued;

	(void)state;
	busy_pool_open(&busy, 1);
	queued = submit_held(busy.pool, &job);
	assert_pending(busy.future);
	assert_pending(queued);
	busy_pool_free(&busy);
	assert_result(queued, POOL_RAN, 0);
	pool_future_free(queued);
}

static void done_waits_at_the_gate(void *arg, enum pool_outcome outcome,
                                   int result)
{
	struct job *job = arg;

	gate_pass(job->gate);
	job_done(job, outcome, result);
}

static int run_only(void *arg, int cancel_fd)
{
	struct job *job = arg;

	(void)cancel_fd;
	atomic_fetch_add(&job->ran, 1);
	return job->give;
}

static void a_task_is_not_done_before_its_callback_has_returned(void **state)
{
	struct pool *pool = open_pool(1, 1);
	struct gate gate;
	struct job job = { .gate = &gate, .give = 9 };
	const struct pool_task task = { .run = run_only,
		                        .done = done_waits_at_the_gate,
		                        .arg = &job };
	struct pool_future *future = NULL;

	(void)state;
	gate_init(&gate);
	assert_int_equal(pool_submit(pool, &task, &future), 0);
	gate_await(&gate, 1);
	assert_pending(future);
	assert_int_equal(pool_future_cancel(future), EBUSY);
	assert_int_equal(counts_of(pool).done, 0);
	gate_open(&gate);
	assert_int_equal(pool_future_wait(future, NULL), 0);
	assert_ran_once(&job);
	assert_result(future, POOL_RAN, 9);
	pool_future_free(future);
	pool_free(pool);
	gate_release(&gate);
}

static void a_wait_ends_at_its_deadline_of_the_monotonic_clock(void **state)
{
	struct busy_pool busy;
	struct timespec soon;
	const struct timespec bad = { .tv_nsec = -1 };

	(void)state;
	busy_pool_open(&busy, 1);
	soon = from_now_ms(20);
	assert_int_equal(pool_future_wait(busy.future, &soon), ETIMEDOUT);
	assert_true(has_passed(&soon));
	assert_int_equal(pool_future_wait(busy.future, &bad), EINVAL);
	gate_open(&busy.gate);
	soon = from_now_ms(1000L * 1000);
	assert_int_equal(pool_future_wait(busy.future, &soon), 0);
	/* Done is done, however late the question. */
	soon = from_now_ms(0);
	assert_int_equal(pool_future_wait(busy.future, &soon), 0);
	busy_pool_free(&busy);
}

static void a_queued_task_is_cancelled_on_the_callers_thread(void **state)
{
	struct busy_pool busy;
	struct job job = { 0 };
	struct pool_future *future;

	(void)state;
	busy_pool_open(&busy, 4);
	future = submit_held(busy.pool, &job);
	assert_int_equal(pool_future_cancel(future), 0);
	assert_cancelled_once(&job);
	assert_true(pthread_equal(job.done_on, pthread_self()));
	assert_int_equal(counts_of(busy.pool).queued, 0);
	assert_int_equal(counts_of(busy.pool).done, 1);
	assert_result(future, POOL_CANCELLED, ECANCELED);
	assert_int_equal(pool_future_wait(future, NULL), 0);
	assert_int_equal(pool_future_cancel(future), EALREADY);
	pool_future_free(future);
	busy_pool_free(&busy);
	assert_cancelled_once(&job);
}

static void cancelling_one_leaves_its_neighbours(void **state)
{
	enum { JOBS = 5 };
	struct pool_future *futures[JOBS];
	struct job jobs[JOBS] = { 0 };
	struct busy_pool busy;

	(void)state;
	busy_pool_open(&busy, JOBS);
	for (int i = 0; i < JOBS; i++)
		futures[i] = submit_held(busy.pool, &jobs[i]);
	assert_int_equal(pool_future_cancel(futures[2]), 0);
	busy_pool_free(&busy);
	for (int i = 0; i < JOBS; i++) {
		if (i == 2)
			assert_cancelled_once(&jobs[i]);
		else
			assert_ran_once(&jobs[i]);
		pool_future_free(futures[i]);
	}
}

static void what_runs_or_is_done_cannot_be_cancelled(void **state)
{
	struct busy_pool busy;

	(void)state;
	busy_pool_open(&busy, 1);
	assert_int_equal(pool_future_cancel(busy.future), EBUSY);
	gate_open(&busy.gate);
	assert_int_equal(pool_future_wait(busy.future, NULL), 0);
	assert_int_equal(pool_future_cancel(busy.future), EALREADY);
	busy_pool_free(&busy);
}

static void
cancelling_a_queued_task_makes_room_for_a_waiting_submit(void **state)
{
	struct busy_pool busy;
	struct job jobs[2] = { 0 };
	struct pool_future *queued;
	struct submitter s = { .task = job_task(&jobs[1]) };

	(void)state;
	busy_pool_open(&busy, 1);
	queued = submit_held(busy.pool, &jobs[0]);
	s.pool = busy.pool;
	submitter_start(&s);
	assert_int_equal(pool_future_cancel(queued), 0);
	/* The worker is still held: nobody else has made room. */
	assert_int_equal(submitter_join(&s), 0);
	assert_int_equal(counts_of(busy.pool).queued, 1);
	busy_pool_free(&busy);
	assert_cancelled_once(&jobs[0]);
	assert_ran_once(&jobs[1]);
	pool_future_free(queued);
}

struct waiter {
	struct pool_future *future;
	struct gate waits;
	pthread_t thread;
	int error;
};

static void *waiter_main(void *arg)
{
	struct waiter *waiter = arg;

	watched_by = &waiter->waits;
	waiter->error = pool_future_wait(waiter->future, NULL);
	watched_by = NULL;
	return NULL;
}

static void every_waiter_is_woken(void **state)
{
	enum { WAITERS = 4 };
	struct waiter waiters[WAITERS];
	struct busy_pool busy;
	struct job job = { 0 };
	struct pool_future *queued;

	(void)state;
	busy_pool_open(&busy, 1);
	queued = submit_held(busy.pool, &job);
	/* Two wait for the task that runs, two for the one to be cancelled. */
	for (int i = 0; i < WAITERS; i++) {
		struct waiter *waiter = &waiters[i];

		waiter->future = i % 2 == 0 ? busy.future : queued;
		waiter->error = -1;
		gate_init(&waiter->waits);
		assert_int_equal(
		    pthread_create(&waiter->thread, NULL, waiter_main, waiter),
		    0);
		gate_await(&waiter->waits, 1);
	}
	assert_int_equal(pool_future_cancel(queued), 0);
	gate_open(&busy.gate);
	for (int i = 0; i < WAITERS; i++) {
		pthread_join(waiters[i].thread, NULL);
		gate_release(&waiters[i].waits);
		assert_int_equal(waiters[i].error, 0);
	}
	pool_future_free(queued);
	busy_pool_free(&busy);
}

static void a_task_goes_on_when_its_future_is_freed(void **state)
{
	struct busy_pool busy;
	struct job job = { .give = 1 };

	(void)state;
	busy_pool_open(&busy, 1);
	pool_future_free(submit_held(busy.pool, &job));
	busy_pool_free(&busy);
	assert_ran_once(&job);
}

static int run_nothing(void *arg, int cancel_fd)
{
	(void)arg;
	(void)cancel_fd;
	return 0;
}

static void done_frees_its_own(void *arg, enum pool_outcome outcome, int result)
{
	struct pool_future **future = arg;

	(void)outcome;
	(void)result;
	pool_future_free(*future);
	*future = NULL;
}

static void a_callback_may_free_its_own_future(void **state)
{
	struct busy_pool busy;
	struct pool_future *ran = NULL;
	struct pool_future *cancelled = NULL;
	struct pool_task task = { .run = run_nothing,
		                  .done = done_frees_its_own,
		                  .arg = &ran };

	(void)state;
	busy_pool_open(&busy, 2);
	assert_int_equal(pool_submit(busy.pool, &task, &ran), 0);
	task.arg = &cancelled;
	assert_int_equal(pool_submit(busy.pool, &task, &cancelled), 0);
	assert_int_equal(pool_future_cancel(cancelled), 0);
	assert_null(cancelled);
	busy_pool_free(&busy);
	assert_null(ran);
}

static void futures_outlive_their_pool(void **state)
{
	struct busy_pool busy;
	struct job jobs[2] = { { .give = 5 }, { 0 } };
	struct pool_future *ran;
	struct pool_future *cancelled;

	(void)state;
	busy_pool_open(&busy, 2);
	ran = submit_held(busy.pool, &jobs[0]);
	gate_open(&busy.gate);
	assert_int_equal(pool_future_wait(ran, NULL), 0);
	busy_pool_free(&busy);

	busy_pool_open(&busy, 2);
	cancelled = submit_held(busy.pool, &jobs[1]);
	pool_terminate(busy.pool);
	busy_pool_free(&busy);

	assert_result(ran, POOL_RAN, 5);
	assert_result(cancelled, POOL_CANCELLED, ECANCELED);
	assert_int_equal(pool_future_wait(ran, NULL), 0);
	assert_int_equal(pool_future_cancel(ran), EALREADY);
	assert_int_equal(pool_future_cancel(cancelled), EALREADY);
	pool_future_free(ran);
	pool_future_free(cancelled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_future_tells_what_the_task_returned),
		cmocka_unit_test(
		    a_result_is_busy_while_queued_and_while_running),
		cmocka_unit_test(
		    a_task_is_not_done_before_its_callback_has_returned),
		cmocka_unit_test(
		    a_wait_ends_at_its_deadline_of_the_monotonic_clock),
		cmocka_unit_test(
		    a_queued_task_is_cancelled_on_the_callers_thread),
		cmocka_unit_test(cancelling_one_leaves_its_neighbours),
		cmocka_unit_test(what_runs_or_is_done_cannot_be_cancelled),
		cmocka_unit_test(
		    cancelling_a_queued_task_makes_room_for_a_waiting_submit),
		cmocka_unit_test(every_waiter_is_woken),
		cmocka_unit_test(a_task_goes_on_when_its_future_is_freed),
		cmocka_unit_test(a_callback_may_free_its_own_future),
		cmocka_unit_test(futures_outlive_their_pool),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
