#include "pool/pool.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "pool/internal.h"

/* The pool that this thread is a worker of. */
static _Thread_local const struct pool *worker_of;

bool pool_is_own_worker(const struct pool *pool)
{
	return worker_of == pool;
}

/* Waits for the next task and takes it; NULL when closed and none is left. */
static struct pool_future *take_next(struct pool *pool)
{
	struct pool_future *future;

	while (ring_empty(&pool->queue) && !pool->closed)
		(void)cond_wait(&pool->work, &pool->lock, NULL);
	future = ring_pop(&pool->queue);
	if (future == NULL)
		return NULL;
	future_take(future);
	pool->idle--;
	must(pthread_cond_signal(&pool->room));
	return future;
}

static void *worker_main(void *arg)
{
	struct pool *pool = arg;
	struct pool_future *future;
	int result;

	worker_of = pool;
	pool_lock(pool);
	while ((future = take_next(pool)) != NULL) {
		pool_unlock(pool);
		result = future->task.run(future->task.arg, pool->cancel.fd);
		future_call_done(future, POOL_RAN, result);
		pool_lock(pool);
		/* Idle in the same breath as done: who waits for this task and
		 * then submits another finds this worker, not a new one. */
		future_finish(future, POOL_RAN, result);
		pool->idle++;
	}
	pool->idle--;
	pool->threads--;
	pool_unlock(pool);
	return NULL;
}

/*
 * Signals are for the threads that wait for them, so a worker is born with all
 * of them blocked, except those that say that it has itself failed: blocked,
 * they would end the process without the report of a debugger or sanitizer.
 */
static int thread_create(struct pool *pool, pthread_t *thread)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL,
		                      SIGTRAP };
	sigset_t blocked;
	sigset_t before;
	int error;

	sigfillset(&blocked);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&blocked, faults[i]);
	must(pthread_sigmask(SIG_SETMASK, &blocked, &before));
	error = pthread_create(thread, &pool->thread_attr, worker_main, pool);
	must(pthread_sigmask(SIG_SETMASK, &before, NULL));
	return error;
}

/* The lock is held, so the worker's first step waits until the task that it was
 * started for is in the queue. */
static void start_worker(struct pool *pool)
{
	if (thread_create(pool, &pool->workers[pool->started]) != 0) {
		pool->refused++;
		return;
	}
	pool->started++;
	pool->threads++;
	pool->idle++;
}

/* With the lock, and there is room. EAGAIN leaves nothing to undo. */
static int enqueue(struct pool *pool, struct pool_future *future)
{
	/*
	 * Does one more task need one more worker? "Is anybody idle" would be
	 * the wrong question: a worker that was signalled stays idle until it
	 * has got the lock, and one just started until it first runs. A second
	 * submit in between would count on the same worker, and its task would
	 * wait for the first to end although the maximum is not reached. So the
	 * idle are weighed against the tasks that already wait for them: each
	 * will take one, and what exceeds them needs a thread of its own.
	 *
	 * If a busy worker is faster and takes the task, the idle one finds the
	 * queue empty and sleeps on: one thread more than needed, none missing.
	 */
	if (pool->queue.count >= pool->idle &&
	    pool->threads < pool->threads_max)
		start_worker(pool);
	/* The queue is not empty => a worker exists. */
	if (pool->threads == 0) {
		assert(ring_empty(&pool->queue));
		return EAGAIN;
	}
	pool->pending++;
	if (future->task.first)
		ring_push_first(&pool->queue, future);
	else
		ring_push(&pool->queue, future);
	must(pthread_cond_signal(&pool->work));
	return 0;
}

enum submit_mode { SUBMIT_WAITS, SUBMIT_TRIES };

static int wait_for_room(struct pool *pool, enum submit_mode mode,
                         const struct timespec *deadline)
{
	int error = mode == SUBMIT_TRIES ? EAGAIN : 0;

	while (!pool->closed && ring_full(&pool->queue) && error == 0)
		error = cond_wait(&pool->room, &pool->lock, deadline);
	if (pool->closed)
		return ECANCELED;
	return ring_full(&pool->queue) ? error : 0;
}

static int submit(struct pool *pool, const struct pool_task *task,
                  enum submit_mode mode, const struct timespec *deadline,
                  struct pool_future **handle)
{
	struct pool_future *future;
	int error;

	assert(task->run != NULL);
	if (pool_is_own_worker(pool))
		return EDEADLK;
	if (!deadline_valid(deadline))
		return EINVAL;
	future = future_new(pool, task);
	if (future == NULL)
		return ENOMEM;
	future->refs = handle != NULL ? 2 : 1;

	pool_lock(pool);
	/* The future's, from now on: pool_free() may come while this waits. */
	pool->refs++;
	error = wait_for_room(pool, mode, deadline);
	if (error == 0)
		error = enqueue(pool, future);
	if (error != 0) {
		future_destroy(future);
		pool_unref_unlock(pool);
		return error;
	}
	if (handle != NULL)
		*handle = future;
	pool_unlock(pool);
	return 0;
}

int pool_submit(struct pool *pool, const struct pool_task *task,
                struct pool_future **future)
{
	return submit(pool, task, SUBMIT_WAITS, NULL, future);
}

int pool_submit_until(struct pool *pool, const struct pool_task *task,
                      const struct timespec *deadline,
                      struct pool_future **future)
{
	return submit(pool, task, SUBMIT_WAITS, deadline, future);
}

int pool_try_submit(struct pool *pool, const struct pool_task *task,
                    struct pool_future **future)
{
	return submit(pool, task, SUBMIT_TRIES, NULL, future);
}

