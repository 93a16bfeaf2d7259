/* The pool when the system refuses: threads, memory, descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "pool/pool.h"
#include "tests/pool_fixture.h"
#include "tests/pool_gate.h"

/*
 * Lets the first `passes` calls through and fails the next `failures`; calls
 * are counted only while it is armed. Used on the test's own thread only.
 */
struct fault {
	bool armed;
	unsigned passes;
	unsigned failures;
};

enum { FOR_EVER = 1000000 };

static struct fault no_thread, no_memory, no_sync, no_eventfd;
static size_t last_stack_size;

static bool strikes(struct fault *fault)
{
	if (!fault->armed || fault->failures == 0)
		return false;
	if (fault->passes > 0) {
		fault->passes--;
		return false;
	}
	fault->failures--;
	return true;
}

static void arm(struct fault *fault, unsigned passes, unsigned failures)
{
	*fault = (struct fault){ true, passes, failures };
}

/* Tells whether all failures have struck. */
static bool disarm(struct fault *fault)
{
	fault->armed = false;
	return fault->failures == 0;
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*start)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*start)(void *), void *arg);
int __real_pthread_mutex_init(pthread_mutex_t *lock,
                              const pthread_mutexattr_t *attr);
int __wrap_pthread_mutex_init(pthread_mutex_t *lock,
                              const pthread_mutexattr_t *attr);
int __real_pthread_cond_init(pthread_cond_t *cond,
                             const pthread_condattr_t *attr);
int __wrap_pthread_cond_init(pthread_cond_t *cond,
                             const pthread_condattr_t *attr);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
int __real_eventfd(unsigned start, int flags);
int __wrap_eventfd(unsigned start, int flags);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*start)(void *), void *arg)
{
	if (attr != NULL)
		pthread_attr_getstacksize(attr, &last_stack_size);
	if (strikes(&no_thread))
		return EAGAIN;
	return __real_pthread_create(thread, attr, start, arg);
}

int __wrap_pthread_mutex_init(pthread_mutex_t *lock,
                              const pthread_mutexattr_t *attr)
{
	return strikes(&no_sync) ? ENOMEM
	                         : __real_pthread_mutex_init(lock, attr);
}

int __wrap_pthread_cond_init(pthread_cond_t *cond,
                             const pthread_condattr_t *attr)
{
	return strikes(&no_sync) ? ENOMEM
	                         : __real_pthread_cond_init(cond, attr);
}

void *__wrap_malloc(size_t size)
{
	return strikes(&no_memory) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return strikes(&no_memory) ? NULL : __real_calloc(count, size);
}

int __wrap_eventfd(unsigned start, int flags)
{
	if (!strikes(&no_eventfd))
		return __real_eventfd(start, flags);
	errno = EMFILE;
	return -1;
}

static int submit_with_future(struct pool *pool, struct job *job,
                              struct pool_future **future)
{
	const struct pool_task task = job_task(job);

	return pool_submit(pool, &task, future);
}

static void without_any_thread_the_task_stays_the_callers(void **state)
{
	struct pool *pool = open_pool(4, 4);
	struct job job = { 0 };
	const struct pool_task task = job_task(&job);
	struct pool_future *future = NULL;

	(void)state;
	arm(&no_thread, 0, 3);
	assert_int_equal(pool_submit(pool, &task, &future), EAGAIN);
	assert_int_equal(pool_submit_until(pool, &task, NULL, NULL), EAGAIN);
	assert_int_equal(pool_try_submit(pool, &task, NULL), EAGAIN);
	assert_true(disarm(&no_thread));
	assert_null(future);
	assert_untouched(&job);
	assert_int_equal(counts_of(pool).threads, 0);
	assert_int_equal(counts_of(pool).idle, 0);
	assert_int_equal(counts_of(pool).queued, 0);
	assert_int_equal(counts_of(pool).done, 0);
	assert_int_equal(counts_of(pool).threads_refused, 3);

	/* A passing shortage: the same pool works as soon as it is over. */
	submit_job(pool, &job);
	pool_free(pool);
	assert_ran_once(&job);
}

static void a_pool_that_never_got_a_thread_can_be_ended(void **state)
{
	struct pool *pool = open_pool(1, 1);
	struct job job = { 0 };

	(void)state;
	arm(&no_thread, 0, 1);
	assert_int_equal(submit_with_future(pool, &job, NULL), EAGAIN);
	assert_true(disarm(&no_thread));
	pool_terminate(pool);
	pool_free(pool);
	assert_untouched(&job);
}

static void the_pool_goes_on_with_the_threads_it_has(void **state)
{
	enum { WANTED = 8, JOBS = 100 };

	(void)state;
	for (unsigned got = 1; got < WANTED; got++) {
		struct pool *pool = open_pool(WANTED, JOBS);
		struct job jobs[JOBS] = { 0 };
		struct gate gate;

		gate_init(&gate);
		arm(&no_thread, got, FOR_EVER);
		for (int i = 0; i < JOBS; i++) {
			jobs[i].gate = &gate;
			submit_job(pool, &jobs[i]);
		}
		disarm(&no_thread);
		gate_await(&gate, got);
		assert_int_equal(counts_of(pool).threads, got);
		assert_int_equal(counts_of(pool).threads_refused, JOBS - got);
		assert_int_equal(counts_of(pool).queued, JOBS - got);
		gate_open(&gate);
		pool_free(pool);
		gate_release(&gate);
		for (int i = 0; i < JOBS; i++)
			assert_ran_once(&jobs[i]);
	}
}

