#include "tests/jobs_fixture.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

static void a_parked_job_waits_until_it_is_granted_its_place(void **state)
{
	struct jobs *jobs = *state;
	struct job *job = begin(jobs, "127.0.0.1");

	jobs_park(jobs, job);
	assert_int_equal(look(jobs).busy, 0);
	assert_int_equal(look(jobs).waiting, 1);
	assert_int_equal(look(jobs).next, 0);
	assert_null(jobs_due(jobs, false));
	assert_false(wakes(jobs));
	jobs_granted(&job->progress.place);
	assert_true(wakes(jobs));
	assert_true(look(jobs).next != 0);
	assert_false(job->again);
	assert_ptr_equal(jobs_due(jobs, false), job);
	assert_true(job->again);
	assert_int_equal(look(jobs).busy, 1);
	assert_int_equal(look(jobs).waiting, 0);
	/* And once more: that grant was for the other time. */
	jobs_park(jobs, job);
	assert_null(jobs_due(jobs, false));
	jobs_granted(&job->progress.place);
	assert_ptr_equal(jobs_due(jobs, false), job);
	jobs_end(jobs, job);
}

static void a_job_may_be_granted_its_place_before_it_is_parked(void **state)
{
	struct jobs *jobs = *state;
	struct job *job = begin(jobs, "127.0.0.1");

	jobs_granted(&job->progress.place);
	assert_int_equal(look(jobs).busy, 1);
	assert_null(jobs_due(jobs, false));
	jobs_park(jobs, job);
	assert_true(wakes(jobs));
	assert_ptr_equal(jobs_due(jobs, false), job);
	jobs_park(jobs, job);
	assert_null(jobs_due(jobs, false));
	assert_ptr_equal(jobs_due(jobs, true), job);
	jobs_end(jobs, job);
}

static void a_job_taken_at_the_end_is_not_handed_out_twice(void **state)
{
	struct jobs *jobs = *state;
	struct job *job = begin(jobs, "127.0.0.1");

	jobs_park(jobs, job);
	assert_ptr_equal(jobs_due(jobs, true), job);
	jobs_granted(&job->progress.place);
	assert_null(jobs_due(jobs, true));
	assert_int_equal(look(jobs).busy, 1);
	jobs_end(jobs, job);
}

/* It gave its place back when its attempt failed; the next attempt finds the
 * network full once more. */
static void a_grant_is_not_kept_for_the_next_attempt(void **state)
{
	struct jobs *jobs = *state;
	struct job *job = begin(jobs, "127.0.0.1");

	jobs_granted(&job->progress.place);
	assert_true(jobs_try_again(jobs, job, FAR));
	assert_ptr_equal(jobs_due(jobs, true), job);
	jobs_park(jobs, job);
	assert_null(jobs_due(jobs, false));
	assert_ptr_equal(jobs_due(jobs, true), job);
	jobs_end(jobs, job);
}

static void granted_jobs_are_due_before_those_that_pause(void **state)
{
	struct jobs *jobs = *state;
	struct job *pausing = begin(jobs, "127.0.0.1");
	struct job *due = begin(jobs, "127.0.0.2");
	struct job *first = begin(jobs, "127.0.0.3");
	struct job *second = begin(jobs, "127.0.0.4");

	assert_true(jobs_try_again(jobs, due, FAR));
	skew += 2 * NS_PER_S;
	assert_true(jobs_try_again(jobs, pausing, FAR));
	jobs_park(jobs, second);
	jobs_park(jobs, first);
	jobs_granted(&first->progress.place);
	jobs_granted(&second->progress.place);
	assert_ptr_equal(jobs_due(jobs, false), due);
	assert_ptr_equal(jobs_due(jobs, false), first);
	assert_ptr_equal(jobs_due(jobs, false), second);
	assert_null(jobs_due(jobs, false));
	assert_ptr_equal(jobs_due(jobs, true), pausing);
	jobs_end(jobs, pausing);
	jobs_end(jobs, due);
	jobs_end(jobs, first);
	jobs_end(jobs, second);
}

static void at_the_end_those_that_pause_and_those_parked_are_taken(void **state)
{
	struct jobs *jobs = *state;
	struct job *parked = begin(jobs, "127.0.0.1");
	struct job *pausing = begin(jobs, "127.0.0.2");

	jobs_park(jobs, parked);
	assert_true(jobs_try_again(jobs, pausing, FAR));
	assert_int_equal(look(jobs).waiting, 2);
	assert_ptr_equal(jobs_due(jobs, true), pausing);
	assert_ptr_equal(jobs_due(jobs, true), parked);
	assert_null(jobs_due(jobs, true));
	jobs_end(jobs, parked);
	jobs_end(jobs, pausing);
}

/*
 * A run in small: this thread reads, others probe in a network with two places.
 * Each job is parked and granted its place in whatever order the threads make
 * of it, and at the end the rest is taken as it is.
 */
#define RACERS 4
#define RACING_JOBS 2000

