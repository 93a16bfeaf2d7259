#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "pool/pool.h"

/*
 * Helpers of the pool's tests. Nothing here sleeps or asserts: a gate holds
 * tasks until the test opens it, a job records what happened to one task, and
 * the test looks at it on its own thread.
 */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned arrived;
	bool open;
};

static inline void gate_init(struct gate *gate)
{
	*gate = (struct gate){ .open = false };
	pthread_mutex_init(&gate->lock, NULL);
	pthread_cond_init(&gate->changed, NULL);
}

static inline void gate_release(struct gate *gate)
{
	pthread_cond_destroy(&gate->changed);
	pthread_mutex_destroy(&gate->lock);
}

/* Says that somebody is here, and goes on. */
static inline void gate_arrive(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->arrived++;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

/* Says that somebody is here, and waits until the gate is open. */
static inline void gate_pass(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->arrived++;
	pthread_cond_broadcast(&gate->changed);
	while (!gate->open)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static inline void gate_await(struct gate *gate, unsigned arrived)
{
	pthread_mutex_lock(&gate->lock);
	while (gate->arrived < arrived)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static inline void gate_open(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->open = true;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

/* Zero it, set what is wanted of the first group, submit job_task(). */
struct job {
	struct gate *gate; /* run() passes it; may be NULL */
	int give;          /* what run() returns */

	atomic_uint ran;
	atomic_uint done;
	/* Of the last done(). */
	enum pool_outcome outcome;
	int result;
	pthread_t done_on;
};

static inline int job_run(void *arg, int cancel_fd)
{
	struct job *job = arg;

	(void)cancel_fd;
	atomic_fetch_add(&job->ran, 1);
	if (job->gate != NULL)
		gate_pass(job->gate);
	return job->give;
}

static inline void job_done(void *arg, enum pool_outcome outcome, int result)
{
	struct job *job = arg;

	job->outcome = outcome;
	job->result = result;
	job->done_on = pthread_self();
	atomic_fetch_add(&job->done, 1);
}

static inline struct pool_task job_task(struct job *job)
{
	return (
	    struct pool_task){ .run = job_run, .done = job_done, .arg = job };
}

static inline struct pool_counts counts_of(struct pool *pool)
{
	struct pool_counts counts;

	pool_counts(pool, &counts);
	return counts;
}

static inline struct timespec from_now_ms(long ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

static inline bool has_passed(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > t->tv_sec ||
	       (now.tv_sec == t->tv_sec && now.tv_nsec >= t->tv_nsec);
}