static void refused_threads_are_asked_for_again_later(void **state)
{
	enum { JOBS = 4 };
	struct pool *pool = open_pool(JOBS, JOBS);
	struct job jobs[JOBS] = { 0 };
	struct gate gate;

	(void)state;
	gate_init(&gate);
	arm(&no_thread, 1, 1); /* the second start fails, no other */
	for (unsigned i = 0; i < JOBS; i++) {
		jobs[i].gate = &gate;
		submit_job(pool, &jobs[i]);
		assert_int_equal(counts_of(pool).threads, i == 0 ? 1 : i);
	}
	assert_true(disarm(&no_thread));
	/* Three threads hold the first three, the fourth waits its turn. */
	gate_await(&gate, JOBS - 1);
	assert_int_equal(counts_of(pool).queued, 1);
	gate_open(&gate);
	pool_free(pool);
	gate_release(&gate);
	for (unsigned i = 0; i < JOBS; i++)
		assert_ran_once(&jobs[i]);
}

static void a_submit_without_memory_leaves_no_trace(void **state)
{
	struct fault *const faults[] = { &no_memory, &no_sync };
	struct pool *pool = open_pool(2, 2);
	struct job job = { 0 };
	struct pool_future *future = NULL;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		arm(faults[i], 0, 1);
		assert_int_equal(submit_with_future(pool, &job, &future),
		                 ENOMEM);
		assert_true(disarm(faults[i]));
		assert_null(future);
		assert_int_equal(counts_of(pool).threads, 0);
		assert_int_equal(counts_of(pool).queued, 0);
	}
	assert_untouched(&job);
	submit_job(pool, &job);
	pool_free(pool);
	assert_ran_once(&job);
}

/* Fails the first, second, ... call of its kind until pool_open() succeeds;
 * returns how many there were. The leak checkers look at the rest. */
static unsigned open_through(struct fault *fault, int wanted)
{
	const struct pool_settings settings = { .threads_max = 2,
		                                .queue_max = 2,
		                                .stack_size = 1 };

	for (unsigned passes = 0;; passes++) {
		struct pool *pool = NULL;
		int error;

		arm(fault, passes, 1);
		error = pool_open(&pool, &settings);
		if (!disarm(fault)) {
			assert_int_equal(error, 0);
			pool_free(pool);
			return passes;
		}
		assert_int_equal(error, wanted);
		assert_null(pool);
	}
}

static void open_survives_every_single_failure(void **state)
{
	(void)state;
	assert_int_equal(open_through(&no_memory, ENOMEM), 3);
	assert_int_equal(open_through(&no_sync, ENOMEM), 4);
	assert_int_equal(open_through(&no_eventfd, EMFILE), 1);
}

static void the_stack_size_is_rounded_up(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t least = (size_t)PTHREAD_STACK_MIN;
	const struct {
		size_t wanted, given;
	} cases[] = {
		{ 1, (least + page - 1) / page * page },
		{ least, (least + page - 1) / page * page },
		{ 64 * page, 64 * page },
		{ 64 * page + 1, 65 * page },
		{ 65 * page - 1, 65 * page },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct pool_settings settings = {
			.threads_max = 1,
			.queue_max = 1,
			.stack_size = cases[i].wanted,
		};
		struct pool *pool = NULL;
		struct job job = { 0 };

		assert_int_equal(pool_open(&pool, &settings), 0);
		/* Only the size is of interest: the least may be too small for
		 * a sanitizer's thread. */
		arm(&no_thread, 0, 1);
		assert_int_equal(submit_with_future(pool, &job, NULL), EAGAIN);
		assert_true(disarm(&no_thread));
		assert_int_equal(last_stack_size, cases[i].given);
		pool_free(pool);
	}
}

static void no_stack_size_means_the_systems(void **state)
{
	struct pool *pool = open_pool(1, 1);
	struct job job = { 0 };
	pthread_attr_t attr;
	size_t usual = 0;

	(void)state;
	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_getstacksize(&attr, &usual), 0);
	pthread_attr_destroy(&attr);
	submit_job(pool, &job);
	pool_free(pool);
	assert_int_equal(last_stack_size, usual);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_any_thread_the_task_stays_the_callers),
		cmocka_unit_test(a_pool_that_never_got_a_thread_can_be_ended),
		cmocka_unit_test(the_pool_goes_on_with_the_threads_it_has),
		cmocka_unit_test(refused_threads_are_asked_for_again_later),
		cmocka_unit_test(a_submit_without_memory_leaves_no_trace),
		cmocka_unit_test(open_survives_every_single_failure),
		cmocka_unit_test(the_stack_size_is_rounded_up),
		cmocka_unit_test(no_stack_size_means_the_systems),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
