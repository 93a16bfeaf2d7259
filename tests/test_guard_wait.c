#include "tests/guard_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

/* Who finds no place waits. */

#define GUESTS 32

/* Posted by each wait that begins: whoever waits is in the queue by then. */
static sem_t waits;

int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	if (timeout != 0)
		sem_post(&waits);
	return __real_poll(fds, count, timeout);
}

static atomic_bool no_eventfd;

int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags);

int __wrap_eventfd(unsigned count, int flags)
{
	if (!no_eventfd)
		return __real_eventfd(count, flags);
	errno = EMFILE;
	return -1;
}

/* Somebody who enters, and says how that ended. */
struct guest {
	pthread_t thread;
	struct guard *guard;
	struct guard_place place;
	struct wait wait;
	struct err err;
	unsigned limit_ms;
	bool admitted;
	sem_t done;
};

static void *come(void *arg)
{
	struct guest *g = arg;

	g->err.kind = ERR_NONE;
	g->admitted = guard_enter(g->guard, &g->place, "root", "secret",
	                          &g->wait, g->limit_ms, &g->err);
	sem_post(&g->done);
	return NULL;
}

static void set_out(struct guest *g, struct guard *guard, int cancel_fd,
                    unsigned deadline_ms)
{
	/* Those of earlier ones. */
	while (sem_trywait(&waits) == 0)
		;
	memset(g, 0, sizeof(*g));
	g->guard = guard;
	g->wait = wait_ms(deadline_ms, cancel_fd);
	g->limit_ms = LIMIT_MS;
	assert_int_equal(sem_init(&g->done, 0, 0), 0);
	assert_int_equal(pthread_create(&g->thread, NULL, come, g), 0);
}

/* Returns when he waits. */
static void set_out_to_wait(struct guest *g, struct guard *guard, int cancel_fd)
{
	set_out(g, guard, cancel_fd, PLENTY_MS);
	while (sem_wait(&waits) != 0)
		;
}

static bool is_done(struct guest *g)
{
	return sem_trywait(&g->done) == 0;
}

static void arrive(struct guest *g)
{
	assert_int_equal(pthread_join(g->thread, NULL), 0);
	sem_destroy(&g->done);
}

static size_t descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(dir);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else reads it */
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

/* ------------------------------------------------------------------------- */

static void who_waits_comes_in_the_order_of_coming(void **state)
{
	struct guard *guard = opened(1);
	struct guest guests[4];
	struct guard_place place;

	(void)state;
	take(guard, &place, 1);
	for (size_t i = 0; i < 4; i++)
		set_out_to_wait(&guests[i], guard, -1);
	/* An unused place is the next one's, and nobody else wakes. */
	for (size_t i = 0; i < 4; i++) {
		guard_leave(guard, i == 0 ? &place : &guests[i - 1].place,
		            GUARD_UNUSED);
		arrive(&guests[i]);
		assert_true(guests[i].admitted);
		for (size_t j = i + 1; j < 4; j++)
			assert_false(is_done(&guests[j]));
	}
	guard_leave(guard, &guests[3].place, GUARD_ACCEPTED);
	guard_close(guard);
}

static void an_acceptance_wakes_all_who_wait(void **state)
{
	struct guard *guard = opened(1);
	struct guest guests[GUESTS];
	struct guard_place place;

	(void)state;
	take(guard, &place, 1);
	for (size_t i = 0; i < GUESTS; i++)
		set_out_to_wait(&guests[i], guard, -1);
	guard_leave(guard, &place, GUARD_ACCEPTED);
	for (size_t i = 0; i < GUESTS; i++) {
		arrive(&guests[i]);
		assert_true(guests[i].admitted);
		assert_int_equal(guests[i].err.kind, ERR_NONE);
	}
	for (size_t i = 0; i < GUESTS; i++)
		guard_leave(guard, &guests[i].place, GUARD_REFUSED);
	take(guard, &place, 1);
	guard_leave(guard, &place, GUARD_ACCEPTED);
	guard_close(guard);
}

