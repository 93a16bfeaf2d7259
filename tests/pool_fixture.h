#pragma once

#include <errno.h>
#include <pthread.h>

#include "pool/pool.h"
#include "tests/pool_gate.h"

/*
 * What the pool's tests start from and what they look at. Include it after
 * <cmocka.h>: it asserts, so it is for the test's own thread.
 */
static inline struct pool *open_pool(unsigned threads_max, size_t queue_max)
{
	const struct pool_settings settings = { .threads_max = threads_max,
		                                .queue_max = queue_max };
	struct pool *pool = NULL;

	assert_int_equal(pool_open(&pool, &settings), 0);
	return pool;
}

static inline void submit_job(struct pool *pool, struct job *job)
{
	const struct pool_task task = job_task(job);

	assert_int_equal(pool_submit(pool, &task, NULL), 0);
}

/* Submits a job and comes back when its future is done. */
static inline void run_job(struct pool *pool, struct job *job)
{
	const struct pool_task task = job_task(job);
	struct pool_future *future = NULL;

	assert_int_equal(pool_submit(pool, &task, &future), 0);
	assert_int_equal(pool_future_wait(future, NULL), 0);
	pool_future_free(future);
}

static inline void assert_ran_once(struct job *job)
{
	assert_int_equal(job->ran, 1);
	assert_int_equal(job->done, 1);
	assert_int_equal(job->outcome, POOL_RAN);
	assert_int_equal(job->result, job->give);
}

static inline void assert_cancelled_once(struct job *job)
{
	assert_int_equal(job->ran, 0);
	assert_int_equal(job->done, 1);
	assert_int_equal(job->outcome, POOL_CANCELLED);
	assert_int_equal(job->result, ECANCELED);
}

static inline void assert_untouched(struct job *job)
{
	assert_int_equal(job->ran, 0);
	assert_int_equal(job->done, 0);
}

static inline void assert_takes_no_more(struct pool *pool)
{
	const struct timespec past = from_now_ms(0);
	struct job job = { 0 };
	const struct pool_task task = job_task(&job);
	struct pool_future *future = NULL;

	assert_int_equal(pool_submit(pool, &task, &future), ECANCELED);
	assert_int_equal(pool_submit_until(pool, &task, &past, &future),
	                 ECANCELED);
	assert_int_equal(pool_try_submit(pool, &task, &future), ECANCELED);
	assert_null(future);
	assert_untouched(&job);
}

/*
 * One worker that is held, with a queue of one that is taken: what the tests of
 * waiting submits start from.
 */
struct full_pool {
	struct pool *pool;
	struct gate gate;
	struct job held, queued;
};

static inline void full_pool_open(struct full_pool *full)
{
	*full = (struct full_pool){ .pool = open_pool(1, 1) };
	gate_init(&full->gate);
	full->held.gate = &full->gate;
	submit_job(full->pool, &full->held);
	gate_await(&full->gate, 1);
	submit_job(full->pool, &full->queued);
	assert_int_equal(counts_of(full->pool).queued, 1);
}

static inline void full_pool_free(struct full_pool *full)
{
	gate_open(&full->gate);
	pool_free(full->pool);
	gate_release(&full->gate);
	assert_ran_once(&full->held);
}

static inline struct pool_future *submit_held(struct pool *pool,
                                              struct job *job)
{
	const struct pool_task task = job_task(job);
	struct pool_future *future = NULL;

	assert_int_equal(pool_submit(pool, &task, &future), 0);
	assert_non_null(future);
	return future;
}

static inline void assert_result(struct pool_future *future,
                                 enum pool_outcome wanted, int wanted_result)
{
	/* Not what is wanted, so that it has to be set. */
	enum pool_outcome outcome =
	    wanted == POOL_RAN ? POOL_CANCELLED : POOL_RAN;
	int result = -77;

	assert_int_equal(pool_future_result(future, &outcome, &result), 0);
	assert_int_equal(outcome, wanted);
	assert_int_equal(result, wanted_result);
}

/* One worker that is held by a task, and room for more tasks. */
struct busy_pool {
	struct pool *pool;
	struct gate gate;
	struct job held;
	struct pool_future *future; /* of held */
};

static inline void busy_pool_open(struct busy_pool *busy, size_t queue_max)
{
	*busy = (struct busy_pool){ .pool = open_pool(1, queue_max) };
	gate_init(&busy->gate);
	busy->held.gate = &busy->gate;
	busy->future = submit_held(busy->pool, &busy->held);
	gate_await(&busy->gate, 1);
}

static inline void busy_pool_free(struct busy_pool *busy)
{
	gate_open(&busy->gate);
	pool_free(busy->pool);
	gate_release(&busy->gate);
	assert_ran_once(&busy->held);
	assert_result(busy->future, POOL_RAN, busy->held.give);
	pool_future_free(busy->future);
}
