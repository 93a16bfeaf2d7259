/* The pool at work: settings, workers, queue and the three submits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <signal.h>

#include <cmocka.h>

#include "pool/pool.h"
#include "tests/pool_fixture.h"
#include "tests/pool_gate.h"
#include "tests/pool_watch.h"

static void settings_out_of_range_are_refused(void **state)
{
	static const struct pool_settings bad[] = {
		{ .threads_max = 0, .queue_max = 1 },
		{ .threads_max = 1, .queue_max = 0 },
		{ .threads_max = 1, .queue_max = 1, .stack_size = SIZE_MAX },
	};
	struct pool *const untouched = (struct pool *)(uintptr_t)&bad;
	struct pool *pool = untouched;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(pool_open(&pool, &bad[i]), EINVAL);
		assert_ptr_equal(pool, untouched);
	}
}

static void a_new_pool_has_no_thread_and_can_be_freed(void **state)
{
	struct pool *pool = open_pool(4, 4);
	const struct pool_counts counts = counts_of(pool);

	(void)state;
	assert_int_equal(counts.threads, 0);
	assert_int_equal(counts.idle, 0);
	assert_int_equal(counts.threads_refused, 0);
	assert_int_equal(counts.queued, 0);
	assert_int_equal(counts.done, 0);
	pool_free(pool);
	pool_free(NULL);
}

static void a_task_runs_once_and_its_callback_gets_the_result(void **state)
{
	struct pool *pool = open_pool(2, 2);
	struct job job = { .give = 42 };

	(void)state;
	submit_job(pool, &job);
	pool_free(pool);
	assert_ran_once(&job);
	assert_false(pthread_equal(job.done_on, pthread_self()));
}

static void a_callback_is_not_needed(void **state)
{
	struct pool *pool = open_pool(1, 1);
	struct job job = { .give = 1 };
	const struct pool_task task = { .run = job_run, .arg = &job };

	(void)state;
	assert_int_equal(pool_submit(pool, &task, NULL), 0);
	pool_free(pool);
	assert_int_equal(job.ran, 1);
	assert_int_equal(job.done, 0);
}

static void a_thousand_tasks_one_by_one_share_one_worker(void **state)
{
	struct pool *pool = open_pool(8, 8);

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct job job = { .give = i };

		run_job(pool, &job);
		assert_ran_once(&job);
	}
	assert_int_equal(counts_of(pool).threads, 1);
	assert_int_equal(counts_of(pool).idle, 1);
	assert_int_equal(counts_of(pool).done, 1000);
	pool_free(pool);
}

static void workers_start_as_needed_and_never_beyond_the_maximum(void **state)
{
	enum { MAX = 4, JOBS = 10 };
	struct pool *pool = open_pool(MAX, JOBS);
	struct job jobs[JOBS] = { 0 };
	struct gate gate;

	(void)state;
	gate_init(&gate);
	for (unsigned i = 0; i < JOBS; i++) {
		jobs[i].gate = &gate;
		submit_job(pool, &jobs[i]);
		assert_int_equal(counts_of(pool).threads,
		                 i < MAX ? i + 1 : MAX);
	}
	gate_await(&gate, MAX);
	assert_int_equal(counts_of(pool).queued, JOBS - MAX);
	assert_int_equal(counts_of(pool).idle, 0);
	gate_open(&gate);
	pool_free(pool);
	gate_release(&gate);
	for (unsigned i = 0; i < JOBS; i++)
		assert_ran_once(&jobs[i]);
}

/* The growth race: the idle worker was signalled for the first task and may not
 * have woken when the second one comes. Both must run at the same time. */
