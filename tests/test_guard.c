#include "inventory/guard.h"

#include "tests/net_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX 3
#define TWICE ((size_t)2 * MAX)
#define THREADS 32
#define HOSTS 40 /* of each thread */
#define LIMIT_MS 30000

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

static struct guard *opened(unsigned max)
{
	struct guard *guard = NULL;
	struct err err;

	assert_true(guard_open(&guard, max, &err));
	return guard;
}

/* Without waiting: there is a place, or a reason against one. */
static bool enter(struct guard *guard, struct guard_place *place,
                  const char *user, const char *secret, struct err *err)
{
	struct wait wait = wait_ms(PLENTY_MS, -1);

	*place = (struct guard_place){ .credential = NULL };
	return guard_enter(guard, place, user, secret, &wait, LIMIT_MS, err);
}

static void take(struct guard *guard, struct guard_place *places, size_t count)
{
	struct err err;

	for (size_t i = 0; i < count; i++)
		assert_true(enter(guard, &places[i], "root", "secret", &err));
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

static void refusals_close_a_credential_for_good(void **state)
{
	struct guard *guard = opened(MAX);
	struct guard_place places[MAX], none;
	struct guard_counts counts;
	struct err err;

	(void)state;
	take(guard, places, MAX);
	assert_true(guard_is_open(guard, "root", "secret", &err));
	for (size_t i = 0; i < MAX; i++)
		guard_leave(guard, &places[i], GUARD_REFUSED);
	assert_true(guard_is_open(guard, "root", "another", &err));
	assert_false(guard_is_open(guard, "root", "secret", &err));
	assert_int_equal(err.kind, ERR_SKIPPED);
	for (int i = 0; i < 2; i++) {
		assert_false(enter(guard, &none, "root", "secret", &err));
		assert_int_equal(err.kind, ERR_SKIPPED);
		assert_string_equal(err.text,
		                    "not tried: 3 hosts refused this user and "
		                    "password (--max-auth-failures)");
		assert_null(none.credential);
	}
	guard_counts(guard, &counts);
	assert_int_equal(counts.hosts, 3);
	assert_int_equal(counts.credentials, 1);
	guard_close(guard);
}

static void an_interrupted_login_is_nobodys_refusal(void **state)
{
	struct guard *guard = opened(1);
	struct guard_place place, none;
	struct guard_counts counts;
	struct err err;

	(void)state;
	assert_true(enter(guard, &place, "root", "secret", &err));
	guard_leave(guard, &place, GUARD_INTERRUPTED);
	assert_true(guard_is_open(guard, "root", "secret", &err));
	assert_false(enter(guard, &none, "root", "secret", &err));
	assert_non_null(strstr(err.text, "no verdict"));
	guard_counts(guard, &counts);
	assert_int_equal(counts.hosts, 0);
	guard_close(guard);
}

/* All but the first who comes, until somebody was accepted. */
static void who_is_not_alone_takes_care(void **state)
{
	struct guard *guard = opened(MAX);
	struct guard_place first, second, third;
	struct err err;

	(void)state;
	assert_true(enter(guard, &first, "root", "secret", &err));
	assert_false(first.care);
	assert_true(enter(guard, &second, "root", "secret", &err));
	assert_true(second.care);
	guard_leave(guard, &first, GUARD_ACCEPTED);
	assert_true(enter(guard, &third, "root", "secret", &err));
	assert_false(third.care);
	guard_leave(guard, &second, GUARD_REFUSED);
	guard_leave(guard, &third, GUARD_ACCEPTED);
	guard_close(guard);
	guard = opened(1);
	assert_true(enter(guard, &first, "root", "secret", &err));
	assert_true(first.care);
	guard_leave(guard, &first, GUARD_UNUSED);
	guard_close(guard);
}

static void the_first_acceptance_opens_it_for_good(void **state)
{
	struct guard *guard = opened(MAX);
	struct guard_place places[TWICE];
	struct guard_counts counts;

	(void)state;
	take(guard, places, MAX);
	guard_leave(guard, &places[0], GUARD_REFUSED);
	guard_leave(guard, &places[1], GUARD_REFUSED);
	guard_leave(guard, &places[2], GUARD_ACCEPTED);
	/* More at once than there are places, and each is refused. */
	take(guard, places, TWICE);
	for (size_t i = 0; i < TWICE; i++)
		guard_leave(guard, &places[i], GUARD_REFUSED);
	take(guard, places, 1);
	guard_leave(guard, &places[0], GUARD_UNUSED);
	guard_counts(guard, &counts);
	assert_int_equal(counts.hosts, 0);
	assert_int_equal(counts.credentials, 0);
	guard_close(guard);
}

static void credentials_are_told_apart_by_user_and_secret(void **state)
{
	static const struct {
		const char *user, *secret;
	} others[] = {
		{ "root", "secret2" }, { "roots", "ecret" },
		{ "roo", "tsecret" },  { "admin", "secret" },
		{ "root", "" },        { "", "rootsecret" },
	};
	struct guard *guard = opened(1);
	struct guard_place place;
	struct err err;

	(void)state;
	take(guard, &place, 1);
	guard_leave(guard, &place, GUARD_REFUSED);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_true(enter(guard, &place, others[i].user,
		                  others[i].secret, &err));
		guard_leave(guard, &place, GUARD_UNUSED);
	}
	assert_false(enter(guard, &place, "root", "secret", &err));
	assert_string_equal(err.text, "not tried: 1 host refused this user and "
	                              "password (--max-auth-failures)");
	guard_close(guard);
}

