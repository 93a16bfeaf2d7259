#include "cli/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
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
	struct cancel cancel, hurry;
	struct watch watch;
	/* eventfds: how often, and the most hosts that were asked for */
	int reports, hurries;
	_Atomic size_t most;
	_Atomic bool cancelled_before; /* at the report */
};

static void report(void *arg, size_t most)
{
	struct scene *scene = arg;

	scene->most = most;
	scene->cancelled_before = cancel_fired(&scene->cancel);
	(void)eventfd_write(scene->reports, 1);
}

static void hurry_up(void *arg)
{
	struct scene *scene = arg;

	(void)eventfd_write(scene->hurries, 1);
}

static bool scene_open(struct scene *scene)
{
	struct watch_settings settings = { .cancel = &scene->cancel,
		                           .hurry = &scene->hurry,
		                           .report = report,
		                           .hurry_up = hurry_up,
		                           .arg = scene };
	struct err err;

	scene->reports = eventfd(0, EFD_CLOEXEC);
	scene->hurries = eventfd(0, EFD_CLOEXEC);
	return scene->reports >= 0 && scene->hurries >= 0 &&
	       cancel_open(&scene->cancel) == 0 &&
	       cancel_open(&scene->hurry) == 0 &&
	       watch_open(&scene->watch, &settings, &err);
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

static eventfd_t await(int fd)
{
	eventfd_t count = 0;

	return eventfd_read(fd, &count) == 0 ? count : 0;
}

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
	if (watch_signal(&scene.watch) != 0 || cancel_fired(&scene.cancel))
		return 2;
	send_signal(number);
	if (!await_cancel(&scene))
		return 3;
	if (watch_signal(&scene.watch) != number)
		return 4;
	watch_close(&scene.watch);
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
	if (watch_signal(&scene.watch) == number)
		return 4;
	send_signal(number);
	watch_close(&scene.watch);
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
	if (!await_cancel(&scene) || watch_signal(&scene.watch) != number)
		return 2;
	watch_close(&scene.watch);
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
	watch_close(&scene.watch);
	return watch_signal(&scene.watch) == 0 ? DONE : 3;
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
	watch_close(&scene.watch);
	return watch_signal(&scene.watch) == 0 && !cancel_fired(&scene.cancel)
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
	struct watch watch;
	struct watch_settings settings = { .cancel = &cancel,
		                           .hurry = &cancel };
	struct err err = { .kind = ERR_NONE };
	int next;

	if (cancel_open(&cancel) != 0)
		return 1;
	next = dup(0);
	close(next);
	eventfd_fails = which == 0 ? EMFILE : 0;
	signalfd_fails = which == 1 ? EMFILE : 0;
	create_fails = which == 2 ? EAGAIN : 0;
	if (which < 2 &&
	    (watch_open(&watch, &settings, &err) || err.kind != ERR_SYSTEM))
		return 2;
	if (which == 2 && !watch_open(&watch, &settings, &err))
		return 4;
	if (which == 2)
		watch_close(&watch);
	/* Nothing was left open. */
	return dup(0) == next ? DONE : 3;
}

static void a_failing_start_leaves_nothing_open(void **state)
{
	(void)state;
	for (int which = 0; which < 3; which++)
		assert_int_equal(in_child(failing_open, which), DONE);
}

static int first_reports(int number)
{
	struct scene scene;

	if (!scene_open(&scene))
		return 1;
	send_signal(number);
	if (await(scene.reports) != 1 || scene.cancelled_before)
		return 2;
	if (scene.most == 0 || scene.most == SIZE_MAX)
		return 3;
	watch_close(&scene.watch);
	return DONE;
}

static void the_first_signal_reports_some_hosts_and_then_ends_them(void **state)
{
	(void)state;
	assert_int_equal(in_child(first_reports, SIGINT), DONE);
}

static int usr1_reports(int number)
{
	struct scene scene;

	if (!scene_open(&scene))
		return 1;
	for (int i = 0; i < 3; i++) {
		send_signal(number);
		if (await(scene.reports) != 1 || scene.most != SIZE_MAX)
			return 2;
	}
	watch_close(&scene.watch);
	return watch_signal(&scene.watch) == 0 && !cancel_fired(&scene.cancel)
	           ? DONE
	           : 3;
}

static void sigusr1_reports_all_hosts_and_ends_nothing(void **state)
{
	(void)state;
	assert_int_equal(in_child(usr1_reports, SIGUSR1), DONE);
}

/* Nobody sent a signal: a closed pipe ends a run likewise. */
static int hurry_follows(int number)
{
	struct scene scene;
	nanoseconds begin;

	(void)number;
	if (!scene_open(&scene))
		return 1;
	begin = monotonic_ns();
	cancel_fire(&scene.cancel);
	if (await(scene.hurries) != 1 || !cancel_fired(&scene.hurry))
		return 2;
	if (monotonic_ns() - begin < WATCH_PATIENCE)
		return 3;
	watch_close(&scene.watch);
	return DONE;
}

static void who_is_waited_for_has_half_a_second_after_the_cancel(void **state)
{
	(void)state;
	assert_int_equal(in_child(hurry_follows, 0), DONE);
}

static int without_a_thread(int number)
{
	struct scene scene;

	create_fails = EAGAIN;
	if (!scene_open(&scene))
		return 1;
	send_signal(number);
	return 2;
}

static void without_a_thread_a_signal_ends_the_process(void **state)
{
	int status = 0;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)signal(SIGTERM, SIG_DFL);
		_exit(without_a_thread(SIGTERM));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
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
		cmocka_unit_test(without_a_thread_a_signal_ends_the_process),
		cmocka_unit_test(
		    the_first_signal_reports_some_hosts_and_then_ends_them),
		cmocka_unit_test(sigusr1_reports_all_hosts_and_ends_nothing),
		cmocka_unit_test(
		    who_is_waited_for_has_half_a_second_after_the_cancel),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
