#pragma once

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "pool/pool.h"
#include "tests/pool_gate.h"

/*
 * Makes "that thread waits now" visible without a sleep: the test is linked
 * with --wrap for the two waits of pthreads, and a thread that set watched_by
 * arrives at that gate just before its next wait. It holds the pool's lock
 * then, so whoever gets the lock after gate_await() finds it asleep.
 */
static _Thread_local struct gate *watched_by;

/* Every timed wait of this thread ends with ETIMEDOUT, also one that was woken:
 * POSIX lets a signal and the deadline coincide. */
static _Thread_local bool deadline_coincides;

int __real_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock);
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock);
int __real_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                  const struct timespec *deadline);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                  const struct timespec *deadline);

static inline void tell_watcher(void)
{
	struct gate *gate = watched_by;

	watched_by = NULL;
	if (gate != NULL)
		gate_arrive(gate);
}

int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock)
{
	tell_watcher();
	return __real_pthread_cond_wait(cond, lock);
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                  const struct timespec *deadline)
{
	int error;

	tell_watcher();
	error = __real_pthread_cond_timedwait(cond, lock, deadline);
	return deadline_coincides ? ETIMEDOUT : error;
}

/* A submit on a thread of its own. */
struct submitter {
	struct pool *pool;
	struct pool_task task;
	const struct timespec *deadline; /* NULL: pool_submit() */
	bool deadline_coincides;
	struct gate *opens; /* afterwards; may be NULL */
	struct gate waits;
	pthread_t thread;
	int error;
};

static inline void *submitter_main(void *arg)
{
	struct submitter *s = arg;

	watched_by = &s->waits;
	deadline_coincides = s->deadline_coincides;
	s->error = s->deadline == NULL ? pool_submit(s->pool, &s->task, NULL)
	                               : pool_submit_until(s->pool, &s->task,
	                                                   s->deadline, NULL);
	watched_by = NULL;
	if (s->opens != NULL)
		gate_open(s->opens);
	return NULL;
}

/* Returns when the submit waits for room. */
static inline void submitter_start(struct submitter *s)
{
	gate_init(&s->waits);
	s->error = -1;
	if (pthread_create(&s->thread, NULL, submitter_main, s) == 0)
		gate_await(&s->waits, 1);
}

static inline int submitter_join(struct submitter *s)
{
	pthread_join(s->thread, NULL);
	gate_release(&s->waits);
	return s->error;
}
