#include "tests/jobs_fixture.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void a_job_that_waits_is_not_busy(void **state)
{
	struct jobs *jobs = *state;
	struct job *job = begin(jobs, "127.0.0.1");

	assert_int_equal(look(jobs).busy, 1);
	assert_true(jobs_try_again(jobs, job, FAR));
	assert_int_equal(look(jobs).busy, 0);
	assert_int_equal(look(jobs).waiting, 1);
	assert_ptr_equal(jobs_due(jobs, true), job);
	assert_int_equal(look(jobs).busy, 1);
	assert_int_equal(look(jobs).waiting, 0);
	jobs_end(jobs, job);
	assert_int_equal(look(jobs).busy, 0);
}

static void the_pause_is_doubled_for_each_attempt(void **state)
{
	struct jobs *jobs = *state;

	for (unsigned attempts = 1; attempts <= 10; attempts++) {
		nanoseconds most = NS_PER_S
		                   << (attempts < 7 ? attempts - 1 : 6);
		struct job *job = begin(jobs, "127.0.0.1");
		nanoseconds before = monotonic_ns();

		job->progress.attempts = attempts;
		assert_true(jobs_try_again(jobs, job, FAR));
		assert_true(look(jobs).next >= before + most / 2);
		assert_true(look(jobs).next <= monotonic_ns() + most);
		assert_null(jobs_due(jobs, false));
		skew += look(jobs).next - monotonic_ns();
		assert_ptr_equal(jobs_due(jobs, false), job);
		jobs_end(jobs, job);
	}
}

static void a_host_without_time_for_the_pause_has_no_other_attempt(void **state)
{
	struct jobs *jobs = *state;
	struct job *job = begin(jobs, "127.0.0.1");

	assert_false(jobs_try_again(jobs, job, monotonic_ns() + NS_PER_S / 10));
	assert_int_equal(look(jobs).busy, 1);
	assert_int_equal(look(jobs).waiting, 0);
	jobs_end(jobs, job);
}

static void they_come_back_in_the_order_of_their_times(void **state)
{
	struct jobs *jobs = *state;
	nanoseconds last = 0;

	for (unsigned i = 0; i < 100; i++) {
		struct job *job = begin(jobs, "127.0.0.1");

		job->progress.attempts = 1 + i * 7 % 5;
		assert_true(jobs_try_again(jobs, job, FAR));
	}
	for (unsigned i = 0; i < 100; i++) {
		struct job *job = jobs_due(jobs, true);

		assert_non_null(job);
		assert_true(job->due >= last);
		last = job->due;
		jobs_end(jobs, job);
	}
	assert_null(jobs_due(jobs, true));
}

/* All that wait, at most so many; each is due no earlier than the one before.
 */
static void end_in_order(struct jobs *jobs, size_t most)
{
	nanoseconds last = 0;
	struct job *job;

	while (most-- > 0 && (job = jobs_due(jobs, true)) != NULL) {
		nanoseconds next = look(jobs).next;

		assert_true(job->due >= last);
		assert_true(next == 0 || job->due <= next);
		last = job->due;
		jobs_end(jobs, job);
	}
}

static void the_order_holds_while_others_come_and_go(void **state)
{
	struct jobs *jobs = *state;

	for (unsigned i = 0; i < 2000; i++) {
		struct job *job = begin(jobs, "127.0.0.1");

		job->progress.attempts = 1 + i * 7 % 5;
		assert_true(jobs_try_again(jobs, job, FAR));
		if (i % 50 == 49)
			end_in_order(jobs, i % 40);
	}
	assert_true(look(jobs).waiting > 1000);
	end_in_order(jobs, SIZE_MAX);
	assert_int_equal(look(jobs).waiting, 0);
}

static void
the_reader_is_woken_for_each_that_waits_and_by_the_last_end(void **state)
{
	struct jobs *jobs = *state;
	struct job *one = begin(jobs, "127.0.0.1");
	struct job *other = begin(jobs, "127.0.0.2");

	assert_false(wakes(jobs));
	assert_true(jobs_try_again(jobs, one, FAR));
	assert_true(wakes(jobs));
	look(jobs);
	assert_false(wakes(jobs));
	assert_ptr_equal(jobs_due(jobs, true), one);
	jobs_end(jobs, one);
	assert_false(wakes(jobs));
	jobs_end(jobs, other);
	assert_true(wakes(jobs));
}

