#include "tests/probe_fixture.h"
#include "tests/skewed_clock.h"

#include <poll.h>

/* A probe that waits for its place or its turn (pace.h), and one that connects
 * twice in an attempt. */

int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *time,
                 const sigset_t *mask);
int __wrap___ppoll_chk(struct pollfd *fds, nfds_t count,
                       const struct timespec *time, const sigset_t *mask,
                       size_t size);

int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *time,
                 const sigset_t *mask)
{
	int ready = poll(fds, count, 0);

	(void)mask;
	if (ready == 0)
		skew += time->tv_sec * NS_PER_S + time->tv_nsec;
	return ready;
}

/* What -D_FORTIFY_SOURCE makes of it. */
int __wrap___ppoll_chk(struct pollfd *fds, nfds_t count,
                       const struct timespec *time, const sigset_t *mask,
                       size_t size)
{
	(void)size;
	return __wrap_ppoll(fds, count, time, mask);
}

static unsigned granted;

static void count_grant(struct pace_place *place)
{
	(void)place;
	granted++;
}

/* A place in the network of the fixture's host, for somebody else. */
static struct pace_place other;

static struct pace *open_pace(unsigned rate, unsigned per_net)
{
	struct pace_settings settings = { .rate = rate,
		                          .per_net = per_net,
		                          .granted = count_grant };
	struct pace *pace = NULL;
	struct err err;

	granted = 0;
	assert_true(pace_open(&pace, &settings, &err));
	return pace;
}

static void take_the_only_place(struct pace *pace)
{
	struct address address;
	struct err err;

	assert_true(address_parse(&address, "127.0.0.99", 22, &err));
	assert_true(pace_enter(pace, &other, &address));
}

static void open_with(struct fixture *f, struct pace *pace)
{
	struct probe_settings settings = usual_settings;

	settings.pace = pace;
	fixture_open(f, &settings);
}

static size_t networks(struct pace *pace)
{
	struct pace_counts counts;

	pace_counts(pace, &counts);
	return counts.networks;
}

static enum probe_end run(struct fixture *f)
{
	return probe_run(&f->probe, f->record, &f->progress, -1);
}

static void
a_host_whose_network_is_full_is_parked_and_its_time_stands_still(void **state)
{
	struct pace *pace = open_pace(0, 1);
	struct fixture f;

	(void)state;
	open_with(&f, pace);
	take_the_only_place(pace);
	assert_int_equal(run(&f), PROBE_PARKED);
	assert_int_equal(f.progress.attempts, 0);
	assert_int_equal(fake_ssh.opened, 0);
	assert_string_equal(f.record->host.password, "S3cr3t!");
	skew += INT64_C(10) * PLENTY_MS * NS_PER_MS;
	pace_leave(pace, &other, PACE_OTHER);
	assert_int_equal(granted, 1);
	assert_int_equal(run(&f), PROBE_DONE);
	assert_ended(&f, STATUS_OK, PHASE_NONE, "");
	assert_int_equal(f.progress.attempts, 1);
	assert_true(f.record->total_ms < PLENTY_MS);
	assert_int_equal(networks(pace), 0);
	fixture_close(&f);
	pace_close(pace);
}

/* The result of its first attempt stays, should there be no other. */
static void a_host_may_be_parked_before_another_attempt(void **state)
{
	struct pace *pace = open_pace(0, 1);
	struct fixture f;

	(void)state;
	open_with(&f, pace);
	set_end(END_HANDSHAKE, ERR_DROPPED);
	assert_int_equal(run(&f), PROBE_AGAIN);
	assert_int_equal(networks(pace), 0); /* it gave its place back */
	take_the_only_place(pace);
	assert_int_equal(run(&f), PROBE_PARKED);
	assert_ended(&f, STATUS_PROTOCOL, PHASE_HANDSHAKE,
	             "words of the session");
	assert_int_equal(f.progress.attempts, 1);
	set_end(END_HANDSHAKE, ERR_NONE);
	pace_leave(pace, &other, PACE_OTHER);
	assert_int_equal(run(&f), PROBE_DONE);
	assert_ended(&f, STATUS_OK, PHASE_NONE, "");
	assert_int_equal(f.progress.attempts, 2);
	fixture_close(&f);
	pace_close(pace);
}