static void one_idle_worker_does_not_stand_for_two_tasks(void **state)
{
	(void)state;
	for (int round = 0; round < 100; round++) {
		struct pool *pool = open_pool(2, 2);
		struct job first = { 0 };
		struct job two[2] = { 0 };
		struct gate gate;

		gate_init(&gate);
		run_job(pool, &first);
		for (int i = 0; i < 2; i++) {
			two[i].gate = &gate;
			submit_job(pool, &two[i]);
		}
		assert_int_equal(counts_of(pool).threads, 2);
		gate_await(&gate, 2);
		gate_open(&gate);
		pool_free(pool);
		gate_release(&gate);
	}
}

static void a_failing_task_leaves_its_worker_alive(void **state)
{
	struct pool *pool = open_pool(4, 4);
	struct job bad = { .give = -5 };
	struct job good = { .give = 0 };

	(void)state;
	run_job(pool, &bad);
	assert_ran_once(&bad);
	run_job(pool, &good);
	assert_ran_once(&good);
	assert_int_equal(counts_of(pool).threads, 1);
	pool_free(pool);
}

static void try_submit_into_a_full_queue_gives_the_task_back(void **state)
{
	struct full_pool full;
	struct job job = { 0 };
	const struct pool_task task = job_task(&job);
	struct pool_future *future = NULL;

	(void)state;
	full_pool_open(&full);
	assert_int_equal(pool_try_submit(full.pool, &task, NULL), EAGAIN);
	assert_int_equal(pool_try_submit(full.pool, &task, &future), EAGAIN);
	assert_null(future);
	assert_int_equal(counts_of(full.pool).queued, 1);
	full_pool_free(&full);
	assert_untouched(&job);
	assert_ran_once(&full.queued);
}

static void try_submit_with_room_is_a_submit(void **state)
{
	struct pool *pool = open_pool(1, 1);
	struct job job = { .give = 3 };
	const struct pool_task task = job_task(&job);

	(void)state;
	assert_int_equal(pool_try_submit(pool, &task, NULL), 0);
	pool_free(pool);
	assert_ran_once(&job);
}

static void submit_waits_until_there_is_room(void **state)
{
	struct full_pool full;
	struct job job = { 0 };
	struct submitter s = { .task = job_task(&job) };

	(void)state;
	full_pool_open(&full);
	s.pool = full.pool;
	submitter_start(&s);
	assert_int_equal(counts_of(full.pool).queued, 1);
	assert_int_equal(s.error, -1);
	gate_open(&full.gate);
	assert_int_equal(submitter_join(&s), 0);
	full_pool_free(&full);
	assert_ran_once(&full.queued);
	assert_ran_once(&job);
}

static void a_timed_submit_gives_up_at_its_deadline(void **state)
{
	const struct timespec past = from_now_ms(0);
	struct timespec soon;
	struct full_pool full;
	struct job job = { 0 };
	const struct pool_task task = job_task(&job);

	(void)state;
	full_pool_open(&full);
	assert_int_equal(pool_submit_until(full.pool, &task, &past, NULL),
	                 ETIMEDOUT);
	soon = from_now_ms(20);
	assert_int_equal(pool_submit_until(full.pool, &task, &soon, NULL),
	                 ETIMEDOUT);
	assert_true(has_passed(&soon)); /* the monotonic clock's, that is */
	full_pool_free(&full);
	assert_untouched(&job);
}

static void a_timed_submit_takes_room_that_comes_in_time(void **state)
{
	const struct timespec late = from_now_ms(1000L * 1000);
	struct full_pool full;
	struct job job = { 0 };
	struct submitter s = { .task = job_task(&job), .deadline = &late };

	(void)state;
	full_pool_open(&full);
	s.pool = full.pool;
	submitter_start(&s);
	gate_open(&full.gate);
	assert_int_equal(submitter_join(&s), 0);
	full_pool_free(&full);
	assert_ran_once(&job);
}

