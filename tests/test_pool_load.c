/* The pool under load: nothing is lost, nothing happens twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pool/pool.h"
#include "tests/pool_fixture.h"
#include "tests/pool_gate.h"

/* What the order of the tasks is seen by. */
static atomic_uint clock_ticks;

struct ticket {
	atomic_uint ran;
	atomic_uint done;
	unsigned tick;
};

static int ticket_run(void *arg, int cancel_fd)
{
	struct ticket *ticket = arg;

	(void)cancel_fd;
	ticket->tick = atomic_fetch_add(&clock_ticks, 1);
	atomic_fetch_add(&ticket->ran, 1);
	return 0;
}

static void ticket_done(void *arg, enum pool_outcome outcome, int result)
{
	struct ticket *ticket = arg;

	(void)outcome;
	(void)result;
	atomic_fetch_add(&ticket->done, 1);
}

/* Brings a pool to its maximum: each thread meets all others at a gate. */
static void start_all(struct pool *pool, unsigned threads)
{
	struct gate gate;
	struct job job = { .gate = &gate };
	const struct pool_task task = { .run = job_run, .arg = &job };

	gate_init(&gate);
	for (unsigned i = 0; i < threads; i++)
		assert_int_equal(pool_submit(pool, &task, NULL), 0);
	gate_await(&gate, threads);
	gate_open(&gate);
	while (counts_of(pool).done < threads)
		sched_yield();
	assert_int_equal(counts_of(pool).threads, threads);
	gate_release(&gate);
}

static void ten_thousand_through(unsigned threads, size_t queue_max)
{
	enum { N = 10000 };
	const struct pool_settings settings = { .threads_max = threads,
		                                .queue_max = queue_max,
		                                .stack_size = 65536 };
	struct ticket *tickets = calloc(N, sizeof(*tickets));
	struct pool *pool = NULL;
	unsigned once = 0;
	unsigned in_order = 0;

	assert_non_null(tickets);
	atomic_store(&clock_ticks, 0);
	assert_int_equal(pool_open(&pool, &settings), 0);
	start_all(pool, threads);
	for (size_t i = 0; i < N; i++) {
		const struct pool_task task = { .run = ticket_run,
			                        .done = ticket_done,
			                        .arg = &tickets[i] };

		assert_int_equal(pool_submit(pool, &task, NULL), 0);
	}
	pool_drain(pool);
	assert_int_equal(counts_of(pool).done, N + threads);
	assert_int_equal(counts_of(pool).threads_refused, 0);
	pool_free(pool);
	for (unsigned i = 0; i < N; i++) {
		once += tickets[i].ran == 1 && tickets[i].done == 1;
		in_order += tickets[i].tick == i;
	}
	assert_int_equal(once, N);
	if (threads == 1)
		assert_int_equal(in_order, N);
	free(tickets);
}

static void one_worker_does_ten_thousand_tasks_in_order(void **state)
{
	(void)state;
	ten_thousand_through(1, 1);
	ten_thousand_through(1, 64);
	ten_thousand_through(1, 10000);
}

static void four_workers_do_ten_thousand_tasks(void **state)
{
	(void)state;
	ten_thousand_through(4, 1);
	ten_thousand_through(4, 64);
}

static void many_workers_do_ten_thousand_tasks(void **state)
{
	(void)state;
	ten_thousand_through(512, 1);
	ten_thousand_through(512, 1024);
}

/*
 * Several threads submit, each cancels every third of its own tasks, frees
 * some futures at once and waits for others, while all of them wait for room in
 * a small queue.
 */
enum { SUBMITTERS = 4, PER_SUBMITTER = 2000, BATCH = 8 };

struct party {
	struct pool *pool;
	struct job *jobs; /* PER_SUBMITTER of them */
	unsigned accepted;
	unsigned cancelled;
	unsigned wrong; /* answers that the contract does not know */
};

