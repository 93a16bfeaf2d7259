/* Ways through jump hosts that do what they should. */
#include "tests/jump_fixture.h"

#include <stdlib.h>
#include <string.h>

static void one_login_carries_many(void **state)
{
	unsigned before = open_descriptors();
	struct route route;
	struct err err;
	unsigned well;

	(void)state;
	route_init(&route, "127.1.9.1");
	route.settings.sessions_max = 1;
	route_open(&route);
	well = visit_many(&route, 200, 32, &err);
	if (well != 200)
		fail_msg("%u: %s", well, err.text);
	assert_int_equal(route_counts(&route).channels, 200);
	assert_int_equal(route_counts(&route).losses, 0);
	route_close(&route);
	assert_int_equal(fleet_counted("127.1.9.1", 2), 1);
	assert_int_equal(fleet_counted("127.1.9.1", 3), 1);
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(notes_count(), 0);
}

static void nobody_is_called_before_a_target_is(void **state)
{
	struct route route;

	(void)state;
	route_init(&route, "127.1.9.2");
	route_open(&route);
	route_close(&route);
	assert_int_equal(fleet_counted("127.1.9.2", 2), 0);
}

static void when_a_session_is_full_another_one_is_opened(void **state)
{
	struct route route;
	struct err err;
	int fds[7];

	(void)state;
	route_init(&route, "127.1.9.3");
	route.settings.channels_max = 2;
	route_open(&route);
	for (unsigned i = 0; i < 7; i++) {
		fds[i] = reach(&route, "127.1.1.1", fleet.port, &err);
		assert_true(fds[i] >= 0);
	}
	assert_int_equal(route_counts(&route).logins, 4);
	assert_int_equal(route_counts(&route).sessions, 4);
	assert_int_equal(route_counts(&route).channels_most, 7);
	for (unsigned i = 0; i < 7; i++)
		close(fds[i]);
	route_close(&route);
	assert_int_equal(fleet_counted("127.1.9.3", 3), 4);
}

static void when_all_are_full_a_free_channel_is_waited_for(void **state)
{
	struct route route;
	struct err err;
	unsigned well;

	(void)state;
	route_init(&route, "127.1.9.4");
	route.settings.channels_max = 3;
	route.settings.sessions_max = 2;
	route_open(&route);
	well = visit_many(&route, 100, 32, &err);
	if (well != 100)
		fail_msg("%u: %s", well, err.text);
	assert_true(route_counts(&route).channels_most <= 6);
	route_close(&route);
	assert_true(fleet_counted("127.1.9.4", 3) <= 2);
}

static void the_deadline_stands_still_during_the_login(void **state)
{
	/* Less than the login takes, and far more than a channel to the target
	 * does, even on a busy machine. */
	struct wait wait = wait_ms(3000, -1);
	nanoseconds deadline = wait.deadline;
	struct route route;
	unsigned session;
	struct err err;
	int fd = -1;

	(void)state;
	route_init(&route, "127.2.9.1");
	route_open(&route);
	assert_true(jump_connect(route.jump, "127.1.1.1", fleet.port, &fd,
	                         &session, &wait, &err));
	assert_true(wait.deadline - deadline >= 3000 * NS_PER_MS);
	assert_true(wait.deadline > monotonic_ns());
	close(fd);
	route_close(&route);
}

static void two_hops_are_two_logins(void **state)
{
	unsigned before = open_descriptors();
	struct route near, far;
	struct err err;
	unsigned well;

	(void)state;
	route_init(&near, "127.1.9.5");
	near.settings.sessions_max = 1;
	route_open(&near);
	route_init(&far, "127.1.9.6");
	far.settings.sessions_max = 1;
	far.access.jump = near.jump;
	route_open(&far);
	well = visit_many(&far, 60, 16, &err);
	if (well != 60)
		fail_msg("%u: %s", well, err.text);
	assert_int_equal(route_counts(&near).channels, 1);
	route_close(&far);
	route_close(&near);
	assert_int_equal(fleet_counted("127.1.9.5", 3), 1);
	assert_int_equal(fleet_counted("127.1.9.6", 3), 1);
	assert_int_equal(open_descriptors(), before);
}

/* --- bytes ---------------------------------------------------------------- */

#define LOAD ((size_t)3 * 1024 * 1024)

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

static bool send_load(int fd)
{
	unsigned char piece[10007];

	for (size_t done = 0; done < LOAD;) {
		size_t length =
		    LOAD - done < sizeof(piece) ? LOAD - done : sizeof(piece);
		struct pollfd room = { .fd = fd, .events = POLLOUT };
		ssize_t sent;

		for (size_t i = 0; i < length; i++)
			piece[i] = byte_at(done + i);
		sent = send(fd, piece, length, MSG_NOSIGNAL);
		if (sent < 0 && poll(&room, 1, PLENTY_MS) <= 0)
			return false;
		done += sent > 0 ? (size_t)sent : 0;
	}
	return shutdown(fd, SHUT_WR) == 0;
}