static void the_last_refusal_wakes_all_who_wait(void **state)
{
	struct guard *guard = opened(MAX);
	struct guest guests[GUESTS];
	struct guard_place places[MAX];
	struct guard_counts counts;

	(void)state;
	take(guard, places, MAX);
	for (size_t i = 0; i < GUESTS; i++)
		set_out_to_wait(&guests[i], guard, -1);
	for (size_t i = 0; i < MAX; i++)
		guard_leave(guard, &places[i], GUARD_REFUSED);
	for (size_t i = 0; i < GUESTS; i++) {
		arrive(&guests[i]);
		assert_false(guests[i].admitted);
		assert_int_equal(guests[i].err.kind, ERR_SKIPPED);
		assert_non_null(strstr(guests[i].err.text, "3 hosts refused"));
	}
	guard_counts(guard, &counts);
	assert_int_equal(counts.hosts, GUESTS);
	guard_close(guard);
}

static void nobody_waits_longer_than_the_limit(void **state)
{
	struct guard *guard = opened(1);
	struct wait wait = wait_ms(PLENTY_MS, -1);
	const nanoseconds deadline = wait.deadline;
	const nanoseconds begin = monotonic_ns();
	struct guard_place place, none = { .credential = NULL };
	struct guard_counts counts;
	struct err err;

	(void)state;
	take(guard, &place, 1);
	assert_false(
	    guard_enter(guard, &none, "root", "secret", &wait, 40, &err));
	assert_int_equal(err.kind, ERR_SKIPPED);
	assert_string_equal(err.text, "not tried: no verdict on this user and "
	                              "password in 0.04 s "
	                              "(--max-auth-failures)");
	/* The host's own time stood still. */
	assert_true(wait.deadline >= deadline + 40 * NS_PER_MS);
	assert_true(wait.deadline <= deadline + (monotonic_ns() - begin));
	guard_counts(guard, &counts);
	assert_int_equal(counts.hosts, 0);
	/* Who left the queue is not given the place. */
	guard_leave(guard, &place, GUARD_UNUSED);
	take(guard, &place, 1);
	guard_leave(guard, &place, GUARD_UNUSED);
	guard_close(guard);
}

/* It was once -T for each place, and a host may want two. */
static void who_comes_again_has_waited_already(void **state)
{
	struct guard *guard = opened(1);
	struct wait wait = wait_ms(PLENTY_MS, -1);
	struct guard_place place, again = { .waited = LIMIT_MS * NS_PER_MS };
	const nanoseconds before = again.waited;
	struct err err;

	(void)state;
	take(guard, &place, 1);
	assert_false(guard_enter(guard, &again, "root", "secret", &wait,
	                         LIMIT_MS, &err));
	assert_int_equal(err.kind, ERR_SKIPPED);
	assert_non_null(strstr(err.text, "in 30 s"));
	assert_true(again.waited >= before);
	assert_true(again.waited < 2 * before);
	guard_leave(guard, &place, GUARD_UNUSED);
	/* A place that is free is his all the same. */
	assert_true(guard_enter(guard, &again, "root", "secret", &wait,
	                        LIMIT_MS, &err));
	guard_leave(guard, &again, GUARD_UNUSED);
	guard_close(guard);
}

static void a_deadline_that_has_passed_does_not_end_the_waiting(void **state)
{
	struct guard *guard = opened(1);
	struct guard_place place;
	struct guest guest;

	(void)state;
	take(guard, &place, 1);
	set_out(&guest, guard, -1, 0);
	while (sem_wait(&waits) != 0)
		;
	assert_false(is_done(&guest));
	guard_leave(guard, &place, GUARD_ACCEPTED);
	arrive(&guest);
	assert_true(guest.admitted);
	guard_leave(guard, &guest.place, GUARD_ACCEPTED);
	guard_close(guard);
}

