#include "pool/internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct pool_future *future_new(struct pool *pool, const struct pool_task *task)
{
	struct pool_future *future = malloc(sizeof(*future));

	if (future == NULL)
		return NULL;
	*future = (struct pool_future){ .pool = pool, .task = *task };
	if (cond_init(&future->finished) != 0) {
		free(future);
		return NULL;
	}
	return future;
}

void future_destroy(struct pool_future *future)
{
	must(pthread_cond_destroy(&future->finished));
	free(future);
}

void future_take(struct pool_future *future)
{
	assert(future->state == FUTURE_QUEUED);
	future->state = FUTURE_TAKEN;
	future->taker = pthread_self();
}

void future_call_done(const struct pool_future *future,
                      enum pool_outcome outcome, int result)
{
	if (future->task.done != NULL)
		future->task.done(future->task.arg, outcome, result);
}

void future_finish(struct pool_future *future, enum pool_outcome outcome,
                   int result)
{
	struct pool *pool = future->pool;

	assert(future->state == FUTURE_TAKEN && pool->pending > 0);
	future->state = FUTURE_DONE;
	future->outcome = outcome;
	future->result = result;
	must(pthread_cond_broadcast(&future->finished));
	if (--future->refs == 0) {
		future_destroy(future);
		/* Never the last: the owner's is there while a task pends. */
		pool->refs--;
		assert(pool->refs > 0);
	}
	pool->done++;
	if (--pool->pending == 0)
		must(pthread_cond_broadcast(&pool->drained));
}

void future_finish_cancelled(struct pool_future *future)
{
	struct pool *pool = future->pool;

	pool_unlock(pool);
	future_call_done(future, POOL_CANCELLED, ECANCELED);
	pool_lock(pool);
	future_finish(future, POOL_CANCELLED, ECANCELED);
}

/* Would this thread wait for what it has to do itself? */
static bool waits_for_itself(const struct pool_future *future)
{
	return pool_is_own_worker(future->pool) ||
	       (future->state == FUTURE_TAKEN &&
	        pthread_equal(future->taker, pthread_self()));
}

int pool_future_wait(struct pool_future *future,
                     const struct timespec *deadline)
{
	struct pool *pool = future->pool;
	int error = 0;

	if (!deadline_valid(deadline))
		return EINVAL;
	pool_lock(pool);
	if (future->state != FUTURE_DONE && waits_for_itself(future))
		error = EDEADLK;
	while (future->state != FUTURE_DONE && error == 0)
		error = cond_wait(&future->finished, &pool->lock, deadline);
	if (future->state == FUTURE_DONE)
		error = 0;
	pool_unlock(pool);
	return error;
}

int pool_future_result(struct pool_future *future, enum pool_outcome *outcome,
                       int *result)
{
	struct pool *pool = future->pool;
	int error = EBUSY;

	pool_lock(pool);
	if (future->state == FUTURE_DONE) {
		if (outcome != NULL)
			*outcome = future->outcome;
		if (result != NULL)
			*result = future->result;
		error = 0;
	}
	pool_unlock(pool);
	return error;
}

int pool_future_cancel(struct pool_future *future)
{
	struct pool *pool = future->pool;
	int error = 0;

	pool_lock(pool);
	if (future->state == FUTURE_QUEUED) {
		bool removed = ring_remove(&pool->queue, future);

		assert(removed);
		(void)removed;
		future_take(future);
		must(pthread_cond_signal(&pool->room));
		future_finish_cancelled(future);
	} else {
		error = future->state == FUTURE_DONE ? EALREADY : EBUSY;
	}
	pool_unlock(pool);
	return error;
}

void pool_future_free(struct pool_future *future)
{
	struct pool *pool;

	if (future == NULL)
		return;
	pool = future->pool;
	pool_lock(pool);
	assert(future->refs > 0);
	if (--future->refs > 0) {
		pool_unlock(pool);
		return;
	}
	assert(future->state == FUTURE_DONE);
	future_destroy(future);
	pool_unref_unlock(pool);
}