/* How much of it came before the end, as it should. */
static size_t take_load(int fd)
{
	unsigned char piece[9973];
	size_t done = 0;

	for (;;) {
		struct pollfd some = { .fd = fd, .events = POLLIN };
		ssize_t got;

		if (poll(&some, 1, PLENTY_MS) <= 0)
			return done;
		got = recv(fd, piece, sizeof(piece), 0);
		if (got <= 0)
			return done;
		for (ssize_t i = 0; i < got; i++) {
			if (piece[i] != byte_at(done++))
				return 0;
		}
	}
}

struct target {
	int listener;
	size_t taken;
	bool sent;
};

/* Takes everything to the end, then sends as much. */
static void *answer_load(void *arg)
{
	struct target *target = arg;
	int fd = accept(target->listener, NULL, NULL);

	target->taken = take_load(fd);
	target->sent = send_load(fd);
	close(fd);
	return NULL;
}

static void every_byte_goes_both_ways_and_each_way_ends_by_itself(void **state)
{
	struct route route;
	struct target target = { .taken = 0 };
	pthread_t thread;
	uint16_t port;
	struct err err;
	int fd;

	(void)state;
	target.listener = listener(1, &port);
	assert_int_equal(pthread_create(&thread, NULL, answer_load, &target),
	                 0);
	route_init(&route, "127.1.9.7");
	route_open(&route);
	fd = reach(&route, "127.0.0.1", port, &err);
	assert_true(fd >= 0);
	assert_true(send_load(fd));
	assert_int_equal(take_load(fd), LOAD);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(target.taken, LOAD);
	assert_true(target.sent);
	close(fd);
	close(target.listener);
	route_close(&route);
}

static void a_target_that_floods_keeps_nobody_from_his_turn(void **state)
{
	struct route route;
	struct err err;
	unsigned well;
	int fds[4];

	(void)state;
	route_init(&route, "127.1.9.8");
	route.settings.sessions_max = 1;
	route_open(&route);
	/* line-flood; nobody reads it. */
	for (unsigned i = 0; i < 4; i++) {
		fds[i] = reach(&route, "127.50.0.1", fleet.port, &err);
		assert_true(fds[i] >= 0);
	}
	well = visit_many(&route, 50, 8, &err);
	if (well != 50)
		fail_msg("%u: %s", well, err.text);
	/* And now somebody does. */
	for (unsigned i = 0; i < 4; i++) {
		char some[100000];
		size_t seen = 0;

		while (seen < LOAD) {
			struct pollfd ready = { .fd = fds[i],
				                .events = POLLIN };
			ssize_t got;

			assert_int_equal(poll(&ready, 1, PLENTY_MS), 1);
			got = recv(fds[i], some, sizeof(some), 0);
			assert_true(got > 0);
			seen += (size_t)got;
		}
		close(fds[i]);
	}
	assert_true(visit_number(&route, 60, &err));
	route_close(&route);
}

static void a_target_that_ends_is_passed_on(void **state)
{
	struct route route;
	struct err err;
	char text[64];
	int fd;

	(void)state;
	route_init(&route, JUMP_WELL);
	route_open(&route);
	/* close-at-once, and close-after-banner. */
	fd = reach(&route, "127.60.0.1", fleet.port, &err);
	assert_true(fd >= 0);
	assert_int_equal(
	    poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, PLENTY_MS),
	    1);
	assert_int_equal(recv(fd, text, sizeof(text), 0), 0);
	close(fd);
	fd = reach(&route, "127.52.0.1", fleet.port, &err);
	assert_true(fd >= 0);
	assert_int_equal(take_load(fd), 0);
	close(fd);
	/* It is the target's matter, not the jump host's. */
	assert_false(visit(&route, "127.60.0.1", &err));
	assert_null(strstr(err.text, "jump host"));
	assert_true(visit_number(&route, 1, &err));
	assert_int_equal(route_counts(&route).logins, 1);
	route_close(&route);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_login_carries_many),
		cmocka_unit_test(nobody_is_called_before_a_target_is),
		cmocka_unit_test(when_a_session_is_full_another_one_is_opened),
		cmocka_unit_test(
		    when_all_are_full_a_free_channel_is_waited_for),
		cmocka_unit_test(the_deadline_stands_still_during_the_login),
		cmocka_unit_test(two_hops_are_two_logins),
		cmocka_unit_test(
		    every_byte_goes_both_ways_and_each_way_ends_by_itself),
		cmocka_unit_test(
		    a_target_that_floods_keeps_nobody_from_his_turn),
		cmocka_unit_test(a_target_that_ends_is_passed_on),
	};

	return !!cmocka_run_group_tests(tests, fleet_begin, fleet_end);
}
