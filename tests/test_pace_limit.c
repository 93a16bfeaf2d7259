#include "tests/pace_fixture.h"

/* How many a network takes that drops connections. */

/* Fills the network up to its limit; so many got in. */
static size_t fill(struct pace *pace, struct pace_place *places, size_t count)
{
	size_t in = 0;

	while (in < count && enter(pace, &places[in], "192.0.2.1"))
		in++;
	if (in < count)
		pace_leave(pace, &places[in], PACE_OTHER);
	return in;
}

static void leave_all(struct pace *pace, struct pace_place *places,
                      size_t count, enum pace_outcome outcome)
{
	for (size_t i = 0; i < count; i++)
		pace_leave(pace, &places[i], outcome);
}

/* So many are in flight, and some of them are dropped. */
static void drop(struct pace *pace, size_t count, size_t dropped)
{
	struct pace_place places[64] = { 0 };

	assert_int_equal(fill(pace, places, count), count);
	leave_all(pace, places, dropped, PACE_DROPPED);
	leave_all(pace, places + dropped, count - dropped, PACE_OTHER);
}

static void few_drops_among_many_change_nothing(void **state)
{
	struct pace *pace = open_pace(0, 0);
	struct pace_place places[64] = { 0 };

	(void)state;
	assert_int_equal(fill(pace, places, 64), 64);
	leave_all(pace, places, 15, PACE_DROPPED);
	assert_int_equal(fill(pace, places, 15), 15);
	leave_all(pace, places, 64, PACE_WELL);
	assert_int_equal(networks(pace), 0);
	pace_close(pace);
}

static void one_drop_is_nothing_even_of_two(void **state)
{
	struct pace *pace = open_pace(0, 0);
	struct pace_place places[2] = { 0 };

	(void)state;
	assert_int_equal(fill(pace, places, 2), 2);
	leave_all(pace, places, 1, PACE_DROPPED);
	leave_all(pace, places + 1, 1, PACE_WELL);
	assert_int_equal(networks(pace), 0);
	pace_close(pace);
}

static void a_network_that_drops_many_takes_half_as_many(void **state)
{
	struct pace *pace = open_pace(0, 0);
	struct pace_place places[64] = { 0 };

	(void)state;
	drop(pace, 64, 16);
	assert_int_equal(fill(pace, places, 64), 32);
	leave_all(pace, places, 32, PACE_OTHER);
	pace_close(pace);
}

/* 60 of 64 are dropped at once: there was room for the 4 that are left, not for
 * 64 halved 5 times, nor 60. */
static void
drops_of_one_moment_lower_it_once_to_those_that_are_left(void **state)
{
	struct pace *pace = open_pace(0, 0);
	struct pace_place places[64] = { 0 };
	struct pace_counts counts;

	(void)state;
	assert_int_equal(fill(pace, places, 64), 64);
	leave_all(pace, places, 60, PACE_DROPPED);
	pace_counts(pace, &counts);
	assert_int_equal(counts.drops, 60);
	assert_int_equal(counts.lowered, 1);
	leave_all(pace, places + 60, 4, PACE_OTHER);
	assert_int_equal(fill(pace, places, 64), 4);
	leave_all(pace, places, 4, PACE_OTHER);
	pace_close(pace);
}

/* Once it is on its way up again, what was begun before says nothing. */
static void a_drop_from_before_does_not_count_later(void **state)
{
	struct pace *pace = open_pace(0, 0);
	struct pace_place old[16] = { 0 }, places[16] = { 0 };
	size_t in;

	(void)state;
	assert_int_equal(fill(pace, old, 16), 16);
	leave_all(pace, old, 8, PACE_DROPPED);
	leave_all(pace, old + 8, 4, PACE_OTHER);
	in = fill(pace, places, 16); /* and 4 old ones */
	assert_int_equal(in, 4);
	leave_all(pace, places, in, PACE_WELL);
	in = fill(pace, places, 16);
	leave_all(pace, old + 12, 4, PACE_DROPPED);
	leave_all(pace, places, in, PACE_OTHER);
	assert_int_equal(fill(pace, places, 16), in + 4);
	leave_all(pace, places, in + 4, PACE_OTHER);
	pace_close(pace);
}

/* One more for each that goes well while it is full, up to where the drops
 * began: there it takes a while. */
static void what_goes_well_raises_the_limit_again(void **state)
{
	struct pace *pace = open_pace(0, 0);
	struct pace_place places[64] = { 0 };
	size_t wells = 0;

	(void)state;
	drop(pace, 64, 64);
	for (size_t limit = 1; limit < 63; limit++) {
		assert_int_equal(fill(pace, places, 64), limit);
		leave_all(pace, places, 1, PACE_WELL);
		leave_all(pace, places + 1, limit, PACE_OTHER);
	}
	while (fill(pace, places, 64) == 63) {
		leave_all(pace, places, 1, PACE_WELL);
		leave_all(pace, places + 1, 62, PACE_OTHER);
		wells++;
	}
	assert_true(wells > 63);
	leave_all(pace, places, 64, PACE_OTHER);
	pace_close(pace);
}

