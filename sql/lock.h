#pragma once

#include <assert.h>
#include <pthread.h>

/* Locking a mutex of our own fails only where we have gone wrong. */
static inline void mutex_lock(pthread_mutex_t *mutex)
{
	int failed = pthread_mutex_lock(mutex);

	assert(failed == 0);
}

static inline void mutex_unlock(pthread_mutex_t *mutex)
{
	int failed = pthread_mutex_unlock(mutex);

	assert(failed == 0);
}
