/* Sessions that nobody needs any more, and jump hosts by the hundred. */
#include "tests/jump_fixture.h"

#include "inventory/ssh.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Waits for what the sessions' threads do; false: they never did. */
static bool comes_true(bool (*is)(const void *arg), const void *arg)
{
	const nanoseconds end = monotonic_ns() + PLENTY_MS * NS_PER_MS;

	while (!is(arg)) {
		if (monotonic_ns() > end)
			return false;
		(void)poll(NULL, 0, 1);
	}
	return true;
}

static bool has_no_session(const void *arg)
{
	return route_counts(arg).sessions == 0;
}

/* arg: how many */
static bool are_descriptors_at_most(const void *arg)
{
	return open_descriptors() <= *(const unsigned *)arg;
}

/* --- sessions that are idle ----------------------------------------------- */

static void a_session_that_nobody_needs_ends_and_is_no_loss(void **state)
{
	unsigned before = open_descriptors();
	struct route route;
	struct err err;

	(void)state;
	route_init(&route, "127.1.10.1");
	route.settings.idle_ms = 50;
	route_open(&route);
	for (unsigned i = 1; i <= 3; i++) {
		assert_true(visit_number(&route, i, &err));
		assert_true(comes_true(has_no_session, &route));
		/* Nothing of it is left until the jump is closed. */
		assert_true(comes_true(are_descriptors_at_most, &before));
		assert_int_equal(route_counts(&route).logins, i);
	}
	assert_int_equal(route_counts(&route).losses, 0);
	assert_int_equal(notes_count(), 0);
	route_close(&route);
	assert_int_equal(fleet_counted("127.1.10.1", 3), 3);
}

static void a_session_with_a_silent_channel_is_not_idle(void **state)
{
	struct route busy, idle;
	struct err err;
	int fd;

	(void)state;
	route_init(&busy, "127.1.10.2");
	busy.settings.idle_ms = 50;
	route_open(&busy);
	/* no-banner */
	fd = reach(&busy, "127.40.0.9", fleet.port, &err);
	assert_true(fd >= 0);
	/* Another one, of the same time, is gone meanwhile, and again. */
	route_init(&idle, "127.1.10.3");
	idle.settings.idle_ms = 50;
	route_open(&idle);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(visit_number(&idle, i, &err));
		assert_true(comes_true(has_no_session, &idle));
	}
	assert_int_equal(route_counts(&busy).sessions, 1);
	close(fd);
	assert_true(comes_true(has_no_session, &busy));
	route_close(&idle);
	route_close(&busy);
}

static void the_hop_before_ends_after_its_last_session(void **state)
{
	struct route near, far;
	struct err err;

	(void)state;
	route_init(&near, "127.1.10.4");
	near.settings.idle_ms = 50;
	route_open(&near);
	route_init(&far, "127.1.10.5");
	far.settings.idle_ms = 50;
	far.access.jump = near.jump;
	route_open(&far);
	for (unsigned i = 1; i <= 2; i++) {
		assert_true(visit_number(&far, i, &err));
		assert_true(comes_true(has_no_session, &far));
		assert_true(comes_true(has_no_session, &near));
		assert_int_equal(route_counts(&near).logins, i);
		assert_int_equal(route_counts(&far).logins, i);
	}
	assert_int_equal(route_counts(&near).losses, 0);
	assert_int_equal(route_counts(&far).losses, 0);
	route_close(&far);
	route_close(&near);
}

static void sessions_may_end_while_others_ask(void **state)
{
	struct route route;
	struct err err;
	unsigned well;

	(void)state;
	route_init(&route, "127.1.10.6");
	route.settings.idle_ms = 1;
	route.settings.channels_max = 2;
	route_open(&route);
	for (unsigned i = 0; i < 20; i++) {
		well = visit_many(&route, 8, 4, &err);
		if (well != 8)
			fail_msg("%u: %s", well, err.text);
	}
	assert_int_equal(route_counts(&route).losses, 0);
	route_close(&route);
}

/* --- descriptors ---------------------------------------------------------- */

static void set_limit(rlim_t descriptors)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = descriptors;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static rlim_t get_limit(void)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	return limit.rlim_cur;
}

static void
a_jump_host_that_nobody_has_come_to_takes_no_descriptor(void **state)
{
	static struct route routes[100];
	unsigned before = open_descriptors();

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		route_init(&routes[i], "127.1.10.7");
		route_open(&routes[i]);
	}
	assert_int_equal(open_descriptors(), before);
	for (unsigned i = 0; i < 100; i++)
		route_close(&routes[i]);
}

