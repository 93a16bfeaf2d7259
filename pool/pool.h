#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/*
 * A bounded thread pool, in the spirit of Python's ThreadPoolExecutor.
 *
 * Workers are started only when a task finds no idle one and the maximum is
 * not reached; they are reused until the pool ends. The queue is bounded, FIFO
 * (but for tasks that go first), and pool_submit() waits for room in it. "The
 * queue is not empty" implies that a worker exists: when the system refuses a
 * thread, the pool goes on with those it has, and a submit fails only when
 * there is none at all.
 *
 * Unless said otherwise, functions return 0 or an errno value and may be called
 * from any thread, also from run() and done(), which are called with no lock
 * held. Deadlines are absolute CLOCK_MONOTONIC times; NULL waits for ever,
 * EINVAL answers one whose tv_nsec is not a fraction of a second.
 */
struct pool;
struct pool_future;

enum pool_outcome {
	POOL_RAN,      /* run() was called and has returned */
	POOL_CANCELLED /* run() was not and will not be called */
};

/*
 * The work. The pool copies the struct; what arg points to stays the caller's
 * and must live until done() was called.
 */
struct pool_task {
	/*
	 * Called at most once, on a worker. cancel_fd becomes readable when the
	 * pool is terminated: poll it beside whatever the task waits for. The
	 * value returned goes to done() and to the future; the pool gives it no
	 * meaning, and a task that fails costs no worker. It must return: no
	 * pthread_exit(), no longjmp() out of it. Workers block every signal
	 * (but those of a fault, such as SIGSEGV).
	 */
	int (*run)(void *arg, int cancel_fd);
	/*
	 * Called exactly once, with no lock held: after run() on its worker,
	 * or, for a task that was cancelled, on the thread that cancelled it
	 * (with result ECANCELED). May be NULL.
	 */
	void (*done)(void *arg, enum pool_outcome outcome, int result);
	void *arg;
	bool first; /* goes before all that is queued */
};

struct pool_settings {
	unsigned threads_max; /* at least 1 */
	size_t queue_max;     /* tasks that wait, at least 1 */
	/* Bytes, raised to PTHREAD_STACK_MIN and then to whole pages; 0 is the
	 * system's default. */
	size_t stack_size;
};

struct pool_counts {
	unsigned threads; /* started and not yet ended */
	unsigned idle;    /* of those, without a task */
	/* Starts that the system refused. Each submit that could use one more
	 * worker tries again, so this can exceed threads_max. */
	unsigned threads_refused;
	size_t queued;
	unsigned long long done; /* tasks that ran or were cancelled */
};

/* EINVAL for settings out of range, ENOMEM, EMFILE. *pool is set only on 0. */
int pool_open(struct pool **pool, const struct pool_settings *settings);

/*
 * Puts a task into the queue. pool_submit() waits for room,
 * pool_submit_until() waits until a deadline, and pool_try_submit() does not
 * wait.
 *
 * future may be NULL; else *future is set on 0, before the task can start, and
 * the caller ends it with pool_future_free(). Errors: ECANCELED the pool was
 * closed or terminated (also while waiting), EAGAIN no room (try) or no worker
 * could be started and there is none, ETIMEDOUT, ENOMEM. On an error done() is
 * not called: the task is still the caller's. Never call these from a worker of
 * the same pool: a full queue would wait for itself (EDEADLK, with or without
 * room).
 */
int pool_submit(struct pool *pool, const struct pool_task *task,
                struct pool_future **future);
int pool_submit_until(struct pool *pool, const struct pool_task *task,
                      const struct timespec *deadline,
                      struct pool_future **future);
int pool_try_submit(struct pool *pool, const struct pool_task *task,
                    struct pool_future **future);

/* Accepts no more tasks; those queued still run. Does not wait. */
void pool_close(struct pool *pool);

/*
 * Closes, cancels every queued task (done() is called on this thread) and
 * makes the cancel descriptor readable, so that running tasks can end early.
 * Does not wait for them.
 */
void pool_terminate(struct pool *pool);

/*
 * Closes and waits until every task is done. The pool is still there, so that
 * another thread can cut the wait short with pool_terminate(); end the threads
 * that might do so, then pool_free(). Not from run() or done() of this pool.
 */
void pool_drain(struct pool *pool);

/*
 * Closes, waits until every task is done and every worker has ended, frees.
 * NULL is fine. Futures that are still held stay valid, and a submit that waits
 * for room beside it comes back with ECANCELED. Not from run() or done() of
 * this pool.
 */
void pool_free(struct pool *pool);

void pool_counts(struct pool *pool, struct pool_counts *counts);

/*
 * Waits until the task is done (its done() callback has returned). ETIMEDOUT;
 * EDEADLK when it is not done and the caller is a worker of its pool, whose
 * thread the task may need, or is itself inside the task's done().
 */
int pool_future_wait(struct pool_future *future,
                     const struct timespec *deadline);

/*
 * The outcome and what run() returned (either pointer may be NULL; ECANCELED
 * for a cancelled task). EBUSY while the task is not done.
 */
int pool_future_result(struct pool_future *future, enum pool_outcome *outcome,
                       int *result);

/*
 * Takes a task out of the queue; done() is called on this thread before the
 * function returns. EBUSY when it runs already or another thread is cancelling
 * it, EALREADY when it is done.
 */
int pool_future_cancel(struct pool_future *future);

/* Gives the handle back; the task goes on. NULL is fine. */
void pool_future_free(struct pool_future *future);