/* Workers that sleep end, submits that wait fail. */
static void close_locked(struct pool *pool)
{
	pool->closed = true;
	must(pthread_cond_broadcast(&pool->work));
	must(pthread_cond_broadcast(&pool->room));
}

void pool_close(struct pool *pool)
{
	pool_lock(pool);
	close_locked(pool);
	pool_unlock(pool);
}

void pool_terminate(struct pool *pool)
{
	struct pool_future *future;
	struct ring cancelled;

	pool_lock(pool);
	close_locked(pool);
	cancel_fire(&pool->cancel);
	/* All leave the queue at once: while done() runs for one of them, no
	 * worker may take the next. A closed pool needs no queue any more. */
	cancelled = pool->queue;
	pool->queue = (struct ring){ 0 };
	for (size_t i = 0; i < cancelled.count; i++)
		future_take(*ring_at(&cancelled, i));
	while ((future = ring_pop(&cancelled)) != NULL)
		future_finish_cancelled(future);
	pool_unlock(pool);
	ring_release(&cancelled);
}

void pool_drain(struct pool *pool)
{
	assert(!pool_is_own_worker(pool));
	pool_lock(pool);
	close_locked(pool);
	while (pool->pending > 0)
		(void)cond_wait(&pool->drained, &pool->lock, NULL);
	pool_unlock(pool);
}

void pool_counts(struct pool *pool, struct pool_counts *counts)
{
	pool_lock(pool);
	*counts = (struct pool_counts){
		.threads = pool->threads,
		.idle = pool->idle,
		.threads_refused = pool->refused,
		.queued = pool->queue.count,
		.done = pool->done,
	};
	pool_unlock(pool);
}

/* Raised to the minimum and to whole pages; false when that overflows. */
static bool round_stack_size(size_t *size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (*size < (size_t)PTHREAD_STACK_MIN)
		*size = (size_t)PTHREAD_STACK_MIN;
	if (*size > SIZE_MAX - (page - 1))
		return false;
	*size = (*size + page - 1) / page * page;
	return true;
}

static int thread_attr_init(pthread_attr_t *attr, size_t stack_size)
{
	int error;

	if (stack_size > 0 && !round_stack_size(&stack_size))
		return EINVAL;
	error = pthread_attr_init(attr);
	if (error != 0 || stack_size == 0)
		return error;
	error = pthread_attr_setstacksize(attr, stack_size);
	if (error != 0)
		must(pthread_attr_destroy(attr));
	return error;
}

/* The lock and the three questions, all or none. */
static int sync_init(struct pool *pool)
{
	int error = pthread_mutex_init(&pool->lock, NULL);

	if (error != 0)
		return error;
	error = cond_init(&pool->work);
	if (error != 0)
		goto no_work;
	error = cond_init(&pool->room);
	if (error != 0)
		goto no_room;
	error = cond_init(&pool->drained);
	if (error != 0)
		goto no_drained;
	return 0;
no_drained:
	must(pthread_cond_destroy(&pool->room));
no_room:
	must(pthread_cond_destroy(&pool->work));
no_work:
	must(pthread_mutex_destroy(&pool->lock));
	return error;
}

static void sync_release(struct pool *pool)
{
	must(pthread_cond_destroy(&pool->drained));
	must(pthread_cond_destroy(&pool->room));
	must(pthread_cond_destroy(&pool->work));
	must(pthread_mutex_destroy(&pool->lock));
}

/* What the workers need and pool_free() gives back, all or nothing. */
static int crew_init(struct pool *pool, const struct pool_settings *settings)
{
	int error = thread_attr_init(&pool->thread_attr, settings->stack_size);

	if (error != 0)
		return error;
	error = ENOMEM;
	pool->threads_max = settings->threads_max;
	pool->workers = calloc(settings->threads_max, sizeof(pthread_t));
	if (pool->workers == NULL)
		goto no_workers;
	if (!ring_init(&pool->queue, settings->queue_max))
		goto no_queue;
	error = cancel_open(&pool->cancel);
	if (error != 0)
		goto no_cancel;
	return 0;
no_cancel:
	ring_release(&pool->queue);
no_queue:
	free(pool->workers);
no_workers:
	must(pthread_attr_destroy(&pool->thread_attr));
	return error;
}

static void crew_release(struct pool *pool)
{
	cancel_close(&pool->cancel);
	ring_release(&pool->queue);
	free(pool->workers);
	must(pthread_attr_destroy(&pool->thread_attr));
}

int pool_open(struct pool **pool, const struct pool_settings *settings)
{
	struct pool *opened;
	int error;

	if (settings->threads_max == 0 || settings->queue_max == 0)
		return EINVAL;
	opened = calloc(1, sizeof(*opened));
	if (opened == NULL)
		return ENOMEM;
	opened->refs = 1;
	error = sync_init(opened);
	if (error != 0)
		goto no_sync;
	error = crew_init(opened, settings);
	if (error != 0)
		goto no_crew;
	*pool = opened;
	return 0;
no_crew:
	sync_release(opened);
no_sync:
	free(opened);
	return error;
}

void pool_unref_unlock(struct pool *pool)
{
	bool last;

	assert(pool->refs > 0);
	last = --pool->refs == 0;
	pool_unlock(pool);
	if (!last)
		return;
	sync_release(pool);
	free(pool);
}

void pool_free(struct pool *pool)
{
	if (pool == NULL)
		return;
	pool_drain(pool);
	/* Closed: nobody changes `started` any more. */
	for (unsigned i = 0; i < pool->started; i++)
		must(pthread_join(pool->workers[i], NULL));
	pool_lock(pool);
	assert(pool->threads == 0 && pool->idle == 0);
	assert(pool->pending == 0 && ring_empty(&pool->queue));
	crew_release(pool);
	pool_unref_unlock(pool);
}