static void ten_thousand_credentials_are_remembered_each(void **state)
{
	struct guard *guard = opened(1);
	struct guard_place place;
	struct guard_counts counts;
	char secret[32];
	struct err err;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		snprintf(secret, sizeof(secret), "secret-%d", i);
		assert_true(enter(guard, &place, "root", secret, &err));
		guard_leave(guard, &place,
		            i % 2 == 0 ? GUARD_REFUSED : GUARD_ACCEPTED);
	}
	for (int i = 0; i < 10000; i++) {
		snprintf(secret, sizeof(secret), "secret-%d", i);
		assert_int_equal(enter(guard, &place, "root", secret, &err),
		                 i % 2 != 0);
		guard_leave(guard, &place, GUARD_UNUSED);
	}
	guard_counts(guard, &counts);
	assert_int_equal(counts.hosts, 5000);
	assert_int_equal(counts.credentials, 5000);
	guard_close(guard);
}

static void no_place_is_nothing_to_give_back(void **state)
{
	struct guard *guard = opened(MAX);
	struct guard_place place = { .credential = NULL };

	(void)state;
	guard_leave(guard, &place, GUARD_REFUSED);
	take(guard, &place, 1);
	for (int i = 0; i < 2 * MAX; i++) /* the first time it is one */
		guard_leave(guard, &place, GUARD_REFUSED);
	take(guard, &place, 1);
	guard_leave(guard, &place, GUARD_UNUSED);
	guard_close(guard);
	guard_close(NULL);
}

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
	struct guest guests[THREADS];
	struct guard_place place;

	(void)state;
	take(guard, &place, 1);
	for (size_t i = 0; i < THREADS; i++)
		set_out_to_wait(&guests[i], guard, -1);
	guard_leave(guard, &place, GUARD_ACCEPTED);
	for (size_t i = 0; i < THREADS; i++) {
		arrive(&guests[i]);
		assert_true(guests[i].admitted);
		assert_int_equal(guests[i].err.kind, ERR_NONE);
	}
	for (size_t i = 0; i < THREADS; i++)
		guard_leave(guard, &guests[i].place, GUARD_REFUSED);
	take(guard, &place, 1);
	guard_leave(guard, &place, GUARD_ACCEPTED);
	guard_close(guard);
}