static struct {
	struct jobs jobs;
	struct pace *pace;
	struct address address;
	struct pace_place others[2]; /* until some job is parked */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct job *queue[RACING_JOBS]; /* a stack */
	size_t queued;
	bool closed;
	unsigned parks, well, ended;
} race;

static struct job *take_task(void)
{
	struct job *job = NULL;

	pthread_mutex_lock(&race.lock);
	while (race.queued == 0 && !race.closed)
		pthread_cond_wait(&race.changed, &race.lock);
	if (race.queued > 0)
		job = race.queue[--race.queued];
	pthread_mutex_unlock(&race.lock);
	return job;
}

static void submit_task(struct job *job)
{
	pthread_mutex_lock(&race.lock);
	race.queue[race.queued++] = job;
	pthread_cond_signal(&race.changed);
	pthread_mutex_unlock(&race.lock);
}

static void *probe_them(void *arg)
{
	struct job *job;

	(void)arg;
	while ((job = take_task()) != NULL) {
		struct pace_place *place = &job->progress.place;

		if (!job->last &&
		    !pace_enter(race.pace, place, &race.address)) {
			pthread_mutex_lock(&race.lock);
			race.parks++;
			pthread_mutex_unlock(&race.lock);
			jobs_park(&race.jobs, job);
			continue;
		}
		(void)sched_yield();
		pace_leave(race.pace, place, PACE_WELL);
		pthread_mutex_lock(&race.lock);
		race.ended++;
		race.well += !job->last;
		pthread_mutex_unlock(&race.lock);
		jobs_end(&race.jobs, job);
	}
	return NULL;
}

/* As cli/run.c does, with its end after so many jobs. */
static void read_them(unsigned jobs, unsigned end_after)
{
	unsigned begun = 0;

	for (;;) {
		struct pollfd fd = { .fd = race.jobs.wake_fd,
			             .events = POLLIN };
		struct jobs_state looked;
		struct job *job;

		jobs_look(&race.jobs, &looked);
		if (looked.waiting > 0) {
			pace_leave(race.pace, &race.others[0], PACE_OTHER);
			pace_leave(race.pace, &race.others[1], PACE_OTHER);
		}
		job = jobs_due(&race.jobs, begun >= end_after);
		if (job != NULL) {
			job->last = begun >= end_after;
			submit_task(job);
		} else if (begun < jobs) {
			begun++;
			submit_task(begin(&race.jobs, "127.0.0.1"));
		} else if (looked.busy > 0 || looked.waiting > 0) {
			(void)poll(&fd, 1, -1);
		} else {
			return;
		}
	}
}

static void run_race(unsigned end_after)
{
	struct pace_settings settings = { .per_net = 2,
		                          .granted = jobs_granted };
	pthread_t threads[RACERS];
	struct err err;

	memset(&race, 0, sizeof(race));
	assert_int_equal(pthread_mutex_init(&race.lock, NULL), 0);
	assert_int_equal(pthread_cond_init(&race.changed, NULL), 0);
	assert_true(jobs_open(&race.jobs, &err));
	assert_true(pace_open(&race.pace, &settings, &err));
	race.address.v4.sin_family = AF_INET;
	for (size_t i = 0; i < 2; i++)
		assert_true(
		    pace_enter(race.pace, &race.others[i], &race.address));
	for (size_t i = 0; i < RACERS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, probe_them, NULL), 0);
	read_them(RACING_JOBS, end_after);
	pthread_mutex_lock(&race.lock);
	race.closed = true;
	pthread_cond_broadcast(&race.changed);
	pthread_mutex_unlock(&race.lock);
	for (size_t i = 0; i < RACERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	pace_close(race.pace);
	jobs_close(&race.jobs);
	pthread_cond_destroy(&race.changed);
	pthread_mutex_destroy(&race.lock);
}

static void jobs_are_parked_and_granted_by_many_threads(void **state)
{
	(void)state;
	run_race(UINT_MAX);
	assert_int_equal(race.ended, RACING_JOBS);
	assert_int_equal(race.well, RACING_JOBS);
	assert_true(race.parks > 0);
}

static void a_run_may_end_amid_parking_and_granting(void **state)
{
	(void)state;
	for (unsigned end_after = 1; end_after < 100; end_after += 7) {
		run_race(end_after * RACING_JOBS / 100);
		assert_int_equal(race.ended, RACING_JOBS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_parked_job_waits_until_it_is_granted_its_place, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    a_job_may_be_granted_its_place_before_it_is_parked, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    a_job_taken_at_the_end_is_not_handed_out_twice, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    a_grant_is_not_kept_for_the_next_attempt, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    granted_jobs_are_due_before_those_that_pause, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    at_the_end_those_that_pause_and_those_parked_are_taken,
		    setup, teardown),
		cmocka_unit_test(jobs_are_parked_and_granted_by_many_threads),
		cmocka_unit_test(a_run_may_end_amid_parking_and_granting),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
