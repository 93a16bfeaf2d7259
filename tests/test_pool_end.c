/* The ways a pool ends: close, terminate, drain, free. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <poll.h>
#include <sched.h>

#include <cmocka.h>

#include "pool/pool.h"
#include "tests/pool_fixture.h"
#include "tests/pool_gate.h"
#include "tests/pool_watch.h"

/* Passes the gate, then waits for the cancel descriptor alone. */
static int run_until_cancelled(void *arg, int cancel_fd)
{
	struct job *job = arg;
	struct pollfd watch = { .fd = cancel_fd, .events = POLLIN };

	atomic_fetch_add(&job->ran, 1);
	gate_arrive(job->gate);
	return poll(&watch, 1, -1) == 1 ? job->give : -1;
}

static void close_takes_no_more_but_runs_what_is_queued(void **state)
{
	enum { JOBS = 20 };
	struct pool *pool = open_pool(1, JOBS);
	struct job jobs[JOBS] = { 0 };
	struct gate gate;

	(void)state;
	gate_init(&gate);
	for (int i = 0; i < JOBS; i++) {
		jobs[i].gate = &gate;
		submit_job(pool, &jobs[i]);
	}
	pool_close(pool);
	assert_takes_no_more(pool);
	pool_close(pool);
	gate_open(&gate);
	pool_free(pool);
	gate_release(&gate);
	for (int i = 0; i < JOBS; i++)
		assert_ran_once(&jobs[i]);
}

static void workers_end_by_themselves_once_closed_and_drained(void **state)
{
	struct pool *pool = open_pool(4, 8);
	struct job jobs[8] = { 0 };

	(void)state;
	for (int i = 0; i < 8; i++)
		submit_job(pool, &jobs[i]);
	pool_drain(pool);
	/* Not a matter of luck: it ends when the last of them has ended. */
	while (counts_of(pool).threads > 0)
		sched_yield();
	assert_int_equal(counts_of(pool).idle, 0);
	assert_int_equal(counts_of(pool).done, 8);
	assert_takes_no_more(pool);
	pool_free(pool);
}

static void close_wakes_a_waiting_submit(void **state)
{
	const struct timespec late = from_now_ms(1000L * 1000);
	struct full_pool full;
	struct job jobs[2] = { 0 };
	struct submitter plain = { .task = job_task(&jobs[0]) };
	struct submitter timed = { .task = job_task(&jobs[1]),
		                   .deadline = &late };

	(void)state;
	full_pool_open(&full);
	plain.pool = full.pool;
	timed.pool = full.pool;
	submitter_start(&plain);
	submitter_start(&timed);
	pool_close(full.pool);
	assert_int_equal(submitter_join(&plain), ECANCELED);
	assert_int_equal(submitter_join(&timed), ECANCELED);
	full_pool_free(&full);
	assert_untouched(&jobs[0]);
	assert_untouched(&jobs[1]);
	assert_ran_once(&full.queued);
}

static void terminate_wakes_a_waiting_submit(void **state)
{
	struct full_pool full;
	struct job job = { 0 };
	struct submitter s = { .task = job_task(&job) };

	(void)state;
	full_pool_open(&full);
	s.pool = full.pool;
	submitter_start(&s);
	pool_terminate(full.pool);
	assert_int_equal(submitter_join(&s), ECANCELED);
	full_pool_free(&full);
	assert_untouched(&job);
	assert_cancelled_once(&full.queued);
}

static void free_beside_a_waiting_submit_sends_it_away(void **state)
{
	struct full_pool full;
	struct job job = { 0 };
	struct submitter s = { .task = job_task(&job), .opens = &full.gate };

	(void)state;
	full_pool_open(&full);
	s.pool = full.pool;
	submitter_start(&s);
	/* The held task goes on only when the submit has come back. */
	pool_free(full.pool);
	assert_int_equal(submitter_join(&s), ECANCELED);
	gate_release(&full.gate);
	assert_ran_once(&full.held);
	assert_ran_once(&full.queued);
	assert_untouched(&job);
}

static void terminate_cancels_what_is_queued_on_its_own_thread(void **state)
{
	enum { JOBS = 50 };
	struct pool *pool = open_pool(1, JOBS);
	struct job held = { 0 };
	struct job jobs[JOBS] = { 0 };
	struct gate gate;

	(void)state;
	gate_init(&gate);
	held.gate = &gate;
	submit_job(pool, &held);
	gate_await(&gate, 1);
	for (int i = 0; i < JOBS; i++)
		submit_job(pool, &jobs[i]);
	pool_terminate(pool);
	for (int i = 0; i < JOBS; i++) {
		assert_cancelled_once(&jobs[i]);
		assert_true(pthread_equal(jobs[i].done_on, pthread_self()));
	}
	assert_int_equal(counts_of(pool).queued, 0);
	assert_int_equal(counts_of(pool).done, JOBS);
	assert_takes_no_more(pool);
	pool_terminate(pool);
	gate_open(&gate);
	pool_free(pool);
	gate_release(&gate);
	assert_ran_once(&held);
	for (int i = 0; i < JOBS; i++)
		assert_cancelled_once(&jobs[i]);
}