static void a_network_that_is_not_full_shows_no_room(void **state)
{
	struct pace *pace = open_pace(0, 0);
	struct pace_place places[64] = { 0 };

	(void)state;
	drop(pace, 64, 16);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(fill(pace, places, 31), 31);
		leave_all(pace, places, 31, PACE_WELL);
	}
	assert_int_equal(fill(pace, places, 64), 32);
	leave_all(pace, places, 32, PACE_OTHER);
	pace_close(pace);
}

/* One goes well, so often, while the network is full. */
static size_t wells_until(struct pace *pace, size_t limit)
{
	struct pace_place places[64] = { 0 };
	size_t in, wells = 0;

	while ((in = fill(pace, places, 64)) < limit) {
		leave_all(pace, places, 1, PACE_WELL);
		leave_all(pace, places + 1, in - 1, PACE_OTHER);
		wells++;
	}
	leave_all(pace, places, in, PACE_OTHER);
	return wells;
}

static void beyond_where_drops_began_there_may_be_room_for_many(void **state)
{
	struct pace *pace = open_pace(0, 0);
	struct pace_place places[64] = { 0 };

	(void)state;
	drop(pace, 64, 64);
	assert_int_equal(wells_until(pace, 4), 3);
	/* They begin again, at 4. */
	assert_int_equal(fill(pace, places, 64), 4);
	leave_all(pace, places, 2, PACE_DROPPED);
	leave_all(pace, places + 2, 2, PACE_OTHER);
	assert_int_equal(fill(pace, places, 64), 2);
	leave_all(pace, places, 2, PACE_OTHER);
	assert_int_equal(wells_until(pace, 3), 1);
	assert_int_equal(wells_until(pace, 4), 3 * 8);
	assert_int_equal(wells_until(pace, 5), 4 * 8);
	/* That was the worst; it looks for the next wall. */
	assert_int_equal(wells_until(pace, 7), 2);
	pace_close(pace);
}

static void a_limit_that_has_passed_what_it_was_is_gone(void **state)
{
	struct pace *pace = open_pace(0, 0);
	struct pace_place places[4] = { 0 };

	(void)state;
	drop(pace, 4, 2);
	assert_int_equal(networks(pace), 1);
	for (unsigned i = 0; i < 200 && networks(pace) > 0; i++) {
		size_t in = fill(pace, places, 4);

		leave_all(pace, places, in, PACE_WELL);
	}
	assert_int_equal(networks(pace), 0);
	pace_close(pace);
}

static void it_is_never_raised_beyond_what_was_asked_for(void **state)
{
	struct pace *pace = open_pace(0, 3);
	struct pace_place places[8] = { 0 };

	(void)state;
	assert_int_equal(fill(pace, places, 8), 3);
	leave_all(pace, places, 3, PACE_DROPPED);
	assert_int_equal(fill(pace, places, 8), 1);
	leave_all(pace, places, 1, PACE_OTHER);
	for (unsigned i = 0; i < 200; i++) {
		size_t in = fill(pace, places, 8);

		assert_true(in <= 3);
		leave_all(pace, places, in, PACE_WELL);
	}
	assert_int_equal(networks(pace), 0);
	assert_int_equal(fill(pace, places, 8), 3);
	leave_all(pace, places, 3, PACE_OTHER);
	pace_close(pace);
}

static void where_even_one_alone_is_dropped_the_limit_is_no_help(void **state)
{
	struct pace *pace = open_pace(0, 0);
	struct pace_place places[64] = { 0 };

	(void)state;
	drop(pace, 64, 64);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(fill(pace, places, 64), 1);
		leave_all(pace, places, 1, PACE_DROPPED);
	}
	drop(pace, 64, 64);
	/* Until something goes well there. */
	assert_int_equal(fill(pace, places, 64), 64);
	leave_all(pace, places, 1, PACE_WELL);
	leave_all(pace, places + 1, 63, PACE_DROPPED);
	assert_int_equal(fill(pace, places, 64), 1);
	leave_all(pace, places, 1, PACE_OTHER);
	pace_close(pace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_drops_among_many_change_nothing),
		cmocka_unit_test(one_drop_is_nothing_even_of_two),
		cmocka_unit_test(a_network_that_drops_many_takes_half_as_many),
		cmocka_unit_test(
		    drops_of_one_moment_lower_it_once_to_those_that_are_left),
		cmocka_unit_test(a_drop_from_before_does_not_count_later),
		cmocka_unit_test(what_goes_well_raises_the_limit_again),
		cmocka_unit_test(a_network_that_is_not_full_shows_no_room),
		cmocka_unit_test(
		    beyond_where_drops_began_there_may_be_room_for_many),
		cmocka_unit_test(a_limit_that_has_passed_what_it_was_is_gone),
		cmocka_unit_test(it_is_never_raised_beyond_what_was_asked_for),
		cmocka_unit_test(
		    where_even_one_alone_is_dropped_the_limit_is_no_help),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