static void who_gives_up_gives_its_turn_back(void **state)
{
	struct pace *pace = open_pace(0, 1);
	struct fixture f;

	(void)state;
	open_with(&f, pace);
	take_the_only_place(pace);
	assert_int_equal(run(&f), PROBE_PARKED);
	probe_give_up(&f.probe, f.record, &f.progress);
	assert_forgotten(&f);
	pace_leave(pace, &other, PACE_OTHER);
	assert_int_equal(granted, 0);
	assert_int_equal(networks(pace), 0);
	fixture_close(&f);
	pace_close(pace);
}

static void whatever_the_end_the_place_is_given_back(void **state)
{
	(void)state;
	for (int end = END_OPEN; end < ENDS; end++) {
		struct pace *pace = open_pace(0, 1);
		struct fixture f;

		open_with(&f, pace);
		set_end((enum end)end, ERR_PROTOCOL);
		assert_int_equal(run(&f), PROBE_DONE);
		assert_int_equal(networks(pace), 0);
		fixture_close(&f);
		pace_close(pace);
	}
}

/* What happens once hands were shaken is not the network's fault. */
static void
only_what_is_dropped_before_the_login_counts_as_dropped(void **state)
{
	(void)state;
	for (int end = END_OPEN; end < ENDS; end++) {
		struct pace *pace = open_pace(0, 0);
		struct pace_counts counts;
		struct fixture f;

		open_with(&f, pace);
		set_end((enum end)end, ERR_DROPPED);
		(void)run(&f);
		probe_give_up(&f.probe, f.record, &f.progress);
		pace_counts(pace, &counts);
		assert_int_equal(counts.drops, end < END_LOGIN);
		fixture_close(&f);
		pace_close(pace);
	}
}

/* Others that were interrupted had all the turns of its -T and more. */
static void waiting_for_a_turn_takes_none_of_the_hosts_time(void **state)
{
	struct pace *pace = open_pace(1, 0);
	int cancel = eventfd(1, EFD_CLOEXEC);
	nanoseconds before = skew;
	struct err err;
	struct fixture f;

	(void)state;
	assert_true(cancel >= 0);
	open_with(&f, pace);
	assert_true(pace_connection(pace, -1, &err));
	for (unsigned i = 0; i < 2 * PLENTY_MS / 1000; i++)
		assert_false(pace_connection(pace, cancel, &err));
	assert_int_equal(run(&f), PROBE_DONE);
	assert_ended(&f, STATUS_OK, PHASE_NONE, "");
	assert_true(skew >= before + INT64_C(2) * PLENTY_MS * NS_PER_MS);
	assert_true(f.record->total_ms < PLENTY_MS);
	close(cancel);
	fixture_close(&f);
	pace_close(pace);
}

/* AES-GCM, for a server that has no MAC for us: see ssh_wants_aead(). */
static void a_hardened_server_is_connected_to_once_more(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, &usual_settings);
	set_end(END_HANDSHAKE, ERR_PROTOCOL);
	fake_ssh.wants_aead = true;
	assert_int_equal(run(&f), PROBE_DONE);
	assert_ended(&f, STATUS_OK, PHASE_NONE, "");
	assert_int_equal(fake_ssh.opened, 2);
	assert_int_equal(fake_ssh.only_aead, 1);
	assert_int_equal(fake_ssh.logins, 1);
	assert_int_equal(f.progress.attempts, 1);
	fixture_close(&f);
}

static void who_does_not_want_it_is_not(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, &usual_settings);
	set_end(END_HANDSHAKE, ERR_PROTOCOL);
	assert_int_equal(run(&f), PROBE_DONE);
	assert_ended(&f, STATUS_PROTOCOL, PHASE_HANDSHAKE,
	             "words of the session");
	assert_int_equal(fake_ssh.opened, 1);
	assert_int_equal(fake_ssh.only_aead, 0);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_host_whose_network_is_full_is_parked_and_its_time_stands_still),
		cmocka_unit_test(a_host_may_be_parked_before_another_attempt),
		cmocka_unit_test(who_gives_up_gives_its_turn_back),
		cmocka_unit_test(whatever_the_end_the_place_is_given_back),
		cmocka_unit_test(
		    only_what_is_dropped_before_the_login_counts_as_dropped),
		cmocka_unit_test(
		    waiting_for_a_turn_takes_none_of_the_hosts_time),
		cmocka_unit_test(a_hardened_server_is_connected_to_once_more),
		cmocka_unit_test(who_does_not_want_it_is_not),
	};

	return !!cmocka_run_group_tests(tests, libraries_set_up,
	                                libraries_tear_down);
}