static void opens_the_gate(void *arg, enum pool_outcome outcome, int result)
{
	struct job *job = arg;

	if (atomic_load(&job->done) == 0)
		gate_open(job->gate);
	job_done(job, outcome, result);
}

/* The first callback sets the only worker free; it must not get at the rest. */
static void no_worker_takes_a_task_while_terminate_calls_back(void **state)
{
	enum { JOBS = 200 };
	struct pool *pool = open_pool(1, JOBS);
	struct gate gate;
	struct job held = { .gate = &gate };
	struct job jobs[JOBS] = { 0 };

	(void)state;
	gate_init(&gate);
	submit_job(pool, &held);
	gate_await(&gate, 1);
	for (int i = 0; i < JOBS; i++) {
		struct pool_task task = job_task(&jobs[i]);

		jobs[i].gate = &gate;
		task.done = opens_the_gate;
		assert_int_equal(pool_submit(pool, &task, NULL), 0);
	}
	pool_terminate(pool);
	pool_free(pool);
	gate_release(&gate);
	assert_ran_once(&held);
	for (int i = 0; i < JOBS; i++)
		assert_cancelled_once(&jobs[i]);
}

static void terminate_wakes_running_tasks_by_their_descriptor(void **state)
{
	enum { JOBS = 8 };
	struct pool *pool = open_pool(JOBS, JOBS);
	struct job jobs[JOBS] = { 0 };
	struct gate gate;

	(void)state;
	gate_init(&gate);
	for (int i = 0; i < JOBS; i++) {
		struct pool_task task = job_task(&jobs[i]);

		jobs[i].gate = &gate;
		jobs[i].give = i;
		task.run = run_until_cancelled;
		assert_int_equal(pool_submit(pool, &task, NULL), 0);
	}
	gate_await(&gate, JOBS);
	pool_terminate(pool);
	pool_free(pool);
	gate_release(&gate);
	for (int i = 0; i < JOBS; i++)
		assert_ran_once(&jobs[i]);
}

static void terminate_after_close_cancels_what_still_waits(void **state)
{
	struct full_pool full;

	(void)state;
	full_pool_open(&full);
	pool_close(full.pool);
	pool_terminate(full.pool);
	assert_cancelled_once(&full.queued);
	pool_close(full.pool);
	full_pool_free(&full);
	assert_cancelled_once(&full.queued);
}

static void a_pool_that_never_ran_anything_can_be_ended(void **state)
{
	struct pool *pool = open_pool(3, 3);

	(void)state;
	pool_close(pool);
	pool_terminate(pool);
	pool_drain(pool);
	assert_takes_no_more(pool);
	assert_int_equal(counts_of(pool).threads, 0);
	pool_free(pool);
}

struct drainer {
	struct pool *pool;
	struct gate waits;
};

static void *drain_main(void *arg)
{
	struct drainer *drainer = arg;

	watched_by = &drainer->waits;
	pool_drain(drainer->pool);
	watched_by = NULL;
	return NULL;
}

static void terminate_cuts_a_drain_short(void **state)
{
	struct gate gate;
	struct job running = { .gate = &gate };
	struct job queued = { 0 };
	struct pool_task task = job_task(&running);
	struct drainer drainer = { .pool = open_pool(1, 1) };
	pthread_t thread;

	(void)state;
	gate_init(&gate);
	gate_init(&drainer.waits);
	task.run = run_until_cancelled;
	assert_int_equal(pool_submit(drainer.pool, &task, NULL), 0);
	gate_await(&gate, 1);
	submit_job(drainer.pool, &queued);
	assert_int_equal(pthread_create(&thread, NULL, drain_main, &drainer),
	                 0);
	gate_await(&drainer.waits, 1);
	assert_int_equal(counts_of(drainer.pool).queued, 1);
	pool_terminate(drainer.pool);
	pthread_join(thread, NULL);
	assert_ran_once(&running);
	assert_cancelled_once(&queued);
	pool_free(drainer.pool);
	gate_release(&drainer.waits);
	gate_release(&gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(close_takes_no_more_but_runs_what_is_queued),
		cmocka_unit_test(
		    workers_end_by_themselves_once_closed_and_drained),
		cmocka_unit_test(close_wakes_a_waiting_submit),
		cmocka_unit_test(terminate_wakes_a_waiting_submit),
		cmocka_unit_test(free_beside_a_waiting_submit_sends_it_away),
		cmocka_unit_test(
		    terminate_cancels_what_is_queued_on_its_own_thread),
		cmocka_unit_test(
		    no_worker_takes_a_task_while_terminate_calls_back),
		cmocka_unit_test(
		    terminate_wakes_running_tasks_by_their_descriptor),
		cmocka_unit_test(
		    terminate_after_close_cancels_what_still_waits),
		cmocka_unit_test(a_pool_that_never_ran_anything_can_be_ended),
		cmocka_unit_test(terminate_cuts_a_drain_short),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
