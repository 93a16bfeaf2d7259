#include "tests/pace_fixture.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The time that pace.c sees passes only while it waits. */
static struct {
	bool on;
	nanoseconds now;
	nanoseconds late; /* so much each wait takes longer */
} faked;

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	if (!faked.on)
		return __real_clock_gettime(clock, time);
	time->tv_sec = faked.now / NS_PER_S;
	time->tv_nsec = faked.now % NS_PER_S;
	return 0;
}

int __real_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *time,
                 const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *time,
                 const sigset_t *mask);
int __wrap___ppoll_chk(struct pollfd *fds, nfds_t count,
                       const struct timespec *time, const sigset_t *mask,
                       size_t size);

int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *time,
                 const sigset_t *mask)
{
	static const struct timespec none;

	if (!faked.on)
		return __real_ppoll(fds, count, time, mask);
	faked.now += time->tv_sec * NS_PER_S + time->tv_nsec + faked.late;
	return __real_ppoll(fds, count, &none, mask);
}

/* What -D_FORTIFY_SOURCE makes of it. */
int __wrap___ppoll_chk(struct pollfd *fds, nfds_t count,
                       const struct timespec *time, const sigset_t *mask,
                       size_t size)
{
	(void)size;
	return __wrap_ppoll(fds, count, time, mask);
}

static bool no_memory;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	return no_memory ? NULL : __real_calloc(count, size);
}

/* --- the rate ------------------------------------------------------------- */

static int fake_the_clock(void **state)
{
	(void)state;
	faked.on = true;
	faked.now = 1000 * NS_PER_S;
	faked.late = 0;
	return 0;
}

static int show_the_clock(void **state)
{
	(void)state;
	faked.on = false;
	return 0;
}

static void without_a_rate_nobody_waits(void **state)
{
	struct pace *pace = open_pace(0, 0);
	nanoseconds begin = faked.now;
	struct err err;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		assert_true(pace_connection(pace, -1, &err));
	assert_int_equal(faked.now, begin);
	pace_close(pace);
}

static void connections_are_a_turn_apart(void **state)
{
	struct pace *pace = open_pace(200, 0);
	nanoseconds begin = faked.now;
	struct err err;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(pace_connection(pace, -1, &err));
		assert_int_equal(faked.now, begin + i * NS_PER_S / 200);
	}
	pace_close(pace);
}

/* The thousandth is late by one wait, not by a thousand of them. */
static void a_late_wait_delays_no_later_turn(void **state)
{
	struct pace *pace = open_pace(200, 0);
	nanoseconds begin = faked.now;
	struct err err;

	(void)state;
	faked.late = NS_PER_MS;
	for (unsigned i = 0; i < 1000; i++)
		assert_true(pace_connection(pace, -1, &err));
	assert_true(faked.now <= begin + 999 * NS_PER_S / 200 + 2 * NS_PER_MS);
	pace_close(pace);
}

static void a_stall_is_followed_by_no_burst(void **state)
{
	struct pace *pace = open_pace(10, 0);
	nanoseconds begin;
	struct err err;

	(void)state;
	assert_true(pace_connection(pace, -1, &err));
	faked.now += 60 * NS_PER_S;
	begin = faked.now;
	for (unsigned i = 0; i < 20; i++)
		assert_true(pace_connection(pace, -1, &err));
	assert_true(faked.now >= begin + 19 * NS_PER_S / 10);
	pace_close(pace);
}

static void no_turn_comes_after_the_end_of_the_time(void **state)
{
	struct pace_settings settings = { .rate = 1,
		                          .until = faked.now + 5 * NS_PER_S,
		                          .granted = note_grant };
	struct pace *pace = NULL;
	struct err err;

	(void)state;
	assert_true(pace_open(&pace, &settings, &err));
	for (unsigned i = 0; i < 5; i++)
		assert_true(pace_connection(pace, -1, &err));
	assert_false(pace_connection(pace, -1, &err));
	assert_int_equal(err.kind, ERR_CANCELLED);
	assert_string_equal(err.text, "the run's time was up");
	assert_int_equal(faked.now, settings.until - NS_PER_S);
	pace_close(pace);
}