static void sessions_of_many_jump_hosts_do_not_pile_up(void **state)
{
	enum { COUNT = 60, LIMIT = 256 };
	static struct route routes[COUNT];
	static char names[COUNT][16];
	const rlim_t limit_before = get_limit();
	const unsigned before = open_descriptors();
	unsigned most;
	struct err err;

	(void)state;
	set_limit(LIMIT);
	assert_int_equal(jump_idle_max(), LIMIT / JUMP_IDLE_PART);
	most = before + 3 * jump_idle_max();
	for (unsigned i = 0; i < COUNT; i++) {
		snprintf(names[i], sizeof(names[i]), "127.1.11.%u", i + 1);
		route_init(&routes[i], names[i]);
		/* Time ends none of them. */
		routes[i].settings.idle_ms = 10 * PLENTY_MS;
		route_open(&routes[i]);
		if (!visit_number(&routes[i], i, &err))
			fail_msg("%u: %s", i, err.text);
	}
	assert_true(comes_true(are_descriptors_at_most, &most));
	/* Those who came last are still there. */
	assert_int_equal(route_counts(&routes[COUNT - 1]).sessions, 1);
	assert_int_equal(route_counts(&routes[0]).sessions, 0);
	/* It is as if nothing had been. */
	assert_true(visit_number(&routes[0], 1, &err));
	assert_int_equal(route_counts(&routes[0]).losses, 0);
	set_limit(limit_before);
	for (unsigned i = 0; i < COUNT; i++)
		route_close(&routes[i]);
	assert_int_equal(open_descriptors(), before);
}

/* The limit up to which so many more descriptors can be had. */
static rlim_t limit_for(unsigned more)
{
	int fds[8];
	rlim_t limit;

	assert_true(more <= 8);
	for (unsigned i = 0; i < more; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC);
		assert_true(fds[i] >= 0);
	}
	limit = (rlim_t)fds[more - 1] + 1;
	for (unsigned i = 0; i < more; i++)
		close(fds[i]);
	return limit;
}

static void a_lack_of_descriptors_is_one_attempts_and_passes(void **state)
{
	const rlim_t before = get_limit();
	struct route route;
	struct err err;
	int fd;

	(void)state;
	route_init(&route, "127.1.10.8");
	route_open(&route);
	/* 1: no socketpair; 2: nothing to wake the session by. */
	for (unsigned more = 1; more <= 2; more++) {
		set_limit(limit_for(more));
		fd = reach(&route, "127.1.1.1", fleet.port, &err);
		set_limit(before);
		assert_int_equal(fd, -1);
		assert_int_equal(err.kind, ERR_SCARCE);
	}
	/* 3: no connection, at any time. */
	set_limit(limit_for(3));
	fd = reach(&route, "127.1.1.1", fleet.port, &err);
	set_limit(before);
	assert_int_equal(fd, -1);
	assert_int_equal(err.kind, ERR_SCARCE);
	assert_non_null(strstr(err.text, "jump host 127.1.10.8: "));
	/* That was ours: the jump host is not gone. */
	assert_true(visit_number(&route, 1, &err));
	route_close(&route);
}

/* --- ciphers -------------------------------------------------------------- */

/* The library may be one that AES-GCM alone makes no difference to. */
static atomic_bool wants_aead;
static atomic_uint only_aead;

bool __wrap_ssh_wants_aead(const struct ssh *ssh);
bool __wrap_ssh_only_aead(struct ssh *ssh, struct err *err);

bool __wrap_ssh_wants_aead(const struct ssh *ssh)
{
	(void)ssh;
	return atomic_load(&wants_aead);
}

bool __wrap_ssh_only_aead(struct ssh *ssh, struct err *err)
{
	(void)ssh;
	(void)err;
	atomic_fetch_add(&only_aead, 1);
	return true;
}

static void a_jump_host_may_want_aead_alone_in_one_more_try(void **state)
{
	struct route route;
	struct err err;

	(void)state;
	for (unsigned wanted = 0; wanted <= 1; wanted++) {
		/* no-common-kex */
		const char *host = wanted ? "127.58.10.2" : "127.58.10.1";

		atomic_store(&wants_aead, wanted);
		atomic_store(&only_aead, 0);
		route_init(&route, host);
		route_open(&route);
		assert_false(visit_number(&route, 1, &err));
		assert_int_equal(err.kind, ERR_PROTOCOL);
		assert_int_equal(route_counts(&route).logins, 1);
		route_close(&route);
		assert_int_equal(atomic_load(&only_aead), wanted);
		assert_int_equal(fleet_counted(host, 2), 1 + wanted);
	}
	atomic_store(&wants_aead, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_session_that_nobody_needs_ends_and_is_no_loss),
		cmocka_unit_test(a_session_with_a_silent_channel_is_not_idle),
		cmocka_unit_test(the_hop_before_ends_after_its_last_session),
		cmocka_unit_test(sessions_may_end_while_others_ask),
		cmocka_unit_test(
		    a_jump_host_that_nobody_has_come_to_takes_no_descriptor),
		cmocka_unit_test(sessions_of_many_jump_hosts_do_not_pile_up),
		cmocka_unit_test(
		    a_lack_of_descriptors_is_one_attempts_and_passes),
		cmocka_unit_test(
		    a_jump_host_may_want_aead_alone_in_one_more_try),
	};

	return !!cmocka_run_group_tests(tests, fleet_begin, fleet_end);
}