/* The one wake-up that there was must not be lost with the time-out. */
static void room_made_just_at_the_deadline_is_taken(void **state)
{
	const struct timespec late = from_now_ms(1000L * 1000);
	struct full_pool full;
	struct job job = { 0 };
	struct submitter s = { .task = job_task(&job),
		               .deadline = &late,
		               .deadline_coincides = true };

	(void)state;
	full_pool_open(&full);
	s.pool = full.pool;
	submitter_start(&s);
	gate_open(&full.gate);
	assert_int_equal(submitter_join(&s), 0);
	full_pool_free(&full);
	assert_ran_once(&job);
}

static void
a_deadline_in_the_past_does_not_matter_when_there_is_room(void **state)
{
	const struct timespec past = from_now_ms(0);
	struct pool *pool = open_pool(1, 1);
	struct job jobs[2] = { 0 };
	struct pool_task task = job_task(&jobs[0]);

	(void)state;
	assert_int_equal(pool_submit_until(pool, &task, &past, NULL), 0);
	pool_free(pool);
	assert_ran_once(&jobs[0]);

	pool = open_pool(1, 1);
	task = job_task(&jobs[1]);
	assert_int_equal(pool_submit_until(pool, &task, NULL, NULL), 0);
	pool_free(pool);
	assert_ran_once(&jobs[1]);
}

static void a_malformed_deadline_is_refused(void **state)
{
	static const struct timespec bad[] = {
		{ .tv_sec = 1, .tv_nsec = -1 },
		{ .tv_sec = 1, .tv_nsec = 1000000000 },
	};
	struct pool *pool = open_pool(1, 1);
	struct job job = { 0 };
	const struct pool_task task = job_task(&job);

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pool_submit_until(pool, &task, &bad[i], NULL),
		                 EINVAL);
	pool_free(pool);
	assert_untouched(&job);
}

static int read_signal_mask(void *arg, int cancel_fd)
{
	(void)cancel_fd;
	return pthread_sigmask(SIG_SETMASK, NULL, arg);
}

static void workers_block_signals_and_the_submitter_does_not(void **state)
{
	static const int numbers[] = { SIGINT,  SIGTERM, SIGHUP,  SIGALRM,
		                       SIGCHLD, SIGPIPE, SIGWINCH };
	struct pool *pool = open_pool(1, 1);
	sigset_t worker;
	sigset_t here;
	const struct pool_task task = { .run = read_signal_mask,
		                        .arg = &worker };

	(void)state;
	sigemptyset(&worker);
	assert_int_equal(pool_submit(pool, &task, NULL), 0);
	pool_free(pool);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &here), 0);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_int_equal(sigismember(&worker, numbers[i]), 1);
		assert_int_equal(sigismember(&here, numbers[i]), 0);
	}
	assert_int_equal(sigismember(&worker, SIGSEGV), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_out_of_range_are_refused),
		cmocka_unit_test(a_new_pool_has_no_thread_and_can_be_freed),
		cmocka_unit_test(
		    a_task_runs_once_and_its_callback_gets_the_result),
		cmocka_unit_test(a_callback_is_not_needed),
		cmocka_unit_test(a_thousand_tasks_one_by_one_share_one_worker),
		cmocka_unit_test(
		    workers_start_as_needed_and_never_beyond_the_maximum),
		cmocka_unit_test(one_idle_worker_does_not_stand_for_two_tasks),
		cmocka_unit_test(a_failing_task_leaves_its_worker_alive),
		cmocka_unit_test(
		    try_submit_into_a_full_queue_gives_the_task_back),
		cmocka_unit_test(try_submit_with_room_is_a_submit),
		cmocka_unit_test(submit_waits_until_there_is_room),
		cmocka_unit_test(a_timed_submit_gives_up_at_its_deadline),
		cmocka_unit_test(a_timed_submit_takes_room_that_comes_in_time),
		cmocka_unit_test(room_made_just_at_the_deadline_is_taken),
		cmocka_unit_test(
		    a_deadline_in_the_past_does_not_matter_when_there_is_room),
		cmocka_unit_test(a_malformed_deadline_is_refused),
		cmocka_unit_test(
		    workers_block_signals_and_the_submitter_does_not),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