static void the_runs_end_wakes_who_waits_for_a_turn(void **state)
{
	struct pace *pace = open_pace(1, 0);
	int cancel = eventfd(1, EFD_CLOEXEC);
	struct err err;

	(void)state;
	assert_true(cancel >= 0);
	faked.on = false;
	assert_true(pace_connection(pace, -1, &err));
	assert_false(pace_connection(pace, cancel, &err));
	assert_int_equal(err.kind, ERR_CANCELLED);
	assert_string_equal(err.text, "interrupted");
	close(cancel);
	pace_close(pace);
}

/* --- networks ------------------------------------------------------------- */

static void no_more_have_a_place_in_a_network_than_may(void **state)
{
	struct pace *pace = open_pace(0, 2);
	struct pace_place places[4] = { 0 }, other = { 0 };

	(void)state;
	assert_true(enter(pace, &places[0], "192.0.2.1"));
	assert_true(enter(pace, &places[1], "192.0.2.255"));
	assert_false(enter(pace, &places[2], "192.0.2.1"));
	assert_false(enter(pace, &places[3], "192.0.2.77"));
	assert_true(enter(pace, &other, "192.0.3.1"));
	assert_int_equal(networks(pace), 2);
	pace_leave(pace, &other, PACE_OTHER);
	assert_int_equal(grants.count, 0);
	pace_leave(pace, &places[1], PACE_OTHER);
	assert_int_equal(grants.count, 1);
	assert_ptr_equal(grants.places[0], &places[2]);
	pace_leave(pace, &places[0], PACE_OTHER);
	assert_int_equal(grants.count, 2);
	assert_ptr_equal(grants.places[1], &places[3]);
	/* Who was granted its place has it. */
	assert_true(enter(pace, &places[2], "192.0.2.1"));
	pace_leave(pace, &places[2], PACE_OTHER);
	pace_leave(pace, &places[3], PACE_OTHER);
	assert_int_equal(networks(pace), 0);
	pace_close(pace);
}

static void who_gives_its_turn_back_is_passed_over(void **state)
{
	struct pace *pace = open_pace(0, 1);
	struct pace_place places[4] = { 0 };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(enter(pace, &places[i], "2001:db8::1"),
		                 i == 0);
	pace_leave(pace, &places[2], PACE_OTHER); /* amid them */
	pace_leave(pace, &places[3], PACE_OTHER); /* the last */
	pace_leave(pace, &places[0], PACE_OTHER);
	assert_int_equal(grants.count, 1);
	assert_ptr_equal(grants.places[0], &places[1]);
	pace_leave(pace, &places[1], PACE_OTHER);
	pace_leave(pace, &places[1], PACE_OTHER); /* it has none */
	assert_int_equal(grants.count, 1);
	assert_int_equal(networks(pace), 0);
	pace_close(pace);
}

