#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "pool/cancel.h"
#include "pool/pool.h"
#include "pool/ring.h"
#include "pool/sync.h"

/*
 * What pool.c (workers, queue) and future.c (one task's life) share; nobody
 * else includes this.
 *
 * One lock guards the pool and all its futures; run() and done() are the only
 * foreign code and are called without it. Three questions, three condition
 * variables: is there work, is there room, is all of it done. Each future has
 * one more: is this one done.
 *
 * A future is also the queue's entry and exists for every task, held or not. It
 * keeps the memory of struct pool, and so the lock, alive: what pool_free()
 * ends is the workers, the queue and the descriptor.
 */
struct pool {
	/* Set by pool_open(); the lock is not needed to read them. */
	struct cancel cancel;
	unsigned threads_max;
	pthread_attr_t thread_attr;

	pthread_mutex_t lock;   /* guards all below */
	pthread_cond_t work;    /* a task was queued, or closed */
	pthread_cond_t room;    /* a task left the queue, or closed */
	pthread_cond_t drained; /* pending became 0 */
	struct ring queue;
	bool closed;
	pthread_t
	    *workers; /* threads_max places, of which `started` are used */
	unsigned started;
	unsigned threads; /* started and not ended; none ends before closed */
	unsigned idle;    /* without a task, from birth: see need_worker() */
	unsigned refused;
	size_t pending; /* accepted and not done */
	unsigned long long done;
	size_t refs; /* the owner, each future, each submit under way */
};

/*
 *   QUEUED ---> TAKEN ---> DONE
 *
 * TAKEN: out of the queue and in the hands of one thread, which runs or cancels
 * it and calls done(). Nobody else touches the task then.
 */
enum future_state { FUTURE_QUEUED, FUTURE_TAKEN, FUTURE_DONE };

struct pool_future {
	struct pool *pool;
	struct pool_task task;
	/* All below is guarded by the pool's lock. */
	enum future_state state;
	pthread_t taker; /* while TAKEN */
	enum pool_outcome outcome;
	int result;
	unsigned refs; /* the pool until DONE, and the holder of the handle */
	pthread_cond_t finished;
};

/* Is this thread a worker of that pool? */
bool pool_is_own_worker(const struct pool *pool);

static inline void pool_lock(struct pool *pool)
{
	must(pthread_mutex_lock(&pool->lock));
}

static inline void pool_unlock(struct pool *pool)
{
	must(pthread_mutex_unlock(&pool->lock));
}

/* Gives back a reference and the lock; the last one frees the memory. */
void pool_unref_unlock(struct pool *pool);

/* NULL when there is no memory. Not yet in the queue and without references;
 * future_destroy() is for one that never got there. */
struct pool_future *future_new(struct pool *pool, const struct pool_task *task);
void future_destroy(struct pool_future *future);

/* Marks a task that this thread has just removed from the queue. */
void future_take(struct pool_future *future);

/* Calls the task's done(); without the lock. */
void future_call_done(const struct pool_future *future,
                      enum pool_outcome outcome, int result);

/* With the lock, after done() has returned. Ends the pool's reference: the
 * future may be gone afterwards. */
void future_finish(struct pool_future *future, enum pool_outcome outcome,
                   int result);

/* For a taken task: the two above. With the lock, but lets go of it for
 * done(). */
void future_finish_cancelled(struct pool_future *future);