/* What jobs_report() writes to standard error. */
static void reported(struct jobs *jobs, size_t most, char *text, size_t size)
{
	int pipes[2], kept = dup(STDERR_FILENO);
	ssize_t got;

	assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(dup2(pipes[1], STDERR_FILENO), STDERR_FILENO);
	jobs_report(jobs, most);
	assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
	got = read(pipes[0], text, size - 1);
	text[got > 0 ? got : 0] = '\0';
	close(kept);
	close(pipes[0]);
	close(pipes[1]);
}

static void the_report_names_the_slowest_first_and_where_they_are(void **state)
{
	struct jobs *jobs = *state;
	struct job *old = begin(jobs, "127.0.0.1");
	struct job *queued = begin(jobs, "127.0.0.2");
	struct job *fresh = begin(jobs, "127.0.0.3");
	struct job *waiting = begin(jobs, "127.0.0.4");
	struct job *parked = begin(jobs, "127.0.0.5");
	char text[4096];

	job_enter(old, JOB_PROBING);
	atomic_store(&old->progress.phase, PHASE_HANDSHAKE);
	skew += 3200 * NS_PER_MS;
	job_enter(fresh, JOB_PROBING);
	job_enter(fresh, JOB_STORING);
	assert_true(jobs_try_again(jobs, waiting, FAR));
	jobs_park(jobs, parked);
	reported(jobs, 10, text, sizeof(text));
	assert_string_equal(
	    text, "sshinv: in flight: 127.0.0.1 port 22: handshake for 3.2 s\n"
		  "sshinv: in flight: 127.0.0.3 port 22: database for 0.0 s\n"
		  "sshinv: waiting for another attempt: 1 host\n"
		  "sshinv: waiting for a place in their network: 1 host\n");
	reported(jobs, 1, text, sizeof(text));
	assert_non_null(strstr(text, "127.0.0.1"));
	assert_null(strstr(text, "127.0.0.3"));
	assert_non_null(strstr(text, "in flight: and 1 more\n"));
	assert_ptr_equal(jobs_due(jobs, true), waiting);
	assert_ptr_equal(jobs_due(jobs, true), parked);
	jobs_end(jobs, parked);
	jobs_end(jobs, old);
	jobs_end(jobs, queued);
	jobs_end(jobs, fresh);
	jobs_end(jobs, waiting);
	reported(jobs, 10, text, sizeof(text));
	assert_string_equal(text, "sshinv: no host is in flight\n");
}

static void a_host_that_is_in_no_phase_is_not_reported_with_a_gap(void **state)
{
	struct jobs *jobs = *state;
	struct job *job = begin(jobs, "127.0.0.1");
	char text[256];

	job_enter(job, JOB_PROBING);
	reported(jobs, 10, text, sizeof(text));
	assert_string_equal(
	    text,
	    "sshinv: in flight: 127.0.0.1 port 22: between steps for 0.0 s\n");
	jobs_end(jobs, job);
}

static void a_report_to_a_full_pipe_waits_for_nobody(void **state)
{
	struct jobs *jobs = *state;
	struct job *job = begin(jobs, "127.0.0.1");
	int pipes[2], kept = dup(STDERR_FILENO);
	char byte = 0;

	job_enter(job, JOB_PROBING);
	assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	while (write(pipes[1], &byte, 1) == 1)
		;
	/* From here a write would wait. */
	assert_int_equal(fcntl(pipes[1], F_SETFL, 0), 0);
	assert_int_equal(dup2(pipes[1], STDERR_FILENO), STDERR_FILENO);
	jobs_report(jobs, 10);
	assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
	close(kept);
	close(pipes[0]);
	close(pipes[1]);
	jobs_end(jobs, job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_job_that_waits_is_not_busy,
		                                setup, teardown),
		cmocka_unit_test_setup_teardown(
		    the_pause_is_doubled_for_each_attempt, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_host_without_time_for_the_pause_has_no_other_attempt,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    they_come_back_in_the_order_of_their_times, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    the_order_holds_while_others_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    the_reader_is_woken_for_each_that_waits_and_by_the_last_end,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    the_report_names_the_slowest_first_and_where_they_are,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_host_that_is_in_no_phase_is_not_reported_with_a_gap,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_report_to_a_full_pipe_waits_for_nobody, setup, teardown),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