static void the_last_refusal_wakes_all_who_wait(void **state)
{
	struct guard *guard = opened(MAX);
	struct guest guests[THREADS];
	struct guard_place places[MAX];
	struct guard_counts counts;

	(void)state;
	take(guard, places, MAX);
	for (size_t i = 0; i < THREADS; i++)
		set_out_to_wait(&guests[i], guard, -1);
	for (size_t i = 0; i < MAX; i++)
		guard_leave(guard, &places[i], GUARD_REFUSED);
	for (size_t i = 0; i < THREADS; i++) {
		arrive(&guests[i]);
		assert_false(guests[i].admitted);
		assert_int_equal(guests[i].err.kind, ERR_SKIPPED);
		assert_non_null(strstr(guests[i].err.text, "3 hosts refused"));
	}
	guard_counts(guard, &counts);
	assert_int_equal(counts.hosts, THREADS);
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

/* --- many threads --------------------------------------------------------- */

struct crowd {
	struct guard *guard;
	unsigned accepted_from; /* of the sends; 0: none is accepted */
	atomic_uint sends, outstanding, most, skipped, others, visits;
};

static void raise_most(struct crowd *crowd, unsigned now)
{
	unsigned most = crowd->most;

	while (now > most &&
	       !atomic_compare_exchange_weak(&crowd->most, &most, now))
		;
}

static enum guard_outcome send_secret(struct crowd *crowd, bool *done)
{
	unsigned number;

	/* Every second visitor finds that he has to send nothing. */
	if (++crowd->visits % 2 == 0)
		return GUARD_UNUSED;
	raise_most(crowd, ++crowd->outstanding);
	number = ++crowd->sends;
	*done = true;
	crowd->outstanding--;
	return crowd->accepted_from > 0 && number >= crowd->accepted_from
	           ? GUARD_ACCEPTED
	           : GUARD_REFUSED;
}

static void *visit(void *arg)
{
	struct crowd *crowd = arg;

	for (int i = 0; i < HOSTS; i++) {
		bool done = false;

		while (!done) {
			struct guard_place place;
			struct err err = { .kind = ERR_NONE };

			if (enter(crowd->guard, &place, "root", "secret",
			          &err)) {
				guard_leave(crowd->guard, &place,
				            send_secret(crowd, &done));
				continue;
			}
			done = true;
			if (err.kind == ERR_SKIPPED)
				crowd->skipped++;
			else
				crowd->others++;
		}
	}
	return NULL;
}

static void gather(struct crowd *crowd)
{
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, visit, crowd), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(crowd->others, 0);
}

static void a_wrong_secret_is_sent_no_more_often_than_allowed(void **state)
{
	(void)state;
	for (unsigned max = 1; max <= 5; max += 2) {
		struct crowd crowd = { .guard = opened(max) };
		struct guard_counts counts;

		gather(&crowd);
		assert_int_equal(crowd.sends, max);
		assert_true(crowd.most <= max);
		assert_int_equal(crowd.skipped, THREADS * HOSTS - max);
		guard_counts(crowd.guard, &counts);
		assert_int_equal(counts.hosts, THREADS * HOSTS - max);
		assert_int_equal(counts.credentials, 1);
		guard_close(crowd.guard);
	}
}

static void a_right_secret_reaches_everybody(void **state)
{
	(void)state;
	for (unsigned from = 1; from <= MAX; from++) {
		struct crowd crowd = { .guard = opened(MAX),
			               .accepted_from = from };

		gather(&crowd);
		assert_int_equal(crowd.sends, THREADS * HOSTS);
		assert_int_equal(crowd.skipped, 0);
		guard_close(crowd.guard);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_close_a_credential_for_good),
		cmocka_unit_test(an_interrupted_login_is_nobodys_refusal),
		cmocka_unit_test(who_is_not_alone_takes_care),
		cmocka_unit_test(the_first_acceptance_opens_it_for_good),
		cmocka_unit_test(credentials_are_told_apart_by_user_and_secret),
		cmocka_unit_test(ten_thousand_credentials_are_remembered_each),
		cmocka_unit_test(no_place_is_nothing_to_give_back),
		cmocka_unit_test(who_waits_comes_in_the_order_of_coming),
		cmocka_unit_test(an_acceptance_wakes_all_who_wait),
		cmocka_unit_test(the_last_refusal_wakes_all_who_wait),
		cmocka_unit_test(nobody_waits_longer_than_the_limit),
		cmocka_unit_test(
		    a_deadline_that_has_passed_does_not_end_the_waiting),
		cmocka_unit_test(the_runs_end_wakes_who_waits),
		cmocka_unit_test(a_place_that_came_too_late_goes_to_the_next),
		cmocka_unit_test(
		    a_descriptor_is_there_only_while_somebody_waits),
		cmocka_unit_test(without_a_descriptor_nobody_waits),
		cmocka_unit_test(
		    a_wrong_secret_is_sent_no_more_often_than_allowed),
		cmocka_unit_test(a_right_secret_reaches_everybody),
	};

	if (sem_init(&waits, 0, 0) != 0)
		return 1;
	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
