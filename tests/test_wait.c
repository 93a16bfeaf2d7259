#include "inventory/wait.h"

#include "tests/net_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

static const struct poll_trap *trap;
static int poll_fails[2]; /* errno values of the next calls */

int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	int failed = poll_fails[0];

	poll_fails[0] = poll_fails[1];
	poll_fails[1] = 0;
	if (failed != 0) {
		errno = failed;
		return -1;
	}
	poll_trap_spring(trap, timeout);
	return __real_poll(fds, count, timeout);
}

struct ends {
	int read, write;
};

static struct ends silent_pipe(void)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	return (struct ends){ fds[0], fds[1] };
}

static void close_ends(struct ends ends)
{
	close(ends.read);
	if (ends.write >= 0)
		close(ends.write);
}

static void what_is_left_is_rounded_up(void **state)
{
	(void)state;
	assert_int_equal(deadline_poll_ms(monotonic_ns()), 0);
	assert_int_equal(deadline_poll_ms(0), 0);
	assert_int_equal(deadline_poll_ms(INT64_MIN / 2), 0);
	assert_true(deadline_poll_ms(monotonic_ns() + NS_PER_S) <= 1000);
	/* However far: what poll() takes. */
	assert_int_equal(deadline_poll_ms(INT64_MAX), 3600000);
}

static void data_ends_the_wait(void **state)
{
	struct ends ends = silent_pipe();
	struct wait wait = wait_ms(PLENTY_MS, -1);
	struct err err = { .kind = ERR_NONE };

	(void)state;
	assert_int_equal(write(ends.write, "x", 1), 1);
	assert_true(wait_ready(&wait, ends.read, POLLIN, &err));
	assert_true(wait_ready(&wait, ends.write, POLLOUT, &err));
	assert_true(wait_check(&wait, &err));
	assert_int_equal(err.kind, ERR_NONE);
	close_ends(ends);
}

static void an_error_on_the_descriptor_ends_the_wait(void **state)
{
	struct ends ends = silent_pipe();
	struct wait wait = wait_ms(PLENTY_MS, -1);
	struct err err;

	(void)state;
	close(ends.write);
	ends.write = -1;
	assert_true(wait_ready(&wait, ends.read, POLLIN, &err));
	close_ends(ends);
}

static void silence_ends_at_the_deadline(void **state)
{
	struct ends ends = silent_pipe();
	struct wait wait = wait_ms(20, -1);
	struct err err;

	(void)state;
	assert_false(wait_ready(&wait, ends.read, POLLIN, &err));
	assert_int_equal(err.kind, ERR_TIMEOUT);
	assert_string_equal(err.text, "no answer in 0.02 s");
	assert_true(monotonic_ns() >= wait.deadline);
	assert_false(wait_check(&wait, &err));
	assert_int_equal(err.kind, ERR_TIMEOUT);
	close_ends(ends);
}

static void who_never_stops_talking_does_not_beat_the_deadline(void **state)
{
	struct ends ends = silent_pipe();
	struct wait wait = wait_ms(0, -1);
	struct err err;

	(void)state;
	assert_int_equal(write(ends.write, "x", 1), 1);
	assert_false(wait_ready(&wait, ends.read, POLLIN, &err));
	assert_int_equal(err.kind, ERR_TIMEOUT);
	close_ends(ends);
}

static void a_cancel_that_fired_comes_first(void **state)
{
	struct ends ends = silent_pipe();
	int cancel = eventfd(1, EFD_CLOEXEC);
	struct wait wait = wait_ms(PLENTY_MS, cancel);
	struct wait over = wait_ms(0, cancel);
	struct err err;

	(void)state;
	assert_int_equal(write(ends.write, "x", 1), 1);
	assert_false(wait_ready(&wait, ends.read, POLLIN, &err));
	assert_int_equal(err.kind, ERR_CANCELLED);
	assert_string_equal(err.text, "interrupted");
	assert_false(wait_ready(&over, ends.read, POLLIN, &err));
	assert_int_equal(err.kind, ERR_CANCELLED);
	assert_false(wait_check(&over, &err));
	assert_int_equal(err.kind, ERR_CANCELLED);
	close(cancel);
	close_ends(ends);
}

static void a_cancel_wakes_a_wait(void **state)
{
	struct ends ends = silent_pipe();
	struct poll_trap set;
	struct wait wait;
	struct err err;

	(void)state;
	poll_trap_set(&set);
	wait = wait_ms(PLENTY_MS, set.cancel);
	trap = &set;
	assert_false(wait_ready(&wait, ends.read, POLLIN, &err));
	trap = NULL;
	assert_int_equal(err.kind, ERR_CANCELLED);
	poll_trap_clear(&set);
	close_ends(ends);
}

static void an_interrupted_poll_goes_on(void **state)
{
	struct ends ends = silent_pipe();
	struct wait wait = wait_ms(PLENTY_MS, -1);
	struct err err;

	(void)state;
	assert_int_equal(write(ends.write, "x", 1), 1);
	poll_fails[0] = EINTR;
	assert_true(wait_ready(&wait, ends.read, POLLIN, &err));
	poll_fails[0] = EINTR;
	poll_fails[1] = ENOMEM;
	assert_false(wait_ready(&wait, ends.read, POLLIN, &err));
	assert_int_equal(err.kind, ERR_SYSTEM);
	close_ends(ends);
}

static void the_earlier_deadline_counts_and_names_its_limit(void **state)
{
	struct wait host = wait_ms(30000, 5);
	struct wait sooner = wait_at_most(&host, 500);
	struct wait later = wait_at_most(&host, 60000);

	(void)state;
	assert_int_equal(sooner.limit_ms, 500);
	assert_true(sooner.deadline < host.deadline);
	assert_int_equal(sooner.cancel_fd, 5);
	assert_int_equal(later.limit_ms, 30000);
	assert_true(later.deadline == host.deadline);
	/* The largest number does not wrap around. */
	assert_true(wait_at_most(&host, UINT32_MAX).deadline == host.deadline);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_is_rounded_up),
		cmocka_unit_test(data_ends_the_wait),
		cmocka_unit_test(an_error_on_the_descriptor_ends_the_wait),
		cmocka_unit_test(silence_ends_at_the_deadline),
		cmocka_unit_test(
		    who_never_stops_talking_does_not_beat_the_deadline),
		cmocka_unit_test(a_cancel_that_fired_comes_first),
		cmocka_unit_test(a_cancel_wakes_a_wait),
		cmocka_unit_test(an_interrupted_poll_goes_on),
		cmocka_unit_test(
		    the_earlier_deadline_counts_and_names_its_limit),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