static void an_address_is_in_its_24_or_its_64_on_its_link(void **state)
{
	static const struct {
		const char *one, *other;
		bool together;
	} pairs[] = {
		{ "10.1.2.0", "10.1.2.255", true },
		{ "10.1.2.3", "10.1.3.3", false },
		{ "10.1.2.3", "11.1.2.3", false },
		{ "2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", true },
		{ "2001:db8:0:1::1", "2001:db8:0:2::1", false },
		{ "::1", "0.0.0.1", false },
		{ "::ffff:10.1.2.3", "10.1.2.4", true },
		{ "::ffff:10.1.2.3", "::ffff:10.1.3.3", false },
		{ "fe80::1%lo", "fe80::2%lo", true },
		{ "fe80::1%lo", "fe80::1", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++) {
		struct pace *pace = open_pace(0, 1);
		struct pace_place one = { 0 }, other = { 0 };

		assert_true(enter(pace, &one, pairs[i].one));
		if (enter(pace, &other, pairs[i].other) == pairs[i].together)
			fail_msg("%s, %s", pairs[i].one, pairs[i].other);
		pace_leave(pace, &other, PACE_OTHER);
		pace_leave(pace, &one, PACE_OTHER);
		pace_close(pace);
	}
}

static void without_memory_for_the_network_everybody_goes(void **state)
{
	struct pace *pace = open_pace(0, 1);
	struct pace_place places[3] = { 0 };

	(void)state;
	no_memory = true;
	for (size_t i = 0; i < 3; i++)
		assert_true(enter(pace, &places[i], "192.0.2.1"));
	no_memory = false;
	for (size_t i = 0; i < 3; i++)
		pace_leave(pace, &places[i], PACE_DROPPED);
	pace_close(pace);
}

static void without_memory_there_is_no_pace(void **state)
{
	struct pace_settings settings = { .granted = note_grant };
	struct pace *pace = NULL;
	struct err err;

	(void)state;
	no_memory = true;
	assert_false(pace_open(&pace, &settings, &err));
	no_memory = false;
	assert_null(pace);
	assert_int_equal(err.kind, ERR_SYSTEM);
	pace_close(NULL);
}

/* --- threads -------------------------------------------------------------- */

#define THREADS 8
#define ROUNDS 2000
#define PER_NET 3

/* A host that waits for its turn as a thread, which granted() wakes. */
struct visitor {
	struct pace_place place;
	struct pace *pace;
	int granted; /* eventfd */
	unsigned number;
};

static atomic_uint inside, inside_most, overfull;

static void wake_visitor(struct pace_place *place)
{
	struct visitor *visitor =
	    (void *)((char *)place - offsetof(struct visitor, place));

	(void)eventfd_write(visitor->granted, 1);
}

static void *visit(void *arg)
{
	struct visitor *visitor = arg;
	struct address address;
	struct err err;

	if (!address_parse(&address, "192.0.2.1", 22, &err))
		return visitor;
	for (unsigned i = 0; i < ROUNDS; i++) {
		eventfd_t ignored;
		unsigned now;

		if (!pace_enter(visitor->pace, &visitor->place, &address)) {
			/* Some lose patience, whether it has come or not. */
			if ((i + visitor->number) % 5 == 0) {
				pace_leave(visitor->pace, &visitor->place,
				           PACE_OTHER);
				continue;
			}
			do
				(void)eventfd_read(visitor->granted, &ignored);
			while (!pace_enter(visitor->pace, &visitor->place,
			                   &address));
		}
		now = atomic_fetch_add(&inside, 1) + 1;
		if (now > PER_NET)
			atomic_fetch_add(&overfull, 1);
		if (now > atomic_load(&inside_most))
			atomic_store(&inside_most, now);
		atomic_fetch_sub(&inside, 1);
		pace_leave(visitor->pace, &visitor->place,
		           i % 3 == 0 ? PACE_DROPPED : PACE_WELL);
	}
	return NULL;
}

static void threads_never_overfill_a_network_nor_lose_a_turn(void **state)
{
	struct pace_settings settings = { .per_net = PER_NET,
		                          .granted = wake_visitor };
	struct visitor visitors[THREADS] = { 0 };
	pthread_t threads[THREADS];
	struct pace *pace = NULL;
	struct err err;

	(void)state;
	assert_true(pace_open(&pace, &settings, &err));
	for (unsigned i = 0; i < THREADS; i++) {
		visitors[i].pace = pace;
		visitors[i].number = i;
		visitors[i].granted = eventfd(0, EFD_CLOEXEC);
		assert_true(visitors[i].granted >= 0);
		assert_int_equal(
		    pthread_create(&threads[i], NULL, visit, &visitors[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		void *failed = NULL;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
		close(visitors[i].granted);
	}
	assert_int_equal(atomic_load(&overfull), 0);
	assert_true(atomic_load(&inside_most) > 0);
	pace_close(pace);
}

int main(void)
{
#define RATE(test)                                                             \
	cmocka_unit_test_setup_teardown(test, fake_the_clock, show_the_clock)
	const struct CMUnitTest tests[] = {
		RATE(without_a_rate_nobody_waits),
		RATE(connections_are_a_turn_apart),
		RATE(a_late_wait_delays_no_later_turn),
		RATE(a_stall_is_followed_by_no_burst),
		RATE(no_turn_comes_after_the_end_of_the_time),
		RATE(the_runs_end_wakes_who_waits_for_a_turn),
		cmocka_unit_test(no_more_have_a_place_in_a_network_than_may),
		cmocka_unit_test(who_gives_its_turn_back_is_passed_over),
		cmocka_unit_test(an_address_is_in_its_24_or_its_64_on_its_link),
		cmocka_unit_test(without_memory_for_the_network_everybody_goes),
		cmocka_unit_test(without_memory_there_is_no_pace),
		cmocka_unit_test(
		    threads_never_overfill_a_network_nor_lose_a_turn),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
