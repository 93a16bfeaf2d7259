#pragma once

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/*
 * The few pthread calls of the pool, checked. What can fail only by a bug of
 * ours ends the program; what the system may refuse is returned.
 */
static inline void must(int error)
{
	assert(error == 0);
	(void)error;
}

/* A condition variable whose deadlines are CLOCK_MONOTONIC. 0 or errno. */
static inline int cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	int error = pthread_condattr_init(&attr);

	if (error != 0)
		return error;
	must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
	error = pthread_cond_init(cond, &attr);
	must(pthread_condattr_destroy(&attr));
	return error;
}

/* NULL is valid: no deadline. */
static inline bool deadline_valid(const struct timespec *deadline)
{
	return deadline == NULL ||
	       (deadline->tv_nsec >= 0 && deadline->tv_nsec < 1000000000);
}

/*
 * 0 or ETIMEDOUT. A wait that times out may have swallowed a signal, so look at
 * the condition once more before believing the error.
 */
static inline int cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock,
                            const struct timespec *deadline)
{
	int error = deadline == NULL
	                ? pthread_cond_wait(cond, lock)
	                : pthread_cond_timedwait(cond, lock, deadline);

	assert(error == 0 || error == ETIMEDOUT);
	return error;
}