static void the_runs_end_wakes_who_waits(void **state)
{
	struct guard *guard = opened(1);
	int cancel = eventfd(0, EFD_CLOEXEC);
	struct guard_place place;
	struct guest ended, patient;

	(void)state;
	assert_true(cancel >= 0);
	take(guard, &place, 1);
	set_out_to_wait(&ended, guard, cancel);
	set_out_to_wait(&patient, guard, -1);
	assert_int_equal(eventfd_write(cancel, 1), 0);
	arrive(&ended);
	assert_false(ended.admitted);
	assert_int_equal(ended.err.kind, ERR_CANCELLED);
	assert_null(ended.place.credential);
	/* The next one's turn comes all the same. */
	guard_leave(guard, &place, GUARD_UNUSED);
	arrive(&patient);
	assert_true(patient.admitted);
	guard_leave(guard, &patient.place, GUARD_UNUSED);
	guard_close(guard);
	close(cancel);
}

static void a_place_that_came_too_late_goes_to_the_next(void **state)
{
	struct guard *guard = opened(1);
	int cancel = eventfd(0, EFD_CLOEXEC);

	(void)state;
	assert_true(cancel >= 0);
	/* Both happen at once, so that either comes first now and then. */
	for (int i = 0; i < 200; i++) {
		struct guard_place place;
		struct guest ended, patient;
		eventfd_t ignored;

		take(guard, &place, 1);
		set_out_to_wait(&ended, guard, cancel);
		set_out_to_wait(&patient, guard, -1);
		assert_int_equal(eventfd_write(cancel, 1), 0);
		guard_leave(guard, &place, GUARD_UNUSED);
		arrive(&ended);
		guard_leave(guard, &ended.place, GUARD_UNUSED);
		arrive(&patient);
		assert_true(patient.admitted);
		guard_leave(guard, &patient.place, GUARD_UNUSED);
		assert_int_equal(eventfd_read(cancel, &ignored), 0);
	}
	guard_close(guard);
	close(cancel);
}

static void a_descriptor_is_there_only_while_somebody_waits(void **state)
{
	struct guard *guard = opened(1);
	size_t before = descriptors();
	struct guard_place place;
	struct guest guest;

	(void)state;
	take(guard, &place, 1);
	assert_int_equal(descriptors(), before);
	set_out_to_wait(&guest, guard, -1);
	assert_int_equal(descriptors(), before + 1);
	guard_leave(guard, &place, GUARD_ACCEPTED);
	arrive(&guest);
	assert_int_equal(descriptors(), before);
	guard_leave(guard, &guest.place, GUARD_ACCEPTED);
	guard_close(guard);
}

static void without_a_descriptor_nobody_waits(void **state)
{
	struct guard *guard = opened(1);
	struct guard_place place, none;
	struct err err;

	(void)state;
	take(guard, &place, 1);
	no_eventfd = true;
	assert_false(enter(guard, &none, "root", "secret", &err));
	no_eventfd = false;
	assert_int_equal(err.kind, ERR_SCARCE);
	assert_null(none.credential);
	guard_leave(guard, &place, GUARD_UNUSED);
	guard_close(guard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_waits_comes_in_the_order_of_coming),
		cmocka_unit_test(an_acceptance_wakes_all_who_wait),
		cmocka_unit_test(the_last_refusal_wakes_all_who_wait),
		cmocka_unit_test(nobody_waits_longer_than_the_limit),
		cmocka_unit_test(who_comes_again_has_waited_already),
		cmocka_unit_test(
		    a_deadline_that_has_passed_does_not_end_the_waiting),
		cmocka_unit_test(the_runs_end_wakes_who_waits),
		cmocka_unit_test(a_place_that_came_too_late_goes_to_the_next),
		cmocka_unit_test(
		    a_descriptor_is_there_only_while_somebody_waits),
		cmocka_unit_test(without_a_descriptor_nobody_waits),
	};

	if (sem_init(&waits, 0, 0) != 0)
		return 1;
	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