static void end_batch(struct party *party, struct pool_future **futures,
                      unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int error = 0;

		if (i % 3 == 0) {
			error = pool_future_cancel(futures[i]);
			party->cancelled += error == 0;
			party->wrong +=
			    error != 0 && error != EBUSY && error != EALREADY;
		} else if (i % 3 == 1) {
			party->wrong += pool_future_wait(futures[i], NULL) != 0;
			party->wrong +=
			    pool_future_result(futures[i], NULL, NULL) != 0;
		}
		pool_future_free(futures[i]);
	}
}

static void *party_main(void *arg)
{
	struct party *party = arg;
	struct pool_future *futures[BATCH];
	unsigned n = 0;

	for (unsigned i = 0; i < PER_SUBMITTER; i++) {
		const struct pool_task task = job_task(&party->jobs[i]);
		int error = pool_submit(party->pool, &task, &futures[n]);

		if (error != 0) {
			party->wrong += error != ECANCELED;
			break;
		}
		party->accepted++;
		if (++n == BATCH) {
			end_batch(party, futures, n);
			n = 0;
		}
	}
	end_batch(party, futures, n);
	return NULL;
}

struct stress {
	struct party parties[SUBMITTERS];
	pthread_t threads[SUBMITTERS];
	struct pool *pool;
};

static void stress_start(struct stress *stress)
{
	stress->pool = open_pool(4, 3);
	for (int i = 0; i < SUBMITTERS; i++) {
		struct party *party = &stress->parties[i];

		*party = (struct party){ .pool = stress->pool };
		party->jobs = calloc(PER_SUBMITTER, sizeof(struct job));
		assert_non_null(party->jobs);
	}
	for (int i = 0; i < SUBMITTERS; i++)
		assert_int_equal(pthread_create(&stress->threads[i], NULL,
		                                party_main,
		                                &stress->parties[i]),
		                 0);
}

static bool job_is_settled(struct job *job)
{
	if (job->done != 1)
		return false;
	return job->outcome == POOL_RAN
	           ? job->ran == 1 && job->result == 0
	           : job->ran == 0 && job->result == ECANCELED;
}

/* Joins, frees the pool and compares; returns how many tasks were accepted. */
static unsigned stress_end(struct stress *stress)
{
	unsigned accepted = 0;
	unsigned settled = 0;
	unsigned untouched = 0;

	for (int i = 0; i < SUBMITTERS; i++) {
		pthread_join(stress->threads[i], NULL);
		accepted += stress->parties[i].accepted;
		assert_int_equal(stress->parties[i].wrong, 0);
	}
	pool_drain(stress->pool);
	assert_int_equal(counts_of(stress->pool).done, accepted);
	pool_free(stress->pool);
	for (int i = 0; i < SUBMITTERS; i++) {
		struct party *party = &stress->parties[i];

		for (unsigned k = 0; k < PER_SUBMITTER; k++)
			if (k < party->accepted)
				settled += job_is_settled(&party->jobs[k]);
			else
				untouched += party->jobs[k].ran == 0 &&
				             party->jobs[k].done == 0;
		free(party->jobs);
	}
	assert_int_equal(settled, accepted);
	assert_int_equal(untouched, SUBMITTERS * PER_SUBMITTER - accepted);
	return accepted;
}

static void submitters_and_cancellers_lose_nothing(void **state)
{
	struct stress stress;

	(void)state;
	stress_start(&stress);
	assert_int_equal(stress_end(&stress), SUBMITTERS * PER_SUBMITTER);
}

static void terminate_in_the_middle_loses_nothing(void **state)
{
	(void)state;
	for (unsigned long long after = 0; after <= 1000; after += 100) {
		struct stress stress;

		stress_start(&stress);
		while (counts_of(stress.pool).done < after)
			sched_yield();
		pool_terminate(stress.pool);
		stress_end(&stress);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_worker_does_ten_thousand_tasks_in_order),
		cmocka_unit_test(four_workers_do_ten_thousand_tasks),
		cmocka_unit_test(many_workers_do_ten_thousand_tasks),
		cmocka_unit_test(submitters_and_cancellers_lose_nothing),
		cmocka_unit_test(terminate_in_the_middle_loses_nothing),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
