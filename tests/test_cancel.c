#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include <cmocka.h>

#include "pool/cancel.h"

static struct cancel shared;

int __real_eventfd(unsigned start, int flags);
int __wrap_eventfd(unsigned start, int flags);

/* The errno that eventfd() fails with; 0: it works. */
static int eventfd_error;

int __wrap_eventfd(unsigned start, int flags)
{
	if (eventfd_error == 0)
		return __real_eventfd(start, flags);
	errno = eventfd_error;
	return -1;
}

static bool poll_wakes(const struct cancel *cancel, int timeout_ms)
{
	struct pollfd watch = { .fd = cancel->fd, .events = POLLIN };

	return poll(&watch, 1, timeout_ms) == 1 && watch.revents == POLLIN;
}

static void it_is_quiet_until_fired_and_wakes_every_poll_after(void **state)
{
	struct cancel cancel;

	(void)state;
	assert_int_equal(cancel_open(&cancel), 0);
	assert_false(cancel_fired(&cancel));
	assert_false(poll_wakes(&cancel, 0));
	for (int i = 0; i < 3; i++) {
		cancel_fire(&cancel);
		assert_true(cancel_fired(&cancel));
		assert_true(poll_wakes(&cancel, -1));
		assert_true(poll_wakes(&cancel, -1));
	}
	cancel_close(&cancel);
}

static void *wait_for_it(void *arg)
{
	bool *woken = arg;

	*woken = poll_wakes(&shared, -1);
	return NULL;
}

static void one_shot_wakes_many_threads(void **state)
{
	enum { N = 8 };
	pthread_t threads[N];
	bool woken[N] = { false };

	(void)state;
	assert_int_equal(cancel_open(&shared), 0);
	for (int i = 0; i < N; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, wait_for_it, &woken[i]),
		    0);
	cancel_fire(&shared);
	for (int i = 0; i < N; i++) {
		pthread_join(threads[i], NULL);
		assert_true(woken[i]);
	}
	cancel_close(&shared);
}

static void fire_from_handler(int number)
{
	(void)number;
	cancel_fire(&shared);
}

static void a_signal_handler_may_fire_it(void **state)
{
	struct sigaction action = { .sa_handler = fire_from_handler };
	struct sigaction before;

	(void)state;
	assert_int_equal(cancel_open(&shared), 0);
	sigemptyset(&action.sa_mask);
	assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
	raise(SIGUSR1);
	assert_true(cancel_fired(&shared));
	assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
	cancel_close(&shared);
}

static void the_descriptor_is_not_inherited_by_programs(void **state)
{
	struct cancel cancel;

	(void)state;
	assert_int_equal(cancel_open(&cancel), 0);
	assert_int_equal(fcntl(cancel.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	cancel_close(&cancel);
}

static void a_closed_one_is_not_fired_and_errno_stays(void **state)
{
	struct cancel cancel;

	(void)state;
	assert_int_equal(cancel_open(&cancel), 0);
	cancel_close(&cancel);
	assert_int_equal(cancel.fd, -1);
	cancel_close(&cancel);
	errno = ENOTTY;
	cancel_fire(&cancel); /* EBADF inside */
	assert_int_equal(errno, ENOTTY);
	assert_false(cancel_fired(&cancel));
}

static void open_says_why_it_failed(void **state)
{
	struct cancel cancel = { .fd = 5 };

	(void)state;
	eventfd_error = EMFILE;
	assert_int_equal(cancel_open(&cancel), EMFILE);
	eventfd_error = 0;
	assert_int_equal(cancel.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    it_is_quiet_until_fired_and_wakes_every_poll_after),
		cmocka_unit_test(one_shot_wakes_many_threads),
		cmocka_unit_test(a_signal_handler_may_fire_it),
		cmocka_unit_test(the_descriptor_is_not_inherited_by_programs),
		cmocka_unit_test(a_closed_one_is_not_fired_and_errno_stays),
		cmocka_unit_test(open_says_why_it_failed),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
