#include "cli/signals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/*
 * Each case runs in a child, whose exit status tells the end: a signal may end
 * it as a whole. The child asserts nothing; steps() returns which step failed.
 */

static int signalfd_fails, create_fails, eventfd_fails;

int __real_signalfd(int fd, const sigset_t *set, int flags);
int __wrap_signalfd(int fd, const sigset_t *set, int flags);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*run)(void *), void *arg);
int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags);

int __wrap_signalfd(int fd, const sigset_t *set, int flags)
{
	if (signalfd_fails == 0)
		return __real_signalfd(fd, set, flags);
	errno = signalfd_fails;
	return -1;
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*run)(void *), void *arg)
{
	if (create_fails != 0)
		return create_fails;
	return __real_pthread_create(thread, attr, run, arg);
}

int __wrap_eventfd(unsigned count, int flags)
{
	if (eventfd_fails == 0)
		return __real_eventfd(count, flags);
	errno = eventfd_fails;
	return -1;
}

struct scene {
	struct cancel cancel;
	struct signals signals;
};

static bool scene_open(struct scene *scene)
{
	struct err err;

	return cancel_open(&scene->cancel) == 0 &&
	       signals_open(&scene->signals, &scene->cancel, &err);
}

static bool await_cancel(const struct scene *scene)
{
	struct pollfd fd = { .fd = scene->cancel.fd, .events = POLLIN };

	return poll(&fd, 1, -1) == 1;
}

/* To the process, as the kernel and kill(1) do it. */
static void send_signal(int number)
{
	(void)kill(getpid(), number);
}

static const int numbers[] = { SIGHUP, SIGINT, SIGTERM };

#define DONE 50 /* a child that came to its end */

static int in_child(int (*steps)(int number), int number)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		/* They are ignored under nohup and in a shell's background. */
		for (size_t i = 0; i < 3; i++)
			(void)signal(numbers[i], SIG_DFL);
		_exit(steps(number));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status))
		fail_msg("ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static int first_fires(int number)
{
	struct scene scene;

	if (!scene_open(&scene))
		return 1;
	if (signals_seen(&scene.signals) != 0 || cancel_fired(&scene.cancel))
		return 2;
	send_signal(number);
	if (!await_cancel(&scene))
		return 3;
	if (signals_seen(&scene.signals) != number)
		return 4;
	signals_close(&scene.signals);
	cancel_close(&scene.cancel);
	return DONE;
}

static void the_first_signal_fires_the_cancel(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(in_child(first_fires, numbers[i]), DONE);
}

static int second_leaves(int number)
{
	struct scene scene;

	if (!scene_open(&scene))
		return 1;
	send_signal(SIGTERM);
	if (!await_cancel(&scene))
		return 2;
	send_signal(number);
	for (;;)
		(void)pause();
}

static void the_second_leaves_at_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(in_child(second_leaves, numbers[i]),
		                 128 + numbers[i]);
}

static int ignored_stays_ignored(int number)
{
	struct sigaction action;
	struct scene scene;

	if (signal(number, SIG_IGN) == SIG_ERR || !scene_open(&scene))
		return 1;
	if (sigaction(number, NULL, &action) != 0 ||
	    action.sa_handler != SIG_IGN)
		return 2;
	/* Both are sent before either could be taken: only the other one
	 * comes through, and it is the first. */
	send_signal(number);
	send_signal(number == SIGTERM ? SIGHUP : SIGTERM);
	if (!await_cancel(&scene))
		return 3;
	if (signals_seen(&scene.signals) == number)
		return 4;
	send_signal(number);
	signals_close(&scene.signals);
	return DONE;
}

static void a_signal_ignored_at_the_start_stays_ignored(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(in_child(ignored_stays_ignored, numbers[i]),
		                 DONE);
}

static void *send_to_own_thread(void *arg)
{
	const int *number = arg;

	/* Blocked here too, or it would end the process. */
	send_signal(*number);
	return NULL;
}

static int later_threads_block(int number)
{
	struct scene scene;
	pthread_t thread;

	if (!scene_open(&scene) ||
	    pthread_create(&thread, NULL, send_to_own_thread, &number) != 0)
		return 1;
	(void)pthread_join(thread, NULL);
	if (!await_cancel(&scene) || signals_seen(&scene.signals) != number)
		return 2;
	signals_close(&scene.signals);
	return DONE;
}

static void threads_started_later_leave_the_signals_alone(void **state)
{
	(void)state;
	assert_int_equal(in_child(later_threads_block, SIGINT), DONE);
}

static int a_broken_pipe(int number)
{
	struct scene scene;
	int fds[2];

	(void)number;
	if (!scene_open(&scene) || pipe(fds) != 0)
		return 1;
	close(fds[0]);
	if (write(fds[1], "x", 1) >= 0 || errno != EPIPE)
		return 2;
	signals_close(&scene.signals);
	return signals_seen(&scene.signals) == 0 ? DONE : 3;
}

static void a_broken_pipe_is_no_signal(void **state)
{
	(void)state;
	assert_int_equal(in_child(a_broken_pipe, 0), DONE);
}

static int quiet_end(int number)
{
	struct scene scene;

	(void)number;
	if (!scene_open(&scene))
		return 1;
	signals_close(&scene.signals);
	return signals_seen(&scene.signals) == 0 && !cancel_fired(&scene.cancel)
	           ? DONE
	           : 2;
}

static void without_a_signal_it_ends_quietly(void **state)
{
	(void)state;
	assert_int_equal(in_child(quiet_end, 0), DONE);
}

/* Which call fails: 0 eventfd, 1 signalfd, 2 pthread_create. */
static int failing_open(int which)
{
	struct cancel cancel;
	struct signals signals;
	struct err err = { .kind = ERR_NONE };
	int next;

	if (cancel_open(&cancel) != 0)
		return 1;
	next = dup(0);
	close(next);
	eventfd_fails = which == 0 ? EMFILE : 0;
	signalfd_fails = which == 1 ? EMFILE : 0;
	create_fails = which == 2 ? EAGAIN : 0;
	if (signals_open(&signals, &cancel, &err) || err.kind != ERR_SYSTEM)
		return 2;
	/* Nothing was left open. */
	return dup(0) == next ? DONE : 3;
}

static void a_failing_start_leaves_nothing_open(void **state)
{
	(void)state;
	for (int which = 0; which < 3; which++)
		assert_int_equal(in_child(failing_open, which), DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_signal_fires_the_cancel),
		cmocka_unit_test(the_second_leaves_at_once),
		cmocka_unit_test(a_signal_ignored_at_the_start_stays_ignored),
		cmocka_unit_test(threads_started_later_leave_the_signals_alone),
		cmocka_unit_test(a_broken_pipe_is_no_signal),
		cmocka_unit_test(without_a_signal_it_ends_quietly),
		cmocka_unit_test(a_failing_start_leaves_nothing_open),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
