#include "tests/guard_fixture.h"

#include <stdatomic.h>

/* Many threads at one credential. */

#define THREADS 32
#define HOSTS 40 /* of each thread */

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
		cmocka_unit_test(
		    a_wrong_secret_is_sent_no_more_often_than_allowed),
		cmocka_unit_test(a_right_secret_reaches_everybody),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
